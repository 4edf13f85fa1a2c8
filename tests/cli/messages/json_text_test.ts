// JSON as text keeps what `JSON.parse` loses.

import { assertEquals, assertThrows } from "@std/assert";
import { compactJson, memberOf } from "../../../src/cli/messages/json_text.ts";

const COMPACT: readonly (readonly [text: string, compact: string])[] = [
  ["1688888483063664642", "1688888483063664642"],
  [" [ 1.0, -0, 1e400,\t-2.50E-07 ]\r\n", "[1.0,-0,1e400,-2.50E-07]"],
  ['{"b": 1, "10": 2, "9": {}, "b": 3}', '{"b":1,"10":2,"9":{},"b":3}'],
  ['{"a" : [ true, false, null, [ ], "" ]}', '{"a":[true,false,null,[],""]}'],
  [
    String.raw`"\u00e4 \/ \" \\ \n \ud800 { , } : [ ] 1"`,
    String.raw`"ä / \" \\ \n \ud800 { , } : [ ] 1"`,
  ],
  [`${"[".repeat(50_000)}${"]".repeat(50_000)}`, `${"[".repeat(50_000)}${"]".repeat(50_000)}`],
];

for (const [text, compact] of COMPACT) {
  Deno.test(`compactJson() takes nothing but blanks out of ${text.slice(0, 40)}`, () => {
    assertEquals(compactJson(text), compact);
  });
}

Deno.test("compactJson() refuses what is not JSON", () => {
  for (const text of ["", "{", '{"a":1,}', "01", "'a'", '"a', "NaN", "1 2", "\u00a01"]) {
    assertThrows(() => compactJson(text), SyntaxError);
  }
});

const MEMBERS: readonly (readonly [text: string, value: string | undefined])[] = [
  ['{"x": 1, "payload": {"payload": [1, 2.0]}, "y": "payload"}', '{"payload":[1,2.0]}'],
  ['{"payload": 1, "payload": [ ]}', "[]"],
  [String.raw`{"p\u0061yload": -1.0}`, "-1.0"],
  ['{"x": {"payload": 1}, "y": ["payload", 2]}', undefined],
  ['{"x": "payload", "payload": "a"}', '"a"'],
  ["{}", undefined],
];

for (const [text, value] of MEMBERS) {
  Deno.test(`memberOf() finds the payload in ${text}`, () => {
    assertEquals(memberOf(text, "payload"), value);
  });
}
