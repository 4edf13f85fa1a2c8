// What must hold for every packet, tried on random ones. A failure prints the seed and the smallest packet that fails.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "../npm/fast_check.ts";
import { concat } from "jsr:@std/bytes@^1/concat";
import {
  decodePacket,
  encodePacket,
  type ExplainedField,
  explainPacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PacketType,
  type PROPERTIES,
} from "../../mod.ts";
import { writePacket } from "../../src/packets/codec.ts";
import { Writer } from "../../src/wire/writer.ts";
import { anyPacket, packetsByType } from "./arbitraries.ts";

type Answer = keyof typeof PROPERTIES.reasonString.in;

/** The statements by which a Reason String, and User Properties, are left out of an answer that would be too large. */
const LEFT_OUT: { readonly [Type in Answer]: string } = {
  connack: "[MQTT-3.2.2-19] [MQTT-3.2.2-20]",
  puback: "[MQTT-3.4.2-2] [MQTT-3.4.2-3]",
  pubrec: "[MQTT-3.5.2-2] [MQTT-3.5.2-3]",
  pubrel: "[MQTT-3.6.2-2] [MQTT-3.6.2-3]",
  pubcomp: "[MQTT-3.7.2-2] [MQTT-3.7.2-3]",
  suback: "[MQTT-3.9.2-1] [MQTT-3.9.2-2]",
  unsuback: "[MQTT-3.11.2-1] [MQTT-3.11.2-2]",
  disconnect: "[MQTT-3.14.2-3] [MQTT-3.14.2-4]",
  auth: "[MQTT-3.15.2-2] [MQTT-3.15.2-3]",
};

for (const [type, packets] of Object.entries<fc.Arbitrary<Packet>>(packetsByType)) {
  Deno.test(`decodePacket() gives back every ${type} that encodePacket() was given`, () => {
    check(packets, 500, (packet) => {
      const bytes = encodePacket(packet);
      const decoded = decodePacket(bytes);
      assertEquals(decoded, packet);
      assertEquals(encodePacket(decoded), bytes);
    });
  });
}

Deno.test("PacketDecoder gives the same packets however their bytes are cut", () => {
  const sequences = fc.record({
    packets: fc.array(anyPacket, { minLength: 1, maxLength: 6 }),
    cuts: fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat()), { maxLength: 30 }),
  });
  check(sequences, 1000, ({ packets, cuts }) => {
    const bytes = concat(packets.map((packet) => encodePacket(packet)));
    // All packets are compared at the end: one that changes while later bytes arrive is found too.
    const decoder = new PacketDecoder();
    const decoded: Packet[] = [];
    for (const chunk of cut(bytes, cuts)) {
      decoder.push(chunk);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        decoded.push(packet);
      }
    }
    decoder.end();
    assertEquals(decoded, packets);
  });
});

Deno.test("PacketDecoder gives the same packets from chunks of one byte", () => {
  check(fc.array(anyPacket, { minLength: 1, maxLength: 3 }), 100, (packets) => {
    const bytes = concat(packets.map((packet) => encodePacket(packet)));
    const decoder = new PacketDecoder();
    const decoded: Packet[] = [];
    for (let offset = 0; offset < bytes.length; offset++) {
      decoder.push(bytes.subarray(offset, offset + 1));
      const packet = decoder.next();
      if (packet !== undefined) decoded.push(packet);
    }
    decoder.end();
    assertEquals(decoded, packets);
  });
});

Deno.test("decodePacket() takes properties in any order and keeps the order of those that repeat", () => {
  const shuffled = fc.record({
    packet: anyPacket,
    order: fc.infiniteStream(fc.nat({ max: 0xffff })),
  });
  check(shuffled, 1000, ({ packet, order }) => {
    const bytes = shuffleProperties(encodePacket(packet), order);
    assertEquals(decodePacket(bytes), packet);
  });
});

Deno.test("explainPacket() accounts for every byte once, in order, and gives the packet", () => {
  check(anyPacket, 1000, (packet) => {
    const bytes = encodePacket(packet);
    const explanation = explainPacket(bytes);
    assertStrictEquals(explanation.fault, undefined);
    assertEquals(explanation.packet, packet);
    assertEquals(explanation.bytes, bytes);
    let offset = 0;
    for (const field of explanation.fields) {
      assertStrictEquals(field.offset, offset, field.name);
      offset += field.length;
    }
    assertStrictEquals(offset, bytes.length);
  });
});

Deno.test("writePacket() appends to a standing writer what encodePacket() gives", () => {
  const writer = new Writer(16);
  check(fc.array(anyPacket, { minLength: 1, maxLength: 4 }), 300, (packets) => {
    writer.clear();
    for (const packet of packets) writePacket(writer, packet);
    assertEquals(writer.bytes(), concat(packets.map((packet) => encodePacket(packet))));
  });
});

// A writer and a decoder that have met many strings begin to remember some. Strings that are alike are the ones to take for
// one another.
Deno.test("writePacket() never takes a topic for one that it has written before", () => {
  check(topicsAlike, 50, (topics) => {
    const writer = new Writer();
    for (const packet of WARM_UP) writePacket(writer, packet);
    for (const topic of topics) {
      const start = writer.length;
      writePacket(writer, { type: "publish", topic });
      assertEquals(writer.bytes().slice(start), encodePacket({ type: "publish", topic }));
    }
  });
});

