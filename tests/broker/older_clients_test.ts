// Clients of MQTT 3.1.1 and 3.1 at the broker: the statements of MQTT 3.1.1 that bind a server, whatever the transport, and
// what comes of it when versions meet. What the bytes alone decide is in tests/packets/older_versions_test.ts.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerOptions } from "../../src/broker/mod.ts";
import type { ProtocolVersion, WillInit } from "../../src/packets/mod.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { bytesOfText, textOf } from "./client.ts";
import { slowWorld } from "./pending.ts";
import { World } from "./world.ts";

const OLDER = [4, 3] as const;
const CLEAN = { cleanStart: true } as const;

/** One test for each of the older versions, in a world of its own. */
function both(
  name: string,
  test: (world: World, protocolVersion: 4 | 3) => Promise<void>,
  options: BrokerOptions = {},
): void {
  for (const protocolVersion of OLDER) {
    Deno.test(`version ${protocolVersion}: ${name}`, async () => {
      await using world = new World(options);
      await test(world, protocolVersion);
    });
  }
}

function will(topic: string, more: Partial<WillInit> = {}): WillInit {
  return { topic, payload: bytesOfText("gone"), ...more };
}

/** The bytes that a broker answers to bytes, with the connection's end as `"end"`. */
async function answersTo(world: World, ...parts: readonly string[]): Promise<string> {
  const client = world.open();
  client.link.expectBytes();
  for (const part of parts) await client.sendBytes(bytesOf(part));
  return hexOf(client.link.bytes) + (client.link.isOver ? " end" : "");
}

// ---- CONNECT and CONNACK ----

const CONNECT = "10 0F 0004 4D515454 04 02 003C 0003 636964";
const CONNECT_3 = "10 11 0006 4D5149736470 03 02 003C 0003 636964";
const OLD_REFUSAL = "20020001 end";

Deno.test("a Client of MQTT 3.1.1 or 3.1 is accepted with the two bytes of its own CONNACK, first of all [MQTT311-3.1.4-4] [MQTT311-3.2.0-1] [MQTT311-3.2.2-1] [MQTT311-3.1.3-5]", async () => {
  await using world = new World();
  assertStrictEquals(await answersTo(world, CONNECT), "20020000");
  assertStrictEquals(await answersTo(world, CONNECT_3), "20020000");
});

Deno.test("a version that is not accepted is answered with return code 1 in its own form, and the connection is closed [MQTT311-3.1.2-2] [MQTT311-3.2.2-5]", async () => {
  const refusals: string[] = [];
  const options = (versions: readonly ProtocolVersion[]): BrokerOptions => ({
    versions,
    onRefused: ({ why, message }) => void refusals.push(`${why}: ${message}`),
  });
  await using only5 = new World(options([5]));
  assertStrictEquals(await answersTo(only5, CONNECT), OLD_REFUSAL);
  assertStrictEquals(await answersTo(only5, CONNECT_3), OLD_REFUSAL);
  await using with4 = new World(options([4, 5]));
  assertStrictEquals(await answersTo(with4, CONNECT), "20020000");
  assertStrictEquals(await answersTo(with4, CONNECT_3), OLD_REFUSAL);
  await using all = new World(options([5, 4, 3]));
  assertStrictEquals(
    await answersTo(all, "10 0F 0004 4D515454 03 02 003C 0003 636964"),
    OLD_REFUSAL,
  );
  assertStrictEquals(
    await answersTo(all, "10 11 0006 4D5149736470 04 02 003C 0003 636964"),
    OLD_REFUSAL,
  );
  await using only4 = new World(options([4]));
  assertStrictEquals(
    (await answersTo(only4, "10 0D 0004 4D515454 05 02 0000 00 0000")).slice(4, 8),
    "0084",
  );
  assertEquals(refusals, [
    "version: the client speaks MQTT 3.1.1, and this broker MQTT 5.0 only",
    "version: the client speaks MQTT 3.1, and this broker MQTT 5.0 only",
    "version: the client speaks MQTT 3.1, and this broker MQTT 5.0 and 3.1.1 only",
    "version: the client speaks MQTT 3.1, and this broker MQTT 5.0, 3.1.1 and 3.1 only",
    "version: the client speaks MQTT 3.1, and this broker MQTT 5.0, 3.1.1 and 3.1 only",
    "version: the client speaks MQTT 5.0, and this broker MQTT 3.1.1 only",
  ]);
});

