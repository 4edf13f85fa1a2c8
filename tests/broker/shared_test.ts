// §4.8.2 Shared Subscriptions: each message to one of the group, and to whom.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Client, ConnectOptions } from "./client.ts";
import { textOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 60 } };

/** Clients that share, and one that publishes. */
async function withGroup(
  world: World,
  count: number,
  qos: 0 | 1 | 2 = 1,
  options: ConnectOptions = LASTING,
): Promise<{ readonly members: Client[]; readonly publisher: Client }> {
  const members = [];
  for (let index = 0; index < count; index++) {
    const member = await world.connect(`m${index}`, options);
    await member.subscribe("$share/g/a", { qos });
    members.push(member);
  }
  return { members, publisher: await world.connect("p") };
}

/** What each has got. */
async function texts(members: readonly Client[]): Promise<string[]> {
  const all = [];
  for (const member of members) all.push((await member.receiveTexts()).join(""));
  return all;
}

for (const qos of [0, 1, 2] as const) {
  Deno.test(`Messages of QoS ${qos} go to the members of a group in turn [MQTT-4.8.2-3]`, async () => {
    await using world = new World();
    const { members, publisher } = await withGroup(world, 3, 2);
    for (const text of "abcdefg") {
      assertStrictEquals(await publisher.publish("a", text, { qos }), 0);
    }
    assertEquals(await texts(members), ["adg", "be", "cf"]);
  });
}

Deno.test("A message goes to one of each group, and to each subscription of no group", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 2);
  await members[0]!.subscribe("$share/h/a");
  await members[0]!.subscribe("$share/h/+");
  const single = await world.connect("s");
  await single.subscribe("a");
  for (const text of "ab") await publisher.publish("a", text);
  assertEquals(await texts([...members, single]), ["aaabb", "b", "ab"]);
});

Deno.test("A message goes to a member of the group at the QoS granted to that member [MQTT-4.8.2-3]", async () => {
  await using world = new World();
  const { publisher } = await withGroup(world, 0);
  const members = [];
  for (const qos of [0, 1, 2] as const) {
    const member = await world.connect(`q${qos}`);
    await member.subscribe("$share/g/a", { qos, identifier: 1 + qos });
    members.push(member);
  }
  for (let round = 0; round < 2; round++) {
    for (const [qos, member] of members.entries()) {
      await publisher.publish("a", "1", { qos: 2 });
      const message = member.expectMessage("a", "1");
      assertStrictEquals(message.qos, qos);
      assertEquals(message.properties.subscriptionIdentifiers, [1 + qos]);
      await member.finish(message);
    }
  }
});

Deno.test("A group matches by its whole Topic Filter, including wildcards and topics that begin with $ [MQTT-4.7.2-1]", async () => {
  await using world = new World({ allowPublishToSys: true });
  const client = await world.connect("c");
  await client.subscribe("$share/g/#");
  await client.subscribe("$share/g/$SYS/+");
  for (const topic of ["a/b", "$SYS/a", "$SYS", "$share/g/a"]) await client.publish(topic, topic);
  assertEquals(await client.receiveTexts(), ["a/b", "$SYS/a"]);
});

Deno.test("An offline member receives nothing as long as another is connected", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 3);
  await members[1]!.cut();
  for (const text of "abcd") await publisher.publish("a", text, { qos: 1 });
  assertEquals(await texts([members[0]!, members[2]!]), ["ac", "bd"]);
  const again = await world.connect("m1", LASTING);
  again.expectNothing();
  for (const text of "efg") await publisher.publish("a", text, { qos: 1 });
  const all = [members[0]!, again, members[2]!];
  assertEquals((await texts(all)).map(({ length }) => length), [1, 1, 1]);
});

Deno.test("A member without send quota receives nothing as long as another has some", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 2, 1, {
    properties: { receiveMaximum: 1 },
  });
  await publisher.publish("a", "a", { qos: 1 });
  await publisher.publish("a", "b", { qos: 1 });
  const taken = members[1]!.expectMessage("a", "b");
  await members[1]!.finish(taken);
  for (const text of "cd") {
    await publisher.publish("a", text, { qos: 1 });
    await members[1]!.finish(members[1]!.expectMessage("a", text));
  }
  // At QoS 0 there is no such limit.
  for (const text of "ef") await publisher.publish("a", text);
  assertEquals(await texts(members), ["ae", "f"].toSorted());
});

