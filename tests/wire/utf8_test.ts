// §1.5.4 UTF-8 Encoded String, on its own: what is well-formed, and that a string once remembered is never taken for
// another.

import { assert, assertEquals } from "@std/assert";
import { Utf8Decoder, Utf8Memory } from "../../src/wire/utf8.ts";
import { hexOf } from "../hex.ts";

/** Enough strings for a decoder to begin to remember. */
const WARM = 300;

/** The first and the last byte of every class of bytes in the definition of UTF-8 (Unicode, Table 3-7), and others. */
const EDGES = [
  0x00,
  0x01,
  0x41,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc2,
  0xdf,
  0xe0,
  0xe1,
  0xec,
  0xed,
  0xee,
  0xef,
  0xf0,
  0xf1,
  0xf3,
  0xf4,
  0xf5,
  0xff,
];

Deno.test("Utf8Decoder agrees with the platform on every sequence of one or two bytes [MQTT-1.5.4-1] [MQTT-1.5.4-2]", () => {
  const platform = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decoder = warm();
  for (let first = 0; first < 0x100; first++) {
    check(Uint8Array.of(first));
    for (let second = 0; second < 0x100; second++) check(Uint8Array.of(first, second));
  }

  function check(bytes: Uint8Array): void {
    let expected: string | undefined;
    try {
      expected = platform.decode(bytes);
    } catch {
      // Not well-formed.
    }
    assertDecoded(decoder, bytes, expected?.includes("\0") ? undefined : expected);
  }
});

Deno.test("Utf8Decoder agrees with Table 3-7 of Unicode on every sequence of up to four bytes at the edges of its classes [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.4-3]", () => {
  const decoder = warm();
  const bytes: number[] = [];
  extend();

  function extend(): void {
    if (bytes.length > 0) {
      // A well-formed beginning is extended, an ill-formed one stays so, whatever follows: once is enough.
      const expected = decodedByTable(bytes);
      assertDecoded(decoder, Uint8Array.from(bytes), expected);
      if (expected === undefined && bytes.length > 1 && !mayBecomeWhole(bytes)) return;
    }
    if (bytes.length === 4) return;
    for (const byte of EDGES) {
      bytes.push(byte);
      extend();
      bytes.pop();
    }
  }
});

Deno.test("Utf8Decoder keeps U+FEFF at the beginning, in the middle and at the end [MQTT-1.5.4-3]", () => {
  for (const decoder of [new Utf8Decoder(), warm()]) {
    for (
      const text of [
        "\uFEFF",
        "\uFEFFa",
        "a\uFEFFa",
        "a\uFEFF",
        "\uFEFF\uFEFF",
        "\uFEFF".repeat(100),
      ]
    ) {
      for (let count = 0; count < 3; count++) assertDecoded(decoder, encoded(text), text);
    }
  }
});

Deno.test("Utf8Decoder decodes strings of every length around its limits", () => {
  const decoder = warm();
  for (let length = 0; length <= 300; length++) {
    for (const text of ["a".repeat(length), "é".repeat(length), "a".repeat(length) + "😀"]) {
      for (let count = 0; count < 3; count++) assertDecoded(decoder, encoded(text), text);
    }
    assertDecoded(decoder, encoded("a".repeat(length) + "\0"), undefined);
    assertDecoded(decoder, Uint8Array.of(...encoded("a".repeat(length)), 0xff), undefined);
  }
});

Deno.test("Utf8Decoder tells strings apart that differ in one byte only, wherever it is", () => {
  const decoder = warm();
  for (const length of [1, 2, 3, 4, 5, 8, 16, 63, 64, 65, 96, 97]) {
    const bytes = new Uint8Array(length).fill(0x61);
    for (let at = 0; at < length; at++) {
      for (const byte of [0x62, 0x61, 0x63, 0x62, 0x00, 0x62, 0xff, 0x63, 0x80, 0x61]) {
        bytes[at] = byte;
        const expected = byte === 0 || byte >= 0x80 ? undefined : String.fromCharCode(...bytes);
        assertDecoded(decoder, bytes, expected);
      }
      bytes[at] = 0x61;
    }
  }
});

Deno.test("Utf8Decoder gives text for its bytes alone, however strings follow each other", () => {
  const decoder = new Utf8Decoder();
  const random = randomNumbers(12345);
  const pieces = ["a", "b", "/", "é", "\u00C3", "€", "😀", "\uFEFF", "\u0001"];
  for (let count = 0; count < 30_000; count++) {
    const text = Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join("");
    const bytes = encoded(text);
    assertDecoded(decoder, bytes, text);
    // The same bytes, one of them spoilt: a string of the same length, and often in the same place of the memory.
    if (bytes.length === 0) continue;
    bytes[random(bytes.length)] = [0x00, 0x80, 0xff, 0x41][random(4)]!;
    assertDecoded(decoder, bytes, decodedByTable([...bytes]));
  }
});

