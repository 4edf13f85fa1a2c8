// §6 MQTT over WebSocket as a server has it: RFC 6455 over any transport. The platform's own WebSockets will not do here: one
// cannot be asked to wait, nor be ended when the other end does not answer, nor a connection that never asks for one.

import type { Transport } from "./transport.ts";
import { answerTo } from "./websocket_handshake.ts";

/** The most bytes of a request. */
const LONGEST_REQUEST = 8192;

/** How long the other end may take to close when it has been told why, in milliseconds. */
const LINGER = 1000;

const NOTHING = new Uint8Array(0);

/** What frames are for (RFC 6455, §5.2). */
const Opcode = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa };

/** Why a WebSocket is closed (RFC 6455, §7.4.1). */
const Close = { normal: 1000, protocolError: 1002, unsupportedData: 1003 };

/** What a client must not do, with the code that it is told. */
class Refused extends Error {
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** The bytes in the binary frames of a WebSocket that the other end asks for. It is opened by reading from it. */
export class WebSocketServerTransport implements Transport {
  readonly #inner: Transport;
  /** Bytes that were read and not looked at. */
  #rest: Uint8Array = NOTHING;
  #isOpen = false;
  #isInMessage = false;
  /** How many bytes of the frame are still to come, how many were there, and what they are masked with. */
  #left = 0;
  #at = 0;
  #mask: Uint8Array = NOTHING;
  #isClosing = false;
  #written: Promise<void> = Promise.resolve();
  /** What to answer to the last ping. */
  #pong: Uint8Array | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      if (!this.#isOpen && !await this.#open()) return undefined;
      while (this.#left === 0) if (!await this.#nextFrame()) return undefined;
      return await this.#payload();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await this.#part(() => this.#sayClose(error.code, error.message));
      return undefined;
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#send(() => frameOf(Opcode.binary, bytes));
  }

  async closeWrite(): Promise<void> {
    if (this.#isOpen) await this.#sayClose(Close.normal, "");
    else await this.#inner.closeWrite();
  }

  close(): void {
    this.#inner.close();
  }

  /** Answers the request for a WebSocket. False when it is none that can be granted. */
  async #open(): Promise<boolean> {
    const request = await this.#request();
    if (request === undefined) return false;
    const answer = await answerTo(request);
    const say = () => this.#inner.write(new TextEncoder().encode(answer.text));
    if (answer.isGranted) await say();
    else await this.#part(say);
    return this.#isOpen = answer.isGranted;
  }

  /** The head of the request; `""` when it is too long. */
  async #request(): Promise<string | undefined> {
    for (;;) {
      const text = latin1.decode(this.#rest);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#rest = this.#rest.subarray(end + 4);
        return text.slice(0, end);
      }
      if (text.length > LONGEST_REQUEST) return "";
      if (!await this.#more()) return undefined;
    }
  }

  /** Reads the head of a frame, and does what it asks for unless it has data. False when there are no more. */
  async #nextFrame(): Promise<boolean> {
    const head = await this.#take(2);
    if (head === undefined) return false;
    const [first, second] = [head[0]!, head[1]!];
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    const isControl = opcode >= Opcode.close;
    if ((first & 0x70) !== 0) throw new Refused(Close.protocolError, "A reserved bit is set");
    if ((second & 0x80) === 0) throw new Refused(Close.protocolError, "A frame is not masked");
    const length = await this.#length(second & 0x7f);
    const mask = await this.#take(4);
    if (length === undefined || mask === undefined) return false;
    if (isControl) {
      if (!isFinal || length > 125) {
        throw new Refused(Close.protocolError, "A control frame is too long or in parts");
      }
      return await this.#control(opcode, length, mask);
    }
    // [MQTT-6.0.0-1]
    if (opcode === Opcode.text) throw new Refused(Close.unsupportedData, "MQTT is binary");
    if (opcode !== (this.#isInMessage ? Opcode.continuation : Opcode.binary)) {
      throw new Refused(Close.protocolError, "A frame is out of turn");
    }
    this.#isInMessage = !isFinal;
    this.#left = length;
    this.#at = 0;
    this.#mask = mask;
    return true;
  }

