// The frames of a WebSocket as the benchmark's own ends have them, without those of the library, on purpose: they stay what
// they are when those change. Its rule: bytes are believed and stay where they are, and a client's mask is 0, which costs
// nothing.

import type { Wire } from "./wire.ts";

/** Which end this is. */
type Role = "client" | "server";

/** The longest head of a frame: two bytes, eight of length, four of mask. */
const LONGEST_HEAD = 14;

/** The opcode of the last frame. */
const CLOSE = 8;

/** More than a request or an answer of the handshake has. */
const HANDSHAKE_SIZE = 4_096;

/** What RFC 6455, §1.3, has the server put behind the client's key. */
const SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Asks for a WebSocket. */
export async function openWebSocket(inner: Wire): Promise<Wire> {
  const request = [
    "GET /mqtt HTTP/1.1",
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: mqtt",
  ];
  await say(inner, request);
  await hear(inner);
  return new WebSocketWire(inner, "client");
}

/** Grants whoever connects a WebSocket. */
export async function acceptWebSocket(inner: Wire): Promise<Wire> {
  const [, key] = /^sec-websocket-key: *(\S+)/im.exec(await hear(inner)) ?? [];
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(`${key}${SUFFIX}`));
  await say(inner, [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`,
    "Sec-WebSocket-Protocol: mqtt",
  ]);
  return new WebSocketWire(inner, "server");
}

async function say(inner: Wire, lines: readonly string[]): Promise<void> {
  await inner.write(new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("") + "\r\n"));
}

/** The head of the other end's part of the handshake. Nobody sends more before the answer to that. */
async function hear(inner: Wire): Promise<string> {
  const buffer = new Uint8Array(HANDSHAKE_SIZE);
  for (let length = 0, text = "";;) {
    length += await inner.read(buffer.subarray(length)) ?? Infinity;
    text = new TextDecoder().decode(buffer.subarray(0, length));
    if (text.endsWith("\r\n\r\n")) return text;
  }
}

/** The bytes in the frames of a WebSocket. Each write is a frame. */
class WebSocketWire implements Wire {
  readonly #inner: Wire;
  readonly #maskBit: number;
  /** A head that has not come whole. */
  readonly #held = new Uint8Array(LONGEST_HEAD);
  #heldLength = 0;
  /** Of the frame that is being read: how many bytes are to come, and the mask for the next one. */
  #left = 0;
  #mask = 0;
  #hasEnded = false;
  #output = new Uint8Array(256);

  constructor(inner: Wire, role: Role) {
    this.#inner = inner;
    this.#maskBit = role === "client" ? 0x80 : 0;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (!this.#hasEnded) {
      const held = this.#heldLength;
      buffer.set(this.#held.subarray(0, held));
      const count = await this.#inner.read(buffer.subarray(held));
      if (count === null) return null;
      const length = this.#takeApart(buffer, held + count);
      if (length > 0) return length;
    }
    return null;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { length } = bytes;
    if (this.#output.length < length + LONGEST_HEAD) {
      this.#output = new Uint8Array(2 * (length + LONGEST_HEAD));
    }
    const output = this.#output;
    output[0] = 0x82;
    let at = 2;
    if (length < 126) output[1] = this.#maskBit | length;
    else if (length < 65_536) {
      output[1] = this.#maskBit | 126;
      output[at++] = length >> 8;
      output[at++] = length;
    } else {
      output[1] = this.#maskBit | 127;
      output.fill(0, at, at += 4);
      for (const shift of [24, 16, 8, 0]) output[at++] = length >> shift;
    }
    if (this.#maskBit !== 0) output.fill(0, at, at += 4);
    output.set(bytes, at);
    const end = at + length;
    for (let sent = 0; sent < end;) sent += await this.#inner.write(output.subarray(sent, end));
    return length;
  }

  close(): void {
    this.#inner.close();
  }

  /** Moves the data before `end` together, and returns how much there is. */
  #takeApart(buffer: Uint8Array, end: number): number {
    let to = 0;
    for (let at = 0; at < end;) {
      if (this.#left === 0) {
        const size = this.#begin(buffer, at, end);
        if (size === 0) {
          this.#held.set(buffer.subarray(at, end));
          this.#heldLength = end - at;
          return to;
        }
        at += size;
      }
      const length = Math.min(this.#left, end - at);
      buffer.copyWithin(to, at, at + length);
      if (this.#mask !== 0) this.#unmask(buffer, to, to + length);
      this.#left -= length;
      at += length;
      to += length;
    }
    this.#heldLength = 0;
    return to;
  }

  /** Begins the frame at `at`, and returns how many bytes its head has; 0 when it is not all there. */
  #begin(bytes: Uint8Array, at: number, end: number): number {
    if (at + 2 > end) return 0;
    const short = bytes[at + 1]! & 0x7f;
    const isMasked = bytes[at + 1]! >= 0x80;
    const lengthSize = short < 126 ? 0 : short === 126 ? 2 : 8;
    const size = 2 + lengthSize + (isMasked ? 4 : 0);
    if (at + size > end) return 0;
    if ((bytes[at]! & 0x0f) === CLOSE) this.#hasEnded = true;
    this.#left = lengthSize === 0 ? short : 0;
    for (let count = 0; count < lengthSize; count++) {
      this.#left = this.#left * 256 + bytes[at + 2 + count]!;
    }
    this.#mask = 0;
    for (let count = 4; isMasked && count > 0; count--) {
      this.#mask = this.#mask << 8 | bytes[at + size - 5 + count]!;
    }
    return size;
  }

  /** Four bytes at a time, from the first whole word on. The lowest byte of the mask is the next. */
  #unmask(bytes: Uint8Array, start: number, end: number): void {
    let mask = this.#mask;
    let at = start;
    const byte = () => {
      bytes[at++]! ^= mask;
      mask = mask >>> 8 | mask << 24;
    };
    while (at < end && (bytes.byteOffset + at) % 4 !== 0) byte();
    if (at + 4 <= end) {
      const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, end - at >> 2);
      for (let word = 0; word < words.length; word++) words[word]! ^= mask;
      at += words.length * 4;
    }
    while (at < end) byte();
    this.#mask = mask;
  }
}
