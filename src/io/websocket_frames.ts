// Frames of RFC 6455, §5, as client and server read and write them. They differ in one thing: a
// client masks what it sends, a server does not. Both are strict: the other end is told which rule
// it broke, and the WebSocket ends.

import { applyMask, Masks, wordsOf } from "./websocket_masks.ts";
import {
  broken,
  CloseCode,
  FrameFault,
  LONGEST_CONTROL,
  Opcode,
  type WebSocketRole,
} from "./websocket_protocol.ts";

/** A whole control frame: close, ping or pong. */
export interface ControlFrame {
  readonly opcode: number;
  /** At most 125 bytes, without a mask. */
  readonly data: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

/** The longest head of a frame: two bytes, eight of length, four of mask. */
const LONGEST_HEAD = 14;

/**
 * Data of one chunk is moved together, so that many small frames cost one turn. More than this is
 * worth a turn.
 */
const LARGEST_MOVE = 4096;

/** A buffer for a longer frame than this is not kept: an idle connection is to be small. */
const KEPT = 131_072;

/**
 * Where the data of a frame that is being made begins: behind the longest head, at a whole word.
 */
const DATA_AT = 16;

/**
 * Takes frames apart. Push a chunk, call `next()` until it returns `undefined`, push the next
 * chunk.
 *
 * Data comes as soon as it is there, whatever the frames: several frames may give one piece, and
 * one frame many [MQTT-6.0.0-2]. Chunks are overwritten: data is unmasked and moved in them, and
 * given out as views of them.
 */
export class FrameReader {
  readonly #isMasked: boolean;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  #words: Int32Array = NO_WORDS;
  /** The part of a frame's head that an earlier chunk ended with. */
  #head: Uint8Array | undefined;
  #headLength = 0;
  /** The frame that is being read: how many bytes are to come, and the mask for the next one. */
  #left = 0;
  #mask = 0;
  /** The opcode and the data of a control frame that is being read. */
  #control: number | undefined;
  #controlData = NOTHING;
  #controlLength = 0;
  /** Whether a message has begun and its last frame has not. */
  #isInMessage = false;
  /** What is wrong behind data that is given out first. */
  #fault: FrameFault | undefined;

  /** A reader at this end of the WebSocket. */
  constructor(role: WebSocketRole) {
    this.#isMasked = role === "server";
  }

  /** Gives it the next bytes to read, when `next()` has returned `undefined`. */
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
   * @throws {FrameFault} when the other end breaks the protocol; nothing can be read after that
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

  /** Reads the head of a frame. False when it is not all there. */
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

  /** Begins a frame whose head lies at `at`. */
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

  /** Looks for what is wrong with the first two bytes of a frame (RFC 6455, §5.2). */
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

  /** Gathers the data of a control frame. */
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

/** Puts frames together: whole messages, in one buffer, masked by a client. */
export class FrameWriter {
  readonly #masks: Masks | undefined;
  #buffer: Uint8Array = NOTHING;
  #words: Int32Array = NO_WORDS;

  /** A writer at this end of the WebSocket. */
  constructor(role: WebSocketRole) {
    this.#masks = role === "client" ? new Masks() : undefined;
  }

  /** A frame around the data: a view, valid until the next call. */
  frame(opcode: number, data: Uint8Array): Uint8Array {
    const { length } = data;
    const end = DATA_AT + length;
    let buffer = this.#buffer;
    let words = this.#words;
    if (buffer.length < end) {
      // The last word must be a whole one.
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

/** How many bytes the head of a frame has, by the second of them. */
function sizeOfHead(second: number): number {
  const length = second & 0x7f;
  const size = length < 126 ? 2 : length === 126 ? 4 : 10;
  return second < 0x80 ? size : size + 4;
}

/** The length of a frame's data, as short as it can be (RFC 6455, §5.2), which begins at `at`. */
function lengthOf(bytes: Uint8Array, at: number): number {
  const short = bytes[at]! & 0x7f;
  if (short < 126) return short;
  if (short === 126) {
    const length = bytes[at + 1]! << 8 | bytes[at + 2]!;
    if (length < 126) throw broken("a length is not as short as it can be");
    return length;
  }
  const length = fourBytes(bytes, at + 1) * 2 ** 32 + fourBytes(bytes, at + 5);
  // The highest bit must be 0, too: what has it is longer still.
  if (length > Number.MAX_SAFE_INTEGER) throw broken("a frame is longer than can be");
  if (length < 65_536) throw broken("a length is not as short as it can be");
  return length;
}

function fourBytes(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** Writes a length so that it ends before `at`, and returns where it begins. */
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
