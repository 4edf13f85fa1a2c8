// The encoder where it has a choice: what may be left out, what is left out to fit a receiver, and one buffer for many
// packets.

import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decodePacket, encodePacket, type Packet, type PacketInit } from "../../mod.ts";
import { writePacket } from "../../src/packets/codec.ts";
import { Writer } from "../../src/wire/writer.ts";
import { HOLDERS, PLAIN_CONNECT, PLAIN_PUBLISH } from "../build.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { VECTORS } from "../vectors.ts";

/** The packets that lose something to fit, with the statements: of the Reason String, then of the User Properties. */
const ANSWERS: readonly (readonly [type: Packet["type"], statements: string])[] = [
  ["connack", "[MQTT-3.2.2-19] [MQTT-3.2.2-20]"],
  ["puback", "[MQTT-3.4.2-2] [MQTT-3.4.2-3]"],
  ["pubrec", "[MQTT-3.5.2-2] [MQTT-3.5.2-3]"],
  ["pubrel", "[MQTT-3.6.2-2] [MQTT-3.6.2-3]"],
  ["pubcomp", "[MQTT-3.7.2-2] [MQTT-3.7.2-3]"],
  ["suback", "[MQTT-3.9.2-1] [MQTT-3.9.2-2]"],
  ["unsuback", "[MQTT-3.11.2-1] [MQTT-3.11.2-2]"],
  ["disconnect", "[MQTT-3.14.2-3] [MQTT-3.14.2-4]"],
  ["auth", "[MQTT-3.15.2-2] [MQTT-3.15.2-3]"],
];

/** A property of some answers that is never left out. */
const KEPT: { readonly [Type in Packet["type"]]?: object } = {
  connack: { assignedClientIdentifier: "id", serverReference: "other" },
  disconnect: { serverReference: "other" },
  auth: { authenticationMethod: "m", authenticationData: Uint8Array.of(1, 2, 3) },
};

for (const [type, statements] of ANSWERS) {
  const kept = KEPT[type] ?? {};
  const make = (properties: object) =>
    HOLDERS.find((holder) => holder.type === type)!.packet({ ...kept, ...properties });
  const reasonString = "why";
  const userProperties = [["name", "value"], ["another", "one"]];
  const all = make({ reasonString, userProperties });
  const withReason = make({ reasonString });
  const bare = make({});

  Deno.test(`encodePacket() leaves User Properties, then the Reason String, out of ${type.toUpperCase()} to fit ${statements}`, () => {
    const sizes = [all, withReason, bare].map((packet) => encodePacket(packet).length);
    for (
      let maximumPacketSize = sizes[0]! + 1;
      maximumPacketSize >= sizes[2]!;
      maximumPacketSize--
    ) {
      const expected = maximumPacketSize >= sizes[0]!
        ? all
        : maximumPacketSize >= sizes[1]!
        ? withReason
        : bare;
      const bytes = encodePacket(all, { maximumPacketSize });
      assertEquals(decodePacket(bytes), expected);
      assertEquals(hexOf(bytes), hexOf(encodePacket(expected)));
    }
  });

  Deno.test(
    `encodePacket() leaves the Reason String out of ${type.toUpperCase()} without User Properties to fit ${
      statements.split(" ")[0]
    }`,
    () => {
      const maximumPacketSize = encodePacket(withReason).length - 1;
      assertEquals(decodePacket(encodePacket(withReason, { maximumPacketSize })), bare);
    },
  );

  Deno.test(
    `encodePacket() leaves User Properties out of ${type.toUpperCase()} without a Reason String to fit ${
      statements.split(" ")[1]
    }`,
    () => {
      const packet = make({ userProperties });
      const maximumPacketSize = encodePacket(packet).length - 1;
      assertEquals(decodePacket(encodePacket(packet, { maximumPacketSize })), bare);
    },
  );

  Deno.test(`encodePacket() leaves nothing else out of ${type.toUpperCase()}: what does not fit then is refused`, () => {
    const maximumPacketSize = encodePacket(bare).length - 1;
    for (const packet of [all, withReason, bare]) assertNoRoom(packet, maximumPacketSize);
  });
}

