// A network between a client and its server that a test may break: a relay that passes bytes on as they come.

import type { ServerAddress } from "../../mod.ts";

/** A server, and what a client is to be given when it listens elsewhere. */
export interface Relayed {
  /** A port of 127.0.0.1, or the path of a Unix socket. */
  readonly place: number | string;
  urlAt(place: number | string): ServerAddress;
}

/** What a relay does beside passing on. */
export interface RelayOptions {
  /** What the client is told when the server closes the connection: what another version of the server would say. */
  readonly lastWords?: Uint8Array;
}

/** A relay to one server. Disposing it breaks all connections. */
export class Relay implements AsyncDisposable {
  readonly #server: Relayed;
  readonly #lastWords: Uint8Array;
  readonly #listener: Deno.Listener<Deno.TcpConn | Deno.UnixConn>;
  /** Where it listens itself. */
  readonly #place: number | string;
  readonly #connections = new Set<Connection>();
  readonly #work = new Set<Promise<void>>();
  #isDown = false;
  #isClosed = false;
  /** The connections on which the server's answers are lost. */
  #deaf: ReadonlySet<Connection> = new Set();

  /** To a server by its port, over TCP; or to one that is reached by any way. */
  constructor(
    server: { readonly port: number } | Relayed,
    { lastWords = new Uint8Array(0) }: RelayOptions = {},
  ) {
    this.#server = "port" in server
      ? { place: server.port, urlAt: (port) => `mqtt://127.0.0.1:${port}` }
      : server;
    const { place } = this.#server;
    if (typeof place === "string") {
      this.#place = `${place}.relay`;
      this.#listener = Deno.listen({ transport: "unix", path: this.#place });
    } else {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      this.#place = listener.addr.port;
      this.#listener = listener;
    }
    this.#lastWords = lastWords;
    this.#run(this.#accept());
  }

  /** What a client is to connect to. */
  get url(): ServerAddress {
    return this.#server.urlAt(this.#place);
  }

  /** Breaks every connection: both ends see it end, and neither has said good-bye. */
  cut(): void {
    this.#close(...this.#connections);
  }

  /** The same, and from now on no connection leads to the server. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  /** From now on what the server says on the connections that there are is lost; it still hears the client. */
  loseAnswers(): void {
    this.#deaf = new Set(this.#connections);
  }

  /** Connections lead to the server again. */
  up(): void {
    this.#isDown = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#listener.close();
    this.down();
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      // A client may be gone before it is accepted: that is an error, and not the end.
      const near = await this.#listener.accept().catch(() => undefined);
      if (this.#isDown) near?.close();
      else if (near !== undefined) this.#run(this.#serve(near));
    }
  }

  async #serve(near: Connection): Promise<void> {
    this.#connections.add(near);
    const far = await connectTo(this.#server.place).catch(() => undefined);
    if (far === undefined) return this.#close(near);
    // In the meantime it may have been cut.
    if (!this.#connections.has(near)) return far.close();
    this.#connections.add(far);
    for (const connection of [near, far]) {
      if ("setNoDelay" in connection) connection.setNoDelay();
    }
    const close = () => this.#close(near, far);
    const answers = async () => {
      await pass(far, near, () => !this.#deaf.has(near));
      await send(near, this.#lastWords);
      await near.closeWrite();
    };
    const questions = async () => {
      await pass(near, far);
      await far.closeWrite();
    };
    // What breaks one connection breaks the other.
    await Promise.all([answers().catch(close), questions().catch(close)]);
    close();
  }

  #close(...connections: readonly Connection[]): void {
    for (const connection of connections) {
      if (this.#connections.delete(connection)) connection.close();
    }
  }

  #run(work: Promise<void>): void {
    const done = work.catch(() => {}).finally(() => this.#work.delete(done));
    this.#work.add(done);
  }
}

type Connection = Deno.TcpConn | Deno.UnixConn;

function connectTo(place: number | string): Promise<Connection> {
  return typeof place === "string"
    ? Deno.connect({ transport: "unix", path: place })
    : Deno.connect({ hostname: "127.0.0.1", port: place });
}

/** Passes on what comes, to the end. */
async function pass(from: Connection, to: Connection, passes = () => true): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) return;
    if (passes()) await send(to, buffer.subarray(0, count));
  }
}

async function send(to: Connection, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