Deno.test("a CONNECT that breaks MQTT 3.1.1 gets no CONNACK: the connection is closed [MQTT311-3.1.4-1] [MQTT311-3.1.2-3] [MQTT311-3.1.0-1] [MQTT311-4.8.0-1] [MQTT311-3.1.2-1]", async () => {
  await using world = new World();
  for (
    const hex of [
      "10 0F 0004 4D515454 04 03 003C 0003 636964",
      "10 0F 0004 4D515454 04 42 003C 0003 636964",
      "10 0F 0004 4D515454 04 0A 003C 0003 636964",
      "10 0F 0004 4D515454 04 02 003C 0003 63FF64",
      "30 04 0001 61 78",
    ]
  ) assertStrictEquals(await answersTo(world, hex), " end", hex);
  assertStrictEquals(world.engine.statistics.sessions, 0);
});

both(
  "a second CONNECT closes the connection, without a packet [MQTT311-3.1.0-2]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.send({ type: "connect", clientId: "a", protocolVersion });
    client.expectClosed();
  },
);

Deno.test("a Client without a name gets one with Clean Session 1, and return code 2 with Clean Session 0 [MQTT311-3.1.3-6] [MQTT311-3.1.3-8] [MQTT311-3.1.3-9]", async () => {
  await using world = new World();
  world.names.push("made-up");
  assertStrictEquals(await answersTo(world, "10 0C 0004 4D515454 04 02 003C 0000"), "20020000");
  assert(world.engine.clients(0).some(({ clientId }) => clientId === "made-up"));
  assertStrictEquals(
    await answersTo(world, "10 0C 0004 4D515454 04 00 003C 0000"),
    "20020002 end",
  );
  for (const flags of ["00", "02"]) {
    const hex = `10 0E 0006 4D5149736470 03 ${flags} 003C 0000`;
    assertStrictEquals(await answersTo(world, hex), "20020002 end");
  }
});

both("any Client Identifier is taken, however long", async (world, protocolVersion) => {
  const client = await world.connect("ü/".repeat(150), { protocolVersion, ...CLEAN });
  client.expectNothing();
});

for (
  const [reasonCode, answer] of [
    [0x86, "20020004"],
    [0x87, "20020005"],
    [0x85, "20020002"],
    [0x88, "20020003"],
    [0x97, "20020003"],
    [0x9c, "20020003"],
    [0x8a, "20020005"],
    [0x80, ""],
    [0x99, ""],
  ] as const
) {
  Deno.test(`a refusal with 0x${reasonCode.toString(16)} goes as ${answer || "the end of the connection alone"}, and what came behind the CONNECT is not handled [MQTT311-3.2.2-4] [MQTT311-3.2.2-5] [MQTT311-3.2.2-6] [MQTT311-3.1.4-5]`, async () => {
    const seen: string[] = [];
    await using world = new World({
      authenticate: () => reasonCode,
      onMessage: (_, { topic }) => void seen.push(topic),
    });
    assertStrictEquals(await answersTo(world, `${CONNECT} 30 04 0001 61 78`), `${answer} end`);
    assertEquals([seen, world.lines], [[], []]);
  });
}

// ---- Sessions ----

both(
  "Clean Session 0 goes on with a session, or begins one that stays, for as long as the broker keeps any; Clean Session 1 begins anew and leaves nothing [MQTT311-3.1.2-4] [MQTT311-3.1.2-6] [MQTT311-3.2.2-1] [MQTT311-3.2.2-2] [MQTT311-3.2.2-3] [MQTT311-3.1.4-3] [MQTT311-4.1.0-1] [MQTT311-4.1.0-2] [MQTT311-3.1.3-2]",
  async (world, protocolVersion) => {
    const kept = { protocolVersion };
    const isTold = protocolVersion === 4;
    const first = await world.join("a", kept);
    assertStrictEquals(first.connack.sessionPresent, false);
    await first.client.subscribe("t");
    await first.client.disconnect();
    await world.advance(6 * 24 * 3_600_000);
    const second = await world.join("a", kept);
    assertStrictEquals(second.connack.sessionPresent, isTold);
    assertStrictEquals(world.engine.statistics.subscriptions, 1);
    await second.client.cut();
    await world.advance(8 * 24 * 3_600_000);
    assertStrictEquals(world.engine.statistics.sessions, 0);
    const third = await world.join("a", kept);
    assertStrictEquals(third.connack.sessionPresent, false);
    await third.client.subscribe("t");
    await third.client.disconnect();
    const fresh = await world.join("a", { ...kept, ...CLEAN });
    assertStrictEquals(fresh.connack.sessionPresent, false);
    assertStrictEquals(world.engine.statistics.subscriptions, 0);
    await fresh.client.cut();
    assertStrictEquals(world.engine.statistics.sessions, 0);
  },
);

