// §6 MQTT over WebSocket as a server has it: RFC 6455 over any transport. The platform's own
// WebSockets will not do here: one cannot be asked to wait, nor be ended when the other end does
// not answer, nor a connection that never asks for one.

import type { Transport } from "./transport.ts";
import { answerRequest, type WebSocketServerOptions } from "./websocket_handshake.ts";
import { Ending, WebSocketTransport } from "./websocket_transport.ts";

/**
 * The bytes in the binary frames of a WebSocket that the other end asks for. It is opened by
 * reading from it; until then nothing can be written.
 */
export class WebSocketServerTransport implements Transport {
  readonly #inner: Transport;
  readonly #options: WebSocketServerOptions;
  /** Once the request is granted. */
  #socket: WebSocketTransport | undefined;
  #isRefused = false;
  #origin: string | undefined;

  /** Answers requests on a transport; the chunks of that are overwritten. */
  constructor(inner: Transport, options: WebSocketServerOptions = {}) {
    this.#inner = inner;
    this.#options = options;
  }

  /**
   * Where the page comes from that has connected, as its browser says, such as
   * `"https://example.org"`; `undefined` when the other end is no browser, or nothing is open yet.
   */
  get origin(): string | undefined {
    return this.#origin;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#socket === undefined && !this.#isRefused) await this.#open();
    return await this.#socket?.read();
  }

  release(): void {
    this.#socket?.release();
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#socket === undefined) return Promise.reject(new Error("The WebSocket is not open"));
    return this.#socket.write(bytes);
  }

  async closeWrite(): Promise<void> {
    await (this.#socket ?? this.#inner).closeWrite();
  }

  close(): void {
    (this.#socket ?? this.#inner).close();
  }

  /** Answers the request for a WebSocket. */
  async #open(): Promise<void> {
    const answer = await answerRequest(this.#inner, this.#options);
    this.#isRefused = answer?.granted === undefined;
    if (answer === undefined) return;
    const say = () => this.#inner.write(encoder.encode(answer.text));
    if (answer.granted === undefined) return await new Ending(this.#inner).part(say);
    await say();
    this.#origin = answer.granted.origin;
    this.#socket = new WebSocketTransport(this.#inner, "server", answer.granted.rest);
  }
}

const encoder = new TextEncoder();
