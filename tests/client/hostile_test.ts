// A hostile or sloppy server, once the client is connected: the client ends the connection or goes on, as it should; it never
// hangs, never throws where nobody catches, and holds no memory that nobody has paid for.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ConnectionClosedError, PacketError } from "../../src/errors.ts";
import { encodePacket } from "../../src/packets/mod.ts";
import type { Peer } from "./peer.ts";
import { assertPending, Loop, outcome, settle, test } from "./world.ts";

/** What a server may do that ends the connection for good, and the Reason Code that tells it. */
const FAULTS: readonly (readonly [what: string, hex: string, reasonCode: number])[] = [
  ["a second CONNACK", "20 03 00 00 00", 0x82],
  ["a CONNACK that refuses, after one that did not", "20 03 00 87 00", 0x82],
  ["a Topic Alias that was not offered", "30 07 0001 61 03 23 0001", 0x94],
  ["a PUBLISH without topic", "30 03 0000 00", 0x82],
  ["a PUBLISH with a wildcard", "30 04 0001 23 00", 0x81],
  ["a PUBLISH with QoS 3", "36 06 0001 61 0001 00", 0x81],
  ["a PUBLISH with Packet Identifier 0", "32 06 0001 61 0000 00", 0x82],
  ["ill-formed UTF-8", "30 05 0002 C328 00", 0x81],
  ["a surrogate", "30 06 0003 EDA080 00", 0x81],
  ["U+0000", "30 04 0001 00 00", 0x81],
  ["a packet of no type", "00 00", 0x82],
  ["a Remaining Length of five bytes", "30 FF FF FF FF 01", 0x81],
  ["a string that runs past its packet", "30 04 00FF 61 00", 0x81],
  ["a property twice", "30 08 0001 61 04 0101 0101", 0x82],
  ["an unknown property", "30 06 0001 61 02 7F01", 0x81],
  ["a SUBACK with too many codes", "90 05 0001 00 00 00", 0x82],
  ["a SUBACK without code", "90 03 0001 00", 0x82],
  ["an UNSUBACK for a SUBSCRIBE", "B0 04 0001 00 00", 0x82],
  ["a PUBACK for a message of QoS 2", "40 02 0002", 0x82],
  ["a PUBCOMP before PUBREL", "70 02 0002", 0x82],
  ["a PUBREC for a message of QoS 1", "50 02 0003", 0x82],
  ["an unknown Reason Code", "40 03 0003 77", 0x82],
  ["AUTH out of turn", "F0 06 18 04 15 0001 6D", 0x82],
  ["a CONNECT", "10 0D 00044D515454 05 00 0000 00 0000", 0x82],
  ["a SUBSCRIBE", "82 07 0001 00 0001 61 00", 0x82],
  ["an UNSUBSCRIBE", "A2 06 0001 00 0001 61", 0x82],
  ["a PINGREQ", "C0 00", 0x82],
  ["a PINGRESP with a body", "D0 01 00", 0x81],
  ["a DISCONNECT that is a client's", "E0 01 04", 0x82],
  ["a DISCONNECT with a Session Expiry Interval", "E0 07 00 05 11 00000001", 0x82],
];

for (const [what, hex, reasonCode] of FAULTS) {
  test(`${what} ends the client, which says why, whether it comes whole or byte by byte`, async (world) => {
    for (const split of [false, true]) {
      const { client, peer } = await world.connected();
      // Something of each kind waits for an answer.
      const asked = [
        client.subscribe("a"),
        client.publish("b", "", { qos: 2 }),
        client.publish("c", "", { qos: 1 }),
        new Loop(client.messages).next(),
      ];
      const rejected = asked.map((promise) => assertRejects(() => promise, ConnectionClosedError));
      await peer.takePackets();
      for (const part of split ? hex.replaceAll(" ", "").match(/../g)! : [hex]) {
        peer.sendHex(part);
        await settle();
      }
      const disconnect = await peer.expect("disconnect");
      assertStrictEquals(disconnect.reasonCode, reasonCode);
      assertStrictEquals(peer.near.hasClosedWrite, true);
      peer.close();
      const error = await client.closed;
      assertEquals([error?.kind, error?.reasonCode], ["protocol", reasonCode]);
      assertInstanceOf(error?.cause, PacketError);
      assertStrictEquals(disconnect.properties.reasonString, (error?.cause as Error).message);
      await Promise.all(rejected);
      await world.expectNoPeer();
    }
  });
}

test("A packet larger than the client takes ends it as soon as its length is read", async (world) => {
  for (const [hex, maximumPacketSize] of [["30 FF FF FF 7F", 1000], ["30 65", 102]] as const) {
    const { client, peer } = await world.connected({ maximumPacketSize });
    peer.sendHex(hex);
    assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x95);
    peer.close();
    assertStrictEquals((await client.closed)?.reasonCode, 0x95);
  }
});

