// Every vector both ways, and then all that can happen to bytes on their way: cut short, cut in two, one bit wrong. The
// rule is that any bytes give packets or one of two errors.

import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import {
  decodePacket,
  encodePacket,
  explainPacket,
  MalformedPacketError,
  type Packet,
  PacketDecoder,
  PacketError,
  ProtocolError,
} from "../../mod.ts";
import { FIRST_BYTES, publishOf } from "../build.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { BOUNDARY_VECTORS, VECTORS } from "../vectors.ts";

const BYTES = VECTORS.map(({ hex }) => bytesOf(hex));

for (const { name, hex, packet, canonical } of VECTORS) {
  Deno.test(`decodePacket() and encodePacket() agree with the bytes of ${name}`, () => {
    assertEquals(decodePacket(bytesOf(hex)), packet);
    assertEquals(hexOf(encodePacket(packet)), hexOf(bytesOf(canonical)));
    assertEquals(decodePacket(bytesOf(canonical)), packet);
  });
}

for (const { name, hex, packet, canonical } of BOUNDARY_VECTORS) {
  Deno.test(`decodePacket() and encodePacket() agree with the bytes of ${name} [MQTT-1.5.5-1]`, () => {
    const bytes = bytesOf(hex);
    const decoded = publishOf(decodePacket(bytes));
    const expected = publishOf(packet);
    assertEquals({ ...decoded, payload: 0 }, { ...expected, payload: 0 });
    assertStrictEquals(hexOf(decoded.payload), hexOf(expected.payload));
    assertStrictEquals(hexOf(encodePacket(packet)), hexOf(bytesOf(canonical)));
    for (const cut of [1, 2, 3, 4, 5, 6, 4096, bytes.length - 1]) {
      if (cut < bytes.length) assertSame(splitAt(bytes, cut), [packet]);
    }
  });
}

Deno.test("The vectors have all 15 packets", () => {
  const types = new Set(VECTORS.map(({ packet }) => packet.type.toUpperCase()));
  assertEquals([...types].sort(), FIRST_BYTES.map(([name]) => name).sort());
});

Deno.test("encodePacket() writes one zero byte for no properties, in every packet that may not end early [MQTT-2.2.2-1]", () => {
  const hexOfPackets = ([
    { type: "connect" },
    { type: "connack" },
    { type: "publish", topic: "a" },
    { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] },
    { type: "suback", packetId: 1, reasonCodes: [0] },
    { type: "unsubscribe", packetId: 1, topicFilters: ["a"] },
    { type: "unsuback", packetId: 1, reasonCodes: [0] },
  ] as const).map((packet) => hexOf(encodePacket(packet)));
  assertEquals(hexOfPackets, [
    "100D00044D51545405000000" + "00" + "0000",
    "20030000" + "00",
    "3004000161" + "00",
    "82070001" + "00" + "00016100",
    "90040001" + "00" + "00",
    "A2060001" + "00" + "000161",
    "B0040001" + "00" + "00",
  ]);
});

Deno.test("encodePacket() writes no Packet Identifier at QoS 0, and decodePacket() reads none [MQTT-2.2.1-2]", () => {
  const bytes = bytesOf("30 06 0001 61 00 0102");
  const packet = publishOf(decodePacket(bytes));
  assertEquals(packet.packetId, 0);
  assertEquals(packet.payload, Uint8Array.of(1, 2));
  assertEquals(encodePacket(packet), bytes);
});

Deno.test("encodePacket() puts the topic first in PUBLISH, in UTF-8 [MQTT-3.3.2-1]", () => {
  const bytes = encodePacket({ type: "publish", topic: "é", qos: 1, packetId: 1 });
  assertEquals(hexOf(bytes), "32070002C3A9000100");
});

Deno.test("encodePacket() writes the payload of CONNECT in the order of the standard [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.2-9] [MQTT-3.1.2-17] [MQTT-3.1.2-19]", () => {
  const bytes = encodePacket({
    type: "connect",
    password: Uint8Array.of(0xee),
    username: "u",
    will: { topic: "t", payload: Uint8Array.of(0xdd), properties: { willDelayInterval: 7 } },
    clientId: "c",
  });
  assertEquals(
    hexOf(bytes),
    hexOf(bytesOf(
      "10 20 00044D515454 05 C4 0000 00 0001 63 05 1800000007 0001 74 0001 DD 0001 75 0001 EE",
    )),
  );
});

