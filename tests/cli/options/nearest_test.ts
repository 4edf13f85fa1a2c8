// The name that somebody may have meant: near enough, nearest, or none at all.

import { assertEquals } from "@std/assert";
import { nearest } from "../../../src/cli/options/nearest.ts";

const NAMES = ["pub", "sub", "request", "respond", "retained", "connect", "completions"];

/** What is typed, what is meant, and why. */
const CASES: readonly (readonly [typed: string, meant: string | undefined, why: string])[] = [
  ["subb", "sub", "a letter too much"],
  ["requst", "request", "a letter too few"],
  ["reqvest", "request", "another letter"],
  ["conenct", "connect", "two letters exchanged count as one fault"],
  ["usb", "sub", "two letters exchanged in a short word"],
  ["cmpletoinsx", "completions", "three faults in a long word"],
  ["xcmpletoinsx", undefined, "four faults"],
  ["ret", "retained", "the beginning of a name, however long that is"],
  ["publish", "pub", "a name with more behind it"],
  ["re", undefined, "a beginning that is too short to say which"],
  ["SUB", "sub", "capital letters"],
  ["abc", undefined, "nothing in common"],
  ["tab", undefined, "a short word that is mostly wrong"],
  ["x", undefined, "a letter that is no name"],
  ["", undefined, "nothing"],
  ["constructor", undefined, "what objects have of their own is no name"],
];

for (const [typed, meant, why] of CASES) {
  Deno.test(`nearest to ${JSON.stringify(typed)} is ${meant ?? "no name"}: ${why}`, () => {
    assertEquals(nearest(typed, NAMES), meant);
  });
}

Deno.test("of names that are equally near, the first is taken", () => {
  assertEquals(nearest("fub", ["pub", "sub"]), "pub");
  assertEquals(nearest("fub", ["sub", "pub"]), "sub");
});

Deno.test("a beginning is as near as one fault", () => {
  assertEquals(nearest("user", ["username", "users"]), "username");
  assertEquals(nearest("user", ["used", "username"]), "used");
});

Deno.test("where there are no names, none is near", () => {
  assertEquals(nearest("sub", []), undefined);
});

Deno.test("a text as long as a payload takes no time", () => {
  assertEquals(nearest("x".repeat(100_000), NAMES), undefined);
});
