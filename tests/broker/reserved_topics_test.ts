// §4.7.2 Topics that are the Server's own, and those that only look like it.

import { assertStrictEquals } from "@std/assert";
import { World } from "./world.ts";

const RESERVED = ["$SYS", "$SYS/", "$SYS/broker/uptime", "$share", "$share/", "$share/g/a"];
const FREE = ["$foo/a", "$", "$sys/a", "$SYSTEM/a", "$shared/a", "a/$SYS/b", "/$share/a"];

for (const topic of RESERVED) {
  Deno.test(`A client may not publish to ${topic}`, async () => {
    await using world = new World();
    const witness = await world.connect("witness");
    await witness.subscribe("$SYS/#");
    const client = await world.connect("c");
    assertStrictEquals(await client.publish(topic, "1", { qos: 1, retain: true }), 0x87);
    assertStrictEquals(await client.publish(topic, "2", { qos: 2 }), 0x87);
    assertStrictEquals(world.engine.statistics.dropped, 0);
    await client.publish(topic, "3", { retain: true });
    assertStrictEquals(world.engine.statistics.dropped, 1);
    client.expectNothing();
    witness.expectNothing();
    assertStrictEquals(world.engine.statistics.retained, 0);
  });

  Deno.test(`A client may not have a Will for ${topic}`, async () => {
    await using world = new World();
    (await world.ask("c", { will: { topic } })).expectRefusal(0x87);
  });
}

for (const topic of FREE) {
  Deno.test(`A client may publish to ${topic}`, async () => {
    await using world = new World();
    const client = await world.connect("c", { will: { topic } });
    await client.subscribe(topic);
    assertStrictEquals(await client.publish(topic, "1", { qos: 1 }), 0x00);
    client.expectMessage(topic, "1");
  });
}

Deno.test("A Topic Alias does not circumvent reserved topics", async () => {
  await using world = new World();
  const client = await world.connect("c");
  const properties = { topicAlias: 1 };
  assertStrictEquals(await client.publish("$SYS/a", "", { qos: 1, properties }), 0x87);
  assertStrictEquals(await client.publish("", "", { qos: 1, properties }), 0x87);
});

Deno.test("allowPublishToSys permits $SYS, but not $share", async () => {
  await using world = new World({ allowPublishToSys: true });
  const client = await world.connect("c", { will: { topic: "$SYS/state" } });
  await client.subscribe("$SYS/#");
  assertStrictEquals(await client.publish("$SYS/a", "1", { qos: 1 }), 0x00);
  client.expectMessage("$SYS/a", "1");
  assertStrictEquals(await client.publish("$share/g/a", "1", { qos: 1 }), 0x87);
});
