// A server as those of the clouds are: behind TLS that looks at the server's name, the protocol and
// the client's certificate, and perhaps at the request for a WebSocket. Behind that is our broker.

import {
  createSecureContext,
  createServer,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import { type Broker, serve } from "../../src/broker/mod.ts";
import { NodeSocketTransport } from "../../src/io/node_socket.ts";
import type { Transport } from "../../src/io/transport.ts";
import { WebSocketServerTransport } from "../../src/io/websocket_server.ts";
import { type ConnectPacket, encodePacket, PacketDecoder } from "../../src/packets/mod.ts";
import type { Certificate, CertificateAuthority } from "../io/certificates.ts";

/** What a server demands. */
export interface CloudRules {
  /** The name that a client must ask for (SNI, RFC 6066 §3). */
  readonly serverName: string;
  /** What the server shows. */
  readonly certificate: Certificate;
  /** Who must have signed the client's certificate; without, it is asked for none. */
  readonly clients?: CertificateAuthority;
  /** The protocol that a client must offer (ALPN, RFC 7301); without, none is spoken of. */
  readonly alpn?: string;
  /** Makes it a WebSocket, and says what is wrong with a request for one. */
  readonly request?: (request: CloudRequest) => string | undefined;
  /** The Reason Code with which it refuses a CONNECT. */
  readonly refuse?: (connect: ConnectPacket, visit: Visit) => 0x86 | 0x87 | undefined;
}

/** A request for a WebSocket. */
export interface CloudRequest {
  /** The path and the query as they came. */
  readonly target: string;
  /** The fields, by their names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
}

/** What a client showed of itself. */
export interface Visit {
  readonly serverName: string;
  readonly alpn: string | undefined;
  /** The Common Name of the client's certificate. */
  readonly commonName: string | undefined;
  /** The path and the query that a WebSocket was asked for with. */
  readonly target: string | undefined;
}

/** A server that runs until it is disposed. */
export class CloudServer implements AsyncDisposable {
  /** Whom it has let speak MQTT, in order. */
  readonly visits: Visit[] = [];
  /** What was wrong with others, in words of its own. */
  readonly refusals: string[] = [];
  readonly broker: Broker;
  readonly #rules: CloudRules;
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  readonly #work = new Set<Promise<void>>();

  /** Use {@linkcode startCloud}. */
  constructor(rules: CloudRules, broker: Broker) {
    this.#rules = rules;
    this.broker = broker;
    this.#server = createServer(this.#tlsOptions(), (socket) => {
      const served = this.#serve(socket).catch((error) => this.refusals.push(String(error)))
        .then(() => void this.#work.delete(served));
      this.#work.add(served);
    });
    this.#server.on("tlsClientError", (error) => this.refusals.push(error.message));
  }

  /** The port of 127.0.0.1 on which it listens. */
  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("It does not listen");
    return address.port;
  }

  /** Begins to listen. */
  async listen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.cut();
    while (this.#work.size > 0) await Promise.all(this.#work);
    await this.broker.shutDown();
    await promise;
  }

  #tlsOptions(): TlsOptions {
    const { serverName, certificate, clients, alpn } = this.#rules;
    const context = { ...certificate, ...(clients && { ca: [clients.cert] }) };
    return {
      ...context,
      allowHalfOpen: true,
      SNICallback: (name, callback) => {
        if (name === serverName) callback(null, createSecureContext(context));
        else callback(new Error(name === "" ? "no server name" : `server name ${name}`));
      },
      ...(clients && { requestCert: true, rejectUnauthorized: true }),
      ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
    };
  }

  async #serve(socket: TLSSocket): Promise<void> {
    this.#sockets.add(socket);
    socket.setNoDelay();
    const transport = new NodeSocketTransport(socket);
    try {
      const { alpn } = this.#rules;
      // A client that offers no protocol passes the handshake: it is the server that minds.
      if (alpn !== undefined && socket.alpnProtocol !== alpn) throw new Error("no protocol");
      const asked = this.#rules.request && await this.#openWebSocket(transport);
      if (this.#rules.request !== undefined && asked === undefined) return;
      await this.#connect(asked?.webSocket ?? transport, {
        serverName: String((socket as { servername?: unknown }).servername),
        alpn: alpn === undefined ? undefined : String(socket.alpnProtocol),
        commonName: commonNameOf(socket),
        target: asked?.target,
      });
    } finally {
      transport.close();
      this.#sockets.delete(socket);
    }
  }

  /** Grants a WebSocket, or says with 403 what is wrong. */
  async #openWebSocket(
    transport: Transport,
  ): Promise<{ target: string; webSocket: Transport } | undefined> {
    const { bytes, request } = await readRequest(transport);
    const fault = this.#rules.request?.(request);
    if (fault === undefined) {
      const replayed = startingWith(bytes, transport);
      const webSocket = new WebSocketServerTransport(replayed, { path: "/mqtt" });
      return { target: request.target, webSocket };
    }
    this.refusals.push(fault);
    const head =
      `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: ${fault.length}`;
    await transport.write(new TextEncoder().encode(`${head}\r\n\r\n${fault}`));
    await transport.closeWrite();
    return undefined;
  }

  /** Looks at the CONNECT before the broker does. */
  async #connect(transport: Transport, visit: Visit): Promise<void> {
    const { bytes, connect } = await readConnect(transport);
    const reasonCode = this.#rules.refuse?.(connect, visit);
    if (reasonCode !== undefined) {
      this.refusals.push(`user name ${connect.username}`);
      await transport.write(encodePacket({ type: "connack", reasonCode }));
      return await transport.closeWrite();
    }
    this.visits.push(visit);
    const inside = this.broker.connect();
    const close = () => {
      inside.close();
      transport.close();
    };
    await Promise.all([
      pass(startingWith(bytes, transport), inside).catch(close),
      pass(inside, transport).catch(close),
    ]);
    close();
  }
}

