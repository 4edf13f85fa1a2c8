// The command `demo`: a whole conversation, in this process and as the README runs it.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { run, runProcess } from "../run.ts";

/** The packets of the conversation that concern one end each, in their order. */
const SENT = "CONNECT SUBSCRIBE PUBLISH PUBLISH PUBACK PUBLISH PUBREL PUBREC PUBCOMP DISCONNECT";
const RECEIVED = "CONNACK SUBACK PUBLISH PUBLISH PUBACK PUBLISH PUBREC PUBCOMP PUBREL";

function namesOf(stdout: string, arrow: string): string[] {
  return Array.from(stdout.matchAll(new RegExp(`^${arrow} ([A-Z]+),`, "gm")), ([, name]) => name!);
}

Deno.test("demo shows every packet of a conversation, and sums it up", async () => {
  const { exitCode, stdout, stderr } = await run(["demo"]);
  assertEquals([exitCode, stderr], [0, ""]);
  // Which of two answers is first is chance, not which there are.
  assertEquals(namesOf(stdout, "→").toSorted(), SENT.split(" ").toSorted());
  assertEquals(namesOf(stdout, "←").toSorted(), RECEIVED.split(" ").toSorted());
  assertStringIncludes(stdout, 'Topic Name "home/kitchen/temperature" §3.3.2.1');
  assertStringIncludes(stdout, 'Payload "21.2" §3.3.3');
  assertMatch(stdout, /→ client to broker: 10 packets, \d+ bytes\n/);
  assertMatch(stdout, /← broker to client: 9 packets, \d+ bytes\n/);
});

Deno.test("demo fits 80 columns, and keeps a value and its section on one line", async () => {
  const { stdout } = await run(["demo"]);
  for (const line of stdout.split("\n")) {
    assert([...line].length <= 80, `${line.length} columns: ${line}`);
    assert(!/^ *§/.test(line), `a section alone: ${line}`);
  }
});

Deno.test("demo needs net for this machine alone", async () => {
  const { exitCode, stdout, stderr } = await runProcess(["--allow-net=127.0.0.1"], ["demo"]);
  assertEquals([exitCode, stderr], [0, ""]);
  assertStringIncludes(stdout, "Three messages went to the broker and back");
});

Deno.test("demo says what it needs when it has no permission", async () => {
  const { exitCode, stdout, stderr } = await runProcess([], ["demo"]);
  assertEquals([exitCode, stdout], [1, ""]);
  assertStringIncludes(stderr, "run it with --allow-net=127.0.0.1");
});

Deno.test("demo takes no operands", async () => {
  assertEquals((await run(["demo", "x"])).exitCode, 2);
});
