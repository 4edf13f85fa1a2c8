// What errors about a peer's bytes say: the packet and the field, each word once.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decodePacket, encodePacket, PacketError } from "../../mod.ts";
import { bytesOf } from "../hex.ts";
import { VECTORS } from "../vectors.ts";

const SUBJECTS: readonly (readonly [hex: string, subject: string])[] = [
  ["40 03 0001 77", "PUBACK Reason Code at byte 4 is 0x77"],
  ["50 03 0001 77", "PUBREC Reason Code at byte 4 is 0x77"],
  ["62 03 0001 77", "PUBREL Reason Code at byte 4 is 0x77"],
  ["70 03 0001 77", "PUBCOMP Reason Code at byte 4 is 0x77"],
  ["E0 01 77", "Disconnect Reason Code at byte 2 is 0x77"],
  ["F0 01 77", "AUTH Authenticate Reason Code at byte 2 is 0x77"],
  ["E1 00", "DISCONNECT Reserved flags at byte 0 are 0001, not 0000"],
  ["6B 02 0001", "PUBREL Reserved flags at byte 0 are 1011, not 0010"],
  ["00 00", "MQTT Control Packet type at byte 0 is 0"],
  ["40 02 0000", "PUBACK Packet Identifier at byte 2 is 0"],
];

for (const [hex, subject] of SUBJECTS) {
  Deno.test(`An error about ${hex} begins with ${subject}`, () => {
    const { message } = assertThrows(() => decodePacket(bytesOf(hex)), PacketError);
    assertStrictEquals(message.slice(0, subject.length), subject);
  });
}

Deno.test("A Reason Code that is not a byte is told from one that a packet may not have", () => {
  const errorOf = (reasonCode: number) => {
    const packet = { type: "puback", packetId: 1, reasonCode: reasonCode as never } as const;
    return assertThrows(() => encodePacket(packet), RangeError).message;
  };
  assertStrictEquals(errorOf(256), "reasonCode must be an integer from 0 to 255, got 256");
  const message = "reasonCode is 0xFF, which is not a Reason Code of PUBACK [MQTT-3.4.2-1]";
  assertStrictEquals(errorOf(255), message);
});

Deno.test("No error about a packet of which a byte is wrong has a word twice", () => {
  const messages = new Set<string>();
  for (const { hex } of VECTORS) {
    const right = bytesOf(hex);
    for (let at = 0; at < right.length; at++) {
      for (const wrong of [0x00, 0x77, 0xff]) {
        const bytes = right.with(at, wrong);
        try {
          decodePacket(bytes);
        } catch (error) {
          if (!(error instanceof PacketError)) throw error;
          messages.add(error.message);
        }
      }
    }
  }
  assertStrictEquals(messages.size > 300, true, `only ${messages.size} errors`);
  assertEquals([...messages].filter((message) => /\b([a-z]+) \1\b/i.test(message)), []);
});
