// The command `demo`: a whole conversation, in this process and as the README runs it.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CHAPTERS } from "../../../src/cli/lessons/registry.ts";
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

Deno.test("demo --help lists the chapters, and --help=all says what they are about", async () => {
  const { stdout: short } = await run(["demo", "--help"]);
  const { stdout: long } = await run(["demo", "--help=all"]);
  for (const [name, { title }] of CHAPTERS) {
    assertMatch(short, new RegExp(`\\b${name}[,\n]`));
    assertMatch(long, new RegExp(`^  ${name} +${title}$`, "m"));
  }
});

Deno.test("demo with a chapter explains its packets step by step", async () => {
  const { exitCode, stdout, stderr } = await run(["demo", "qos2"]);
  assertEquals([exitCode, stderr], [0, ""]);
  const names = Array.from(
    stdout.matchAll(/^(\w+) ([→←]) (PUB[A-Z]+|\w+), /gm),
    ([, client, arrow, name]) => `${client} ${arrow} ${name}`,
  );
  for (const end of ["till →", "till ←"]) {
    assertEquals(
      names.filter((name) => name.startsWith(`${end} PUB`)).map((name) => name.split(" ")[2]),
      end === "till →"
        ? ["PUBLISH", "PUBREL", "PUBLISH", "PUBLISH", "PUBREL"]
        : ["PUBREC", "PUBCOMP", "PUBREC", "PUBREC", "PUBCOMP"],
    );
  }
  assertMatch(stdout, /^8\. Both clients leave\.$/m);
  assertStringIncludes(stdout, "PUBREL from the till, byte by byte\n  62  ");
  assertStringIncludes(stdout, "The next chapter: mqtt5 demo retained\n");
});

Deno.test("every chapter fits 80 columns, without marks of its own", async () => {
  for (const name of CHAPTERS.keys()) {
    const { exitCode, stdout } = await run(["demo", name]);
    assertEquals(exitCode, 0);
    for (const line of stdout.split("\n")) {
      assert([...line].length <= 80, `${name}: ${line.length} columns: ${line}`);
      assert(!/[`\u00a0]/.test(line), `${name}: ${line}`);
    }
  }
});

Deno.test("the chapter authentication shows its own passwords", async () => {
  const { stdout } = await run(["demo", "authentication"]);
  assertStringIncludes(stdout, 'Password "wonderland" §3.1.3.6');
});

Deno.test("demo takes one chapter that there is", async () => {
  const { exitCode, stderr } = await run(["demo", "qos"]);
  assertEquals([exitCode, stderr], [2, 'mqtt5: Unknown chapter "qos"; did you mean qos0?\n']);
  assertStringIncludes((await run(["demo", "x"])).stderr, "see demo --help");
  assertStringIncludes((await run(["demo", "qos0", "qos1"])).stderr, "takes one chapter");
  assertEquals((await run(["demo", "qos", "--print-permissions"])).exitCode, 2);
});

Deno.test("Ctrl-C ends a chapter", async () => {
  const { exitCode } = await run(["demo", "will"], { signal: AbortSignal.timeout(1) });
  assertEquals(exitCode, 130);
});