Deno.test("encodePacket() writes no User Name, Password or Will where their flags are 0 [MQTT-3.1.2-16] [MQTT-3.1.2-18] [MQTT-3.1.2-11] [MQTT-3.1.2-13]", () => {
  assertEquals(
    hexOf(encodePacket({ type: "connect", clientId: "c" })),
    "100E00044D5154540500000000000163",
  );
});

Deno.test("decodePacket() and encodePacket() keep U+FEFF wherever it stands [MQTT-1.5.4-3]", () => {
  const bytes = bytesOf("30 14 0007 EFBBBF61EFBBBF 0A 03 0007 EFBBBFEFBBBF62");
  const packet = publishOf(decodePacket(bytes));
  assertEquals(packet.topic, "\uFEFFa\uFEFF");
  assertEquals(packet.properties.contentType, "\uFEFF\uFEFFb");
  assertEquals(encodePacket(packet), bytes);
});

Deno.test("decodePacket() refuses every truncation of every vector", () => {
  for (const bytes of BYTES) {
    for (let length = 0; length < bytes.length; length++) {
      // The bytes that are missing lie right behind the view: a read past its end would find them.
      assertThrows(() => decodePacket(bytes.subarray(0, length)), MalformedPacketError);
    }
  }
});

Deno.test("PacketDecoder waits at every truncation of every vector, and end() refuses it", () => {
  for (const bytes of BYTES) {
    for (let length = 0; length < bytes.length; length++) {
      const decoder = new PacketDecoder();
      decoder.push(bytes.subarray(0, length));
      assertStrictEquals(decoder.next(), undefined);
      if (length === 0) decoder.end();
      else assertThrows(() => decoder.end(), MalformedPacketError);
    }
  }
});

Deno.test("PacketDecoder gives the same packet wherever a vector is cut in two", () => {
  VECTORS.forEach(({ packet }, index) => {
    const bytes = BYTES[index]!;
    for (let cut = 0; cut <= bytes.length; cut++) assertSame(splitAt(bytes, cut), [packet]);
  });
});

Deno.test("PacketDecoder gives the same packets one byte at a time", () => {
  const decoder = new PacketDecoder();
  VECTORS.forEach(({ packet }, index) => {
    const bytes = BYTES[index]!;
    for (let at = 0; at < bytes.length; at++) {
      assertStrictEquals(decoder.next(), undefined);
      decoder.push(bytes.slice(at, at + 1));
    }
    assertEquals(decoder.next(), packet);
  });
  assertStrictEquals(decoder.next(), undefined);
  decoder.end();
});

Deno.test("PacketDecoder gives all vectors out of one chunk, in their order", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf(VECTORS.map(({ hex }) => hex).join("")));
  for (const { packet } of VECTORS) assertEquals(decoder.next(), packet);
  assertStrictEquals(decoder.next(), undefined);
  decoder.end();
});

Deno.test("PacketDecoder gives all vectors out of chunks of any one size", () => {
  const bytes = bytesOf(VECTORS.map(({ hex }) => hex).join(""));
  for (const size of [2, 3, 5, 7, 64, 1000]) {
    const decoder = new PacketDecoder();
    for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.subarray(at, at + size));
    for (const { packet } of VECTORS) assertEquals(decoder.next(), packet);
    assertStrictEquals(decoder.next(), undefined);
  }
});

Deno.test("Any bit wrong in any vector gives packets or one of two errors", () => {
  eachBitFlip((bytes) => {
    const decoder = new PacketDecoder();
    decoder.push(bytes);
    const streamed = outcome(() => {
      while (decoder.next() !== undefined);
      decoder.end();
    });
    const decoded = outcome(() => decodePacket(bytes));
    if (decoded instanceof PacketError) return;
    // What is decoded may be sent: the encoder has no rule that the decoder has not.
    assertStrictEquals(streamed, undefined);
    assertSame([decodePacket(encodePacket(decoded!))], [decoded!]);
  });
});