/** Starts a server. */
export async function startCloud(rules: CloudRules): Promise<CloudServer> {
  // Who has an Authentication Method has been looked at before.
  const broker = await serve({
    listeners: [],
    authenticateStep: () => ({ result: "success" }),
  });
  const cloud = new CloudServer(rules, broker);
  await cloud.listen();
  return cloud;
}

function commonNameOf(socket: TLSSocket): string | undefined {
  const { subject } = socket.getPeerCertificate() ?? {};
  return subject === undefined ? undefined : String(subject.CN);
}

async function readRequest(
  transport: Transport,
): Promise<{ bytes: Uint8Array; request: CloudRequest }> {
  let bytes = new Uint8Array(0);
  for (;;) {
    const text = new TextDecoder("latin1").decode(bytes);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) {
      const [first = "", ...lines] = text.slice(0, end).split("\r\n");
      const fields = lines.map((line) => {
        const [name = "", ...value] = line.split(":");
        return [name.toLowerCase(), value.join(":").trim()] as const;
      });
      const [, target = ""] = first.split(" ");
      return { bytes, request: { target, fields: new Map(fields) } };
    }
    bytes = await more(bytes, transport);
  }
}

async function readConnect(
  transport: Transport,
): Promise<{ bytes: Uint8Array; connect: ConnectPacket }> {
  const decoder = new PacketDecoder();
  for (let bytes = new Uint8Array(0);;) {
    const length = bytes.length;
    bytes = await more(bytes, transport);
    decoder.push(bytes.slice(length));
    const packet = decoder.next();
    if (packet?.type === "connect") return { bytes, connect: packet };
    if (packet !== undefined) throw new Error(`${packet.type} came first`);
  }
}

async function more(
  bytes: Uint8Array<ArrayBuffer>,
  transport: Transport,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunk = await transport.read();
  if (chunk === undefined) throw new Error("the client said too little");
  return Uint8Array.of(...bytes, ...chunk);
}

/** The transport, of which these bytes have been read. */
function startingWith(bytes: Uint8Array, transport: Transport): Transport {
  let first: Uint8Array | undefined = bytes;
  return {
    read() {
      const chunk = first;
      first = undefined;
      return chunk === undefined ? transport.read() : Promise.resolve(chunk);
    },
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** Passes on what comes, and the end. */
async function pass(from: Transport, to: Transport): Promise<void> {
  for (let chunk; (chunk = await from.read()) !== undefined;) await to.write(chunk);
  await to.closeWrite();
}
