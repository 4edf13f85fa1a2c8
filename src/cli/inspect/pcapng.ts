// Captures as Wireshark reads and writes them: blocks of pcapng (draft-ietf-opsawg-pcapng). Written
// in the order of bytes of most machines, with one interface.

import { concat } from "jsr:@std/bytes@^1/concat";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER = 0x1a2b3c4d;
const ETHERNET = 1;

/** Options: their codes. */
const COMMENT = 1;
const USER_APPLICATION = 4;
const INTERFACE_NAME = 2;
const DROPPED = 5;

/** What wrote a file, by which it is known again. */
const APPLICATION = "mqtt5 inspect";

/** The beginning of a file, whoever wrote it. */
const MAGIC: readonly number[] = [0x0a, 0x0d, 0x0d, 0x0a];

/** A block has this beside its body: its type, and its length twice. */
const AROUND = 12;

/** The most bytes in a block that is read: a frame, and some. */
const LARGEST_BLOCK = 1_048_576;

/** Whether a file is a capture, by its first bytes. */
export function isCapture(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, at) => bytes[at] === byte);
}

/** The beginning of a file; `comment` says what was captured. */
export function fileHeader(comment: string): Uint8Array {
  const section = concat([
    words(BYTE_ORDER),
    // Version 1.0, and a length of the section that is not known.
    words(1, 0xffffffff, 0xffffffff),
    option(COMMENT, encoder.encode(comment)),
    option(USER_APPLICATION, encoder.encode(APPLICATION)),
    words(0),
  ]);
  const name = option(INTERFACE_NAME, encoder.encode("mqtt5"));
  const description = concat([words(ETHERNET, 0), name, words(0)]);
  return concat([block(SECTION_HEADER, section), block(INTERFACE_DESCRIPTION, description)]);
}

/** A frame; `time` in milliseconds since 1970. */
export function frameBlock(frame: Uint8Array, time: number): Uint8Array {
  const { length } = frame;
  const body = new Uint8Array(20 + padded(length));
  const view = new DataView(body.buffer);
  const microseconds = microsecondsOf(time);
  view.setUint32(4, microseconds.high, true);
  view.setUint32(8, microseconds.low, true);
  view.setUint32(12, length, true);
  view.setUint32(16, length, true);
  body.set(frame, 20);
  return block(ENHANCED_PACKET, body);
}

/** The end of a file: how many frames are missing in it. */
export function fileEnd(dropped: number, time: number): Uint8Array {
  const { high, low } = microsecondsOf(time);
  const count = words(dropped % WORD, Math.floor(dropped / WORD));
  return block(
    INTERFACE_STATISTICS,
    concat([words(0, high, low), option(DROPPED, count), words(0)]),
  );
}

/** A frame in a file. */
export interface CapturedFrame {
  readonly frame: Uint8Array;
  /** In milliseconds since 1970. */
  readonly time: number;
}

/** A file is not a capture that `inspect` has written, or it is damaged. */
export class CaptureError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "CaptureError";
}

/**
 * The frames of a file that `inspect` has written, as its bytes come. A file that ends in the
 * middle of a block, as after a crash, ends there.
 *
 * @throws {CaptureError} when another program has written it, or it is damaged
 */
export async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CapturedFrame> {
  let rest: Uint8Array = new Uint8Array(0);
  let isFirst = true;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : concat([rest, chunk]);
    let start = 0;
    while (rest.length - start >= AROUND) {
      const view = new DataView(rest.buffer, rest.byteOffset + start);
      const size = view.getUint32(4, true);
      if (isFirst && view.getUint32(8, true) !== BYTE_ORDER) throw foreign();
      if (size < AROUND || size > LARGEST_BLOCK || size % 4 !== 0) {
        throw isFirst ? foreign() : new CaptureError("The capture is damaged");
      }
      if (rest.length - start < size) break;
      const body = rest.subarray(start + 8, start + size - 4);
      if (isFirst && !decoder.decode(body).includes(APPLICATION)) throw foreign();
      isFirst = false;
      start += size;
      if (view.getUint32(0, true) === ENHANCED_PACKET) yield frameIn(body);
    }
    rest = rest.slice(start);
  }
}

function frameIn(body: Uint8Array): CapturedFrame {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (body.length < 20) throw new CaptureError("The capture is damaged");
  const microseconds = view.getUint32(4, true) * WORD + view.getUint32(8, true);
  const length = view.getUint32(12, true);
  if (length > body.length - 20) throw new CaptureError("The capture is damaged");
  return { frame: body.subarray(20, 20 + length), time: microseconds / 1000 };
}

function foreign(): CaptureError {
  return new CaptureError(
    "The capture was not written by mqtt5 inspect; see decode --help=all for how tshark reads it",
  );
}

const WORD = 0x1_0000_0000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function microsecondsOf(time: number): { readonly high: number; readonly low: number } {
  // Not rounded up: the millisecond shall be that which the trace has shown.
  const microseconds = Math.floor(time * 1000);
  return { high: Math.floor(microseconds / WORD), low: microseconds % WORD };
}

/** Integers of four bytes. */
function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

/** A block of a body whose length is a multiple of four. */
function block(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(AROUND + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.length, true);
  bytes.set(body, 8);
  view.setUint32(bytes.length - 4, bytes.length, true);
  return bytes;
}

function padded(length: number): number {
  return length + 3 & ~3;
}
