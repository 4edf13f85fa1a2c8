// `request` beside mosquitto_rr, and where it differs on purpose.

import { assertEquals } from "@std/assert";
import { type Client, connect } from "../../../mod.ts";
import { publishOnce } from "../../interop/interop.ts";
import { run, runBoth, sideBySideTest, SIDES, told } from "./side_by_side.ts";

/**
 * Answers requests with what they say, but to `q/empty` with nothing. Resolves when it hears them.
 */
async function answering(client: Client): Promise<void> {
  const questions = await client.subscribe("q/+", { qos: 2 });
  void (async () => {
    for await (const { topic, payload, qos, responseTopic, correlationData } of questions) {
      const properties = correlationData === undefined ? {} : { correlationData };
      const answer = topic === "q/empty" ? "" : payload;
      await client.publish(responseTopic!, answer, { qos, contentType: "answer", ...properties });
    }
  })();
}

/** Arguments of `request`, its exit code and its output. */
const ANSWERED: readonly (readonly [args: string[], exitCode: number, stdout: string])[] = [
  [["-t", "q/a", "-m", "one"], 0, "one\n"],
  [["-t", "q/a", "-m", "two", "-v", "-q", "1"], 0, "a/SIDE two\n"],
  [["-t", "q/a", "-n", "-v"], 0, "a/SIDE (null)\n"],
  [["-t", "q/empty", "-m", "three", "-q", "2"], 0, ""],
  [["-t", "q/a", "-m", "four", "-N"], 0, "four"],
  [["-t", "q/a", "-m", "five", "-F", "%t %p %q %C %l", "-q", "1"], 0, "a/SIDE five 1 answer 4\n"],
  [["-t", "q/a", "-m", "six", "-R", "-v"], 0, "a/SIDE six\n"],
  [["-t", "nobody", "-m", "x", "-W", "1"], 27, ""],
];

for (const [args, exitCode, stdout] of ANSWERED) {
  sideBySideTest(`request ${args.join(" ")} prints what mosquitto_rr does`, async (server) => {
    await using client = await connect(server.url);
    await answering(client);
    await Promise.all(SIDES.map(async (side) => {
      const outcome = await run(server, side, "rr", [...args, "-e", `a/${side}`]);
      assertEquals(told(outcome), [exitCode, stdout.replace("SIDE", side)], side);
    }));
  });
}

sideBySideTest(
  "request -e takes an answer without Correlation Data, as mosquitto_rr does",
  async (server) => {
    await using client = await connect(server.url);
    const questions = await client.subscribe("q", { qos: 1 });
    void (async () => {
      for await (const { responseTopic, payload } of questions) {
        await client.publish(responseTopic!, payload);
      }
    })();
    for (const side of SIDES) {
      const args = ["-t", "q", "-e", `a/${side}`, "-m", "x", "-v"];
      const outcome = await run(server, side, "rr", args);
      assertEquals(told(outcome), [0, `a/${side} x\n`], side);
    }
  },
);

sideBySideTest(
  "request wants the answer to its own question, where mosquitto_rr takes the first that comes",
  async (server) => {
    await publishOnce(server, "a", "retained long ago", { retain: true });
    await using client = await connect(server.url);
    const questions = await client.subscribe("q");
    void (async () => {
      for await (const { responseTopic, correlationData, payload } of questions) {
        const another = new TextEncoder().encode("another");
        await client.publish(responseTopic!, "to another", { correlationData: another });
        if (correlationData === undefined) continue;
        await client.publish(responseTopic!, payload, { correlationData });
      }
    })();
    const outcomes = await runBoth(server, "rr", ["-t", "q", "-e", "a", "-m", "x"]);
    assertEquals(outcomes.map(told), [[0, "retained long ago\n"], [0, "x\n"]]);
  },
);

sideBySideTest("request makes a Response Topic of its own", async (server) => {
  await using client = await connect(server.url);
  const questions = await client.subscribe("q");
  void (async () => {
    // Nobody else knows the topic: the answer need not say what it answers.
    for await (const { responseTopic } of questions) await client.publish(responseTopic!, "y");
  })();
  const [theirs, ours] = await runBoth(server, "rr", ["-t", "q", "-m", "x"]);
  assertEquals(theirs.exitCode, 1);
  assertEquals(told(ours), [0, "y\n"]);
});

sideBySideTest(
  "request -f and -s ask what they say, where mosquitto_rr asks nothing",
  async (server) => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "x");
    const permissions = [`--allow-read=${file}`];
    await using client = await connect(server.url);
    await answering(client);
    for (const side of SIDES) {
      for (const payload of [["-f", file], ["-s"]]) {
        const args = ["-t", "q/a", "-e", "a", "-v", ...payload];
        const outcome = await run(server, side, "rr", args, { input: "x", permissions });
        assertEquals(told(outcome), [0, side === "theirs" ? "a (null)\n" : "a x\n"], side);
      }
    }
    await Deno.remove(file);
  },
);
