// The world as a test of an application uses it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Client, connect } from "../../mod.ts";
import { World } from "../../src/testing/mod.ts";

async function worldWithClient(world: World): Promise<Client> {
  await world.startBroker();
  return await connect(world.server(), { clientId: "sensor-7", sessionExpiryInterval: 3600 });
}

Deno.test("in a world a client publishes and receives as usual, and no time passes", async () => {
  await using world = new World();
  await using client = await worldWithClient(world);
  await using readings = await client.subscribe("home/+/temperature", { qos: 2 });
  await client.publish("home/kitchen/temperature", "21.5", { qos: 2 });
  for await (const message of readings) {
    assertEquals(message.text(), "21.5");
    break;
  }
  assertEquals(world.now, 0);
});

Deno.test("bytes on their way arrive by themselves, and take the time of the network", async () => {
  await using world = new World({ network: { latency: 20, pieces: 3 } });
  await using client = await worldWithClient(world);
  // The dial, and CONNECT with CONNACK.
  assertEquals(world.now, 80);
  await client.publish("a", "b", { qos: 1 });
  assertEquals(world.now, 120);
});

Deno.test("a connection that is cut is made again as time passes", async () => {
  await using world = new World();
  await using client = await worldWithClient(world);
  world.cut(client);
  await world.advance(0);
  assertEquals(client.state, "reconnecting");
  await world.advance(60_000);
  assertEquals([client.state, world.now], ["connected", 60_000]);
});

Deno.test("a crashed broker has lost what was in memory, and has what it committed to its file", async () => {
  for (const path of [undefined, "broker.db"]) {
    await using world = new World();
    await world.startBroker("broker", { path });
    await using client = await connect(world.server(), {
      clientId: "sensor-7",
      sessionExpiryInterval: 3600,
    });
    world.crashBroker();
    await world.advance(300_000);
    assertEquals(client.state, "reconnecting");
    await world.restartBroker();
    await world.until(client.once("connected"));
    assertEquals(client.server.sessionPresent, path !== undefined);
  }
});

Deno.test("until() says when the promise cannot settle", async () => {
  await using world = new World();
  const error = await assertRejects(() => world.until(new Promise(() => {})), Error);
  assertEquals(error.message, "The promise cannot settle: nothing is left to happen in the world");
  await world.startBroker();
  world.answerDials("black hole");
  const connecting = connect(world.server(), { connectTimeout: 90_000 });
  await assertRejects(
    () => world.until(connecting, { within: 1000 }),
    Error,
    "The promise did not settle within 1000 ms of the world's time",
  );
  assert(world.now <= 1000);
  await assertRejects(() => world.until(connecting), Error, "within 90000 ms");
});
