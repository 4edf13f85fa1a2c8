// §6 MQTT over an open WebSocket, at either end: carries the bytes of its binary frames. Pings and
// the closing handshake are handled by reads, so what nobody reads stays in the transport below.

import type { Transport } from "./transport.ts";
import { type ControlFrame, FrameReader, FrameWriter } from "./websocket_frames.ts";
import {
  CloseCode,
  closeData,
  type Closing,
  closingOf,
  FrameFault,
  Opcode,
  type WebSocketRole,
} from "./websocket_protocol.ts";

/** How long the peer may take to close after this end has, in milliseconds. */
const LINGER = 1000;

/** The WebSocket was closed because one end reported an error. */
export class WebSocketClosedError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "WebSocketClosedError";
  /** The code in the close frame (RFC 6455, §7.4). */
  readonly code: number;
  /** `true` if the peer closed it; `false` if this end did, because the peer broke the protocol. */
  readonly isByPeer: boolean;
  /** The reason that the peer gave, or what it did wrong. */
  readonly reason: string;

  /** Makes the message from the parts. */
  constructor(code: number, isByPeer: boolean, reason: string) {
    const tail = reason === "" ? "" : `: ${reason}`;
    super(isByPeer ? `The other end closed the WebSocket with code ${code}${tail}` : reason);
    this.code = code;
    this.isByPeer = isByPeer;
    this.reason = reason;
  }
}

/**
 * Closes a transport gracefully: gives the peer at most {@linkcode LINGER} to close its end.
 */
export class Ending {
  readonly #inner: Transport;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  /** Starts the timeout after which the transport is closed. */
  begin(): void {
    this.#timer ??= setTimeout(() => this.#inner.close(), LINGER);
  }

  /** Stops the timeout: the peer has closed, or the transport was closed in another way. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Sends the last bytes, then reads and discards what the peer still sends: closing with unread
   * bytes would reset the connection, and the peer might lose the last bytes.
   */
  async part(say: () => Promise<void>): Promise<void> {
    this.begin();
    try {
      await say();
      await this.#inner.closeWrite();
      while (await this.#inner.read() !== undefined);
    } catch {
      // The transport is already closed, which is the goal.
    } finally {
      this.end();
    }
  }
}

/**
 * The bytes in the binary frames of an open WebSocket. Chunks of the transport below are
 * overwritten.
 */
export class WebSocketTransport implements Transport {
  readonly #inner: Transport;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #ending: Ending;
  /** Resolves when the latest frame has been written, or could not be. */
  #written: Promise<void> = Promise.resolve();
  /** Whether a close frame was sent: the last frame of all (RFC 6455, §5.5.1). */
  #isClosing = false;
  /** Whether nothing more can be read: the peer has closed, or broke the protocol. */
  #hasEnded = false;
  /** The data of a ping that is still to be answered. */
  #pong: Uint8Array | undefined;

  /** `first` contains the bytes that followed the handshake. */
  constructor(inner: Transport, role: WebSocketRole, first: Uint8Array) {
    this.#inner = inner;
    this.#reader = new FrameReader(role);
    this.#writer = new FrameWriter(role);
    this.#ending = new Ending(inner);
    this.#reader.push(first);
  }

  /**
   * The next bytes; `undefined` when the other end has closed the WebSocket or the connection.
   *
   * @throws {WebSocketClosedError} when it was closed for a fault of either end
   */
  async read(): Promise<Uint8Array | undefined> {
    while (!this.#hasEnded) {
      const next = this.#next();
      if (next instanceof Uint8Array) return next;
      if (next === undefined) await this.#readMore();
      else if (next instanceof FrameFault) await this.#endForFault(next);
      else if (next.opcode === Opcode.ping) this.#answerPing(next.data);
      else if (next.opcode === Opcode.close) await this.#endAsTold(next.data);
    }
    return undefined;
  }

  /** Of a chunk that other frames lie in nothing is released. */
  release(): void {
    if (this.#reader.isAtEnd) this.#inner.release?.();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#send(() => this.#writer.frame(Opcode.binary, bytes));
  }

  async closeWrite(): Promise<void> {
    if (this.#isClosing) return;
    await this.#sayClose({ code: CloseCode.normal, reason: "" });
    if (!this.#hasEnded) this.#ending.begin();
  }

  close(): void {
    this.#isClosing = true;
    this.#ending.end();
    this.#inner.close();
  }

  #next(): Uint8Array | ControlFrame | FrameFault | undefined {
    try {
      return this.#reader.next();
    } catch (error) {
      if (error instanceof FrameFault) return error;
      throw error;
    }
  }

  async #readMore(): Promise<void> {
    const chunk = await this.#inner.read();
    if (chunk !== undefined) return this.#reader.push(chunk);
    this.#hasEnded = true;
    this.#ending.end();
  }

  /**
   * The peer has sent a close frame: answers with the same code (RFC 6455, §5.5.1).
   */
  async #endAsTold(data: Uint8Array): Promise<void> {
    let closing: Closing;
    try {
      closing = closingOf(data);
    } catch (error) {
      if (error instanceof FrameFault) return await this.#endForFault(error);
      throw error;
    }
    const { code = CloseCode.normal, reason } = closing;
    await this.#end({ code: closing.code, reason: "" });
    if (code !== CloseCode.normal && code !== CloseCode.goingAway) {
      throw new WebSocketClosedError(code, true, reason);
    }
  }

  async #endForFault({ code, message }: FrameFault): Promise<void> {
    await this.#end({ code, reason: message });
    throw new WebSocketClosedError(code, false, message);
  }

  async #end(closing: Closing): Promise<void> {
    this.#hasEnded = true;
    await this.#ending.part(() => this.#sayClose(closing));
  }

  /**
   * If several pings arrive while a write is pending, only the last is answered (RFC 6455, §5.5.3).
   */
  #answerPing(data: Uint8Array): void {
    const isAnswering = this.#pong !== undefined;
    this.#pong = data;
    if (isAnswering || this.#isClosing) return;
    const sent = this.#send(() => {
      const frame = this.#writer.frame(Opcode.pong, this.#pong!);
      this.#pong = undefined;
      return frame;
    });
    // If it cannot be sent, the connection is lost: the next read or write reports that.
    sent.catch(() => {});
  }

  /** Sends the close frame, only once. */
  #sayClose(closing: Closing): Promise<void> {
    if (this.#isClosing) return this.#written;
    const sent = this.#send(() => this.#writer.frame(Opcode.close, closeData(closing)));
    this.#isClosing = true;
    return sent;
  }

  /** Sends frames one after the other: a frame is built when the previous one is written. */
  #send(frame: () => Uint8Array): Promise<void> {
    if (this.#isClosing) return Promise.reject(new Error("The WebSocket is closed"));
    const sent = this.#written.then(() => this.#inner.write(frame()));
    this.#written = sent.catch(() => {});
    return sent;
  }
}