Deno.test("Utf8Decoder does not keep the bytes that it was given", () => {
  const decoder = warm();
  const bytes = encoded("sensor/1");
  for (let count = 0; count < 3; count++) assertDecoded(decoder, bytes, "sensor/1");
  bytes.set(encoded("sensor/2"));
  for (let count = 0; count < 3; count++) assertDecoded(decoder, bytes, "sensor/2");
});

Deno.test("Utf8Memory gives the bytes of a text from the second time on, and of no other", () => {
  const memory = new Utf8Memory();
  const random = randomNumbers(54321);
  const pieces = ["a", "b", "/", "é", "€", "😀"];
  let found = 0;
  for (let count = 0; count < 30_000; count++) {
    // Some come again and again, others push them out.
    const length = random(2) === 0 ? 1 : 1 + random(6);
    const text = "topic/" +
      Array.from({ length }, () => pieces[random(pieces.length)]).join("").repeat(1 + random(2));
    const bytes = encoded(text);
    const known = memory.find(text);
    if (known === undefined) {
      // Noted from the middle of a buffer that changes at once.
      const buffer = Uint8Array.of(0xff, ...bytes, 0xff);
      memory.note(text, buffer, 1, 1 + bytes.length);
      buffer.fill(0xee);
      continue;
    }
    found++;
    if (hexOf(known) !== hexOf(bytes)) throw new Error(`Other bytes for ${JSON.stringify(text)}`);
  }
  assert(found > 1000);
  for (let count = 0; count < 3; count++) memory.note("again", encoded("again"), 0, 5);
  assertEquals(memory.find("again"), encoded("again"));
});

/** A decoder that remembers strings. */
function warm(): Utf8Decoder {
  const decoder = new Utf8Decoder();
  for (let count = 0; count < WARM; count++) {
    assertDecoded(decoder, encoded(`warm ${count}`), `warm ${count}`);
  }
  return decoder;
}

/** The bytes are decoded from the middle of others, which must not count. */
function assertDecoded(
  decoder: Utf8Decoder,
  bytes: Uint8Array,
  expected: string | undefined,
): void {
  const buffer = new Uint8Array(bytes.length + 2).fill(0xbf);
  buffer.set(bytes, 1);
  const actual = decoder.decode(buffer, 1, 1 + bytes.length);
  if (actual !== expected) {
    throw new Error(
      `${hexOf(bytes)} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`,
    );
  }
}

/** The lead bytes of Table 3-7, each with the bounds of the second byte and the length. */
const CLASSES = [
  [0x01, 0x7f, 0, 0, 1],
  [0xc2, 0xdf, 0x80, 0xbf, 2],
  [0xe0, 0xe0, 0xa0, 0xbf, 3],
  [0xe1, 0xec, 0x80, 0xbf, 3],
  [0xed, 0xed, 0x80, 0x9f, 3],
  [0xee, 0xef, 0x80, 0xbf, 3],
  [0xf0, 0xf0, 0x90, 0xbf, 4],
  [0xf1, 0xf3, 0x80, 0xbf, 4],
  [0xf4, 0xf4, 0x80, 0x8f, 4],
] as const;

/** The text of bytes by Table 3-7; `undefined` when they are ill-formed, or contain U+0000. */
function decodedByTable(bytes: readonly number[]): string | undefined {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!;
    const found = CLASSES.find(([from, to]) => lead >= from && lead <= to);
    if (found === undefined) return undefined;
    const [, , from, to, length] = found;
    const rest = bytes.slice(at + 1, at + length);
    if (rest.length < length - 1) return undefined;
    if (rest.some((byte, index) => byte < (index ? 0x80 : from) || byte > (index ? 0xbf : to))) {
      return undefined;
    }
    const bits = length === 1 ? lead : lead & 0xff >> length + 1;
    text += String.fromCodePoint(rest.reduce((sum, byte) => sum << 6 | byte & 0x3f, bits));
    at += length;
  }
  return text;
}

/** Whether ill-formed bytes are the beginning of well-formed ones. */
function mayBecomeWhole(bytes: readonly number[]): boolean {
  return [0x80, 0x90, 0xa0].some((one) =>
    [[one], [one, 0x80], [one, 0x80, 0x80]].some((rest) =>
      decodedByTable([...bytes, ...rest]) !== undefined
    )
  );
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The same numbers below a limit every time. */
function randomNumbers(seed: number): (limit: number) => number {
  return (limit) => {
    seed = Math.imul(seed, 1_103_515_245) + 12_345 & 0x7fff_ffff;
    return (seed >>> 8) % limit;
  };
}