for (const qos of [0, 1, 2] as const) {
  Deno.test(`A message of QoS ${qos} that is too large for the member in turn goes to one that can take it [MQTT-3.1.2-25]`, async () => {
    const told: unknown[] = [];
    await using world = new World({
      onDropped: ({ clientId }, _message, why) => void told.push([clientId, why]),
    });
    const small = await world.connect("small", { properties: { maximumPacketSize: 100 } });
    const large = await world.connect("large");
    for (const member of [small, large]) await member.subscribe("$share/g/a", { qos: 2 });
    const publisher = await world.connect("p");
    const payload = "-".repeat(100);
    for (let round = 0; round < 2; round++) {
      assertStrictEquals(await publisher.publish("a", payload, { qos }), 0);
      assertEquals(await texts([small, large]), ["", payload]);
    }
    assertEquals(told, []);
    await large.cut();
    assertStrictEquals(await publisher.publish("a", payload, { qos }), 0);
    assertEquals(await small.receiveTexts(), []);
    assertEquals(told, [["small", "too large"]]);
  });
}

for (const [qos, others] of [[1, "abcdefgh"], [2, "bcdefgh"]] as const) {
  Deno.test(`When a member's session ends, its unacknowledged messages of QoS ${qos} go to another, except those sent at QoS 2 [MQTT-4.8.2-5]`, async () => {
    await using world = new World();
    const gone = await world.connect("gone", { properties: { receiveMaximum: 1 } });
    await gone.subscribe("$share/g/a", { qos: 2, identifier: 1 });
    const publisher = await world.connect("p");
    // The first is sent, the others wait.
    for (const text of "abcdefgh") await publisher.publish("a", text, { qos });
    gone.expectMessage("a", "a");
    const other = await world.connect("other");
    await other.subscribe("$share/g/a", { qos: 2, identifier: 2 });
    await gone.cut();
    const got = other.link.packets.filter((packet) => packet.type === "publish");
    assertEquals(got.map(textOf).join(""), others);
    for (const { properties, dup } of got) {
      assertEquals([properties.subscriptionIdentifiers, dup], [[2], false]);
    }
  });
}

Deno.test("A message that goes to another member lives no longer for that [MQTT-3.3.2-5]", async () => {
  for (const [pause, expected] of [[50, "1"], [500, ""]] as const) {
    await using world = new World();
    const gone = await world.connect("gone");
    await gone.subscribe("$share/g/a", { qos: 1 });
    const away = await world.connect("away", LASTING);
    await away.subscribe("$share/g/a", { qos: 1 });
    await away.cut();
    const publisher = await world.connect("p");
    await publisher.publish("a", "1", { qos: 1, properties: { messageExpiryInterval: 1 } });
    gone.expectMessage("a", "1");
    await world.advance(900);
    await gone.cut();
    await world.advance(pause);
    const { client } = await world.join("away", LASTING);
    assertEquals((await client.receiveTexts()).join(""), expected);
  }
});

Deno.test("A member of QoS 0 can always take a message of QoS 1", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 1, 1, {
    properties: { receiveMaximum: 1 },
  });
  const zero = await world.connect("zero", { properties: { receiveMaximum: 1 } });
  await zero.subscribe("b", { qos: 1 });
  await zero.subscribe("$share/g/a", { qos: 0 });
  await publisher.publish("b", "-", { qos: 1 });
  for (const text of "abcd") await publisher.publish("a", text, { qos: 1 });
  const got = zero.link.packets.filter((packet) => packet.type === "publish").map(textOf);
  assertEquals(got, ["-", "b", "c", "d"]);
  assertEquals(await texts(members), ["a"]);
});

Deno.test("When all members are offline, a message is queued for one of them and delivered to that one only", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 2);
  for (const member of members) await member.cut();
  for (const text of "abcd") await publisher.publish("a", text, { qos: 1 });
  const second = await world.connect("m1", LASTING);
  assertEquals(await second.receiveTexts(), ["b", "d"]);
  const first = await world.connect("m0", LASTING);
  assertEquals(await first.receiveTexts(), ["a", "c"]);
});

