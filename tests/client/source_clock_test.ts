// Servers that bring the clock of their world.

import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { connect } from "../../mod.ts";
import { World } from "../../src/testing/mod.ts";

const MIXED = "The servers of a client must all be in one world: it has the clock of the first one";

Deno.test("a client has the clock that its servers bring", async () => {
  await using world = new World();
  const connecting = connect(world.server(), { waitForServer: true });
  await world.advance(60_000);
  await world.startBroker();
  await using client = await world.until(connecting);
  assertEquals(client.state, "connected");
});

Deno.test("servers of two worlds are no servers of one client", async () => {
  await using world = new World();
  await using other = new World();
  const servers = [
    [world.server(), other.server()],
    [world.server(), world.process("another").server()],
    [world.server(), "mqtt://localhost"],
    ["mqtt://localhost", world.server()],
    [world.server(), { connect: () => Promise.reject(new Error("Not reached")) }],
  ];
  for (const mixed of servers) {
    await assertRejects(() => connect(mixed), TypeError, MIXED);
  }
});

Deno.test("a function that is asked for servers cannot bring a clock", async () => {
  await using world = new World();
  await world.startBroker();
  await assertRejects(() => connect(() => world.server()), Error, MIXED);
});

Deno.test("names that a client makes for responses are drawn from the chance of its world", async () => {
  const asked = async (seed: number) => {
    await using world = new World({ seed });
    await world.startBroker();
    await using client = await connect(world.server());
    const requests = await client.subscribe("ask");
    void client.request("ask", "", { timeout: 1000 }).catch(() => {});
    const { value } = await requests[Symbol.asyncIterator]().next();
    return [value?.responseTopic, value?.correlationData?.toHex()];
  };
  assertEquals(await asked(1), await asked(1));
  assertNotEquals(await asked(1), await asked(2));
});