test("A server that exceeds the Receive Maximum is told of once, and the client reads on", async (world) => {
  const { client, peer } = await world.connected({ receiveMaximum: 2, keepAlive: 10 });
  const granted = client.subscribe("a", { qos: 1 });
  await peer.grant();
  const loop = new Loop(await granted);
  world.expectTold("connected");
  for (const packetId of [1, 2, 3, 4, 5]) peer.publish("a", [1], { qos: 1, packetId });
  await settle();
  assertEquals(world.expectTold("exceeded"), { receiveMaximum: 2 });
  assertEquals(world.told, []);
  const published = client.publish("b", "1", { qos: 1 });
  const { packetId } = await peer.expect("publish");
  peer.send({ type: "puback", packetId });
  await published;
  await world.clock.advance(10_000);
  await peer.expect("pingreq");
  peer.send({ type: "pingresp" });
  const messages = await loop.takeMany(5);
  assertEquals(messages.map(({ packetId }) => packetId), [1, 2, 3, 4, 5]);
  const answers = await peer.takePackets();
  assertEquals(answers.map(({ type }) => type), Array(4).fill("puback"));
  assertStrictEquals(client.state, "connected");
});

test("A server that exceeds the Receive Maximum by too many bytes is left with 0x93, and connected to again", async (world) => {
  const { client, peer } = await world.connected({ receiveMaximum: 2, receiveExcess: 10_000 });
  world.expectTold("connected");
  const payload = new Uint8Array(9000);
  for (const packetId of [1, 2, 3, 4]) peer.publish("a", undefined, { qos: 2, packetId, payload });
  assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x93);
  peer.close();
  await settle();
  world.expectTold("exceeded");
  const { error, willReconnect } = world.expectTold("disconnected");
  assertEquals([error.kind, error.reasonCode, willReconnect], ["transient", 0x93, true]);
  const again = await world.accept();
  assertStrictEquals(client.state, "connected");
  for (const packetId of [1, 2, 3]) again.publish("a", undefined, { qos: 2, packetId });
  await settle();
  assertEquals(world.told.map(({ type }) => type), ["reconnecting", "connected", "exceeded"]);
});

/** What is no fault: the client goes on, and this is its answer. */
const NO_FAULTS: readonly (readonly [what: string, hex: string, answer: string])[] = [
  ["PUBACK for an unknown identifier", "40 02 0009", ""],
  ["PUBREC for an unknown identifier", "50 02 0009", "62 03 0009 92"],
  ["PUBREC of a refusal for an unknown identifier", "50 03 0009 87", ""],
  ["PUBREL for an unknown identifier", "62 02 0009", "70 03 0009 92"],
  ["PUBCOMP for an unknown identifier", "70 02 0009", ""],
  ["SUBACK for an unknown identifier", "90 04 0009 00 00", ""],
  ["UNSUBACK for an unknown identifier", "B0 04 0009 00 00", ""],
  ["PINGRESP unasked", "D0 00 D0 00", ""],
  ["a User Property without name", "30 09 0001 61 05 26 0000 0000", ""],
  ["a message without payload", "30 04 0001 61 00", ""],
  ["two Subscription Identifiers in one message", "30 08 0001 61 04 0B07 0B08", ""],
];

for (const [what, hex, answer] of NO_FAULTS) {
  test(`${what} is no fault, however often it comes`, async (world) => {
    const { client, peer } = await world.connected();
    for (let count = 0; count < 3; count++) {
      peer.sendHex(hex);
      const packets = await peer.takePackets();
      const sent = packets.map((packet) => encodePacket(packet).toHex()).join("");
      assertStrictEquals(sent, answer.replaceAll(" ", ""));
    }
    assertStrictEquals(client.state, "connected");
  });
}

test("Everything twice: acknowledgements and answers that repeat themselves change nothing", async (world) => {
  const { client, peer } = await world.connected();
  const twice: Peer["send"] = (...packets) => {
    for (const packet of packets) peer.send(packet, packet);
  };
  const once = client.publish("a", "", { qos: 1 });
  const exactly = client.publish("b", "", { qos: 2 });
  await peer.takePackets();
  twice({ type: "puback", packetId: 1 }, { type: "pubrec", packetId: 2 });
  assertEquals((await peer.takePackets()).map(({ type }) => type), ["pubrel", "pubrel"]);
  twice({ type: "pubcomp", packetId: 2 });
  await Promise.all([once, exactly]);
  const subscribed = client.subscribe("c", { qos: 2 });
  const { packetId } = await peer.expect("subscribe");
  twice({ type: "suback", packetId, reasonCodes: [2] });
  const loop = new Loop(await subscribed);
  twice({ type: "publish", topic: "c", qos: 2, packetId: 7, properties: SUBSCRIPTION });
  await loop.take();
  const next = loop.next();
  assertEquals((await peer.takePackets()).map(({ type }) => type), ["pubrec"]);
  twice({ type: "publish", topic: "c", qos: 2, packetId: 7, dup: true, properties: SUBSCRIPTION });
  assertEquals((await peer.takePackets()).map(({ type }) => type), ["pubrec", "pubrec"]);
  twice({ type: "pubrel", packetId: 7 });
  const pubcomps = await peer.takePackets();
  assertEquals(pubcomps.map((packet) => "reasonCode" in packet && packet.reasonCode), [0, 0x92]);
  await assertPending(next);
  assertStrictEquals(client.state, "connected");
});

