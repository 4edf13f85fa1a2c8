// Reads and writes the frames of RFC 6455, §5, for both roles. They differ in one thing: a client
// masks what it sends, a server does not. Both are strict: when the other end breaks a rule, the
// WebSocket is closed with a reason that names the rule.

import { applyMask, Masks, wordsOf } from "./websocket_masks.ts";
import {
  broken,
  CloseCode,
  FrameFault,
  LONGEST_CONTROL,
  Opcode,
  type WebSocketRole,
} from "./websocket_protocol.ts";

/** A complete control frame: close, ping or pong. */
export interface ControlFrame {
  readonly opcode: number;
  /** At most 125 bytes, unmasked. */
  readonly data: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

/** The longest frame header: two bytes, eight of length, four of mask. */
const LONGEST_HEAD = 14;

/**
 * Up to this many bytes, the data of a frame is moved next to that of the frame before, so that
 * many small frames of a chunk are returned as one piece. Moving more costs more than it saves.
 */
const LARGEST_MOVE = 4096;

/** Larger buffers are not kept, so that an idle connection uses little memory. */
const KEPT = 131_072;

/**
 * Where the data begins in the writer's buffer: after the longest header, and at a multiple of four
 * bytes, so that it can be masked by words.
 */
const DATA_AT = 16;

/**
 * Parses frames. Push a chunk, call `next()` until it returns `undefined`, then push the next one.
 *
 * Data is returned as soon as it arrives, regardless of frame boundaries: one piece may come from
 * several frames, and one frame may give several pieces [MQTT-6.0.0-2]. Chunks are modified: data
 * is unmasked and moved in place, and returned as views of them.
 */
export class FrameReader {
  readonly #isMasked: boolean;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  #words: Int32Array = NO_WORDS;
  /** The beginning of a frame header that was split between chunks. */
  #head: Uint8Array | undefined;
  #headLength = 0;
  /** Of the current frame: the bytes still to come, and the mask of the next one. */
  #left = 0;
  #mask = 0;
  /** The opcode and the data of the current control frame. */
  #control: number | undefined;
  #controlData = NOTHING;
  #controlLength = 0;
  /** Whether the last frame of the current message is still to come. */
  #isInMessage = false;
  /** A fault found after valid data: the data is returned first. */
  #fault: FrameFault | undefined;

  /** `role` is that of this end. */
  constructor(role: WebSocketRole) {
    this.#isMasked = role === "server";
  }

