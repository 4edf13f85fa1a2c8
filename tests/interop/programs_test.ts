// The programs of the README, as they are printed but for the ports, with nothing but net for these.

import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { type Client, connect, json } from "../../mod.ts";
import { type Broker, scramAuthentication, scramKeys, serve } from "../../src/broker/mod.ts";
import { freePort } from "../io/mosquitto.ts";
import { QUICKLY, take, until, withinPatience } from "./interop.ts";
import { runScript, type Script } from "./running_script.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

/** The programs, in their order. */
const PROGRAMS = Array.from(
  README.slice(README.indexOf("\n### Programs\n"), README.indexOf("\n## Command line\n"))
    .matchAll(/^```ts\n(.*?)^```$/gms),
  ([, code]) => code!,
);

/** A program as it runs, with its broker, and a client that is there to look. */
interface Stage {
  readonly script: Script;
  readonly broker: Broker;
  readonly client: Client;
}

/** A test of the program that contains this text. */
function programTest(
  name: string,
  contains: string,
  test: (stage: Stage) => Promise<void>,
): void {
  Deno.test(`The README's ${name} runs as it is printed, with net alone`, () =>
    withinPatience((async () => {
      await using broker = await serve({ port: 0 });
      await using client = await connect(broker, { reconnect: QUICKLY });
      const { port } = new URL(broker.url);
      const program = programOf(contains).replaceAll(":1883", `:${port}`);
      await using script = await runScript(program, [`--allow-net=localhost:${port}`]);
      await test({ script, broker, client });
    })()));
}

function programOf(contains: string): string {
  const [program, ...others] = PROGRAMS.filter((code) => code.includes(contains));
  if (program === undefined || others.length > 0) throw new Error(`No one program: ${contains}`);
  return program;
}

Deno.test("The README has six programs", () => {
  assertStrictEquals(PROGRAMS.length, 6);
});

Deno.test("The README's sensor outlives its broker", () =>
  withinPatience((async () => {
    const port = freePort();
    const program = programOf("sensor-7").replaceAll(":1883", `:${port}`);
    // It begins before there is a broker.
    await using _ = await runScript(program, [`--allow-net=localhost:${port}`]);
    const counts: number[] = [];
    for (let life = 0; life < 2; life++) {
      await using broker = await serve({ hostname: "127.0.0.1", port });
      await using client = await connect(broker);
      const messages = await client.subscribe("site/7/count", { qos: 1 });
      for (const message of await take(messages, 3)) counts.push(Number(message.text()));
    }
    assertEquals(counts, [...new Set(counts)].toSorted((a, b) => a - b));
  })()));

programTest("worker", "workers/jobs", async ({ script, client }) => {
  // It is there once somebody has subscribed.
  while ((await client.publish("jobs", json({ id: 1 }), { qos: 1 })).reasonCode === 0x10);
  assertStrictEquals(await script.line(), "done: 1");
  await client.publish("jobs", "not JSON", { qos: 1 });
  await client.publish("jobs", json({ id: 2 }), { qos: 1 });
  assertStrictEquals(await script.line(), "done: 2");
});

Deno.test("The README's bridge to HTTP runs as it is printed, with net alone", () =>
  withinPatience((async () => {
    await using broker = await serve({ port: 0 });
    await using client = await connect(broker);
    const { port } = new URL(broker.url);
    const web = freePort();
    const program = programOf("Deno.serve")
      .replaceAll(":1883", `:${port}`).replaceAll("8080", `${web}`);
    const permissions = [`--allow-net=localhost:${port},localhost:${web}`];
    await using _script = await runScript(program, permissions);
    const url = `http://localhost:${web}/clock/now`;
    const nobody = await answerOf(url);
    assertEquals([nobody.status, await nobody.text()], [
      404,
      'NoSubscriberError: Nobody has subscribed to "clock/now", so nobody can respond',
    ]);
    await using _ = await client.respond("clock/now", () => "noon");
    assertStrictEquals(await (await fetch(url)).text(), "noon");
    const posts = await client.subscribe("home/lamp", { qos: 1 });
    const lamp = `http://localhost:${web}/home/lamp`;
    assertStrictEquals((await fetch(lamp, { method: "POST", body: "on" })).status, 204);
    assertEquals((await take(posts, 1)).map((message) => message.text()), ["on"]);
  })()));

Deno.test("The README's test of an application passes as it is printed, without any permission", () =>
  withinPatience((async () => {
    await using script = await runScript(programOf("Deno.test"), [], "test");
    assertEquals(await script.end(), { code: 0, errors: "" });
  })()));

programTest("dashboard", "site/+/alarm", async ({ script, client }) => {
  // It is there once the last of its subscriptions is.
  let line: string | undefined;
  const first = script.line().then((text) => line = text);
  await until(() => {
    if (line === undefined) void client.publish("site/1/alarm", "ready", { qos: 1 });
    return line !== undefined;
  });
  await first;
  await client.publish("site/1/temperature", "21.5");
  await client.publish("site/2/temperature", "3");
  await client.publish("site/1/temperature", "22");
  // Each loop goes its own way: with the second alarm all that came before the first is there.
  await client.publish("site/1/alarm", "smoke", { qos: 1 });
  while (line?.startsWith("ready")) line = await script.line();
  assertMatch(line ?? "", /^smoke/);
  await client.publish("site/1/alarm", "fire", { qos: 1 });
  assertMatch(await script.line() ?? "", /^fire \d+ \{ "1": "22", "2": "3" \}$/);
});

Deno.test("The README's service and caller run as they are printed, with net alone, at a broker that knows no password", () =>
  withinPatience((async () => {
    const keys = await scramKeys("SCRAM-SHA-256", "wonderland", { iterations: 4096 });
    const lookup = (username: string) => username === "alice" ? keys : undefined;
    await using broker = await serve({ port: 0, ...scramAuthentication(lookup) });
    const { port } = new URL(broker.url);
    const program = programOf("scramSha256").replaceAll(":1883", `:${port}`);
    await using script = await runScript(program, [`--allow-net=localhost:${port}`]);
    assertStrictEquals(await script.line(), "6");
    assertEquals(await script.end(), { code: 0, errors: "" });
  })()));

/** What a server of HTTP answers, as soon as it is there. */
async function answerOf(url: string): Promise<Response> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