  async #length(length: number): Promise<number | undefined> {
    if (length < 126) return length;
    const bytes = await this.#take(length === 126 ? 2 : 8);
    return bytes?.reduce((length, byte) => length * 256 + byte, 0);
  }

  async #control(opcode: number, length: number, mask: Uint8Array): Promise<boolean> {
    const payload = await this.#take(length);
    if (payload === undefined) return false;
    const data = unmasked(payload, mask, 0);
    if (opcode === Opcode.close) {
      const code = data.length < 2 ? Close.normal : data[0]! * 256 + data[1]!;
      await this.#part(() => this.#sayClose(code, ""));
      return false;
    }
    if (opcode === Opcode.ping) this.#answerPing(data);
    else if (opcode !== Opcode.pong) {
      throw new Refused(Close.protocolError, "A frame is of no kind");
    }
    return true;
  }

  /** What there is of the data of a frame: who needs all of it waits for it, this does not [MQTT-6.0.0-2]. */
  async #payload(): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0 && !await this.#more()) return undefined;
    const payload = this.#rest.subarray(0, this.#left);
    this.#rest = this.#rest.subarray(payload.length);
    const data = unmasked(payload, this.#mask, this.#at);
    this.#left -= payload.length;
    this.#at = (this.#at + payload.length) % 4;
    return data;
  }

  async #take(count: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length < count) if (!await this.#more()) return undefined;
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const chunk = await this.#inner.read();
    if (chunk === undefined) return false;
    if (this.#rest.length === 0) this.#rest = chunk;
    else {
      const both = new Uint8Array(this.#rest.length + chunk.length);
      both.set(this.#rest);
      both.set(chunk, this.#rest.length);
      this.#rest = both;
    }
    return true;
  }

  /** Of pings that come while bytes are on their way the last one is answered (RFC 6455, §5.5.3). */
  #answerPing(data: Uint8Array): void {
    const isAnswering = this.#pong !== undefined;
    this.#pong = data;
    if (isAnswering) return;
    this.#send(() => {
      const frame = frameOf(Opcode.pong, this.#pong!);
      this.#pong = undefined;
      return frame;
    }).catch(() => {});
  }

  /** Says, once, that there is no more. */
  async #sayClose(code: number, reason: string): Promise<void> {
    if (this.#isClosing) return;
    const text = new TextEncoder().encode(reason);
    const data = Uint8Array.of(code >> 8, code & 0xff, ...text);
    const sent = this.#send(() => frameOf(Opcode.close, data));
    this.#isClosing = true;
    await sent;
  }

  /** One frame after the other. */
  #send(frame: () => Uint8Array): Promise<void> {
    if (this.#isClosing) return Promise.reject(new Error("The WebSocket is closed"));
    const sent = this.#written.then(() => this.#inner.write(frame()));
    this.#written = sent.catch(() => {});
    return sent;
  }

  /** Says the last word, and reads what the other end has sent before it knew: else it might not get to read it. */
  async #part(say: () => Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.#inner.close(), LINGER);
    try {
      await say();
      await this.#inner.closeWrite();
      while (await this.#inner.read() !== undefined);
    } catch {
      // It is closed.
    } finally {
      clearTimeout(timer);
    }
  }
}

const latin1 = new TextDecoder("latin1");

/** A frame that a server sends: whole, and not masked (RFC 6455, §5.1). */
function frameOf(opcode: number, data: Uint8Array): Uint8Array {
  const { length } = data;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = new Uint8Array(head + length);
  frame[0] = 0x80 | opcode;
  frame[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  const view = new DataView(frame.buffer);
  if (head === 4) view.setUint16(2, length);
  if (head === 10) view.setBigUint64(2, BigInt(length));
  frame.set(data, head);
  return frame;
}

/** Data without its mask, in bytes of its own. `at` is where in the mask it begins. */
function unmasked(data: Uint8Array, mask: Uint8Array, at: number): Uint8Array {
  const plain = new Uint8Array(data.length);
  for (let index = 0; index < data.length; index++) {
    plain[index] = data[index]! ^ mask[(at + index) & 3]!;
  }
  return plain;
}