both(
  "messages of QoS 1 and 2 wait for a Client that is away, and come in their order [MQTT311-3.1.2-5] [MQTT311-4.5.0-1] [MQTT311-4.6.0-6] [MQTT311-4.6.0-5]",
  async (world, protocolVersion) => {
    const away = await world.connect("a", { protocolVersion });
    await away.subscribe("t/#", { qos: 2 });
    await away.disconnect();
    const publisher = await world.connect("p");
    for (const [at, qos] of ([1, 2, 1, 2] as const).entries()) {
      await publisher.publish("t/x", `${at}`, { qos });
    }
    const back = await world.connect("a", { protocolVersion });
    assertEquals(await back.receiveTexts(), ["0", "1", "2", "3"]);
  },
);

both(
  "what was not acknowledged is sent again with DUP, the PUBLISHes in their order, what was released as PUBREL [MQTT311-4.4.0-1] [MQTT311-3.3.1-1] [MQTT311-4.6.0-1] [MQTT311-4.3.2-1] [MQTT311-4.3.3-1] [MQTT311-2.3.1-4]",
  async (world, protocolVersion) => {
    const first = await world.connect("a", { protocolVersion });
    await first.subscribe("t", { qos: 2 });
    const publisher = await world.connect("p");
    for (const [text, qos] of [["one", 1], ["two", 2], ["three", 2]] as const) {
      await publisher.publish("t", text, { qos });
    }
    const sent = [first.expect("publish"), first.expect("publish"), first.expect("publish")];
    assertEquals(sent.map(({ dup, qos }) => [dup, qos]), [[false, 1], [false, 2], [false, 2]]);
    assertEquals(new Set(sent.map(({ packetId }) => packetId)).size, 3);
    await first.send({ type: "pubrec", packetId: sent[1]!.packetId });
    assertStrictEquals(first.expect("pubrel").packetId, sent[1]!.packetId);
    await first.cut();
    const second = await world.connect("a", { protocolVersion });
    assertStrictEquals(second.expect("pubrel").packetId, sent[1]!.packetId);
    for (const before of [sent[0]!, sent[2]!]) {
      const again = second.expect("publish");
      assertEquals([again.dup, again.packetId, textOf(again)], [
        true,
        before.packetId,
        textOf(before),
      ]);
      await second.finish(again);
    }
    await second.send({ type: "pubcomp", packetId: sent[1]!.packetId });
    second.expectNothing();
  },
);

both(
  "PUBRELs go in the order of the PUBRECs, also when they are sent again [MQTT311-4.6.0-4]",
  async (world, protocolVersion) => {
    const first = await world.connect("a", { protocolVersion });
    await first.subscribe("t", { qos: 2 });
    const publisher = await world.connect("p");
    for (const text of ["1", "2", "3"]) await publisher.publish("t", text, { qos: 2 });
    const came = [first.expect("publish"), first.expect("publish"), first.expect("publish")];
    const order = [2, 0, 1].map((at) => came[at]!.packetId);
    for (const packetId of order) await first.send({ type: "pubrec", packetId });
    assertEquals(order.map(() => first.expect("pubrel").packetId), order);
    await first.cut();
    const second = await world.connect("a", { protocolVersion });
    assertEquals(order.map(() => second.expect("pubrel").packetId), order);
  },
);

both(
  "a Client with the same name takes the session over: the old connection is closed, without a packet; one of MQTT 5.0 is told [MQTT311-3.1.4-2]",
  async (world, protocolVersion) => {
    const first = await world.connect("a", { protocolVersion });
    const second = await world.connect("a", { protocolVersion });
    first.expectClosed();
    const third = await world.connect("a");
    second.expectClosed();
    await world.connect("a", { protocolVersion });
    third.expectDisconnect(0x8e);
  },
);

both(
  "silence over one and a half times the Keep Alive closes the connection, without a packet; the Client's own value counts [MQTT311-3.1.2-24]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion, keepAlive: 10 });
    await world.advance(14_900);
    client.expectNothing();
    await world.advance(200);
    client.expectClosed();
  },
  { maximumKeepAlive: 5 },
);

both("PINGREQ is answered [MQTT311-3.12.4-1]", async (world, protocolVersion) => {
  const client = await world.connect("a", { protocolVersion });
  await client.send({ type: "pingreq" });
  client.expect("pingresp");
});

both(
  "when the broker shuts down connections are closed without a packet, and Wills are published",
  async (world, protocolVersion) => {
    const watcher = await world.connect("w");
    await watcher.subscribe("will");
    const client = await world.connect("a", { protocolVersion, will: will("will") });
    assert(world.engine.disconnect("a", 0x98, {}));
    await world.settle();
    client.expectClosed();
    watcher.expectMessage("will", "gone");
  },
);

// ---- Wills ----