Deno.test("A QoS 2 message sent to a member is delivered to it when it reconnects, and to no other [MQTT-4.8.2-4]", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 2, 2);
  await publisher.publish("a", "1", { qos: 2 });
  const sent = members[0]!.expectMessage("a", "1");
  await members[0]!.cut();
  members[1]!.expectNothing();
  const again = await world.connect("m0", LASTING);
  assertEquals(again.link.packets, [{ ...sent, dup: true }]);
  assertEquals(await again.receiveTexts(), ["1"]);
  members[1]!.expectNothing();
});

Deno.test("A QoS 2 message in flight goes to no other member when the session of its member ends [MQTT-4.8.2-5]", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 2, 2);
  await publisher.publish("a", "1", { qos: 2 });
  members[0]!.expectMessage("a", "1");
  await members[0]!.cut();
  await world.advance(60_000);
  members[1]!.expectNothing();
  const { client, connack } = await world.join("m0", LASTING);
  assertStrictEquals(connack.sessionPresent, false);
  client.expectNothing();
  members[1]!.expectNothing();
});

for (const qos of [1, 2] as const) {
  Deno.test(`A message of QoS ${qos} that a member refuses is not sent to another [MQTT-4.8.2-6]`, async () => {
    await using world = new World();
    const { members, publisher } = await withGroup(world, 2, 2);
    await publisher.publish("a", "1", { qos });
    const { packetId } = members[0]!.expectMessage("a", "1");
    const type = qos === 1 ? "puback" : "pubrec";
    await members[0]!.send({ type, packetId, reasonCode: 0x97 });
    members[1]!.expectNothing();
    await members[0]!.cut();
    const again = await world.connect("m0", LASTING);
    again.expectNothing();
    members[1]!.expectNothing();
    await publisher.publish("a", "2", { qos });
    members[1]!.expectMessage("a", "2");
  });
}

Deno.test("A member that has unsubscribed receives nothing more, and the next one takes its turn [MQTT-3.10.4-1]", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 3);
  for (const text of "ab") await publisher.publish("a", text);
  assertEquals(await members[1]!.unsubscribe("a"), [0x11]);
  assertEquals(await members[1]!.unsubscribe("$share/g/a"), [0x00]);
  for (const text of "cdef") await publisher.publish("a", text);
  assertEquals(await texts(members), ["adf", "b", "ce"]);
});

Deno.test("A group without members is removed, and a later subscription begins a new one", async () => {
  await using world = new World();
  const { members, publisher } = await withGroup(world, 2);
  for (const member of members) await member.unsubscribe("$share/g/a");
  assertStrictEquals(world.engine.statistics.subscriptions, 0);
  assertStrictEquals(await publisher.publish("a", "1", { qos: 1 }), 0x10);
  await members[1]!.subscribe("$share/g/a", { qos: 1 });
  assertStrictEquals(await publisher.publish("a", "2", { qos: 1 }), 0x00);
  assertEquals(await texts(members), ["", "2"]);
});

Deno.test("A member of several groups takes its turn once in each, even if it subscribed twice", async () => {
  await using world = new World();
  const client = await world.connect("c");
  for (const topicFilter of ["$share/g/a", "$share/h/a", "$share/g/a"]) {
    await client.subscribe(topicFilter);
  }
  assertStrictEquals(world.engine.statistics.subscriptions, 2);
  await client.publish("a", "1");
  assertEquals(await client.receiveTexts(), ["1", "1"]);
});

Deno.test("A Shared Subscription with No Local is a Protocol Error", async () => {
  await using world = new World();
  const client = await world.connect("c");
  await client.send({ type: "pingreq" });
  client.expect("pingresp");
  const subscribe = Uint8Array.of(
    0x82,
    16,
    0,
    1,
    0,
    0,
    10,
    ...new TextEncoder().encode("$share/g/a"),
  );
  await client.sendBytes(subscribe, Uint8Array.of(0x04));
  client.expectDisconnect(0x82);
});
