// §2.2.1 Packet Identifiers: 65,535 of them in each direction, for messages, SUBSCRIBE and UNSUBSCRIBE together.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Packet } from "../../src/packets/mod.ts";
import { PacketIds } from "../../src/session/packet_ids.ts";
import { Session } from "../../src/session/session.ts";
import { u16 } from "../build.ts";
import { eachRole, messageOf, openClient } from "./roles.ts";

const SUBSCRIBE = { type: "subscribe", subscriptions: [{ topicFilter: "a" }] } as const;
const UNSUBSCRIBE = { type: "unsubscribe", topicFilters: ["a"] } as const;

Deno.test("PacketIds gives out every identifier once, in a circle, and 0 when all are in use", () => {
  const packetIds = new PacketIds();
  const inUse = new Set<number>();
  const next = () => packetIds.next((packetId) => inUse.has(packetId));
  for (let expected = 1; expected <= 65_535; expected++) {
    const packetId = next();
    if (packetId !== expected) assertStrictEquals(packetId, expected);
    inUse.add(packetId);
  }
  assertStrictEquals(next(), 0);
  inUse.delete(40_000);
  assertStrictEquals(next(), 40_000);
  // The only one that is free, though it was the last to be given out.
  assertStrictEquals(next(), 40_000);
  inUse.clear();
  // One that has just become free is the last to be used again.
  assertStrictEquals(next(), 40_001);
});

eachRole(
  "uses all 65,535 identifiers at once, each once, and waits with the next message",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    for (let count = 0; count < 65_535; count++) script.connection.publish(messageOf("a", 1));
    script.collect();
    const used = new Set(script.takePackets().map(idOf));
    assertStrictEquals(used.size, 65_535);
    assertStrictEquals(used.has(0), false);
    script.publish(messageOf("b", 2));
    script.expectNothing();
    script.send(`40 02 ${u16(31_313)}`);
    script.expect(`34 06 0001 62 ${u16(31_313)} 00`);
  },
  { client: ["MQTT-2.2.1-3"], server: ["MQTT-2.2.1-4"] },
);

eachRole("goes round, past the identifiers that are in use", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  script.publish(messageOf("a", 1));
  script.publish(messageOf("a", 2));
  script.send("50 02 0002");
  script.takePackets();
  let last = 2;
  for (let rounds = 0; rounds < 2;) {
    script.publish(messageOf("b", 1));
    const { packetId } = script.expectPacket("publish");
    assert(packetId > 2, `${packetId} is in use`);
    if (packetId < last) rounds++;
    last = packetId;
    script.send(`40 02 ${u16(packetId)}`);
  }
});

Deno.test("A client gives SUBSCRIBE, UNSUBSCRIBE and messages identifiers of one kind, none in use twice [MQTT-2.2.1-3]", () => {
  const script = openClient();
  const ids = [
    script.call((connection) => connection.subscribe(SUBSCRIBE)),
    script.call((connection) => connection.unsubscribe(UNSUBSCRIBE)),
  ];
  script.publish(messageOf("a", 1));
  script.publish(messageOf("a", 2));
  ids.push(script.call((connection) => connection.subscribe(SUBSCRIBE)));
  assertEquals(ids, [1, 2, 5]);
  assertEquals(script.takePackets().map(idOf), [1, 2, 3, 4, 5]);
});

Deno.test("A client gives no message the identifier of a request that waits, nor a request that of a message [MQTT-2.2.1-3]", () => {
  const session = new Session("c");
  const script = openClient({ session });
  script.call((connection) => connection.subscribe(SUBSCRIBE));
  script.publish(messageOf("a", 1));
  script.takePackets();
  for (let count = 3; count <= 65_535; count++) session.packetIds.next(() => false);
  assertStrictEquals(script.call((connection) => connection.unsubscribe(UNSUBSCRIBE)), 3);
  for (let count = 4; count <= 65_535; count++) session.packetIds.next(() => false);
  script.publish(messageOf("b", 1));
  script.expectPacket("unsubscribe");
  script.expect("32 06 0001 62 0004 00");
});

Deno.test("A client uses the identifier of a request again once it is answered", () => {
  const session = new Session("c");
  const script = openClient({ session });
  for (
    const [answer, request] of [["90 04 0001 00 00", SUBSCRIBE], [
      "B0 04 0001 00 00",
      UNSUBSCRIBE,
    ]] as const
  ) {
    script.call((connection) =>
      request.type === "subscribe" ? connection.subscribe(request) : connection.unsubscribe(request)
    );
    script.expectPacket(request.type);
    script.send(answer);
    for (let count = 2; count <= 65_535; count++) session.packetIds.next(() => false);
  }
  script.publish(messageOf("a", 1));
  script.expect("32 06 0001 61 0001 00");
});

Deno.test("A client that has no identifier for a request says so and sends nothing", () => {
  const script = openClient();
  for (let count = 0; count < 65_535; count++) script.connection.publish(messageOf("a", 1));
  script.collect();
  assertStrictEquals(script.takePackets().length, 65_535);
  assertStrictEquals(script.call((connection) => connection.subscribe(SUBSCRIBE)), 0);
  assertStrictEquals(script.call((connection) => connection.unsubscribe(UNSUBSCRIBE)), 0);
  script.expectQuiet();
});

eachRole("takes the same identifiers from its peer that it uses itself", ({ open }) => {
  const script = open();
  script.publish(messageOf("a", 2));
  script.send("34 06 0001 62 0001 00");
  script.acknowledge(script.expectMessage("b"));
  script.expect("34 06 0001 61 0001 00", "50 02 0001");
  script.send("50 02 0001", "62 02 0001", "70 02 0001");
  script.expect("62 02 0001", "70 02 0001");
  script.expectEvent("settled");
  script.expectQuiet();
});

function idOf(packet: Packet): number {
  return "packetId" in packet ? packet.packetId : 0;
}
