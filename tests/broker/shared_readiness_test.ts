// §4.8.2 Which member of a group gets a message: one that can take it at once, else one that is
// there, else one that is away.

import { assertEquals } from "@std/assert";
import { World } from "./world.ts";

const FILTER = "$share/g/a";

Deno.test("A message for a group goes to a busy member rather than to an offline one", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const properties = { sessionExpiryInterval: 60 };
  const away = [];
  for (const clientId of ["away", "gone"]) {
    const client = await world.connect(clientId, { properties });
    await client.subscribe(FILTER, { qos: 1 });
    away.push(client);
  }
  const busy = await world.connect("busy", { properties: { receiveMaximum: 1 } });
  await busy.subscribe(FILTER, { qos: 1 });
  for (const client of away) await client.cut();
  for (const text of ["1", "2", "3", "4"]) await publisher.publish("a", text, { qos: 1 });
  assertEquals(await busy.receiveTexts(), ["1", "2", "3", "4"]);
  for (const clientId of ["away", "gone"]) {
    const again = await world.connect(clientId, { cleanStart: false, properties });
    assertEquals(await again.receiveTexts(), []);
  }
});

Deno.test("A message for a group goes to an idle member rather than to a busy one", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const busy = await world.connect("busy", { properties: { receiveMaximum: 1 } });
  await busy.subscribe(FILTER, { qos: 1 });
  const free = await world.connect("free");
  await free.subscribe(FILTER, { qos: 1 });
  for (const text of ["1", "2", "3", "4"]) await publisher.publish("a", text, { qos: 1 });
  const [texts, others] = [await busy.receiveTexts(), await free.receiveTexts()];
  assertEquals([texts.length, others.length], [1, 3]);
  assertEquals([...texts, ...others].toSorted(), ["1", "2", "3", "4"]);
});

Deno.test("A message for a group whose members are all offline is queued for one of them", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  const properties = { sessionExpiryInterval: 60 };
  for (const clientId of ["away", "gone"]) {
    const client = await world.connect(clientId, { properties });
    await client.subscribe(FILTER, { qos: 1 });
    await client.cut();
  }
  await publisher.publish("a", "1", { qos: 1 });
  const texts = [];
  for (const clientId of ["away", "gone"]) {
    const again = await world.connect(clientId, { cleanStart: false, properties });
    texts.push(...await again.receiveTexts());
  }
  assertEquals(texts, ["1"]);
});