Deno.test("explainPacket() finds a fault where decodePacket() does, whatever bit is wrong", () => {
  eachBitFlip((bytes) => {
    const explanation = explainPacket(bytes);
    const decoded = outcome(() => decodePacket(explanation.bytes));
    if (decoded instanceof PacketError) assertInstanceOf(explanation.fault, PacketError);
    else assertStrictEquals(explanation.fault, undefined);
    assertStrictEquals(explanation.packet === undefined, explanation.fault !== undefined);
  });
});

Deno.test("Nothing is read past the end of the bytes, whatever lies there", () => {
  for (const bytes of BYTES) {
    for (let length = 0; length <= bytes.length; length++) {
      const zeros = between(0x00, bytes.subarray(0, length));
      const ones = between(0xff, bytes.subarray(0, length));
      assertSameOutcome(() => decodePacket(zeros), () => decodePacket(ones));
      assertSameOutcome(() => streamed(zeros), () => streamed(ones));
    }
  }
});

Deno.test("Nothing is read past the end of a packet that announces less than it needs", () => {
  for (const bytes of BYTES) {
    if (bytes[1]! >= 0x80) continue;
    for (let remainingLength = 0; remainingLength < bytes[1]!; remainingLength++) {
      const shorter = bytes.slice(0, 2 + remainingLength);
      shorter[1] = remainingLength;
      const zeros = between(0x00, shorter);
      const ones = between(0xff, shorter);
      assertSameOutcome(() => decodePacket(zeros), () => decodePacket(ones));
      // Here the poison is the rest of the chunk, and so the next packet: only the first one counts.
      assertSameOutcome(() => firstOf(zeros), () => firstOf(ones));
    }
  }
});

function splitAt(bytes: Uint8Array, cut: number): Packet[] {
  const decoder = new PacketDecoder();
  decoder.push(bytes.slice(0, cut));
  const packets = [...remaining(decoder)];
  decoder.push(bytes.slice(cut));
  packets.push(...remaining(decoder));
  decoder.end();
  return packets;
}

function* remaining(decoder: PacketDecoder): Generator<Packet> {
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) yield packet;
}

function streamed(bytes: Uint8Array): Packet[] {
  const decoder = new PacketDecoder();
  decoder.push(bytes);
  const packets = [...remaining(decoder)];
  decoder.end();
  return packets;
}

/** The first packet of all bytes from the beginning of a view to the end of its buffer. */
function firstOf(view: Uint8Array): Packet | undefined {
  const decoder = new PacketDecoder();
  decoder.push(new Uint8Array(view.buffer, view.byteOffset));
  return decoder.next();
}

/** A copy of the bytes in the middle of a larger buffer, all the rest of which is poison. */
function between(poison: number, bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 64).fill(poison);
  buffer.set(bytes, 32);
  return buffer.subarray(32, 32 + bytes.length);
}

function eachBitFlip(check: (bytes: Uint8Array) => void): void {
  for (const bytes of BYTES) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      check(flipped);
    }
  }
}

/** What is returned, or the error if it is one of the two; any other is thrown on. */
function outcome<Result>(run: () => Result): Result | PacketError {
  try {
    return run();
  } catch (error) {
    if (error instanceof MalformedPacketError || error instanceof ProtocolError) return error;
    throw error;
  }
}

function assertSameOutcome<Result>(one: () => Result, other: () => Result): void {
  const a = outcome(one);
  const b = outcome(other);
  if (a instanceof PacketError && b instanceof PacketError) {
    assertStrictEquals(`${a.name} ${a.message}`, `${b.name} ${b.message}`);
  } else assertSame(a, b);
}

/** Equality that is quick where it holds: payloads may be long, and there are many. */
function assertSame(actual: unknown, expected: unknown): void {
  if (Deno.inspect(actual, INSPECT) !== Deno.inspect(expected, INSPECT)) {
    assertEquals(actual, expected);
  }
}

const INSPECT = { depth: 9, iterableLimit: 100, strAbbreviateSize: 1000 } as const;
