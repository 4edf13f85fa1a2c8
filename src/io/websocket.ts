// §6 MQTT over WebSocket: binary frames, cut anywhere [MQTT-6.0.0-2].

import { Queue } from "../session/queue.ts";
import type { Transport } from "./transport.ts";

/** More bytes than this that nobody reads end the connection: a WebSocket cannot be asked to wait. */
const MOST_UNREAD = 33_554_432;

/** Above so many bytes that the network has not taken a write waits. */
const FULL = 262_144;

/** How often a write that waits looks whether it may go on, in milliseconds. */
const LOOK = 5;

/** "Unsupported data", for a frame of text [MQTT-6.0.0-1]. */
const UNSUPPORTED = 1003;
/** "Message too big". */
const TOO_MUCH = 1009;

/** A WebSocket as a transport. */
export class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  readonly #chunks = new Queue<Uint8Array>();
  #unread = 0;
  #hasEnded = false;
  #error: Error | undefined;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** Takes the socket over; it need not be open yet. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#opened = new Promise((resolve) => {
      if (socket.readyState === WebSocket.OPEN) resolve();
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("close", () => resolve());
    });
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("error", (event) => {
      this.#error = new Error((event as ErrorEvent).message || "The WebSocket broke");
    });
    socket.addEventListener("close", () => this.#end());
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#unread -= chunk.length;
      return Promise.resolve(chunk);
    }
    if (this.#hasEnded) {
      return this.#error === undefined ? Promise.resolve(undefined) : Promise.reject(this.#error);
    }
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#opened;
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("The WebSocket is closed");
    // It may be overwritten as soon as this has resolved.
    this.#socket.send(bytes.slice());
    while (this.#socket.bufferedAmount > FULL && this.#socket.readyState === WebSocket.OPEN) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }

  closeWrite(): Promise<void> {
    // A WebSocket has no half: the other end answers with a close of its own.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close();
    return Promise.resolve();
  }

  close(): void {
    if (this.#socket.readyState <= WebSocket.OPEN) this.#socket.close();
    this.#end();
  }

  #take(data: unknown): void {
    if (this.#hasEnded) return;
    if (!(data instanceof ArrayBuffer)) return this.#refuse(UNSUPPORTED, "MQTT is binary");
    const chunk = new Uint8Array(data);
    if (chunk.length === 0) return;
    if (this.#reader !== undefined) {
      this.#reader.resolve(chunk);
      this.#reader = undefined;
      return;
    }
    this.#chunks.push(chunk);
    this.#unread += chunk.length;
    if (this.#unread > MOST_UNREAD) this.#refuse(TOO_MUCH, "Too much is unread");
  }

  #refuse(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#error === undefined) this.#reader?.resolve(undefined);
    else this.#reader?.reject(this.#error);
    this.#reader = undefined;
  }
}