  /** Adds the next bytes. To be called after `next()` has returned `undefined`. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
    if (this.#isMasked && this.#words.buffer !== chunk.buffer) this.#words = wordsOf(chunk);
  }

  /** Whether all of the chunk has been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#chunk.length;
  }

  /**
   * The next data of messages, or the next control frame; `undefined` when more bytes are needed.
   *
   * @throws {FrameFault} when the other end violates the protocol, and on every call after that
   */
  next(): Uint8Array | ControlFrame | undefined {
    if (this.#fault !== undefined) throw this.#fault;
    const chunk = this.#chunk;
    let start = this.#at;
    let end = start;
    try {
      for (;;) {
        if (this.#left === 0 && this.#control === undefined) {
          if (!this.#readHead()) break;
          continue;
        }
        if (this.#control !== undefined) {
          if (end > start) break;
          const frame = this.#readControl();
          if (frame === undefined) break;
          return frame;
        }
        const length = Math.min(this.#left, chunk.length - this.#at);
        if (length === 0) break;
        if (end === start) start = end = this.#at;
        else if (length > LARGEST_MOVE) break;
        else chunk.copyWithin(end, this.#at, this.#at + length);
        this.#at += length;
        this.#left -= length;
        if (this.#isMasked) {
          this.#mask = applyMask(chunk, end, end + length, this.#mask, this.#words);
        }
        end += length;
      }
    } catch (error) {
      if (!(error instanceof FrameFault) || end === start) throw error;
      this.#fault = error;
    }
    return end > start ? chunk.subarray(start, end) : undefined;
  }

  /** Reads a frame header. Returns false when it is incomplete. */
  #readHead(): boolean {
    const chunk = this.#chunk;
    const at = this.#at;
    if (this.#headLength === 0 && at + 2 <= chunk.length) {
      const size = sizeOfHead(chunk[at + 1]!);
      if (at + size <= chunk.length) {
        this.#at += size;
        this.#begin(chunk, at);
        return true;
      }
    }
    const head = this.#head ??= new Uint8Array(LONGEST_HEAD);
    while (this.#at < chunk.length) {
      head[this.#headLength++] = chunk[this.#at++]!;
      if (this.#headLength < 2) continue;
      if (this.#headLength === 2) this.#check(head[0]!, head[1]!);
      if (this.#headLength < sizeOfHead(head[1]!)) continue;
      this.#headLength = 0;
      this.#begin(head, 0);
      return true;
    }
    return false;
  }

  /** Begins a frame whose header is at `at`. */
  #begin(bytes: Uint8Array, at: number): void {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    this.#check(first, second);
    const length = lengthOf(bytes, at + 1);
    if (this.#isMasked) {
      const mask = at + sizeOfHead(second) - 4;
      this.#mask = bytes[mask]! | bytes[mask + 1]! << 8 | bytes[mask + 2]! << 16 |
        bytes[mask + 3]! << 24;
    }
    this.#left = length;
    const opcode = first & 0x0f;
    if (opcode >= Opcode.close) {
      this.#control = opcode;
      this.#controlData = length === 0 ? NOTHING : new Uint8Array(length);
      this.#controlLength = 0;
    } else this.#isInMessage = (first & 0x80) === 0;
  }

  /** Checks the first two bytes of a frame (RFC 6455, §5.2). */
  #check(first: number, second: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw broken("a reserved bit is set");
    if ((second & 0x80) !== 0 !== this.#isMasked) {
      throw broken(this.#isMasked ? "a frame is not masked" : "a frame is masked");
    }
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong) throw broken(`opcode ${opcode} is reserved`);
      if ((first & 0x80) === 0) throw broken("a control frame is fragmented");
      if ((second & 0x7f) > LONGEST_CONTROL) throw broken("a control frame is too long");
      return;
    }
    if (opcode > Opcode.binary) throw broken(`opcode ${opcode} is reserved`);
    if (opcode === Opcode.continuation !== this.#isInMessage) {
      throw broken(
        this.#isInMessage ? "a message begins within another" : "a frame continues no message",
      );
    }
    // [MQTT-6.0.0-1]
    if (opcode === Opcode.text) {
      throw new FrameFault(CloseCode.unsupportedData, "MQTT is sent in binary frames, not in text");
    }
  }

  /** Collects the data of a control frame, which may be split between chunks. */
  #readControl(): ControlFrame | undefined {
    const data = this.#controlData;
    const length = Math.min(this.#left, this.#chunk.length - this.#at);
    data.set(this.#chunk.subarray(this.#at, this.#at + length), this.#controlLength);
    this.#controlLength += length;
    this.#at += length;
    this.#left -= length;
    if (this.#left > 0) return undefined;
    if (this.#isMasked) applyMask(data, 0, data.length, this.#mask, wordsOf(data));
    const opcode = this.#control!;
    this.#control = undefined;
    return { opcode, data };
  }
}

/** Makes frames: each is a whole message, and masked if this end is the client. */
export class FrameWriter {
  readonly #masks: Masks | undefined;
  #buffer: Uint8Array = NOTHING;
  #words: Int32Array = NO_WORDS;

  /** `role` is that of this end. */
  constructor(role: WebSocketRole) {
    this.#masks = role === "client" ? new Masks() : undefined;
  }

  /** Makes a frame of the data. The result is a view that is valid until the next call. */
  frame(opcode: number, data: Uint8Array): Uint8Array {
    const { length } = data;
    const end = DATA_AT + length;
    let buffer = this.#buffer;
    let words = this.#words;
    if (buffer.length < end) {
      // A multiple of four, since masking works on whole words.
      buffer = new Uint8Array(end > KEPT ? end + 3 & ~3 : capacityFor(end));
      words = wordsOf(buffer);
      if (end <= KEPT) [this.#buffer, this.#words] = [buffer, words];
    }
    buffer.set(data, DATA_AT);
    let at = DATA_AT;
    const mask = this.#masks?.next();
    if (mask !== undefined) {
      applyMask(buffer, DATA_AT, end, mask, words);
      buffer[--at] = mask >>> 24;
      buffer[--at] = mask >>> 16;
      buffer[--at] = mask >>> 8;
      buffer[--at] = mask;
    }
    at = putLength(buffer, at, length, mask === undefined ? 0 : 0x80);
    buffer[--at] = 0x80 | opcode;
    return buffer.subarray(at, end);
  }
}

/** The smallest power of two that is not less than `length`, and at least 256. */
function capacityFor(length: number): number {
  return Math.max(256, 2 ** (32 - Math.clz32(length - 1)));
}

/** The length of a frame header, which follows from its second byte. */
function sizeOfHead(second: number): number {
  const length = second & 0x7f;
  const size = length < 126 ? 2 : length === 126 ? 4 : 10;
  return second < 0x80 ? size : size + 4;
}

/** Reads the length at `at`, which must use the shortest encoding (RFC 6455, §5.2). */
function lengthOf(bytes: Uint8Array, at: number): number {
  const short = bytes[at]! & 0x7f;
  if (short < 126) return short;
  if (short === 126) {
    const length = bytes[at + 1]! << 8 | bytes[at + 2]!;
    if (length < 126) throw broken("a length is not as short as it can be");
    return length;
  }
  const length = fourBytes(bytes, at + 1) * 2 ** 32 + fourBytes(bytes, at + 5);
  // This also rejects a length whose highest bit is 1, which the RFC forbids.
  if (length > Number.MAX_SAFE_INTEGER) throw broken("a frame is longer than can be");
  if (length < 65_536) throw broken("a length is not as short as it can be");
  return length;
}

function fourBytes(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** Writes a length that ends before `at`, and returns where it begins. */
function putLength(buffer: Uint8Array, at: number, length: number, maskBit: number): number {
  if (length < 126) {
    buffer[--at] = maskBit | length;
    return at;
  }
  buffer[--at] = length;
  buffer[--at] = length >>> 8;
  if (length < 65_536) {
    buffer[--at] = maskBit | 126;
    return at;
  }
  buffer[--at] = length >>> 16;
  buffer[--at] = length >>> 24;
  for (let count = 0; count < 4; count++) buffer[--at] = 0;
  buffer[--at] = maskBit | 127;
  return at;
}
