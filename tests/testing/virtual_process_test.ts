// How a virtual process lives, sleeps and dies.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytes, Links, outcome } from "./links.ts";

Deno.test("timers ring in their order, none too early, whatever their fractions", async () => {
  const { client, schedule } = new Links();
  const { clock } = client;
  const rung: number[] = [];
  const start = clock.now();
  for (const delay of [0.3, 1 / 3, 0.1 + 0.2, 7, 0.1, 1e-9]) {
    const time = start + delay;
    clock.at(time, () => {
      assert(clock.now() >= time);
      rung.push(delay);
    });
  }
  clock.at(start + 5, () => rung.push(5))();
  await schedule.run(100);
  assertEquals(rung, [1e-9, 0.1, 0.3, 0.1 + 0.2, 1 / 3, 7].toSorted((a, b) => a - b));
});

Deno.test("the clock on the wall jumps both ways, and the other one does not", () => {
  const { client: { clock }, client } = new Links();
  const [now, lead] = [clock.now(), clock.lead()];
  client.jumpWallClock(5000);
  assertEquals([clock.now(), clock.lead()], [now, lead + 5000]);
  client.jumpWallClock(-9000);
  assertEquals([clock.now(), clock.lead()], [now, lead - 4000]);
});

Deno.test("while a machine sleeps its clock stands still, and all that comes is late", async () => {
  const links = new Links();
  const { client: { clock } } = links;
  const { client, server } = await links.open();
  const [now, wall] = [clock.now(), links.client.wallTime];
  const rung: number[] = [];
  clock.at(now + 100, () => rung.push(clock.now() - now));
  const turn = outcome(clock.endOfTurn());
  const reading = outcome(client.read());
  links.client.suspend();
  await server.write(bytes(1));
  await links.pass(60_000);
  assertEquals([clock.now(), links.client.wallTime], [now, wall + 60_000]);
  assertEquals([reading.value, turn.value, rung], ["pending", "pending", []]);
  links.client.resume();
  await links.pass();
  assertEquals([reading.value, turn.value, rung], [bytes(1), undefined, []]);
  await links.pass(100);
  assertEquals(rung, [100]);
});

Deno.test("what has come while a machine slept is there in its order", async () => {
  const links = new Links({ pieces: 1 });
  const { client, server } = await links.open();
  links.client.suspend();
  await server.write(bytes(1, 2, 3));
  await links.pass(1000);
  links.client.resume();
  await links.pass();
  assertEquals(await client.read(), bytes(1, 2, 3));
});

Deno.test("what comes in the moment in which a machine wakes up comes after what came before", async () => {
  const { client, schedule } = new Links();
  const came: number[] = [];
  client.suspend();
  schedule.at(schedule.now + 20, () => client.resume(), true);
  for (const delay of [10, 15, 20, 25]) {
    client.receiveAt(schedule.now + delay, () => came.push(delay));
  }
  await schedule.run(schedule.now + 30);
  assertEquals(came, [10, 15, 20, 25]);
});

Deno.test("a process that dies while it connects never gets the connection", async () => {
  const links = new Links({ latency: 10 });
  const dialled = outcome(links.dial());
  await links.pass(15);
  assertEquals(links.accepted.length, 1);
  links.client.kill();
  await links.pass(1000);
  assertEquals(dialled.value, "pending");
});

Deno.test("a server that sleeps answers dials when it has woken up", async () => {
  const links = new Links();
  links.server.suspend();
  const dialled = outcome(links.dial());
  await links.pass(60_000);
  assertEquals(dialled.value, "pending");
  links.server.resume();
  await links.pass();
  assertEquals(typeof dialled.value, "object");
});

Deno.test("a process that was killed hears nothing, and what it waits for never comes", async () => {
  const links = new Links({ buffer: 1 });
  const { client, server } = await links.open();
  const { clock } = links.client;
  const waits = [client.read(), client.write(bytes(1, 2)), links.dial(), clock.endOfTurn()]
    .map(outcome);
  let isRung = false;
  clock.at(clock.now() + 10, () => isRung = true);
  links.client.kill();
  waits.push(outcome(client.read()), outcome(client.write(bytes(1))), outcome(clock.endOfTurn()));
  client.close();
  void server.write(bytes(1)).catch(() => {});
  await links.pass(1000);
  assertEquals([waits.map(({ value }) => value), isRung], [Array(7).fill("pending"), false]);
});

Deno.test("the system closes the connections of a process that dies, after what it had written", async () => {
  const links = new Links();
  const { client, server } = await links.open();
  await client.write(bytes(1));
  links.client.kill();
  await links.pass();
  assertEquals([await server.read(), await server.read()], [bytes(1), undefined]);
});

Deno.test("a death may break connections, or be silent", async () => {
  for (
    const [death, seen] of [["reset", "Error: Connection reset by peer"], [
      "silent",
      "pending",
    ]] as const
  ) {
    const links = new Links();
    const { server } = await links.open();
    const reading = outcome(server.read());
    links.client.kill(death);
    await links.pass(1_000_000);
    assertEquals(reading.value, seen);
  }
});

Deno.test("a process that dies in its sleep closes its connections", async () => {
  const links = new Links();
  const { server } = await links.open();
  links.client.suspend();
  await server.write(bytes(1));
  await links.pass(10);
  links.client.kill();
  await links.pass();
  assertEquals(await server.read(), undefined);
  await assertRejects(() => server.write(bytes(2)), Error, "Connection reset by peer");
});
