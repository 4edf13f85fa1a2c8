// Bytes to Base64 and back, against the examples of the standard and the platform's own.

import { assertEquals, assertThrows } from "@std/assert";
import { fromBase64, toBase64 } from "../../src/wire/base64.ts";

Deno.test("Base64 is that of RFC 4648, §10", () => {
  const examples = {
    "": "",
    f: "Zg==",
    fo: "Zm8=",
    foo: "Zm9v",
    foob: "Zm9vYg==",
    fooba: "Zm9vYmE=",
  };
  for (const [text, base64] of Object.entries(examples)) {
    const bytes = new TextEncoder().encode(text);
    assertEquals(toBase64(bytes), base64);
    assertEquals(fromBase64(base64), bytes);
  }
});

Deno.test("all bytes go to Base64 and come back, however many there are", () => {
  for (const length of [255, 256, 257, 8191, 8192, 8193, 1_000_003]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
    const text = toBase64(bytes);
    assertEquals(text, bytes.toBase64());
    assertEquals(fromBase64(text), bytes);
  }
});

Deno.test("a part of a buffer goes to Base64 alone", () => {
  assertEquals(toBase64(Uint8Array.of(1, 0xff, 0xfe, 2).subarray(1, 3)), "//4=");
});

Deno.test("what is not Base64 is an error", () => {
  for (const text of ["A", "AA=A", "A-_A", "ä"]) {
    assertThrows(() => fromBase64(text), DOMException);
  }
});
