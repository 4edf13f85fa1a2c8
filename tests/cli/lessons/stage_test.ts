// The stage of a chapter: it holds a step to what it says, and leaves nothing behind.

import { assertEquals, assertRejects } from "@std/assert";
import { LessonClient } from "../../../src/cli/lessons/client.ts";
import type { Step } from "../../../src/cli/lessons/chapter.ts";
import { LessonStage, type StageOptions } from "../../../src/cli/lessons/stage.ts";

const { signal } = new AbortController();

/** A stage with one step. */
function stageFor(run: Step["run"], options: Partial<StageOptions> = {}): Promise<LessonStage> {
  const step: Step = { title: "It happens.", text: "This is what happens.", run };
  return LessonStage.open({ about: "A test.", steps: [step] }, { signal, ...options });
}

Deno.test("a step is over when the broker has got what its clients have sent", async () => {
  await using stage = await stageFor(async (stage) => {
    const lamp = stage.client("lamp");
    await lamp.connect();
    await lamp.publish("home/lamp", "on");
    await lamp.disconnect();
  });
  await stage.next();
  assertEquals(stage.done, 1);
  assertEquals(stage.observer.connections, []);
  assertEquals(stage.observer.counts.packets, 4);
});

Deno.test("a step fails when another packet comes than it says", async () => {
  await using stage = await stageFor(async (stage) => {
    await stage.client("lamp").open();
    await stage.client("lamp").receive("suback");
  });
  await assertRejects(() => stage.next(), Error, "lamp expected SUBACK, but got CONNACK");
  assertEquals(stage.done, 0);
});

Deno.test("a step fails when the broker closes the connection in place of an answer", async () => {
  await using stage = await stageFor(async (stage) => {
    const lamp = stage.client("lamp");
    await lamp.connect();
    await lamp.send({ type: "connect", clientId: "again" });
    await lamp.receive("disconnect");
    await lamp.receive("connack");
  });
  await assertRejects(() => stage.next(), Error, "lamp expected CONNACK, but the connection");
});

Deno.test("a step fails when what it waits for does not come in time", async () => {
  await using stage = await stageFor(async (stage) => {
    await stage.client("lamp").connect();
    await stage.client("lamp").receive("publish");
  }, { patience: 20 });
  await assertRejects(() => stage.next(), Error, "Step 1 was not over in 0.02 s");
});

Deno.test("a step fails when a packet comes that it does not take", async () => {
  await using stage = await stageFor(async (stage) => {
    await stage.client("lamp").open();
  }, { patience: 200 });
  await assertRejects(() => stage.next(), Error, "Step 1 was not over");
});

Deno.test("who leaves the stage ends the step that is going on", async () => {
  const stage = await stageFor(async (stage) => {
    await stage.client("lamp").connect();
    await stage.client("lamp").receive("publish");
  });
  const cursor = stage.observer.follow();
  const failed = assertRejects(() => stage.next(), Error, "The lesson is over");
  for (let entries = 0; entries < 3;) {
    await cursor.more();
    entries += cursor.take(Infinity).entries.length;
  }
  await stage[Symbol.asyncDispose]();
  await failed;
  assertEquals(stage.observer.connections, []);
});

Deno.test("the signal ends the step that is going on, with its reason", async () => {
  const controller = new AbortController();
  await using stage = await stageFor(async (stage) => {
    await stage.client("lamp").connect();
    controller.abort(new Error("enough"));
    await stage.client("lamp").receive("publish");
  }, { signal: controller.signal });
  await assertRejects(() => stage.next(), Error, "enough");
});

Deno.test("a step that waits for nothing of the broker's is ended, too", async () => {
  const controller = new AbortController();
  await using stage = await stageFor(() => new Promise(() => {}), { signal: controller.signal });
  const failed = assertRejects(() => stage.next(), Error, "enough");
  controller.abort(new Error("enough"));
  await failed;
});

Deno.test("other clients may join: the step does not wait for them", async () => {
  await using stage = await stageFor(async (stage) => {
    await stage.client("lamp").connect();
  });
  const { port } = stage.broker;
  const other = new LessonClient("other", { hostname: "127.0.0.1", port, signal });
  await other.open();
  await stage.next();
  other.breakOff();
  assertEquals(stage.done, 1);
});