both(
  "a Will is published at every end but DISCONNECT, with its QoS and RETAIN, once; without a Will nothing is [MQTT311-3.1.2-8] [MQTT311-3.1.2-10] [MQTT311-3.1.2-12] [MQTT311-3.1.2-16] [MQTT311-3.1.2-17] [MQTT311-3.14.4-3]",
  async (world, protocolVersion) => {
    const watcher = await world.connect("w");
    await watcher.subscribe("#", { qos: 2, retainAsPublished: true });
    const lost = await world.connect("a", { protocolVersion, will: will("1", { qos: 1 }) });
    await lost.cut();
    const [first] = await watcher.receive();
    assertEquals([first!.topic, first!.qos, first!.retain], ["1", 1, false]);
    const broken = await world.connect("a", { protocolVersion, will: will("2", { retain: true }) });
    await broken.sendBytes(bytesOf("00 00"));
    broken.expectClosed();
    const [second] = await watcher.receive();
    assertEquals([second!.topic, second!.retain], ["2", true]);
    assertStrictEquals(world.engine.statistics.retained, 1);
    const polite = await world.connect("a", { protocolVersion, will: will("3") });
    await polite.disconnect();
    const without = await world.connect("a", { protocolVersion });
    await without.cut();
    assertEquals(await watcher.receive(), []);
  },
);

both(
  "a DISCONNECT with a body is none: the Will is published [MQTT311-3.14.1-1]",
  async (world, protocolVersion) => {
    const watcher = await world.connect("w");
    await watcher.subscribe("will");
    const client = await world.connect("a", { protocolVersion, will: will("will") });
    await client.sendBytes(bytesOf("E0 01 00"));
    client.expectClosed();
    watcher.expectMessage("will");
  },
);

both(
  "a bridge of Mosquitto may have its Will, and its state, in $SYS: nothing comes of them",
  async (world, protocolVersion) => {
    const topic = "$SYS/broker/connection/b/state";
    const watcher = await world.connect("w");
    await watcher.subscribe("$SYS/#");
    const options = { protocolVersion, bridgeMode: true, will: will(topic, { retain: true }) };
    const bridge = await world.connect("b", options);
    assertStrictEquals(await bridge.publish(topic, "1", { qos: 1, retain: true }), 0x00);
    await bridge.cut();
    watcher.expectNothing();
    assertStrictEquals(world.engine.statistics.retained, 0);
  },
);

// ---- Publishing ----

both(
  "PUBLISH is answered by its QoS, with the same Packet Identifier, and delivered at the lower QoS [MQTT311-3.3.4-1] [MQTT311-2.3.1-5] [MQTT311-2.3.1-6] [MQTT311-4.3.1-1] [MQTT311-4.3.2-2] [MQTT311-4.3.3-2] [MQTT311-3.8.4-6] [MQTT311-3.3.2-1] [MQTT311-3.3.2-3] [MQTT311-3.3.1-2] [MQTT311-3.3.1-3]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    assertEquals(
      await client.subscribeAll([{ topicFilter: "t/+", qos: 1 }, { topicFilter: "u", qos: 2 }]),
      [1, 2],
    );
    for (const qos of [0, 1, 2] as const) {
      await client.publish("t/x", `t${qos}`, { qos });
      await client.publish("u", `u${qos}`, { qos });
    }
    const came = await client.receive();
    assertEquals(came.map((each) => [textOf(each), each.qos, each.dup, each.packetId === 0]), [
      ["t0", 0, false, true],
      ["u0", 0, false, true],
      ["t1", 1, false, false],
      ["u1", 1, false, false],
      ["t2", 1, false, false],
      ["u2", 2, false, false],
    ]);
  },
);

both(
  "a Client may send again on a living connection: QoS 2 is delivered once before PUBREL, QoS 1 after each PUBACK, and PUBREL is answered again [MQTT311-4.3.3-2] [MQTT311-4.3.2-2]",
  async (world, protocolVersion) => {
    const watcher = await world.connect("w");
    await watcher.subscribe("t");
    const client = await world.connect("a", { protocolVersion });
    const publish = { type: "publish", topic: "t", packetId: 7, dup: true } as const;
    for (let time = 0; time < 2; time++) {
      await client.send({ ...publish, qos: 2 });
      assertStrictEquals(client.expect("pubrec").packetId, 7);
    }
    for (let time = 0; time < 2; time++) {
      await client.send({ type: "pubrel", packetId: 7 });
      assertStrictEquals(client.expect("pubcomp").packetId, 7);
    }
    assertStrictEquals((await watcher.receive()).length, 1);
    for (let time = 0; time < 2; time++) {
      await client.send({ ...publish, qos: 1 });
      assertStrictEquals(client.expect("puback").packetId, 7);
    }
    assertStrictEquals((await watcher.receive()).length, 2);
  },
);

both(
  "a Client that was told of no Receive Maximum is held to none",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    for (let packetId = 1; packetId <= 60; packetId++) {
      await client.send({ type: "publish", topic: "t", qos: 2, packetId });
      assertStrictEquals(client.expect("pubrec").packetId, packetId);
    }
    client.expectNothing();
  },
  { limits: { receiveMaximum: 2 } },
);