const SUBSCRIPTION = { subscriptionIdentifiers: [1] };

test("An identifier of QoS 1 that is in use is answered with 0x91 when it is one of QoS 2", async (world) => {
  const { client, peer } = await world.connected();
  peer.publish("a", undefined, { qos: 2, packetId: 5 });
  peer.publish("b", undefined, { qos: 1, packetId: 5 });
  const { packetId, reasonCode } = await peer.expect("puback");
  assertEquals([packetId, reasonCode], [5, 0x91]);
  assertStrictEquals((await new Loop(client.messages).take()).topic, "a");
  assertStrictEquals(client.state, "connected");
});

test("One byte a second: messages arrive, and the connection lives", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 10 });
  const loop = new Loop(client.messages);
  const step = loop.next();
  const bytes = encodePacket({ type: "publish", topic: "slow", payload: new Uint8Array(60) });
  for (const byte of bytes) {
    peer.sendBytes(Uint8Array.of(byte));
    await world.clock.advance(1000);
    // It is asked now and then whether it is there, and a PINGRESP can only come behind the packet.
    await peer.takePackets();
  }
  peer.send({ type: "pingresp" });
  assertStrictEquals((await step).value?.payload.length, 60);
  assertStrictEquals(client.state, "connected");
});

test("A packet whose end never comes: the server is left when it is silent, and not before", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 10 });
  peer.sendHex("30 FF FF FF 7F 0001 61 00");
  await world.clock.advance(9000);
  await peer.expect("pingreq");
  await world.clock.advance(4999);
  assertStrictEquals(client.state, "connected");
  await world.clock.advance(1);
  assertStrictEquals(client.state === "connected", false);
});

test("A close in the middle of any packet is a lost connection", async (world) => {
  const packet = encodePacket({
    type: "publish",
    topic: "a",
    qos: 1,
    packetId: 1,
    payload: Uint8Array.of(1, 2),
    properties: { contentType: "x", userProperties: [["a", "b"]] },
  });
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  let last = peer;
  for (let length = 0; length < packet.length; length++) {
    if (length > 0) last.sendBytes(packet.subarray(0, length));
    last.close();
    last = await world.accept({ sessionPresent: true });
  }
  assertStrictEquals(client.state, "connected");
  await assertPending(new Loop(client.messages).next());
});

test("A server that sends messages and reads no answers is given up before they fill the memory", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 0 });
  peer.near.stall();
  // Each PUBREL is answered, with seven bytes at most.
  const pubrels = encodePacket({ type: "pubrel", packetId: 9 });
  const many = new Uint8Array(pubrels.length * 10_000);
  for (let at = 0; at < many.length; at += pubrels.length) many.set(pubrels, at);
  for (let count = 0; count < 100 && client.state === "connected"; count++) {
    peer.sendBytes(many);
    await settle();
  }
  assertStrictEquals(client.state, "reconnecting");
  await world.clock.advance(1000);
  assert(peer.near.isClosed);
});

test("A server that goes on sending after the end is not listened to, and the connection is closed", async (world) => {
  const { client, peer } = await world.connected();
  peer.sendHex("36 00");
  await settle();
  for (let count = 0; count < 10; count++) {
    peer.publish("a", undefined, { qos: 1, packetId: 1 });
    await world.clock.advance(99);
  }
  await peer.expect("disconnect");
  await peer.expectNothing();
  await world.clock.advance(20);
  await peer.expectClosed();
  const next = await outcome(new Loop(client.messages).next());
  assertStrictEquals(next.status, "rejected");
});

test("Explanations that CONNECT asked not to have end the client [MQTT-3.1.2-29]", async (world) => {
  const { client, peer } = await world.connected({ requestProblemInformation: false });
  const rejected = assertRejects(
    () => client.publish("a", "", { qos: 1 }),
    ConnectionClosedError,
  );
  peer.send({ type: "puback", packetId: 1, properties: { reasonString: "r" } });
  await rejected;
  assertStrictEquals((await client.closed)?.kind, "protocol");
});
