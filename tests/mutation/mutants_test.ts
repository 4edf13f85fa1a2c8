// The mistakes that `deno task mutate` plants.

import { assertEquals } from "@std/assert";
import { apply, mutantsOf } from "./mutants.ts";

function changes(source: string): string[] {
  return mutantsOf(source).map((mutant) => apply(source, mutant));
}

Deno.test("a mutant is the source with one token changed", () => {
  assertEquals(changes("a <= b && !c;"), ["a < b && !c;", "a <= b || !c;", "a <= b && c;"]);
  assertEquals(changes("f(0, 1, 65_535, 0x7f);"), [
    "f(1, 1, 65_535, 0x7f);",
    "f(0, 0, 65_535, 0x7f);",
    "f(0, 1, 65536, 0x7f);",
    "f(0, 1, 65_535, 128);",
  ]);
  assertEquals(changes("a.min(b); min(b);"), ["a.max(b); min(b);"]);
});

Deno.test("nothing is changed in types, strings, templates, comments or regular expressions", () => {
  assertEquals(changes("const a: Map<string, 1> = b!; // 1 < 2\n/* 3 */"), []);
  assertEquals(changes("a = \"1 + 1\" ; b = '<'; c = /[/<]1+/g; d = `1 < ${e}2`; f as 1 | 2;"), []);
});

Deno.test("what a template computes is changed, and what divides is told from what is matched", () => {
  assertEquals(changes("`${a + `${1}` } 2`"), ["`${a - `${1}` } 2`", "`${a + `${0}` } 2`"]);
  assertEquals(changes("a[b] / c / d"), ["a[b] * c / d", "a[b] / c * d"]);
});

Deno.test("what would not parse is no mutant: a generator's star stays, and a chain of ??", () => {
  assertEquals(changes("class A { *all() { yield* [a * b]; } }\nimport * as c from 'd';"), [
    "class A { *all() { yield* [a / b]; } }\nimport * as c from 'd';",
  ]);
  assertEquals(changes("a ?? b ?? c; (a ?? b) ?? c; a ??= b;"), [
    "a ?? b ?? c; (a && b) ?? c; a ??= b;",
    "a ?? b ?? c; (a ?? b) && c; a ??= b;",
    "a ?? b ?? c; (a ?? b) ?? c; a &&= b;",
  ]);
});

Deno.test("a mutant tells its line", () => {
  assertEquals(mutantsOf("a;\n\n  b++;").map(({ line, from, to }) => [line, from, to]), [
    [3, "++", "--"],
  ]);
});