both(
  "a QoS 1 message with the Packet Identifier of an open QoS 2 exchange closes the connection: it could not be told [MQTT311-4.8.0-1]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.send({ type: "publish", topic: "t", qos: 2, packetId: 1 });
    client.expect("pubrec");
    await client.send({ type: "publish", topic: "t", qos: 1, packetId: 1 });
    client.expectClosed();
  },
);

both(
  "a message that is not authorized is acknowledged and goes nowhere, at QoS 2 to the end of its exchange [MQTT311-3.3.5-2]",
  async (world, protocolVersion) => {
    const watcher = await world.connect("w");
    await watcher.subscribe("#");
    const client = await world.connect("a", { protocolVersion });
    assertStrictEquals(await client.publish("no", "", { qos: 1 }), 0x00);
    await client.send({ type: "publish", topic: "no", qos: 2, packetId: 9 });
    client.expect("pubrec");
    await client.send({ type: "publish", topic: "no", qos: 2, packetId: 9, dup: true });
    client.expect("pubrec");
    await client.send({ type: "pubrel", packetId: 9 });
    client.expect("pubcomp");
    watcher.expectNothing();
  },
  { authorizePublish: (_, { topic }) => topic !== "no" },
);

for (const protocolVersion of OLDER) {
  Deno.test(`version ${protocolVersion}: a message of QoS 2 that was refused while its Client was away is acknowledged when it comes again, and asked about once`, async () => {
    const { world, pending } = slowWorld();
    await using _ = world;
    // One of MQTT 5.0, which would be told.
    const first = await world.connect("a", { properties: { sessionExpiryInterval: 60 } });
    const publish = { type: "publish", topic: "slow", qos: 2, packetId: 5 } as const;
    await first.send(publish);
    await first.cut();
    pending.answer(false);
    await world.settle();
    const second = await world.connect("a", { protocolVersion });
    for (let time = 0; time < 2; time++) {
      await second.send({ ...publish, dup: true });
      assertStrictEquals(second.expect("pubrec").packetId, 5);
    }
    await second.send({ type: "pubrel", packetId: 5 });
    second.expect("pubcomp");
    second.expectNothing();
  });
}

both(
  "a message that cannot be taken now closes the connection: it is sent again later [MQTT311-4.8.0-2]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.send({ type: "publish", topic: "t", qos: 1, packetId: 1 });
    client.expectClosed();
  },
  { authorizePublish: () => 0x97 },
);

both(
  "a subscriber without room is no reason to close the connection of a publisher",
  async (world, protocolVersion) => {
    const away = await world.connect("away", { protocolVersion });
    await away.subscribe("t", { qos: 1 });
    await away.cut();
    const client = await world.connect("a", { protocolVersion });
    for (let time = 0; time < 3; time++) {
      assertStrictEquals(await client.publish("t", "x", { qos: 1 }), 0x00);
    }
    assertStrictEquals(world.engine.statistics.dropped, 2);
  },
  { limits: { queuedMessages: 1 } },
);

both(
  "what the broker does not offer closes the connection of a Client that cannot know it: a QoS, RETAIN",
  async (world, protocolVersion) => {
    for (const packet of [{ qos: 2, packetId: 1 }, { retain: true }] as const) {
      const client = await world.connect("a", { protocolVersion });
      await client.send({ type: "publish", topic: "t", ...packet });
      client.expectClosed();
    }
    const asked = await world.ask("a", { protocolVersion, will: will("w", { retain: true }) });
    asked.expectClosed();
  },
  { maximumQoS: 1, retainAvailable: false },
);

both(
  "a packet above the limit closes the connection [MQTT311-4.8.0-1]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.sendBytes(bytesOf("30 FF 7F 00 01 61"));
    client.expectClosed();
  },
  { limits: { maximumPacketSize: 1000 } },
);

for (
  const [what, hex] of [
    ["a Topic Name with a wildcard [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]", "30 04 0001 2B 78"],
    ["an empty Topic Name [MQTT311-4.7.3-1]", "30 03 0000 78"],
    ["U+0000 in a Topic Name [MQTT311-1.5.3-2] [MQTT311-4.7.3-2]", "30 04 0001 00 78"],
    ["ill-formed UTF-8 [MQTT311-1.5.3-1]", "30 04 0001 FF 78"],
    ["Packet Identifier 0 [MQTT311-2.3.1-1]", "32 06 0001 61 0000 78"],
    ["QoS 3 [MQTT311-3.3.1-4]", "36 06 0001 61 0001 78"],
    ["flags on PINGREQ [MQTT311-2.2.2-1] [MQTT311-2.2.2-2]", "C1 00"],
    ["SUBSCRIBE with an option of MQTT 5.0 [MQTT311-3.8.3-4]", "82 06 0001 0001 61 04"],
    ["an acknowledgement with a Reason Code", "40 03 0001 00"],
    ["AUTH", "F0 00"],
    ["SUBACK, which only servers send", "90 03 0001 00"],
    ["an ill-formed Topic Filter", "82 07 0001 0002 6123 00"],
    ["$share without a Topic Filter", "82 0D 0001 0008 2473686172652F67 00"],
  ] as const
) {
  both(`${what} closes the connection, without a packet`, async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.sendBytes(bytesOf(hex));
    client.expectClosed();
  });
}

