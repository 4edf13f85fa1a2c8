// The ledger must tell a statement that is proven from one that is merely named.

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { evidenceOf, ledgerOf, testsOf, unknownIds } from "./ledger.ts";

const REPORT = `TAP version 14
# ./tests/a_test.ts
ok 1 - keeps U+FEFF [MQTT-1.5.4-3]
ok 2 - has no Mosquitto [MQTT-4.1.0-1] # SKIP
not ok 3 - refuses surrogates [MQTT-1.5.4-1]
  ---
  {"message":"ok 9 - no test [MQTT-9.9.9-9]"}
  ...
# Subtest: steps
    ok 1 - refuses U+0000 [MQTT-1.5.4-2] [MQTT-4.7.3-2]
    1..1
ok 4 - steps
ok 5 - accepts text [MQTT-1.5.4-1]
`;

Deno.test("the ledger takes the tests that ran, steps included, and no skipped ones", () => {
  assertEquals(testsOf(REPORT).map(({ name }) => name), [
    "keeps U+FEFF [MQTT-1.5.4-3]",
    "refuses surrogates [MQTT-1.5.4-1]",
    "refuses U+0000 [MQTT-1.5.4-2] [MQTT-4.7.3-2]",
    "steps",
    "accepts text [MQTT-1.5.4-1]",
  ]);
});

Deno.test("the ledger calls a statement proven when a test of it passed and none failed", () => {
  const [proven, unproven] = ledgerOf(evidenceOf(testsOf(REPORT))).split("## Not proven");
  assertMatch(proven!, /\*\*MQTT-1\.5\.4-3\*\*/);
  assertMatch(proven!, /\*\*MQTT-4\.7\.3-2\*\*/);
  assertMatch(unproven!, /\*\*MQTT-1\.5\.4-1\*\*/);
  assertMatch(unproven!, /\*\*MQTT-4\.1\.0-1\*\*/);
});

Deno.test("the ledger counts per role and per area", () => {
  const ledger = ledgerOf(evidenceOf(testsOf(REPORT)));
  assertMatch(ledger, /\| all +\| 2 of 68 +\| 1 of 12 .*\| 3 of 251 +\|/);
  assertMatch(ledger, /\| client .* of 133 +\|/);
  assertMatch(ledger, /\| broker .* of 202 +\|/);
});

Deno.test("the ledger tells how often a statement was observed in simulation, and counts those that were", () => {
  const observed = { "MQTT-1.5.4-3": 1234, "MQTT-4.7.3-1": 1 };
  const ledger = ledgerOf(evidenceOf(testsOf(REPORT)), observed);
  const [proven, rest] = ledger.split("# Observed in simulation");
  assertMatch(proven!, /\| all .*\| 3 of 251 +\|/);
  assertMatch(rest!, /\| all .*\| 2 of 251 +\|/);
  assertMatch(rest!, /\*\*MQTT-1\.5\.4-3\*\* .*; observed in simulation 1,234 times/);
  assertNotMatch(rest!, /\*\*MQTT-1\.5\.4-2\*\* .*observed/);
});

Deno.test("the ledger finds names of statements that the standard does not have", () => {
  assertEquals(unknownIds(evidenceOf([{ name: "a [MQTT-2.2.1-1]", passed: true }])), [
    "MQTT-2.2.1-1",
  ]);
});

Deno.test("the ledger has a table of its own for what MQTT 3.1.1 demands of a server", () => {
  const evidence = evidenceOf([
    { name: "a [MQTT311-3.1.2-1] [MQTT-3.1.2-1]", passed: true },
    { name: "b [MQTT311-3.1.2-9]", passed: true },
    { name: "c [MQTT311-3.1.2-2]", passed: false },
    { name: "d [MQTT311-9.9.9-9]", passed: true },
  ]);
  const [, older] = ledgerOf(evidence).split("# Normative statements of MQTT 3.1.1");
  assertMatch(older!, /\n1 of 108 are proven by the tests\.\n/);
  const [proven, unproven] = older!.split("## Not proven");
  assertMatch(proven!, /\*\*MQTT311-3\.1\.2-1\*\*/);
  assertMatch(unproven!, /\*\*MQTT311-3\.1\.2-2\*\*/);
  assertEquals(unknownIds(evidence), ["MQTT311-9.9.9-9"]);
});
