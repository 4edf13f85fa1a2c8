// What a bare socket reaches against the peer of the client benchmark: the peer's own code does the client's part with
// packets made beforehand. A client that comes near it would be held up by the peer.

import {
  connectPacket,
  type ProtocolVersion,
  publishPacket,
  subscribePacket,
} from "./peer_bytes.ts";
import { PeerLink, type Progress, source } from "./peer_link.ts";
import type { Peer } from "./peer_process.ts";
import type { Server } from "./server.ts";
import { IN_FLIGHT, KEEP_ALIVE, PAYLOAD, sourceFilter, TOPIC, type Trial } from "./trial.ts";
import { openWebSocket } from "./websocket_wire.ts";
import type { Wire } from "./wire.ts";

/** How many messages one run is: many, for the peer is fast. */
const COUNT = 200_000;

const NO_IDENTIFIER = new Uint8Array(0);

/** Publishes at QoS 0, and one message at QoS 1 to know that the peer has all of them. */
export async function publishUnawaited(server: Server): Promise<Trial> {
  const link = await connect(server);
  const last = publishPacket(TOPIC, 1, NO_IDENTIFIER, PAYLOAD);
  return trial(link, async () => {
    await link.send(source(TOPIC, 0, NO_IDENTIFIER, PAYLOAD, COUNT));
    await link.write(last);
    await link.until("acknowledged", 1);
  });
}

/** Publishes with 1,000 messages in flight. */
export async function publishInFlight(server: Server, qos: 1 | 2): Promise<Trial> {
  const link = await connect(server);
  return trial(link, async () => {
    await link.send(source(TOPIC, qos, NO_IDENTIFIER, PAYLOAD, COUNT));
    await link.until("acknowledged", COUNT);
  });
}

/** Subscribes, and acknowledges whatever comes. */
export async function receive(server: Server, qos: 0 | 1 | 2): Promise<Trial> {
  const link = await connect(server);
  const subscribe = subscribePacket(sourceFilter(qos, COUNT), qos);
  return trial(link, async () => {
    await link.write(subscribe);
    await link.until("received", COUNT);
  });
}

/** Sends as many bytes as a message to "echo" takes, and waits until they have come back. */
export async function roundTrip(peer: Peer): Promise<Trial> {
  const connection = await dialTcp(peer.echoPort);
  const sent = publishPacket("echo", 0, NO_IDENTIFIER, PAYLOAD);
  const received = new Uint8Array(sent.length);
  return {
    operations: 1,
    async run() {
      await connection.write(sent);
      for (let count = 0; count < received.length;) {
        count += await connection.read(received.subarray(count)) ?? Infinity;
      }
    },
    // deno-lint-ignore require-await
    async [Symbol.asyncDispose]() {
      connection.close();
    },
  };
}

/** A client made of the peer's own code. */
export class BareLink extends PeerLink {
  readonly #connection: Wire;
  #done: Progress = NOTHING;
  #counted: Progress = NOTHING;
  #hasEnded = false;
  #onProgress = () => {};

  constructor(connection: Wire, inFlight: number) {
    super(connection, inFlight, (progress) => {
      this.#done = progress;
      this.#onProgress();
    });
    this.#connection = connection;
  }

  override async run(): Promise<void> {
    try {
      await super.run();
    } catch {
      // It has ended, too.
    }
    this.#hasEnded = true;
    this.#onProgress();
  }

  /** Resolves when so much more than at the last call was agreed to, received or acknowledged. */
  async until(what: keyof Progress, count: number): Promise<void> {
    const goal = this.#counted[what] + count;
    while (this.#done[what] < goal) {
      if (this.#hasEnded) throw new Error("The other side has closed the connection");
      await new Promise<void>((resolve) => this.#onProgress = resolve);
    }
    this.#counted = { ...this.#counted, [what]: goal };
  }

  close(): void {
    this.#connection.close();
  }
}

const NOTHING: Progress = { agreed: 0, acknowledged: 0, received: 0 };

/** How a bare client connects. */
export interface BareOptions {
  readonly clientId?: string;
  /** How many messages of QoS 1 and 2 may be in flight, either way. */
  readonly inFlight?: number;
  readonly version?: ProtocolVersion;
  readonly makeLink?: typeof makeBareLink;
}

/** Connects, and waits until the other side has agreed. */
export async function connect(server: Server, options: BareOptions = {}): Promise<BareLink> {
  const { clientId = "b", inFlight = IN_FLIGHT, version = 5, makeLink = makeBareLink } = options;
  const link = makeLink(await dial(server), inFlight);
  void link.run();
  await link.write(connectPacket(clientId, KEEP_ALIVE, inFlight, version));
  await link.until("agreed", 1);
  return link;
}

function makeBareLink(connection: Wire, inFlight: number): BareLink {
  return new BareLink(connection, inFlight);
}

/** Opens a bare connection of any kind. */
export async function dial({ url, tls }: Server): Promise<Wire> {
  const { protocol, port, pathname } = new URL(url);
  if (protocol === "mqtt+unix:") return await Deno.connect({ transport: "unix", path: pathname });
  const tcp = await dialTcp(Number(port));
  const wire = tls === undefined
    ? tcp
    : await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [tls.ca] });
  return protocol === "ws:" || protocol === "wss:" ? await openWebSocket(wire) : wire;
}

async function dialTcp(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return connection;
}

function trial(link: BareLink, run: () => Promise<void>): Trial {
  return {
    operations: COUNT,
    run,
    // deno-lint-ignore require-await
    async [Symbol.asyncDispose]() {
      link.close();
    },
  };
}
