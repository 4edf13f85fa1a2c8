// §6 MQTT over WebSocket for servers: RFC 6455 over any transport. The platform's WebSockets are
// not used: they have no back-pressure, and offer no way to close a peer that does not answer, or
// that never sends its request.

import type { Transport } from "./transport.ts";
import { answerRequest, type WebSocketServerOptions } from "./websocket_handshake.ts";
import { Ending, WebSocketTransport } from "./websocket_transport.ts";

/**
 * The server's end of a WebSocket: carries the bytes of its binary frames. The first read waits for
 * the client's request and answers it; before that nothing can be written.
 */
export class WebSocketServerTransport implements Transport {
  readonly #inner: Transport;
  readonly #options: WebSocketServerOptions;
  /** Set once the request has been accepted. */
  #socket: WebSocketTransport | undefined;
  #isRefused = false;
  readonly #onRefused: ((reason: string) => void) | undefined;
  #origin: string | undefined;

  /**
   * Modifies the chunks that it reads from `inner`. `onRefused` is called with the reason when the
   * request is refused.
   */
  constructor(
    inner: Transport,
    options: WebSocketServerOptions = {},
    onRefused?: (reason: string) => void,
  ) {
    this.#inner = inner;
    this.#options = options;
    this.#onRefused = onRefused;
  }

  /**
   * The origin of the page that has connected, such as `"https://example.org"`; `undefined` if the
   * client is not a browser, or the WebSocket is not open yet.
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
    if (answer.granted === undefined) {
      this.#onRefused?.(answer.reason);
      return await new Ending(this.#inner).part(say);
    }
    await say();
    this.#origin = answer.granted.origin;
    this.#socket = new WebSocketTransport(this.#inner, "server", answer.granted.rest);
  }
}

const encoder = new TextEncoder();
