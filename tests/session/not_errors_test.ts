// What looks like a fault and is none: it is answered or passed over, and the connection lives on. Other clients and servers
// have killed their connections for these, again and again.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { eachRole, openClient, openServer } from "./roles.ts";

eachRole("answers PUBREL for an unknown identifier with PUBCOMP 0x92", ({ open }) => {
  const script = open();
  script.send("62 02 0007");
  script.expect("70 03 0007 92");
  script.expectQuiet();
});

eachRole("answers PUBREC for an unknown identifier with PUBREL 0x92", ({ open }) => {
  const script = open();
  script.send("50 02 0007", "50 03 0008 10");
  script.expect("62 03 0007 92", "62 03 0008 92");
  script.expectQuiet();
});

eachRole("passes over a PUBREC that refuses what is unknown", ({ open }) => {
  const script = open();
  script.send("50 03 0007 87");
  script.expectQuiet();
});

eachRole("passes over PUBACK and PUBCOMP for unknown identifiers", ({ open }) => {
  const script = open();
  script.send("40 02 0007", "70 02 0007", "40 03 0007 87", "70 03 0007 92");
  script.expectQuiet();
});

Deno.test("A client passes over SUBACK and UNSUBACK for unknown identifiers, and a PINGRESP unasked", () => {
  const script = openClient();
  script.send("90 05 0007 00 00 01", "B0 04 0007 00 11", "D0 00");
  script.expectQuiet();
});

eachRole("takes DUP on a message that it sees for the first time", ({ open }) => {
  const script = open();
  script.send("3A 06 0001 61 0001 00", "3C 06 0001 62 0002 00");
  script.acknowledge(script.expectMessage("a"));
  script.acknowledge(script.expectMessage("b"));
  script.expect("40 02 0001", "50 02 0002");
  script.expectQuiet();
});

eachRole("takes messages without a payload, and properties that are empty", ({ open }) => {
  const script = open();
  script.send("30 0C 0001 61 08 03 0000 26 0000 0000");
  const { packet } = script.expectEvent("message");
  assertStrictEquals(packet.payload.length, 0);
  assertEquals(packet.properties, { contentType: "", userProperties: [["", ""]] });
  script.expectQuiet();
});

Deno.test("A client takes several Subscription Identifiers in one PUBLISH", () => {
  const script = openClient();
  script.send("30 08 0001 61 04 0B 01 0B 02");
  assertEquals(script.expectEvent("message").packet.properties, {
    subscriptionIdentifiers: [1, 2],
  });
});

eachRole("answers each of many stray acknowledgements, and carries on", ({ open }) => {
  const script = open();
  for (let packetId = 1; packetId <= 500; packetId++) {
    const id = packetId.toString(16).padStart(4, "0");
    script.send(`62 02 ${id}`, `50 02 ${id}`);
    script.expect(`70 03 ${id} 92`, `62 03 ${id} 92`);
  }
  script.send("32 06 0001 61 0001 00");
  script.acknowledge(script.expectMessage("a"));
  script.expect("40 02 0001");
  script.expectQuiet();
});

Deno.test("A server answers every PINGREQ with PINGRESP [MQTT-3.12.4-1]", () => {
  const script = openServer();
  for (let count = 1; count <= 3; count++) {
    script.send("C000".repeat(count));
    script.expect("D000".repeat(count));
    script.expectQuiet();
  }
});
