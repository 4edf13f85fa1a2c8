// The recipe of the README for recording and replaying messages, run by a shell as it is printed.

import { assertEquals, assertExists } from "@std/assert";
import { connect } from "../../../mod.ts";
import { serve } from "../../../src/broker/mod.ts";
import { temporaryFolder, withinPatience } from "../../broker_net/broker_net.ts";

const README = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
const CLI = new URL("../../../cli.ts", import.meta.url).pathname;

/** Starts a line of the README in a folder; `more` are arguments for `mqtt5`. */
function start(pattern: RegExp, folder: string, port: number, more = ""): Deno.ChildProcess {
  const line = pattern.exec(README)?.[0];
  assertExists(line, `The README has no line ${pattern}`);
  const mqtt5 = `mqtt5() { "$0" run -q --no-prompt -N ${CLI} "$@" -p ${port} ${more}; }`;
  return new Deno.Command("sh", {
    args: ["-c", `${mqtt5}\n${line}`, Deno.execPath()],
    cwd: folder,
    stderr: "piped",
  }).spawn();
}

async function end(child: Deno.ChildProcess): Promise<void> {
  const stderr = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, stderr], [0, ""]);
}

const SENT = [
  { topic: "home/before", payload: "retained before", qos: 1, retain: true },
  { topic: "home/a", payload: "zero", qos: 0, retain: false },
  { topic: "home/b", payload: "one", qos: 1, retain: false },
  { topic: "home/c", payload: "two", qos: 2, retain: false },
  { topic: "home/d", payload: "kept", qos: 2, retain: true },
] as const;

Deno.test("a recording made and replayed as the README says keeps QoS and RETAIN", async () => {
  await using folder = await temporaryFolder();
  await using recorded = await serve({ port: 0 });
  await using source = await connect(recorded.url);
  const send = ({ topic, payload, qos, retain }: typeof SENT[number]) =>
    source.publish(topic, payload, { qos, retain });
  const [before, ...others] = SENT;
  await send(before);
  const count = `-C ${SENT.length}`;
  const sub = start(/^mqtt5 sub .*> recording/m, folder.path, recorded.port, count);
  await withinPatience((async () => {
    while (recorded.statistics.subscriptions === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })());
  for (const message of others) await send(message);
  await end(sub);

  await using replayed = await serve({ port: 0 });
  await using target = await connect(replayed.url);
  const got = await target.subscribe("#", { qos: 2, retainAsPublished: true });
  await end(start(/^mqtt5 pub .*< recording/m, folder.path, replayed.port));
  const messages = [];
  for await (const { topic, payload, qos, retain } of got) {
    messages.push({ topic, payload: new TextDecoder().decode(payload), qos, retain });
    if (messages.length === SENT.length) break;
  }
  messages.sort((a, b) => a.topic < b.topic ? -1 : 1);
  assertEquals(messages, SENT.toSorted((a, b) => a.topic < b.topic ? -1 : 1));
  assertEquals(replayed.statistics.retained, 2);
});
