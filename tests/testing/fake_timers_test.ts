// Timers of the application in a world: they keep their moments among all that happens there, and
// end with their process.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { World } from "../../src/testing/mod.ts";

Deno.test("timers of the program and those of its client happen in the order of their times", async () => {
  await using world = new World({ network: { latency: 10 } });
  using _ = world.fakeTimers();
  await world.startBroker();
  const client = await connect(world.server(), { keepAlive: 1 });
  const told: (string | number)[] = [];
  client.addEventListener("disconnected", () => told.push("disconnected", world.now));
  const connected = world.now;
  setTimeout(() => world.stall(client), 100);
  setTimeout(() => told.push("just before", world.now), 1999 + 2000);
  await world.advance(60_000);
  assertStrictEquals(Date.now(), world.date);
  const [first, at, second] = told;
  assertEquals([first, second], ["disconnected", "just before"]);
  assertEquals(Number(at) < connected + 3999, true);
});

Deno.test("timers end with the process that set them, and those of the next one go on", async () => {
  await using world = new World();
  using _ = world.fakeTimers("worker");
  const rung: string[] = [];
  world.process("worker");
  setInterval(() => rung.push("first"), 1000);
  await world.advance(2500);
  world.process("worker").kill();
  setInterval(() => rung.push("second"), 1000);
  await world.advance(2500);
  assertEquals(rung, ["first", "first", "second", "second"]);
});

Deno.test("an error that a timer throws is thrown by the end of the world", async () => {
  const world = new World();
  using _ = world.fakeTimers();
  setTimeout(() => {
    throw new Error("a bug of the application");
  }, 10);
  await world.advance(20);
  const error = await world[Symbol.asyncDispose]().catch((error) => error);
  assertStrictEquals(error.message, "a bug of the application");
});
