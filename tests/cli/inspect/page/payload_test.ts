// What a payload is taken for, and that nothing in it is invisible.

import { assertEquals } from "@std/assert";
import {
  dump,
  hexOf,
  numberIn,
  payloadFrom,
  payloadKind,
  preview,
  visible,
} from "../../../../src/cli/inspect/page/payload.js";

const text = (text: string, isCut = false) => ({
  size: new TextEncoder().encode(text).length + Number(isCut),
  text,
  isCut,
});

Deno.test("a payload is a number, JSON, text, bytes or empty", () => {
  assertEquals(payloadKind(text("")), "empty");
  for (const number of ["21.5", " -3 ", "+.5", "1e3", "7.\n"]) {
    assertEquals(payloadKind(text(number)), "number", number);
  }
  for (const json of ['{"a":1}', " [1, 2]", "{}"]) assertEquals(payloadKind(text(json)), "json");
  for (const plain of ["on", "21.5 °C", "0x10", "true", "{a}", "1e999", "-", "."]) {
    assertEquals(payloadKind(text(plain)), "text", plain);
  }
  assertEquals(payloadKind({ size: 1, hex: "ff", isCut: false }), "bytes");
});

Deno.test("a payload that is cut is JSON if it begins like that, and never a number", () => {
  assertEquals(payloadKind(text('{"a":', true)), "json");
  assertEquals(payloadKind(text("12", true)), "text");
});

Deno.test("only what is a number as a whole is one", () => {
  assertEquals(["21.5", "1e3", "-0"].map(numberIn), [21.5, 1000, -0]);
  assertEquals(["", " ", "1 2", "Infinity", "1,5", "1e999"].map(numberIn).join(""), "");
});

Deno.test("control, bidirectional and other invisible characters are written out", () => {
  assertEquals(
    visible("a\0b\n\u202ec\u200b\ufeff\u2028\x1b"),
    "a\\0b\\n\\u{202e}c\\u{200b}\\u{feff}\\u{2028}\\u{1b}",
  );
  assertEquals(visible("שלום é 😀"), "שלום é 😀");
  assertEquals(visible("a\n\tb\r", { keepsLines: true }), "a\n\tb\\r");
});

Deno.test("a preview is one line, and says that there is more", () => {
  assertEquals(preview(text("a\n  b"), 10), "a b");
  assertEquals(preview(text("abcdef"), 3), "abc…");
  assertEquals(preview(text("abc", true), 10), "abc…");
  assertEquals(preview({ size: 3, hex: "00ff10", isCut: false }, 20), "00 ff 10");
  assertEquals(preview(text(""), 5), "");
});

Deno.test("a dump has sixteen bytes on a line, and dots for what is no character of ASCII", () => {
  const hex = hexOf(text("Hello, world! é\n"));
  assertEquals(dump(hex), [
    {
      offset: "0000",
      bytes: "48 65 6c 6c 6f 2c 20 77 6f 72 6c 64 21 20 c3 a9",
      characters: "Hello, world! ··",
    },
    { offset: "0010", bytes: "0a", characters: "·" },
  ]);
});

Deno.test("bytes are text if they are UTF-8, even if they are cut within a character", () => {
  assertEquals(payloadFrom("c3a9", 2), { size: 2, text: "é", isCut: false });
  assertEquals(payloadFrom("61c3", 9), { size: 9, text: "a", isCut: true });
  assertEquals(payloadFrom("61c3", 2), { size: 2, hex: "61c3", isCut: false });
  assertEquals(payloadFrom("efbbbf61", 4), { size: 4, text: "\ufeffa", isCut: false });
});
