// §6 MQTT over WebSocket, once it is open: the bytes in its binary frames, at either end. Pings are
// answered and the closing handshake is done while reading; what nobody reads stays in the
// transport below.

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

/** How long the other end may take to close when it has been told to, in milliseconds. */
const LINGER = 1000;

/** How a WebSocket ended when that was no ordinary end: one end found a fault. */
export class WebSocketClosedError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "WebSocketClosedError";
  /** The code in the close frame (RFC 6455, §7.4). */
  readonly code: number;
  /** Whether the other end closed it. Else this end did, as the other broke the protocol. */
  readonly isByPeer: boolean;
  /** What the other end gave as its reason, or what it did wrong. */
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
 * The last things that are said and heard on a transport, with no more than {@linkcode LINGER} for
 * them.
 */
export class Ending {
  readonly #inner: Transport;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Nothing happens yet. */
  constructor(inner: Transport) {
    this.#inner = inner;
  }

  /** From now on the other end has little time to close. */
  begin(): void {
    this.#timer ??= setTimeout(() => this.#inner.close(), LINGER);
  }

  /** It has closed, or does not matter any more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Says the last word, and reads what the other end has sent before it knew: else it might not get
   * to read it.
   */
  async part(say: () => Promise<void>): Promise<void> {
    this.begin();
    try {
      await say();
      await this.#inner.closeWrite();
      while (await this.#inner.read() !== undefined);
    } catch {
      // It is closed already, which is what was wanted.
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
  /** Resolves when the last frame is written, or cannot be. */
  #written: Promise<void> = Promise.resolve();
  /** Whether a close frame was sent: the last frame of all (RFC 6455, §5.5.1). */
  #isClosing = false;
  /** Whether the other end has said its last. */
  #hasEnded = false;
  /** What to answer to the last ping. */
  #pong: Uint8Array | undefined;

  /** `first` are bytes that came behind the handshake. */
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
   * The other end has closed the WebSocket: says so, too, with the same code (RFC 6455, §5.5.1).
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
   * Of pings that come while bytes are on their way the last one is answered (RFC 6455, §5.5.3).
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
    // When it cannot be sent the connection is gone: the next read or write tells.
    sent.catch(() => {});
  }

  /** Says, once, that there is no more. */
  #sayClose(closing: Closing): Promise<void> {
    if (this.#isClosing) return this.#written;
    const sent = this.#send(() => this.#writer.frame(Opcode.close, closeData(closing)));
    this.#isClosing = true;
    return sent;
  }

  /** One frame after the other, each made when its turn has come. */
  #send(frame: () => Uint8Array): Promise<void> {
    if (this.#isClosing) return Promise.reject(new Error("The WebSocket is closed"));
    const sent = this.#written.then(() => this.#inner.write(frame()));
    this.#written = sent.catch(() => {});
    return sent;
  }
}
