// §4.7 and §4.8: which strings are topics, and which filter matches which name. The examples are the standard's own; every
// short string is then held against a reference that is short instead of fast.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  parseSharedSubscription,
  topicMatches,
  validateTopicFilter,
  validateTopicName,
} from "../mod.ts";
import { topicFiltersOverlap } from "../src/broker/mod.ts";
import { cited } from "./build.ts";

const LONGEST = "€".repeat(21_845);

const NAMES: readonly string[] = [
  "a",
  "/",
  "//",
  "/finance",
  "Accounts payable",
  "$SYS/uptime",
  "$share/g/a",
  "sport/tennis/player1",
  "\uFEFF",
  "\u0001\u007F\uFFFF",
  "😀/é",
  LONGEST,
];

for (const name of NAMES) {
  Deno.test(`validateTopicName() accepts ${shown(name)}`, () => validateTopicName(name));
  Deno.test(`validateTopicFilter() accepts ${shown(name)}, without a wildcard`, () => {
    validateTopicFilter(name);
  });
}

for (
  const [what, topic, error, statement] of [
    ["an empty string", "", TypeError, "MQTT-4.7.3-1"],
    ["U+0000", "a\0b", TypeError, "MQTT-4.7.3-2"],
    ["U+0000 alone", "\0", TypeError, "MQTT-4.7.3-2"],
    ["a lone surrogate", "a\uD800", TypeError, "MQTT-1.5.4-1"],
    ["65,536 bytes", "x".repeat(65_536), RangeError, "MQTT-4.7.3-3"],
    ["65,537 bytes in fewer characters", LONGEST + "é", RangeError, "MQTT-4.7.3-3"],
  ] as const
) {
  Deno.test(`validateTopicName() and validateTopicFilter() refuse ${what} [${statement}]`, () => {
    assertThrows(() => validateTopicName(topic), error, "Topic Name");
    assertThrows(() => validateTopicFilter(topic), error, "Topic Filter");
  });
}

for (const name of ["#", "+", "a/#", "+/a", "a+b", "a#", "$share/g/+"]) {
  Deno.test(`validateTopicName() refuses ${name} [MQTT-4.7.0-1] [MQTT-3.3.2-2]`, () => {
    assertThrows(() => validateTopicName(name), TypeError, JSON.stringify(name));
  });
}

for (
  const filter of [
    "#",
    "+",
    "sport/tennis/player1/#",
    "sport/#",
    "+/tennis/#",
    "+/+",
    "/+",
    "sport/+/player1",
    "sport/+",
    "+/",
    "/#",
    "//",
    "$SYS/#",
    "$share",
    "$shared/+",
    "$share/consumer1/sport/tennis/+",
    "$share/g/#",
    "$share/g//a",
    "$share/g//",
    "$share/ /+",
    "$share/g/$share/h/a",
  ]
) {
  const statements = [
    ...filter.includes("#") ? ["MQTT-4.7.1-1"] : [],
    ...filter.includes("+") ? ["MQTT-4.7.1-2"] : [],
  ];
  Deno.test(`validateTopicFilter() accepts ${filter}${cited(statements)}`, () => {
    validateTopicFilter(filter);
  });
}

