// §2.2.1 Packet Identifiers come round to 1 after 65,535, past those that are still in use.

import { assertEquals } from "@std/assert";
import { PacketIds } from "../../src/session/packet_ids.ts";

Deno.test("PacketIds goes on from 65,535 with the first identifier that is free [MQTT-2.2.1-3]", () => {
  const packetIds = new PacketIds();
  for (let count = 1; count < 65_534; count++) packetIds.next(() => false);
  const inUse = new Set([1, 2, 4]);
  const given = [];
  for (let count = 0; count < 4; count++) {
    given.push(packetIds.next((packetId) => inUse.has(packetId)));
  }
  assertEquals(given, [65_534, 65_535, 3, 5]);
});

Deno.test("PacketIds finds the one identifier that is free behind the last and before it", () => {
  for (const free of [1, 39_999, 40_000, 40_001, 65_535]) {
    const packetIds = new PacketIds();
    for (let count = 0; count < 40_000; count++) packetIds.next(() => false);
    assertEquals(packetIds.next((packetId) => packetId !== free), free);
  }
});
