// §3.3.1.3 Very many retained messages: all of them come, as fast as their client takes them, and nobody else waits for that.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encodePacket } from "../../src/packets/mod.ts";
import { settle } from "../io/virtual_clock.ts";
import { type Client, publishOf, textOf } from "./client.ts";
import { World } from "./world.ts";

/** More than wait in one turn, in the queue of a session, or in both. */
const MANY = 1000;

/** A broker with many retained messages, named and filled by their number, whose sessions hold few. */
async function withMany(): Promise<{ world: World; publisher: Client }> {
  const world = new World({ limits: { queuedMessages: 300 } });
  const publisher = await world.connect("p");
  for (let number = 0; number < MANY; number++) {
    await publisher.publish(`r/${number}`, `${number}`, { qos: 1, retain: true });
  }
  return { world, publisher };
}

/** All texts that come, with their time. */
async function readAll(world: World, client: Client): Promise<string[]> {
  const texts: string[] = [];
  for (let more = [""]; more.length > 0;) {
    await world.advance(5);
    texts.push(...more = await client.receiveTexts());
  }
  return texts;
}

const ALL = Array.from({ length: MANY }, (_, number) => `${number}`).toSorted();

for (const qos of [0, 1, 2] as const) {
  Deno.test(`Many retained messages all arrive at QoS ${qos} despite a small Receive Maximum and a short queue [MQTT-3.3.1-9]`, async () => {
    const { world } = await withMany();
    await using _ = world;
    const client = await world.connect("c", { properties: { receiveMaximum: 10 } });
    await client.subscribe("r/+", { qos });
    assertEquals((await readAll(world, client)).toSorted(), ALL);
    assertStrictEquals(world.engine.statistics.dropped, 0);
  });
}

Deno.test("The retained message of a topic is sent once, before messages published to it meanwhile [MQTT-4.6.0-5]", async () => {
  const { world, publisher } = await withMany();
  await using _ = world;
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  await client.subscribe("r/#", { qos: 1 });
  const last = `r/${MANY - 1}`;
  await publisher.publish(last, "new", { qos: 1 });
  await publisher.publish(last, "newer", { qos: 1, retain: true });
  await publisher.publish("r/0", "", { qos: 1, retain: true });
  const seen: string[] = [];
  for (let messages = await client.receive(); messages.length > 0;) {
    seen.push(
      ...messages.filter(({ topic }) => topic === last).map((message) =>
        `${textOf(message)} ${message.retain}`
      ),
    );
    await world.advance(5);
    messages = await client.receive();
  }
  assertEquals(seen, [`${MANY - 1} true`, "new false", "newer false"]);
});

for (const qos of [0, 1] as const) {
  Deno.test(`Remaining retained messages of QoS ${qos} wait for an offline client if its session lasts`, async () => {
    const { world } = await withMany();
    await using _ = world;
    const properties = { sessionExpiryInterval: 60, receiveMaximum: 10 };
    const first = await world.connect("c", { properties });
    await first.subscribe("r/+", { qos });
    const texts = await first.receiveTexts();
    await first.cut();
    await world.advance(5);
    const again = await world.connect("c", { cleanStart: false, properties });
    texts.push(...await readAll(world, again));
    assertEquals([...new Set(texts)].toSorted(), ALL);
  });
}

Deno.test("Delivery of retained messages ends with the subscription, and begins anew when it is replaced", async () => {
  const { world } = await withMany();
  await using _ = world;
  const client = await world.connect("c", { properties: { receiveMaximum: 10 } });
  await client.subscribe("r/+", { qos: 1 });
  await client.unsubscribe("r/+");
  assert((await readAll(world, client)).length < MANY);
  await client.subscribe("r/+", { qos: 1 });
  await client.subscribe("r/+", { qos: 1 });
  assertEquals([...new Set(await readAll(world, client))].toSorted(), ALL);
});

Deno.test("A client that requests many retained messages repeatedly gets only its share of the time", async () => {
  const { world } = await withMany();
  await using _ = world;
  const client = await world.connect("c");
  const subscriptions = [{ topicFilter: "r/+" }];
  const packets = Array.from(
    { length: 200 },
    (_, index) => encodePacket({ type: "subscribe", packetId: index + 1, subscriptions }),
  );
  client.link.send(Uint8Array.from(packets.flatMap((packet) => [...packet])));
  await settle();
  const sent = client.link.packets.filter(({ type }) => type === "publish").length;
  assert(sent < MANY, `${sent} messages in one turn`);
  await world.settle();
  const texts = client.link.packets.filter((packet) => packet.type === "publish").map(textOf);
  assertEquals([...new Set(texts)].toSorted(), ALL);
});

Deno.test("A message costs nothing for subscriptions that wait for retained messages of other topics", async () => {
  const { world, publisher } = await withMany();
  await using _ = world;
  const client = await world.connect("c", { properties: { receiveMaximum: 1 } });
  const subscriptions = Array.from(
    { length: MANY },
    (_, number) => ({ topicFilter: `r/${number}/#`, qos: 1 as const }),
  );
  await client.send({ type: "subscribe", packetId: 1, subscriptions });
  const compared = countSlices(() => publisher.link.send(encodePacket(publishOf("r/0", "new"))));
  assert(compared < 20, `${compared} levels were looked at for one message`);
  await world.settle();
});

/** How many pieces of strings are taken in `body`: to compare a filter with a topic takes some for each level. */
function countSlices(body: () => void): number {
  const { slice } = String.prototype;
  let count = 0;
  String.prototype.slice = function (...range) {
    count++;
    return slice.apply(this, range);
  };
  try {
    body();
  } finally {
    String.prototype.slice = slice;
  }
  return count;
}