for (
  const [filter, statement] of [
    ["sport/tennis#", "MQTT-4.7.1-1"],
    ["sport/tennis/#/ranking", "MQTT-4.7.1-1"],
    ["#/", "MQTT-4.7.1-1"],
    ["##", "MQTT-4.7.1-1"],
    ["#a", "MQTT-4.7.1-1"],
    ["/#/", "MQTT-4.7.1-1"],
    ["+#", "MQTT-4.7.1-1"],
    ["sport+", "MQTT-4.7.1-2"],
    ["+sport", "MQTT-4.7.1-2"],
    ["a/++/b", "MQTT-4.7.1-2"],
    ["a/b+", "MQTT-4.7.1-2"],
    ["$share/", "MQTT-4.8.2-1"],
    ["$share//a", "MQTT-4.8.2-1"],
    ["$share///", "MQTT-4.8.2-1"],
    ["$share/g", "MQTT-4.8.2-2"],
    ["$share/g/", "MQTT-4.8.2-2"],
    ["$share/+/a", "MQTT-4.8.2-2"],
    ["$share/#/a", "MQTT-4.8.2-2"],
    ["$share/#", "MQTT-4.8.2-2"],
    ["$share/g+/a", "MQTT-4.8.2-2"],
    ["$share/g#h/a", "MQTT-4.8.2-2"],
    ["$share/g/a#", "MQTT-4.7.1-1"],
    ["$share/g/#/a", "MQTT-4.7.1-1"],
    ["$share/g/a+", "MQTT-4.7.1-2"],
  ] as const
) {
  Deno.test(`validateTopicFilter() refuses ${filter} [${statement}]`, () => {
    assertThrows(() => validateTopicFilter(filter), TypeError, JSON.stringify(filter));
  });
}

/** A filter, the names that it matches, the names that it does not match, and what that proves. */
const MATCHES: readonly (readonly [
  filter: string,
  matches: readonly string[],
  misses: readonly string[],
  statements?: readonly string[],
])[] = [
  [
    "sport/tennis/player1/#",
    [
      "sport/tennis/player1",
      "sport/tennis/player1/ranking",
      "sport/tennis/player1/score/wimbledon",
      "sport/tennis/player1/",
    ],
    ["sport/tennis/player2", "sport/tennis", "sport/tennis/player11", "/sport/tennis/player1"],
  ],
  ["sport/#", ["sport", "sport/", "sport/tennis/player1"], ["sports", "Sport", "/sport"]],
  ["#", ["a", "/", "//", "a/b/c"], ["$SYS", "$SYS/uptime", "$"], ["MQTT-4.7.2-1"]],
  [
    "sport/tennis/+",
    ["sport/tennis/player1", "sport/tennis/player2", "sport/tennis/"],
    ["sport/tennis/player1/ranking", "sport/tennis"],
  ],
  ["sport/+", ["sport/", "sport/a"], ["sport", "sport/a/b", "sport/a/"]],
  ["+/+", ["/finance", "a/b", "/"], ["finance", "a/b/c", "$SYS/a"], ["MQTT-4.7.2-1"]],
  ["/+", ["/finance", "/"], ["finance", "//", "/a/b"]],
  ["+", ["finance", "x"], ["/finance", "a/", "$SYS", "$"], ["MQTT-4.7.2-1"]],
  ["+/monitor/Clients", ["a/monitor/Clients"], ["$SYS/monitor/Clients"], ["MQTT-4.7.2-1"]],
  ["+/#", ["a", "a/b", "/", "/a"], ["$SYS", "$SYS/a"], ["MQTT-4.7.2-1"]],
  ["$SYS/#", ["$SYS", "$SYS/", "$SYS/monitor/Clients"], ["SYS", "a/$SYS"]],
  ["$SYS/monitor/+", ["$SYS/monitor/Clients"], ["$SYS/monitor", "$SYS/monitor/a/b"]],
  ["a/+/$b", ["a/x/$b", "a/$x/$b"], ["a/x/b"]],
  ["a/#", ["a/$b", "a"], ["$a"]],
  ["/#", ["/", "/a", "/$a", "//"], ["a", "a/"]],
  ["//", ["//"], ["/", "///", ""]],
  ["a//b", ["a//b"], ["a/b", "a/ /b", "a///b"]],
  ["a/+/b", ["a//b", "a/c/b"], ["a/b", "a/c/d/b"]],
  ["/a", ["/a"], ["a", "//a", "/a/"]],
  ["a", ["a"], ["/a", "a/", "A", "aa", ""]],
  ["ACCOUNTS", ["ACCOUNTS"], ["Accounts", "accounts"], ["MQTT-4.7.3-4"]],
  ["Accounts payable", ["Accounts payable"], ["Accountspayable", "Accounts  payable"], [
    "MQTT-4.7.3-4",
  ]],
  ["é", ["\u00E9"], ["e\u0301"], ["MQTT-4.7.3-4"]],
  ["e\u0301", ["e\u0301"], ["\u00E9", "e"], ["MQTT-4.7.3-4"]],
  ["\uFB01", ["\uFB01"], ["fi"], ["MQTT-4.7.3-4"]],
  ["\uFEFFa", ["\uFEFFa"], ["a"], ["MQTT-4.7.3-4"]],
  ["a%2Fb", ["a%2Fb"], ["a/b"], ["MQTT-4.7.3-4"]],
  ["😀/+", ["😀/😀"], ["\uD83D/a"]],
  ["$share/g/sport/+", ["sport/a"], ["$share/g/sport/a", "sport", "g/sport/a"]],
  ["$share/g/#", ["a", "a/b"], ["$SYS", "$share/g/a"], ["MQTT-4.7.2-1"]],
  ["$share/g/+/a", ["b/a"], ["$b/a"], ["MQTT-4.7.2-1"]],
  ["$share/g/$SYS/#", ["$SYS", "$SYS/a"], ["a"]],
  ["$share/g//a", ["/a"], ["a"]],
  ["$share", ["$share"], ["share"]],
];

