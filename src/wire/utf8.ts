// §1.5.4 UTF-8 Encoded String: well-formed, no surrogates, no U+0000; U+FEFF is a character like
// any other. Most strings are short and ASCII, and for those a loop is several times faster than a
// call into the platform. Longer strings and other characters are left to it.

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The longest string, in characters, that the loops take. */
const LOOP = 96;

/**
 * The shortest and the longest string, in characters, that is remembered, and how many are, a power
 * of 2.
 */
const MEMORY_LEAST = 4;
const MEMORY_MOST = 64;
const MEMORY_SLOTS = 256;

/** So many strings pass before any is remembered: a link that carries little needs no memory. */
export const MEMORY_FROM = 256;

const NO_COPIES = new Uint8Array(0);

/**
 * Decodes strings, and remembers short ones: the same topics, content types and property names come
 * again and again, and to compare bytes is several times faster than to make a string.
 */
export class Utf8Decoder {
  /**
   * Scratch room for the characters of a string, by its length: an array that keeps its length is
   * the fastest.
   */
  readonly #codes: number[][] = [];
  #decoded = 0;
  /** The strings remembered, each in the slot that its bytes say, beside a copy of those bytes. */
  #texts: (string | undefined)[] = [];
  #copies: Uint8Array = NO_COPIES;

  /**
   * Decodes `bytes[start, end)`; `undefined` when that is no string of MQTT, {@linkcode utf8Fault}
   * says why.
   */
  decode(bytes: Uint8Array, start: number, end: number): string | undefined {
    const length = end - start;
    if (length === 0) return "";
    if (!isRemembered(length)) return this.#decode(bytes, start, end);
    if (this.#decoded < MEMORY_FROM) {
      if (++this.#decoded === MEMORY_FROM) this.#beginToRemember();
      return this.#decode(bytes, start, end);
    }
    const quarter = length >> 2;
    const slot = slotOf(
      bytes[start + quarter]!,
      bytes[start + 2 * quarter]!,
      bytes[start + 3 * quarter]!,
      bytes[end - 3]!,
      bytes[end - 2]!,
      bytes[end - 1]!,
    );
    const known = this.#texts[slot];
    const copy = slot * MEMORY_MOST;
    if (known?.length === length && sameBytes(this.#copies, copy, bytes, start, length)) {
      return known;
    }
    const text = this.#decode(bytes, start, end);
    // Of other than ASCII strings the length in characters is not that in bytes: they are not worth
    // a second array.
    if (text?.length === length) {
      for (let index = 0; index < length; index++) {
        this.#copies[copy + index] = bytes[start + index]!;
      }
      this.#texts[slot] = text;
    }
    return text;
  }

  #beginToRemember(): void {
    this.#texts = new Array(MEMORY_SLOTS).fill(undefined);
    this.#copies = new Uint8Array(MEMORY_SLOTS * MEMORY_MOST);
  }

  #decode(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (end - start <= LOOP) {
      const text = this.#decodeAscii(bytes, start, end);
      if (text !== undefined) return text;
    }
    try {
      const text = decoder.decode(bytes.subarray(start, end));
      return text.includes("\0") ? undefined : text;
    } catch {
      return undefined;
    }
  }

  #decodeAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
    const length = end - start;
    const codes = this.#codes[length] ??= new Array<number>(length).fill(0);
    for (let index = 0; index < length; index++) {
      const code = bytes[start + index]!;
      if (code === 0 || code >= 0x80) return undefined;
      codes[index] = code;
    }
    return String.fromCharCode.apply(null, codes);
  }
}

/** Strings that were encoded more than once of late, with their bytes. */
export class Utf8Memory {
  readonly #texts: (string | undefined)[] = new Array(MEMORY_SLOTS).fill(undefined);
  readonly #bytes: (Uint8Array | undefined)[] = new Array(MEMORY_SLOTS).fill(undefined);

  /** The bytes of a string, if it is remembered. */
  find(text: string): Uint8Array | undefined {
    if (!isRemembered(text.length)) return undefined;
    const slot = slotOfText(text);
    return this.#texts[slot] === text ? this.#bytes[slot] : undefined;
  }

  /**
   * Takes note of a string, encoded as `bytes[start, end)`, and keeps its bytes from the second
   * time on.
   */
  note(text: string, bytes: Uint8Array, start: number, end: number): void {
    if (!isRemembered(text.length)) return;
    const slot = slotOfText(text);
    this.#bytes[slot] = this.#texts[slot] === text ? bytes.slice(start, end) : undefined;
    this.#texts[slot] = text;
  }
}

function isRemembered(length: number): boolean {
  return length >= MEMORY_LEAST && length <= MEMORY_MOST;
}

function slotOfText(text: string): number {
  const { length } = text;
  const quarter = length >> 2;
  return slotOf(
    text.charCodeAt(quarter),
    text.charCodeAt(2 * quarter),
    text.charCodeAt(3 * quarter),
    text.charCodeAt(length - 3),
    text.charCodeAt(length - 2),
    text.charCodeAt(length - 1),
  );
}

/**
 * The slot for a string, from six places: topics differ in the middle, and count upwards at the
 * end.
 */
function slotOf(a: number, b: number, c: number, d: number, e: number, f: number): number {
  let hash = Math.imul(a, 31) + b;
  hash = Math.imul(hash, 31) + c;
  hash = Math.imul(hash, 31) + d;
  hash = Math.imul(hash, 31) + e;
  hash = Math.imul(hash, 31) + f;
  return (hash ^ hash >>> 8) & (MEMORY_SLOTS - 1);
}

function sameBytes(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  let index = 0;
  while (index < length && a[aStart + index] === b[bStart + index]) index++;
  return index === length;
}

/** What is wrong with bytes that {@linkcode Utf8Decoder} refused, as the rest of a sentence. */
export function utf8Fault(bytes: Uint8Array, start: number, end: number): string {
  return bytes.subarray(start, end).includes(0)
    ? "contains U+0000 [MQTT-1.5.4-2]"
    : "is not well-formed UTF-8 [MQTT-1.5.4-1]";
}

/**
 * Encodes a short ASCII string into `bytes` at `offset`, where there is room for a byte per
 * character. False, with nothing of use written, when it is not short or not ASCII: then use
 * {@linkcode encodeUtf8}.
 */
export function encodeAscii(text: string, bytes: Uint8Array, offset: number): boolean {
  if (text.length > LOOP) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0 || code >= 0x80) return false;
    bytes[offset + index] = code;
  }
  return true;
}

/**
 * Encodes a string into `bytes`, where there is room for three bytes per character, and returns the
 * number of bytes.
 */
export function encodeUtf8(text: string, bytes: Uint8Array): number {
  return encoder.encodeInto(text, bytes).written;
}

/** How many bytes a string takes. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** Why a string may not be sent, as the rest of a sentence. */
export function textFault(text: string): string | undefined {
  if (!text.isWellFormed()) return "must not contain a lone surrogate [MQTT-1.5.4-1]";
  if (text.includes("\0")) return "must not contain U+0000 [MQTT-1.5.4-2]";
  return undefined;
}
