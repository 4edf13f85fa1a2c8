// RFC 4013: its own examples, and every character that matters against Python's tables of RFC 3454.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { saslprep } from "../../src/session/scram/saslprep.ts";

Deno.test("saslprep() does what the examples of RFC 4013 say", () => {
  for (
    const [given, expected] of [
      ["I\u00ADX", "IX"],
      ["user", "user"],
      ["USER", "USER"],
      ["\u00AA", "a"],
      ["\u2168", "IX"],
      ["e\u0301", "\u00E9"],
      ["a\u00A0b", "a b"],
      ["", ""],
    ] as const
  ) {
    assertStrictEquals(saslprep("password", given), expected);
  }
});

Deno.test("saslprep() refuses what is not allowed, and names the character", () => {
  for (
    const [given, says] of [
      ["\u0007", "The password has the character U+0007, which SASLprep (RFC 4013) does not allow"],
      ["\u0627\u0031", "U+0031, where SASLprep (RFC 4013) expects one from right to left"],
      ["\u0627a\u0628", "U+0061, which SASLprep (RFC 4013) does not allow beside one from right"],
      ["\u{1F600}", "U+1F600, which SASLprep (RFC 4013) does not allow: Unicode 3.2 does not have"],
      ["\uE000", "U+E000"],
      ["\uD800", "U+D800"],
      ["\u{2F868}", "U+2F868"],
    ] as const
  ) {
    assertThrows(() => saslprep("password", given), TypeError, says);
  }
  assertStrictEquals(saslprep("user name", "\u{1F600}", true), "\u{1F600}");
});

/** SASLprep by Python's tables: each text, and what becomes of it; `null` when it is refused. */
const REFERENCE = `
import json, random, stringprep as t, unicodedata
PROHIBITED = (t.in_table_c12, t.in_table_c21_c22, t.in_table_c3, t.in_table_c4, t.in_table_c5,
              t.in_table_c6, t.in_table_c7, t.in_table_c8, t.in_table_c9)
def saslprep(text):
    text = "".join(" " if t.in_table_c12(c) else "" if t.in_table_b1(c) else c for c in text)
    if any(map(t.in_table_a1, text)): return None
    text = unicodedata.ucd_3_2_0.normalize("NFKC", text)
    if any(f(c) for f in PROHIBITED for c in text): return None
    if any(map(t.in_table_d1, text)):
        if any(map(t.in_table_d2, text)): return None
        if not t.in_table_d1(text[0]) or not t.in_table_d1(text[-1]): return None
    return text
# Where one property goes on for long, its ends will do; the five that Unicode has changed are left out.
DENSE = ((0x80, 0x3400), (0xF900, 0x10000), (0x10300, 0x10350), (0x1D000, 0x1D800))
EDGES = (0x3400, 0x4DB5, 0x4DB6, 0x4DFF, 0x4E00, 0x9FA5, 0x9FA6, 0x9FFF, 0xA000, 0xA48C, 0xA48D,
         0xA490, 0xA4C6, 0xA4C7, 0xABFF, 0xAC00, 0xD7A3, 0xD7A4, 0xE000, 0xF8FF, 0x1F600, 0x1FFFE,
         0x20000, 0x2A6D6, 0x2A6D7, 0x2F800, 0x2FA1D, 0x2FA1E, 0xE0001, 0xE0020, 0xE007F, 0xF0000)
characters = [chr(c) for a, b in DENSE for c in range(a, b)] + [chr(c) for c in EDGES]
texts = characters + ["\\u05D0" + c + "\\u05D0" for c in characters]
some = random.Random(1)
texts += ["".join(some.choice(characters[:1800]) for _ in range(4)) for _ in range(2000)]
print(json.dumps([[text, saslprep(text)] for text in texts]))
`;

const python = await new Deno.Command("python3", { args: ["-c", REFERENCE] }).output()
  .then(({ success, stdout }) => success ? new TextDecoder().decode(stdout) : undefined)
  .catch(() => undefined);

Deno.test({
  name: `saslprep() does with each character what Python's tables of RFC 3454 say${
    python === undefined ? " (skipped: Python is not installed)" : ""
  }`,
  ignore: python === undefined,
  fn() {
    const cases = JSON.parse(python!) as readonly (readonly [string, string | null])[];
    const differences = cases.filter(([text, expected]) => prepared(text) !== expected);
    assertEquals(differences, []);
    assertStrictEquals(cases.length > 30_000, true);
  },
});

function prepared(text: string): string | null {
  try {
    return saslprep("password", text);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