for (const [filter, matches, misses, statements] of MATCHES) {
  Deno.test(`topicMatches() knows the topics of ${shown(filter)}${cited(statements)}`, () => {
    for (const name of matches) assertStrictEquals(topicMatches(filter, name), true, name);
    for (const name of misses) assertStrictEquals(topicMatches(filter, name), false, name);
  });
}

Deno.test("validateTopicFilter() agrees with a regular expression on every short string [MQTT-4.7.1-1] [MQTT-4.7.1-2]", () => {
  const valid = /^(?!$)(?:(?:\+|[^+#/]*)\/)*(?:\+|#|[^+#/]*)$/;
  const shared = /^\$share\/[^/+#]+\/(?!$)(?:(?:\+|[^+#/]*)\/)*(?:\+|#|[^+#/]*)$/;
  for (const filter of stringsOf("a/+#$", 5)) {
    assertStrictEquals(isAccepted(validateTopicFilter, filter), valid.test(filter), filter);
    const share = `$share/${filter}`;
    assertStrictEquals(isAccepted(validateTopicFilter, share), shared.test(share), share);
  }
});

Deno.test("validateTopicName() agrees with a regular expression on every short string [MQTT-4.7.0-1]", () => {
  for (const name of stringsOf("a/+#$", 5)) {
    assertStrictEquals(isAccepted(validateTopicName, name), /^[^+#]+$/.test(name), name);
  }
});

Deno.test("topicMatches() agrees with a simple reference on every short filter and name [MQTT-4.7.2-1]", () => {
  const filters = stringsOf("a/+#$", 5).filter((filter) => isAccepted(validateTopicFilter, filter));
  const names = stringsOf("ab/$", 4).filter((name) => name !== "");
  assert(filters.length > 500 && names.length > 300);
  for (const filter of filters) {
    for (const name of names) {
      if (topicMatches(filter, name) !== matchesByReference(filter, name)) {
        throw new Error(`Wrong about "${filter}" and "${name}"`);
      }
      // A Shared Subscription matches as the filter in it does.
      if (topicMatches(`$share/g/${filter}`, name) !== matchesByReference(filter, name)) {
        throw new Error(`Wrong about "$share/g/${filter}" and "${name}"`);
      }
    }
  }
});

for (
  const [filter, shareName, topicFilter] of [
    ["$share/consumer1/sport/tennis/+", "consumer1", "sport/tennis/+"],
    ["$share/g/#", "g", "#"],
    ["$share/g//", "g", "/"],
    ["$share/$share/$share/a", "$share", "$share/a"],
    ["$share/ / ", " ", " "],
  ] as const
) {
  Deno.test(`parseSharedSubscription() takes ${filter} apart [MQTT-4.8.2-1] [MQTT-4.8.2-2]`, () => {
    assertEquals(parseSharedSubscription(filter), { shareName, topicFilter });
  });
}

for (
  const filter of [
    "a",
    "#",
    "$share",
    "$SHARE/g/a",
    "$shared/g/a",
    "/$share/g/a",
    " $share/g/a",
    "",
  ]
) {
  Deno.test(`parseSharedSubscription() takes "${filter}" for no Shared Subscription [MQTT-4.8.2-1]`, () => {
    assertStrictEquals(parseSharedSubscription(filter), undefined);
  });
}

/** §4.7 by splitting: level by level, from the first. */
function matchesByReference(filter: string, name: string): boolean {
  if (name.startsWith("$") && /^[+#]/.test(filter)) return false;
  const levels = filter.split("/");
  const names = name.split("/");
  const hash = levels.at(-1) === "#";
  if (hash) levels.pop();
  if (hash ? names.length < levels.length : names.length !== levels.length) return false;
  return levels.every((level, index) => level === "+" || level === names[index]);
}

/** Every string of these characters, up to a length. */
function stringsOf(characters: string, length: number): string[] {
  if (length === 0) return [""];
  const shorter = stringsOf(characters, length - 1);
  const longest = shorter.filter((text) => text.length === length - 1);
  return [...shorter, ...longest.flatMap((text) => [...characters].map((one) => text + one))];
}

function isAccepted(validate: (topic: string) => void, topic: string): boolean {
  try {
    validate(topic);
    return true;
  } catch {
    return false;
  }
}

function shown(topic: string): string {
  return JSON.stringify(topic.length > 40 ? `${topic.slice(0, 9)}…` : topic);
}

Deno.test("validateTopicName() and validateTopicFilter() refuse what is no string", () => {
  for (const validate of [validateTopicName, validateTopicFilter]) {
    assertThrows(() => validate(1 as unknown as string), TypeError, "must be a string, got number");
  }
});

Deno.test("topicFiltersOverlap() says of every two short Topic Filters whether some Topic Name matches both [MQTT-4.7.2-1]", () => {
  const filters = stringsOf("a$/+#", 4)
    .filter((text) => isAccepted(validateTopicFilter, text));
  const names = stringsOf("a$/", 5).slice(1);
  const matches = filters.map((filter) => names.map((name) => topicMatches(filter, name)));
  const wrong: string[] = [];
  for (const [one, first] of filters.entries()) {
    for (const [two, second] of filters.entries()) {
      const isOverlapping = matches[one]!.some((isMatch, name) => isMatch && matches[two]![name]);
      if (topicFiltersOverlap(first, second) !== isOverlapping) wrong.push(`${first} ${second}`);
    }
  }
  assert(filters.length > 150, `${filters.length}`);
  assertEquals(wrong, []);
});

for (
  const [one, two, isOverlapping] of [
    ["secret/#", "$share/g/#", true],
    ["secret/#", "$share/g/+/#", true],
    ["$share/g/secret/+", "$share/h/+/plans", true],
    ["secret/#", "$share/secret/a", false],
    ["$SYS/#", "$share/g/#", false],
    ["a/+/c/#", "a/b/+/d/e", true],
    ["a/+/c/#", "a/b/+", true],
    ["a/+/c/#", "a/b", false],
    ["a/+/c/d", "a/b/c", false],
  ] as const
) {
  Deno.test(`topicFiltersOverlap() says ${isOverlapping} of ${one} and ${two}, whichever comes first`, () => {
    assertStrictEquals(topicFiltersOverlap(one, two), isOverlapping);
    assertStrictEquals(topicFiltersOverlap(two, one), isOverlapping);
  });
}
