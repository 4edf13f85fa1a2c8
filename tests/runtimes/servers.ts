// The servers of the checks: our broker and Mosquitto, each with every scheme, each stopped and
// started as the checks ask. And what listens for them to ask.

import { type Broker, serve, type ServeOptions } from "../../src/broker/serve.ts";
import { encodePacket } from "../../src/packets/mod.ts";
import { certificateAuthority } from "../io/certificates.ts";
import { freePort, startMosquitto } from "../io/mosquitto.ts";

/** A server that the checks use. */
export interface Server extends AsyncDisposable {
  /** What the checks call it. */
  readonly name: string;
  /** Its URL for each scheme. */
  readonly urls: Readonly<Record<Scheme, string>>;
  /** Ends it. What it is to keep is kept. */
  stop(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
}

/** How the checks reach it. */
export type Scheme = "mqtt" | "mqtts" | "ws" | "wss";

/** What came of a check. */
export interface Result {
  readonly name: string;
  readonly error?: string;
}

/** Our broker, with a file for its sessions. */
export async function startBroker(options: ServeOptions = {}): Promise<Server> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-broker-" });
  const { cert, key } = await (await certificateAuthority()).server();
  const ports = { mqtt: freePort(), mqtts: freePort(), ws: freePort(), wss: freePort() };
  const listeners = Object.entries(ports).map(([protocol, port]) => {
    const isSecure = protocol.endsWith("s") && protocol !== "ws";
    return { protocol: protocol as Scheme, port, ...isSecure && { cert, key } };
  });
  const begin = () => serve({ ...options, listeners, path: `${folder}/broker.db` });
  let broker: Broker | undefined = await begin();
  return {
    name: "our broker",
    urls: {
      mqtt: `mqtt://127.0.0.1:${ports.mqtt}`,
      mqtts: `mqtts://localhost:${ports.mqtts}`,
      ws: `ws://127.0.0.1:${ports.ws}/mqtt`,
      wss: `wss://localhost:${ports.wss}/mqtt`,
    },
    async stop() {
      await broker?.shutDown();
      broker = undefined;
    },
    async start() {
      broker = await begin();
    },
    async [Symbol.asyncDispose]() {
      await broker?.shutDown();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Mosquitto. */
export async function startOther(): Promise<Server> {
  const certificate = await (await certificateAuthority()).server();
  const mosquitto = await startMosquitto({
    isPersistent: true,
    listeners: {
      mqtts: { protocol: "mqtts", certificate },
      ws: { protocol: "ws" },
      wss: { protocol: "wss", certificate },
    },
  });
  let pacer = await startPacer(mosquitto.port);
  return {
    name: "Mosquitto",
    urls: { ...mosquitto.urls, mqtt: mosquitto.url },
    async stop() {
      await pacer.stop();
      await mosquitto.stop("SIGTERM");
    },
    async start() {
      await mosquitto.start();
      pacer = await startPacer(mosquitto.port);
    },
    async [Symbol.asyncDispose]() {
      await pacer.stop();
      await mosquitto[Symbol.asyncDispose]();
    },
  };
}

/** How often the pacer says something, in milliseconds. */
const PACE = 2;

/**
 * Mosquitto takes 4 KiB from each WebSocket ten times a second, and each time that another client has
 * something to say: 25 s for a megabyte. So another client has something to say all the time.
 */
async function startPacer(port: number): Promise<{ stop(): Promise<void> }> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encodePacket({ type: "connect", clientId: "pacer", keepAlive: 0 }));
  let isOver = false;
  const ping = encodePacket({ type: "pingreq" });
  const speaking = (async () => {
    while (!isOver) {
      await connection.write(ping);
      await new Promise((resolve) => setTimeout(resolve, PACE));
    }
  })();
  const listening = connection.readable.pipeTo(new WritableStream());
  return {
    async stop() {
      isOver = true;
      await speaking;
      await connection.closeWrite();
      // The other end closes, too; a connection that has broken off is as good.
      await listening.catch(() => {});
    },
  };
}

/** Listens for what the checks ask and tell. */
export class Control implements AsyncDisposable {
  /** Where. */
  readonly url: string;
  /** What has come of the checks so far. */
  readonly results: Result[] = [];
  /** The paths that have been asked for. */
  readonly requests: Set<string> = new Set();
  /** Resolves when all checks have been run. */
  readonly done: Promise<void>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #servers: readonly Server[];
  readonly #files: Readonly<Record<string, string>>;
  #onDone!: () => void;

  /** `files` are served by path: those of a page. */
  constructor(servers: readonly Server[], files: Readonly<Record<string, string>> = {}) {
    this.#servers = servers;
    this.#files = files;
    this.done = new Promise((resolve) => this.#onDone = resolve);
    const where = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(where, (request) => this.#answer(request));
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.add(pathname);
    const text = this.#files[pathname];
    if (text !== undefined) {
      const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
      return new Response(text, { headers: { "content-type": `${type}; charset=utf-8` } });
    }
    if (request.method !== "POST") return new Response(null, { status: 404 });
    const body = await request.json();
    const server = this.#servers.find(({ name }) => name === body.server);
    switch (pathname) {
      case "/stop":
        await server!.stop();
        break;
      case "/start":
        await server!.start();
        break;
      case "/result":
        this.results.push(body);
        break;
      case "/done":
        this.#onDone();
        break;
      default:
        return new Response(null, { status: 404 });
    }
    return new Response("");
  }
}