Deno.test("PacketDecoder never takes a topic for one that it has read before", () => {
  check(topicsAlike, 50, (topics) => {
    const decoder = new PacketDecoder();
    for (const packet of WARM_UP) decoder.push(encodePacket(packet));
    while (decoder.next() !== undefined);
    for (const topic of topics) {
      decoder.push(encodePacket({ type: "publish", topic }));
      const packet = decoder.next();
      assertStrictEquals(packet?.type === "publish" && packet.topic, topic);
    }
  });
});

for (const [type, statements] of Object.entries(LEFT_OUT)) {
  Deno.test(
    `encodePacket() leaves User Properties, then the Reason String, out of an oversized ${type} ${statements}`,
    () => {
      const packets = packetsByType[type as Answer] as fc.Arbitrary<Packet>;
      check(limited(packets), 400, ({ packet, limit }) => {
        const candidates = [
          packet,
          without(packet, ["userProperties"]),
          without(packet, ["userProperties", "reasonString"]),
        ].map((candidate) => encodePacket(candidate));
        const maximumPacketSize = 1 + limit % (candidates[0]!.length + 1);
        const expected = candidates.find((bytes) => bytes.length <= maximumPacketSize);
        assertEquals(encodeWithin(packet, maximumPacketSize), expected);
      });
    },
  );
}

for (const type of Object.keys(packetsByType).filter((type) => !(type in LEFT_OUT))) {
  Deno.test(`encodePacket() leaves nothing out of an oversized ${type}`, () => {
    const packets = packetsByType[type as PacketType] as fc.Arbitrary<Packet>;
    check(limited(packets), 200, ({ packet, limit }) => {
      const bytes = encodePacket(packet);
      const maximumPacketSize = 1 + limit % (bytes.length + 1);
      const expected = bytes.length <= maximumPacketSize ? bytes : undefined;
      assertEquals(encodeWithin(packet, maximumPacketSize), expected);
    });
  });
}

/** So many messages that everything that can be remembered is. */
const WARM_UP: readonly PacketInit[] = Array(1_000).fill({ type: "publish", topic: "warm-up" });

/** Topics that differ in one place, each twice: to be remembered, a string must come again. */
const topicsAlike: fc.Arbitrary<string[]> = fc.array(
  fc.tuple(fc.nat({ max: 15 }), fc.constantFrom("b", "c", "é")),
  { minLength: 20, maxLength: 100 },
).map((places) =>
  places.map(([place, letter]) => "a".repeat(place) + letter + "a".repeat(15 - place))
    .flatMap((topic) => [topic, topic])
);

function check<Value>(
  arbitrary: fc.Arbitrary<Value>,
  numRuns: number,
  predicate: (value: Value) => void,
): void {
  fc.assert(fc.property(arbitrary, predicate), { numRuns });
}

/** A packet, and a number from which to make a limit: from one byte to one more than the packet has. */
function limited(packets: fc.Arbitrary<Packet>): fc.Arbitrary<{ packet: Packet; limit: number }> {
  return fc.record({ packet: packets, limit: fc.nat({ max: 0xf_ffff }) });
}

/** The bytes of the packet; `undefined` when it is refused as too large, and then the writer must be as it was. */
function encodeWithin(packet: PacketInit, maximumPacketSize: number): Uint8Array | undefined {
  const writer = new Writer();
  writePacket(writer, { type: "pingreq" });
  try {
    writePacket(writer, packet, { maximumPacketSize });
  } catch (error) {
    assert(error instanceof RangeError);
    assertStrictEquals(writer.length, 2);
    return undefined;
  }
  return writer.bytes().subarray(2);
}

function without(packet: Packet, names: readonly string[]): Packet {
  if (!("properties" in packet)) return packet;
  const kept = Object.entries(packet.properties).filter(([name]) => !names.includes(name));
  return { ...packet, properties: Object.fromEntries(kept) } as Packet;
}

/** Puts the properties of a packet, and those of its Will, in another order, as bytes. */
function shuffleProperties(bytes: Uint8Array, order: Iterator<number>): Uint8Array {
  const { fields } = explainPacket(bytes);
  const shuffled = bytes.slice();
  for (const [index, field] of fields.entries()) {
    if (!field.name.endsWith("Property Length")) continue;
    const start = field.offset + field.length;
    const end = start + Number(field.value);
    const spans = propertySpans(fields.slice(index + 1), bytes, end);
    shuffled.set(concat(shuffle(spans, order)), start);
  }
  return shuffled;
}

function propertySpans(
  fields: readonly ExplainedField[],
  bytes: Uint8Array,
  end: number,
): Uint8Array[] {
  const starts = fields
    .filter(({ name, offset }) => name === "Property Identifier" && offset < end)
    .map(({ offset }) => offset);
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? end));
}

/** Any order, but spans that begin with the same identifier stay in theirs. */
function shuffle(spans: readonly Uint8Array[], order: Iterator<number>): Uint8Array[] {
  const shuffled = spans
    .map((span) => ({ span, key: Number(order.next().value) }))
    .sort((a, b) => a.key - b.key)
    .map(({ span }) => span);
  const byId = Map.groupBy(spans, (span) => span[0]);
  return shuffled.map((span) => byId.get(span[0])!.shift()!);
}

function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = cuts.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end));
}
