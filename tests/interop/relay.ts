// A network between a client and its server that a test may break: a relay that passes bytes on as they come.

import type { Mosquitto } from "../io/mosquitto.ts";

/** What a relay does beside passing on. */
export interface RelayOptions {
  /** What the client is told when the server closes the connection: what another version of the server would say. */
  readonly lastWords?: Uint8Array;
}

/** A relay to one server. Disposing it breaks all connections. */
export class Relay implements AsyncDisposable {
  readonly #port: number;
  readonly #lastWords: Uint8Array;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  #isDown = false;
  #isClosed = false;
  /** The connections on which the server's answers are lost. */
  #deaf: ReadonlySet<Deno.TcpConn> = new Set();

  constructor({ port }: Mosquitto, { lastWords = new Uint8Array(0) }: RelayOptions = {}) {
    this.#port = port;
    this.#lastWords = lastWords;
    this.#run(this.#accept());
  }

  /** What a client is to connect to. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.#listener.addr.port}`;
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

  async #serve(near: Deno.TcpConn): Promise<void> {
    this.#connections.add(near);
    const server = { hostname: "127.0.0.1", port: this.#port };
    const far = await Deno.connect(server).catch(() => undefined);
    if (far === undefined) return this.#close(near);
    // In the meantime it may have been cut.
    if (!this.#connections.has(near)) return far.close();
    this.#connections.add(far);
    near.setNoDelay();
    far.setNoDelay();
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

  #close(...connections: readonly Deno.TcpConn[]): void {
    for (const connection of connections) {
      if (this.#connections.delete(connection)) connection.close();
    }
  }

  #run(work: Promise<void>): void {
    const done = work.catch(() => {}).finally(() => this.#work.delete(done));
    this.#work.add(done);
  }
}

/** Passes on what comes, to the end. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn, passes = () => true): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) return;
    if (passes()) await send(to, buffer.subarray(0, count));
  }
}

async function send(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