for (
  const [what, hex] of [
    ["PUBREL [MQTT311-3.6.1-1]", "60 02 0001"],
    ["SUBSCRIBE [MQTT311-3.8.1-1]", "80 06 0001 0001 61 00"],
    ["UNSUBSCRIBE [MQTT311-3.10.1-1]", "A0 05 0001 0001 61"],
  ] as const
) {
  Deno.test(`version 4: wrong flags on ${what} close the connection`, async () => {
    await using world = new World();
    const client = await world.connect("a", { protocolVersion: 4 });
    await client.sendBytes(bytesOf(hex));
    client.expectClosed();
  });
}

// ---- Subscribing ----

both(
  "SUBSCRIBE is answered with its Packet Identifier and one code for each Topic Filter, in order [MQTT311-3.8.4-1] [MQTT311-3.8.4-2] [MQTT311-3.8.4-4] [MQTT311-3.8.4-5] [MQTT311-3.9.3-1] [MQTT311-3.9.3-2] [MQTT311-2.3.1-7]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    const codes = await client.subscribeAll([
      { topicFilter: "a", qos: 0 },
      { topicFilter: "no", qos: 2 },
      { topicFilter: "b", qos: 1 },
    ]);
    // MQTT 3.1 has no code for a failure.
    assertEquals(codes, [0, protocolVersion === 4 ? 0x80 : 2, 1]);
    assertStrictEquals(world.engine.statistics.subscriptions, 2);
  },
  { authorizeSubscribe: (_, { topicFilter }) => topicFilter !== "no" },
);

both(
  "what the broker does not offer is refused for each Topic Filter, and the others are granted [MQTT311-3.8.3-2]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    const codes = await client.subscribeAll([
      { topicFilter: "a/#", qos: 1 },
      { topicFilter: "a", qos: 1 },
      { topicFilter: "$share/g/a", qos: 1 },
    ]);
    assertEquals(codes, protocolVersion === 4 ? [0x80, 1, 0x80] : [1, 1, 1]);
    assertStrictEquals(world.engine.statistics.subscriptions, 1);
  },
  { wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false },
);

both(
  "retained messages come with RETAIN at every SUBSCRIBE, live ones without; an empty one removes [MQTT311-3.3.1-5] [MQTT311-3.3.1-6] [MQTT311-3.3.1-7] [MQTT311-3.3.1-8] [MQTT311-3.3.1-9] [MQTT311-3.3.1-10] [MQTT311-3.3.1-11] [MQTT311-3.3.1-12] [MQTT311-3.8.4-3] [MQTT311-3.1.2-7]",
  async (world, protocolVersion) => {
    const publisher = await world.connect("p", { protocolVersion, ...CLEAN });
    await publisher.publish("t", "old", { retain: true, qos: 1 });
    await publisher.publish("t", "kept", { retain: true });
    await publisher.publish("t", "passing");
    await publisher.disconnect();
    const client = await world.connect("a", { protocolVersion });
    for (let time = 0; time < 2; time++) {
      await client.subscribe("t", { qos: 1 });
      const [message, ...others] = await client.receive();
      assertEquals([textOf(message!), message!.retain, message!.qos, others], [
        "kept",
        true,
        0,
        [],
      ]);
    }
    const other = await world.connect("o");
    await other.publish("t", "new", { retain: true });
    const live = client.expect("publish");
    assertEquals([textOf(live), live.retain], ["new", false]);
    await other.publish("t", "", { retain: true });
    const empty = client.expect("publish");
    assertEquals([textOf(empty), empty.retain], ["", false]);
    assertStrictEquals(world.engine.statistics.retained, 0);
  },
);

both(
  "overlapping subscriptions give one copy, at the highest of their QoS [MQTT311-3.3.5-1]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.subscribeAll([
      { topicFilter: "x", qos: 0 },
      { topicFilter: "+", qos: 2 },
      { topicFilter: "#", qos: 1 },
    ]);
    await client.publish("x", "", { qos: 2 });
    assertEquals((await client.receive()).map(({ qos }) => qos), [2]);
  },
);

