// What a connection still writes when it has ended: it promises no less than before.

import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { World } from "../../src/testing/mod.ts";

Deno.test("a message whose PUBREL is among the last bytes at shutdown is not sent again after a restart [MQTT-4.3.3-6]", async () => {
  await using world = new World();
  const broker = await world.startBroker("broker", { path: "broker.db" });
  const options = { clientId: "reader", sessionExpiryInterval: 3600 } as const;
  await using reader = await connect(world.server(), options);
  const got: string[] = [];
  const read = async () => {
    for await (const message of await reader.subscribe("a/#", { qos: 2 })) got.push(message.topic);
  };
  void read();
  await using writer = await connect(world.process("writer").server());
  await world.advance(10);
  // Its PUBREL waits behind the rest of what it comes with, which takes its time.
  world.deliver({ bytesPerSecond: 1000, buffer: 64 }, ["to client"]);
  void writer.publish("a/once", "", { qos: 2 });
  void writer.publish("a/large", "-".repeat(500));
  await world.advance(200);
  assertEquals(got, ["a/once"]);
  void broker.shutDown();
  await world.advance(3000);
  world.deliver();
  await world.restartBroker();
  await world.advance(60_000);
  assertEquals(got.filter((topic) => topic === "a/once"), ["a/once"]);
});
