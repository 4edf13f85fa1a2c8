// Topic Filters as sets: compared with what the names of a small world say.

import { assertStrictEquals } from "@std/assert";
import { intersectionOf, isWithin } from "../../../src/broker/access/filter_sets.ts";
import { topicMatches } from "../../../src/topics.ts";

const LEVELS = ["a", "b", "", "$x"];
/** A level of its own, so that "+" is not just one of a and b. */
const NAMES = allOf([...LEVELS, "other"], 3).filter((name) => name !== "");
const FILTERS = allOf([...LEVELS, "+", "#"], 3)
  .filter((filter) => filter !== "" && !/#./.test(filter));

/** All sequences of up to so many levels. */
function allOf(levels: readonly string[], most: number): readonly string[] {
  if (most === 1) return levels;
  const shorter = allOf(levels, most - 1);
  return [
    ...new Set([...shorter, ...shorter.flatMap((one) => levels.map((last) => `${one}/${last}`))]),
  ];
}

Deno.test("What two Topic Filters have in common is what both match, among all of three levels", () => {
  const matched = new Map(FILTERS.map((filter) => [filter, matchesOf(filter)]));
  for (const one of FILTERS.filter((_, index) => index % 3 === 0)) {
    for (const other of FILTERS) {
      const both = intersectionOf(one, other);
      const names = both === undefined ? "" : [...matchesOf(both)].join(" ");
      const expected = [...matched.get(one)!].filter((name) => matched.get(other)!.has(name));
      if (names !== expected.join(" ")) {
        throw new Error(`${one} and ${other} have ${both} in common: ${names}`);
      }
    }
  }
});

Deno.test("A Topic Filter is within another when that matches all of it, among all of three levels", () => {
  const matched = new Map(FILTERS.map((filter) => [filter, matchesOf(filter)]));
  for (const one of FILTERS) {
    for (const other of FILTERS.filter((_, index) => index % 3 === 1)) {
      // Of what is longer than three levels nothing is seen: "a/b/c/#" would be within "a/b/c".
      if (one.endsWith("#") && !other.endsWith("#")) continue;
      // That "/#" has no parent level, whose name would be empty, is not used.
      if (one === "/#" && other !== one) continue;
      const isAll = [...matched.get(one)!].every((name) => matched.get(other)!.has(name));
      assertStrictEquals(isWithin(one, other), isAll, `${one} within ${other}`);
    }
  }
});

Deno.test("A Topic Filter with # is not within one that ends", () => {
  for (const other of ["a", "a/+", "+", "+/+/+"]) assertStrictEquals(isWithin("a/#", other), false);
});

function matchesOf(filter: string): ReadonlySet<string> {
  return new Set(NAMES.filter((name) => topicMatches(filter, name)));
}