both(
  "UNSUBSCRIBE is answered, known or not, compares Topic Filters by their characters, and ends what is new only [MQTT311-3.10.4-1] [MQTT311-3.10.4-2] [MQTT311-3.10.4-3] [MQTT311-3.10.4-4] [MQTT311-3.10.4-5] [MQTT311-3.10.4-6]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.subscribeAll([{ topicFilter: "t/+", qos: 1 }, { topicFilter: "t/x", qos: 1 }]);
    const publisher = await world.connect("p");
    await publisher.publish("t/x", "1", { qos: 1 });
    const begun = client.expect("publish");
    assertEquals(await client.unsubscribe("t/X", "t/+"), []);
    assertStrictEquals(world.engine.statistics.subscriptions, 1);
    assertEquals(await client.unsubscribe("t/x"), []);
    await publisher.publish("t/x", "2", { qos: 1 });
    client.expectNothing();
    await client.cut();
    const back = await world.connect("a", { protocolVersion });
    assertStrictEquals(back.expect("publish").packetId, begun.packetId);
    assertEquals(await back.unsubscribe("never"), []);
  },
);

both(
  "# and +/x match no topic that begins with $, and nothing is changed in a topic to match it [MQTT311-4.7.2-1] [MQTT311-4.7.3-4] [MQTT311-1.5.3-3]",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.subscribeAll([{ topicFilter: "#" }, { topicFilter: "+/x" }]);
    const publisher = await world.connect("p");
    await publisher.publish("$foo/x");
    client.expectNothing();
    for (const topic of ["\uFEFFa", "e\u0301", "/a//"]) {
      await publisher.publish(topic);
      client.expectMessage(topic);
    }
  },
);

both(
  "Shared Subscriptions are there for it, in groups with Clients of MQTT 5.0",
  async (world, protocolVersion) => {
    const members = [
      await world.connect("a", { protocolVersion }),
      await world.connect("b", { protocolVersion }),
      await world.connect("c"),
    ];
    const publisher = await world.connect("p");
    await publisher.publish("t", "kept", { retain: true });
    for (const member of members) await member.subscribe("$share/g/t");
    for (let time = 0; time < 9; time++) await publisher.publish("t", "x");
    const counts = await Promise.all(members.map(async (each) => (await each.receive()).length));
    assertEquals(counts, [3, 3, 3]);
  },
);

// ---- Versions together ----

const PROPERTIES = {
  ...{ contentType: "text/plain", responseTopic: "re", payloadFormatIndicator: 1 },
  userProperties: [["a", "b"]],
} as const;

both(
  "what MQTT 5.0 says about a message is left out for an older Client, and an older message has nothing of it [MQTT311-7.0.0-2]",
  async (world, protocolVersion) => {
    const older = await world.connect("a", { protocolVersion });
    const newer = await world.connect("b");
    for (const client of [older, newer]) await client.subscribe("t", { qos: 1 });
    for (const qos of [0, 1] as const) {
      await newer.publish("t", "5", { qos, properties: PROPERTIES });
      const [toOlder] = await older.receive();
      assertEquals([textOf(toOlder!), toOlder!.properties], ["5", {}]);
      assertEquals((await newer.receive())[0]!.properties, PROPERTIES as unknown);
      await older.publish("t", "3", { qos });
      assertEquals((await newer.receive())[0]!.properties, {});
      assertStrictEquals((await older.receive()).length, 1);
    }
  },
);

both(
  "a message expires for an older Client, too, in its queue and as a retained one",
  async (world, protocolVersion) => {
    const older = await world.connect("a", { protocolVersion });
    await older.subscribe("t", { qos: 1 });
    await older.cut();
    const publisher = await world.connect("p");
    const properties = { messageExpiryInterval: 10 };
    await publisher.publish("t", "short", { qos: 1, properties, retain: true });
    await publisher.publish("t", "long", { qos: 1 });
    await world.advance(11_000);
    const back = await world.connect("a", { protocolVersion });
    assertEquals(await back.receiveTexts(), ["long"]);
    await back.subscribe("t");
    assertEquals(await back.receiveTexts(), []);
  },
);