for (const type of ["connect", "will", "publish", "subscribe", "unsubscribe"] as const) {
  Deno.test(`encodePacket() leaves nothing out of ${type === "will" ? "a Will" : type.toUpperCase()} to fit`, () => {
    const packet = HOLDERS.find((holder) => holder.type === type)!
      .packet({ userProperties: [["name", "value"]] });
    const bytes = encodePacket(packet);
    assertEquals(encodePacket(packet, { maximumPacketSize: bytes.length }), bytes);
    assertNoRoom(packet, bytes.length - 1);
  });
}

Deno.test("encodePacket() refuses a packet without properties that is too large", () => {
  for (const type of ["pingreq", "pingresp"] as const) assertNoRoom({ type }, 1);
  assertNoRoom({ type: "publish", topic: "a" }, 5);
  assertNoRoom({ type: "puback", packetId: 1 }, 3);
});

Deno.test("encodePacket() refuses a Maximum Packet Size that no receiver may have", () => {
  for (const maximumPacketSize of [0, -1, NaN]) {
    assertThrows(
      () => encodePacket({ type: "pingreq" }, { maximumPacketSize }),
      RangeError,
      "maximumPacketSize",
    );
  }
});

const DEFAULTS: readonly (readonly [name: string, packet: PacketInit, full: Packet])[] = [
  ["CONNECT", { type: "connect" }, PLAIN_CONNECT],
  ["a Will", { type: "connect", will: { topic: "w" } }, {
    ...PLAIN_CONNECT,
    will: { topic: "w", payload: new Uint8Array(0), qos: 0, retain: false, properties: {} },
  }],
  ["CONNACK", { type: "connack" }, {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties: {},
  }],
  ["PUBLISH", { type: "publish", topic: "a" }, PLAIN_PUBLISH],
  ...["puback", "pubrec", "pubrel", "pubcomp"].map((type) =>
    [
      type.toUpperCase(),
      { type, packetId: 1 } as PacketInit,
      { type, packetId: 1, reasonCode: 0, properties: {} } as Packet,
    ] as const
  ),
  ["SUBACK", { type: "suback", packetId: 1, reasonCodes: [0] }, {
    type: "suback",
    packetId: 1,
    properties: {},
    reasonCodes: [0],
  }],
  ["UNSUBSCRIBE", { type: "unsubscribe", packetId: 1, topicFilters: ["a"] }, {
    type: "unsubscribe",
    packetId: 1,
    properties: {},
    topicFilters: ["a"],
  }],
  ["UNSUBACK", { type: "unsuback", packetId: 1, reasonCodes: [0] }, {
    type: "unsuback",
    packetId: 1,
    properties: {},
    reasonCodes: [0],
  }],
  ["SUBSCRIBE", { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a" }] }, {
    type: "subscribe",
    packetId: 1,
    properties: {},
    subscriptions: [
      { topicFilter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ],
  }],
  ["DISCONNECT", { type: "disconnect" }, { type: "disconnect", reasonCode: 0, properties: {} }],
  ["AUTH", { type: "auth", properties: { authenticationMethod: "m" } }, {
    type: "auth",
    reasonCode: 0,
    properties: { authenticationMethod: "m" },
  }],
];

for (const [name, packet, full] of DEFAULTS) {
  Deno.test(`encodePacket() takes the defaults of the standard for what is left out of ${name}`, () => {
    assertEquals(decodePacket(encodePacket(packet)), full);
    assertEquals(encodePacket(packet), encodePacket(full));
    const left = Object.fromEntries(
      Object.keys(full).filter((key) => !(key in packet)).map((key) => [key, undefined]),
    );
    assertEquals(encodePacket({ ...left, ...packet } as PacketInit), encodePacket(full));
  });
}

Deno.test("encodePacket() returns a buffer of its own, as large as the packet", () => {
  for (const { packet } of VECTORS) {
    const one = encodePacket(packet);
    const other = encodePacket(packet);
    assertStrictEquals(one.byteLength, one.buffer.byteLength);
    assertNotStrictEquals(one.buffer, other.buffer);
  }
});

Deno.test("encodePacket() copies the payload", () => {
  const payload = Uint8Array.of(1);
  const bytes = encodePacket({ type: "publish", topic: "a", payload });
  payload[0] = 2;
  assertEquals(hexOf(bytes), "30050001610001");
});

Deno.test("writePacket() puts packets one behind the other", () => {
  const writer = new Writer();
  const expected = VECTORS.map(({ canonical }) => hexOf(bytesOf(canonical)));
  VECTORS.forEach(({ packet }, index) => {
    writePacket(writer, packet);
    assertEquals(writer.length, expected.slice(0, index + 1).join("").length / 2);
  });
  assertEquals(hexOf(writer.bytes()), expected.join(""));
});

Deno.test("writePacket() grows a buffer of any size", () => {
  for (const capacity of [0, 1, 2, 3, 5, 8, 13, 100]) {
    for (const { packet, canonical } of VECTORS) {
      const writer = new Writer(capacity);
      writePacket(writer, packet);
      assertEquals(hexOf(writer.bytes()), hexOf(bytesOf(canonical)));
    }
  }
});

Deno.test("Writer.clear() forgets what was written", () => {
  const writer = new Writer(4);
  for (const { packet, canonical } of VECTORS) {
    writePacket(writer, packet);
    assertEquals(hexOf(writer.bytes()), hexOf(bytesOf(canonical)));
    writer.clear();
    assertEquals(writer.length, 0);
  }
});

Deno.test("writePacket() limits each packet, not the buffer", () => {
  const writer = new Writer();
  for (let count = 1; count <= 10; count++) {
    writePacket(writer, { type: "puback", packetId: count }, { maximumPacketSize: 4 });
    assertEquals(writer.length, count * 4);
  }
});

Deno.test("writePacket() writes the same topics right again and again, however many", () => {
  const writer = new Writer();
  // More topics than any memory of them, some alike but for a byte, some not ASCII; the same ones in another order later.
  const topics = Array.from({ length: 700 }, (_, index) => {
    const text = index % 3 === 0
      ? `é/${index % 7}/${index}`
      : `sensor/${index % 10}/x${index >> 3}`;
    return index % 5 === 0 ? "same/length/aXb" + (index % 10) : text;
  });
  for (const step of [1, 1, 1, 3, 11]) {
    for (let index = 0; index < topics.length; index++) {
      const topic = topics[index * step % topics.length]!;
      writer.clear();
      writePacket(writer, { type: "publish", topic });
      const bytes = new TextEncoder().encode(topic);
      assertEquals(
        hexOf(writer.bytes()),
        hexOf(bytesOf(`30 ${hexByte(bytes.length + 3)} 00 ${hexByte(bytes.length)}`)) +
          hexOf(bytes) + "00",
      );
    }
  }
});

Deno.test("writePacket() refuses a topic as often as it comes", () => {
  const writer = new Writer();
  for (let count = 0; count < 1000; count++) {
    writePacket(writer, { type: "publish", topic: "a/b" });
    const before = writer.length;
    for (const topic of ["a/+", "a/\0", "a/\uD800"]) {
      assertThrows(() => writePacket(writer, { type: "publish", topic }), TypeError, "topic");
    }
    assertEquals(writer.length, before);
  }
});

function hexByte(value: number): string {
  return Uint8Array.of(value).toHex();
}

function assertNoRoom(packet: PacketInit, maximumPacketSize: number): void {
  assertThrows(() => encodePacket(packet, { maximumPacketSize }), RangeError, "bytes");
  const writer = new Writer();
  writePacket(writer, { type: "pingreq" });
  assertThrows(() => writePacket(writer, packet, { maximumPacketSize }), RangeError);
  assertEquals(hexOf(writer.bytes()), "C000");
}

Deno.test("Writer.finish() gives its buffer away: what is written later is elsewhere", () => {
  const writer = new Writer(2);
  writePacket(writer, { type: "pingreq" });
  const finished = writer.finish();
  assertEquals(writer.length, 0);
  writePacket(writer, { type: "disconnect" });
  assertEquals([hexOf(finished), hexOf(writer.bytes())], ["C000", "E000"]);
});

Deno.test("Writer.truncate() never makes bytes that nobody wrote", () => {
  const writer = new Writer();
  writer.truncate(1000);
  assertEquals(writer.length, 0);
});

Deno.test("encodePacket() refuses a Map or an array of properties", () => {
  for (const properties of [new Map([["reasonString", "x"]]), [["reasonString", "x"]]]) {
    const packet = { type: "disconnect", properties } as unknown as PacketInit;
    assertThrows(() => encodePacket(packet), TypeError, "properties must be an object");
  }
});
