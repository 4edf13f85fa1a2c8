// JSON as it was written, with a line for each member, and its numbers by their path.

import { assert, assertEquals } from "@std/assert";
import { numbersIn, readJson } from "../../../../src/cli/inspect/page/payload_json.js";

/** The lines as a person sees them. */
function shown(text: string, isCut = false): string | undefined {
  return readJson(text, isCut)?.lines.map(({ depth, parts }) =>
    " ".repeat(depth) + parts.map(({ text }) => text).join("")
  ).join("\n");
}

Deno.test("each member of JSON gets a line, what is empty stays on one", () => {
  assertEquals(
    shown('{"a":[1,{"b":null}],"c":{},"d":[],"e":"x,y"}'),
    '{\n "a": [\n  1,\n  {\n   "b": null\n  }\n ],\n "c": {},\n "d": [],\n "e": "x,y"\n}',
  );
});

Deno.test("numbers keep their digits, and names that occur twice stay", () => {
  assertEquals(
    shown('{"n":12345678901234567890,"n":1.10,"s":"\\u0041"}'),
    '{\n "n": 12345678901234567890,\n "n": 1.10,\n "s": "\\u0041"\n}',
  );
});

Deno.test("the numbers of JSON have paths that differ, whatever the names are", () => {
  const text =
    '{"a":{"b":1},"a.b":2,"__proto__":3,"":4,"x y":[5,[6]],"constructor":{"é-1":-7e1},"s":"8"}';
  assertEquals(Array.from(numbersIn(text, false)), [
    ["a.b", 1],
    ['["a.b"]', 2],
    ["__proto__", 3],
    ['[""]', 4],
    ['["x y"][0]', 5],
    ['["x y"][1][0]', 6],
    ["constructor.é-1", -70],
  ]);
  assertEquals(Array.from(numbersIn("[1,2]", false)), [["[0]", 1], ["[1]", 2]]);
});

Deno.test("of a name that occurs twice the last number counts, as in JSON.parse", () => {
  assertEquals(numbersIn('{"a":1,"a":2}', false).get("a"), 2);
});

Deno.test("what is no JSON is not read", () => {
  for (const text of ["{a:1}", "[1,]", '{"a":01}', "", "[1] x"]) {
    assertEquals(readJson(text), undefined, text);
  }
});

Deno.test("JSON is read as far as it goes when it is cut, at every place", () => {
  const text = '{"a": 1.5, "b": [true, "x\\"y", {"c": -2e3}], "d": 42}';
  for (let length = 1; length < text.length; length++) {
    const json = readJson(text.slice(0, length), true);
    assert(json !== undefined, text.slice(0, length));
    assertEquals(json!.isWhole, false);
    const whole = numbersIn(text, false);
    for (const [path, number] of json!.numbers) {
      assertEquals(number, whole.get(path), text.slice(0, length));
    }
    const written = json!.lines.flatMap(({ parts }) => parts.map(({ text }) => text)).join("");
    assertEquals(written.replaceAll(" ", ""), text.slice(0, length).replaceAll(" ", ""));
  }
  assertEquals(readJson('{"a": x', true), undefined);
});

Deno.test("what is too deep is not read, and of what is too long only the beginning", () => {
  assertEquals(readJson("[".repeat(200) + "]".repeat(200)), undefined);
  assertEquals(readJson("[".repeat(50_000), true), undefined);
  const long = readJson(`[${"1,".repeat(60_000)}1]`);
  assertEquals([long?.isWhole, long?.lines.length, long?.numbers.size], [false, 2001, 500]);
});