both(
  "one session may be used by all versions: an identifier and Retain As Published stay with it, and are seen by MQTT 5.0 alone",
  async (world, protocolVersion) => {
    const forEver = { properties: { sessionExpiryInterval: 0xffff_ffff } };
    const newer = await world.connect("a", forEver);
    await newer.subscribe("t", { qos: 1, identifier: 7, retainAsPublished: true });
    await newer.disconnect();
    const { client: older, connack } = await world.join("a", { protocolVersion });
    assertStrictEquals(connack.sessionPresent, protocolVersion === 4);
    const publisher = await world.connect("p");
    await publisher.publish("t", "1", { qos: 1, retain: true, properties: PROPERTIES });
    await publisher.publish("t", "0", { retain: true });
    const [inFlight, passing] = [older.expect("publish"), older.expect("publish")];
    assertEquals([inFlight.retain, inFlight.properties, passing.retain], [false, {}, false]);
    await older.cut();
    const back = await world.join("a", { properties: { sessionExpiryInterval: 60 } });
    assertStrictEquals(back.connack.sessionPresent, true);
    const again = back.client.expect("publish");
    assertEquals([again.dup, again.properties], [
      true,
      { ...PROPERTIES, subscriptionIdentifiers: [7] } as unknown,
    ]);
  },
);

both(
  "a delayed Will of MQTT 5.0 is cancelled when an older Client goes on with the session",
  async (world, protocolVersion) => {
    const watcher = await world.connect("w");
    await watcher.subscribe("will");
    const properties = { sessionExpiryInterval: 100 };
    const newer = await world.connect("a", {
      properties,
      will: will("will", { properties: { willDelayInterval: 10 } }),
    });
    await newer.cut();
    const older = await world.connect("a", { protocolVersion });
    await world.advance(20_000);
    watcher.expectNothing();
    older.expectNothing();
  },
);

both(
  "a bridge gets RETAIN as it was published, and its own messages not back",
  async (world, protocolVersion) => {
    const bridge = await world.connect("b", { protocolVersion, bridgeMode: true });
    await bridge.subscribe("#", { qos: 1 });
    assertEquals(await bridge.subscribe("$share/g/s"), 0);
    await bridge.publish("t", "mine");
    bridge.expectNothing();
    const other = await world.connect("o", { protocolVersion });
    await other.publish("t", "kept", { retain: true, qos: 1 });
    assertStrictEquals(bridge.expectMessage("t", "kept").retain, true);
    await other.publish("t", "passing", { retain: true });
    assertStrictEquals(bridge.expectMessage("t", "passing").retain, true);
  },
);

both(
  "at most a thousand messages are in flight to a Client that cannot say how many it takes",
  async (world, protocolVersion) => {
    const client = await world.connect("a", { protocolVersion });
    await client.subscribe("t", { qos: 1 });
    const publisher = await world.connect("p");
    for (const _ of [1, 2]) {
      const ids = Array.from({ length: 501 }, (_, index) => index + 1);
      await publisher.send(
        ...ids.map((packetId) => ({ type: "publish", topic: "t", qos: 1, packetId }) as const),
      );
    }
    assertStrictEquals(client.link.packets.length, 1000);
    await client.finish(client.expect("publish"));
    assertStrictEquals(client.link.packets.length, 1000);
  },
);

Deno.test("clients() tells which version each Client speaks", async () => {
  const told: (number | undefined)[] = [];
  await using world = new World({
    onConnect: ({ protocolVersion }) => void told.push(protocolVersion),
  });
  for (const protocolVersion of [5, 4, 3] as const) {
    await world.connect(`v${protocolVersion}`, { protocolVersion });
  }
  assertEquals(told, [5, 4, 3]);
  assertEquals(world.engine.clients(0).map((client) => client.protocolVersion), [5, 4, 3]);
});

// ---- Wire traces ----

Deno.test("PubSubClient, the library of ESP firmware, has its conversation: bytes of its wire", async () => {
  await using world = new World();
  const client = world.open();
  client.link.expectBytes();
  const send = async (hex: string) => {
    await client.sendBytes(bytesOf(hex));
    const answer = hexOf(client.link.bytes);
    client.link.expectBytes();
    return answer;
  };
  // connect("esp", "user", "pass", "esp/will", 0, true, "off"): Keep Alive 15, Clean Session.
  const connect = "10 2A 0004 4D515454 04 E6 000F 0003 657370 0008 6573702F77696C6C 0003 6F6666" +
    " 0004 75736572 0004 70617373";
  assertStrictEquals(await send(connect), "20020000");
  // subscribe("cmd", 1), whose Packet Identifiers begin at 2.
  assertStrictEquals(await send("82 08 0002 0003 636D64 01"), "9003000201");
  // publish("state", "1", true): to nobody.
  assertStrictEquals(await send("31 08 0005 7374617465 31"), "");
  const other = await world.connect("o");
  await other.publish("cmd", "go", { qos: 1 });
  assertStrictEquals(hexOf(client.link.bytes), "32090003636D640001676F");
  client.link.expectBytes();
  assertStrictEquals(await send("40 02 0001"), "");
  assertStrictEquals(await send("C0 00"), "D000");
  assertStrictEquals(await send("A2 07 0003 0003 636D64"), "B0020003");
  await other.subscribe("esp/will");
  await client.cut();
  other.expectMessage("esp/will", "off");
});
