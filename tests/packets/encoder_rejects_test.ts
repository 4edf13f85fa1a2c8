// What an encoder must refuse: every value that would make a packet no receiver may accept. The error names the field, and
// the bytes written before it stay as they are.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodePacket, type PacketInit } from "../../mod.ts";
import { writePacket } from "../../src/packets/codec.ts";
import { Writer } from "../../src/wire/writer.ts";
import {
  beside,
  cited,
  codesOf,
  type Holder,
  HOLDERS,
  isArray,
  isNumber,
  isPositive,
  keyOf,
  PROPERTY_LINES,
  type PropertyLine,
  REASON_CODE_HOLDERS,
  samplesOf,
} from "../build.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { VECTORS } from "../vectors.ts";

/** A packet that must be refused. */
interface Refused {
  readonly name: string;
  /** Not a PacketInit: types would keep most of these from being written at all. */
  readonly packet: object;
  readonly error: typeof TypeError | typeof RangeError;
  /** What the message must name. */
  readonly key: string;
  readonly statements?: readonly string[];
}

const LONE = "a\uD800b";
const ASCII_TOO_LONG = "x".repeat(65_536);
/** 65,537 bytes in 21,846 characters. */
const TOO_LONG = "€".repeat(21_845) + "é";
const LONGEST = "€".repeat(21_845);

const TEXT_FAULTS: readonly (readonly [string, Refused["error"]])[] = [
  [LONE, TypeError],
  ["\uDC00", TypeError],
  ["a\0", TypeError],
  ["é\0", TypeError],
  ["x".repeat(100) + "\0", TypeError],
  ["x".repeat(100) + LONE, TypeError],
  [ASCII_TOO_LONG, RangeError],
  [TOO_LONG, RangeError],
];

const TEXT_STATEMENTS: Readonly<Record<number, readonly string[]>> = {
  0x03: ["MQTT-3.3.2-19"],
  0x08: ["MQTT-3.3.2-13"],
  0x26: ["MQTT-1.5.7-1"],
};

const REFUSED: readonly Refused[] = [
  ...strings(),
  ...binaries(),
  ...packetIdentifiers(),
  ...publishes(),
  ...connects(),
  ...lists(),
  ...options(),
  ...reasonCodes(),
  ...authentication(),
  ...packets(),
];

for (const { name, packet, error, key, statements } of REFUSED) {
  Deno.test(`encodePacket() refuses ${name}${cited(statements)}`, () => {
    assertRefused(packet, error, key);
  });
}

for (const holder of HOLDERS) {
  const path = holder.type === "will" ? "will.properties" : "properties";
  const where = holder.type === "will" ? "the Will" : holder.name;

  Deno.test(`encodePacket() refuses every property that ${where} may not have`, () => {
    for (const line of PROPERTY_LINES) {
      if (line.packets.includes(holder.name)) continue;
      const packet = holder.packet({
        ...holder.required?.properties,
        [keyOf(line)]: sampleValue(line),
      });
      assertRefused(packet, TypeError, `${path}.${keyOf(line)}`);
    }
  });

  Deno.test(`encodePacket() refuses properties of ${where} that are none of MQTT 5.0`, () => {
    for (const key of ["userProperty", "subscriptionIdentifier", "foo", "toString", ""]) {
      const packet = holder.packet({ ...holder.required?.properties, [key]: "x" });
      assertRefused(packet, TypeError, `${path}.${key}`);
    }
  });

  for (const line of PROPERTY_LINES.filter(({ packets }) => packets.includes(holder.name))) {
    const key = `${path}.${keyOf(line)}`;

    Deno.test(`encodePacket() refuses ${line.name} of another type in ${where}`, () => {
      for (const value of wrongTypes(line)) {
        const listed = isArray(line) ? [value] : value;
        assertRefused(packetWith(holder, line, listed), TypeError, key);
      }
      if (isArray(line)) {
        for (const value of [1, "x", {}, null, new Uint8Array(1)]) {
          assertRefused(packetWith(holder, line, value), TypeError, key);
        }
      }
    });

    const outOfRange = valuesOutOfRange(line);
    if (outOfRange.length > 0) {
      const statements = line.id === 0x23 ? ["MQTT-3.3.2-8"] : [];
      Deno.test(`encodePacket() refuses ${line.name} out of its range in ${where}${cited(statements)}`, () => {
        for (const value of outOfRange) {
          const listed = isArray(line) ? [value] : value;
          assertRefused(packetWith(holder, line, listed), RangeError, key);
        }
      });
    }

    const statements = TEXT_STATEMENTS[line.id] ?? [];
    if (line.type === "utf8" || line.type === "pair") {
      Deno.test(`encodePacket() refuses ${line.name} that is no text of MQTT in ${where}${cited(["MQTT-1.5.4-1", "MQTT-1.5.4-2", ...statements])}`, () => {
        for (const [text, error] of TEXT_FAULTS) {
          for (const value of line.type === "pair" ? [[[text, ""]], [["", text]]] : [text]) {
            assertRefused(packetWith(holder, line, value), error, key);
          }
        }
      });
    }

    if (line.type === "binary") {
      Deno.test(`encodePacket() refuses ${line.name} over 65,535 bytes in ${where}`, () => {
        const packet = packetWith(holder, line, new Uint8Array(65_536));
        assertRefused(packet, RangeError, key);
        encodePacket(packetWith(holder, line, new Uint8Array(65_535)));
      });
    }
  }
}

for (const { name, statement, packet } of REASON_CODE_HOLDERS) {
  Deno.test(`encodePacket() refuses every Reason Code that is none of ${name} [${statement}]`, () => {
    const codes = codesOf(name);
    for (let code = 0; code < 0x100; code++) {
      if (!codes.includes(code)) assertRefused(packet(code), RangeError, "reasonCode");
    }
    for (const code of [-1, 0x100, 0.5, NaN, Infinity]) {
      assertRefused(packet(code), RangeError, "reasonCode");
    }
  });

  Deno.test(`encodePacket() refuses a Reason Code of ${name} that is no number`, () => {
    for (const code of ["0", "length", null, true, {}, [0], 0n]) {
      assertRefused(packet(code as unknown as number), TypeError, "reasonCode");
    }
  });
}

Deno.test("encodePacket() takes the longest strings and bytes that there are, and not a byte more [MQTT-4.7.3-3]", () => {
  for (const text of [LONGEST, "x".repeat(65_535), "😀".repeat(16_383) + "€"]) {
    const bytes = encodePacket({ type: "publish", topic: text });
    assertEquals(hexOf(bytes.subarray(0, 6)), "30828004FFFF");
    assertEquals(new TextDecoder().decode(bytes.subarray(6, 6 + 65_535)), text);
  }
  encodePacket({ type: "connect", password: new Uint8Array(65_535) });
});

Deno.test("encodePacket() refuses a packet larger than any Remaining Length can say", () => {
  // 3 bytes of topic and one of Property Length before the payload.
  const payload = new Uint8Array(268_435_452);
  const writer = prefilled();
  assertThrowsNaming(
    () => writePacket(writer, { type: "publish", topic: "a", payload }),
    RangeError,
    "Remaining Length",
  );
  assertUntouched(writer);
});

Deno.test("encodePacket() leaves what it is given as it is", () => {
  for (const { packet } of VECTORS) {
    const before = structuredClone(packet);
    encodePacket(deepFreeze(packet));
    encodePacket(packet, { maximumPacketSize: 1000 });
    assertEquals(packet, before);
  }
});

Deno.test("encodePacket() takes a property that is undefined for one left out", () => {
  assertEquals(
    hexOf(encodePacket({
      type: "publish",
      topic: "a",
      properties: { topicAlias: undefined, userProperties: undefined },
    })),
    "300400016100",
  );
});

function strings(): Refused[] {
  const places: [
    name: string,
    key: string,
    statements: string[],
    around: (text: unknown) => object,
  ][] = [
    ["Client Identifier", "clientId", ["MQTT-3.1.3-4"], (clientId) => ({
      type: "connect",
      clientId,
    })],
    ["User Name", "username", ["MQTT-3.1.3-12"], (username) => ({ type: "connect", username })],
    ["Will Topic", "will.topic", ["MQTT-3.1.3-11"], (topic) => ({
      type: "connect",
      will: { topic },
    })],
    ["Topic Name", "topic", ["MQTT-3.3.2-1"], (topic) => ({ type: "publish", topic })],
    ["Topic Filter in SUBSCRIBE", "subscriptions[].topicFilter", ["MQTT-3.8.3-1"], (
      topicFilter,
    ) => ({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter }] })],
    ["Topic Filter in UNSUBSCRIBE", "topicFilters[]", ["MQTT-3.10.3-1"], (topicFilter) => ({
      type: "unsubscribe",
      packetId: 1,
      topicFilters: [topicFilter],
    })],
  ];
  return places.flatMap(([name, key, statements, around]) => {
    const isTopic = name.startsWith("Topic") || name.startsWith("Will");
    const inTopics = (statement: string) => isTopic ? [statement] : [];
    return [
      ...["\uD800", LONE, "\uDFFF", "é\uDC00", "x".repeat(100) + LONE].map((text, index) => ({
        name: `a ${name} with a lone surrogate, sample ${index + 1}`,
        packet: around(text),
        error: TypeError,
        key,
        statements: ["MQTT-1.5.4-1", ...statements],
      })),
      ...["\0", "a\0b", "é\0", "x".repeat(100) + "\0"].map((text, index) => ({
        name: `a ${name} with U+0000, sample ${index + 1}`,
        packet: around(text),
        error: TypeError,
        key,
        statements: ["MQTT-1.5.4-2", ...inTopics("MQTT-4.7.3-2")],
      })),
      ...[ASCII_TOO_LONG, TOO_LONG, "€".repeat(65_535), "😀".repeat(16_384)].map((text, index) => ({
        name: `a ${name} over 65,535 bytes, sample ${index + 1}`,
        packet: around(text),
        error: RangeError,
        key,
        statements: inTopics("MQTT-4.7.3-3"),
      })),
      ...[null, 1, {}, ["a"], new Uint8Array(1), true].map((value) => ({
        name: `a ${name} that is ${Deno.inspect(value)}`,
        packet: around(value),
        error: TypeError,
        key,
      })),
    ];
  });
}

function binaries(): Refused[] {
  const places: [name: string, key: string, around: (data: unknown) => object][] = [
    ["Payload", "payload", (payload) => ({ type: "publish", topic: "a", payload })],
    ["Password", "password", (password) => ({ type: "connect", password })],
    ["Will Payload", "will.payload", (payload) => ({
      type: "connect",
      will: { topic: "w", payload },
    })],
  ];
  return places.flatMap(([name, key, around]) => [
    ...[
      "text",
      null,
      1,
      [1, 2],
      {},
      new ArrayBuffer(1),
      new Uint16Array(1),
      new DataView(new ArrayBuffer(1)),
    ].map(
      (value) => ({
        name: `a ${name} that is ${Deno.inspect(value, { compact: true }).replaceAll(/\s+/g, " ")}`,
        packet: around(value),
        error: TypeError,
        key,
      }),
    ),
    ...(name === "Payload" ? [] : [{
      name: `a ${name} over 65,535 bytes`,
      packet: around(new Uint8Array(65_536)),
      error: RangeError,
      key,
    }]),
  ]);
}

function packetIdentifiers(): Refused[] {
  const packets: object[] = [
    { type: "publish", topic: "a", qos: 1 },
    { type: "publish", topic: "a", qos: 2 },
    { type: "puback" },
    { type: "pubrec" },
    { type: "pubrel" },
    { type: "pubcomp" },
    { type: "subscribe", subscriptions: [{ topicFilter: "a" }] },
    { type: "suback", reasonCodes: [0] },
    { type: "unsubscribe", topicFilters: ["a"] },
    { type: "unsuback", reasonCodes: [0] },
  ];
  return packets.flatMap((packet) => {
    const type = (packet as { type: string }).type.toUpperCase();
    const qos = (packet as { qos?: number }).qos;
    const name = qos === undefined ? type : `${type} at QoS ${qos}`;
    return [
      ...[0, -0, 65_536, -1, 1.5, NaN, Infinity].map((packetId) => ({
        name: `${name} with the Packet Identifier ${Object.is(packetId, -0) ? "-0" : packetId}`,
        packet: { ...packet, packetId },
        error: RangeError,
        key: "packetId",
      })),
      ...["1", null, {}, [1], true, 1n].map((packetId) => ({
        name: `${name} with a Packet Identifier that is ${Deno.inspect(packetId)}`,
        packet: { ...packet, packetId },
        error: TypeError,
        key: "packetId",
      })),
      {
        name: `${name} without a Packet Identifier`,
        packet,
        error: TypeError,
        key: "packetId",
      },
    ];
  });
}

function publishes(): Refused[] {
  const publish = { type: "publish", topic: "a" };
  return [
    {
      name: "a Packet Identifier at QoS 0",
      packet: { ...publish, packetId: 1 },
      error: TypeError,
      key: "packetId",
      statements: ["MQTT-2.2.1-2"],
    },
    {
      name: "DUP at QoS 0",
      packet: { ...publish, dup: true },
      error: TypeError,
      key: "dup",
      statements: ["MQTT-3.3.1-2"],
    },
    ...[3, -1, 0.5, NaN].map((qos) => ({
      name: `PUBLISH at QoS ${qos}`,
      packet: { ...publish, qos, packetId: 1 },
      error: RangeError,
      key: "qos",
      statements: qos === 3 ? ["MQTT-3.3.1-4"] : [],
    })),
    ...["1", null, true].map((qos) => ({
      name: `PUBLISH at a QoS that is ${Deno.inspect(qos)}`,
      packet: { ...publish, qos, packetId: 1 },
      error: TypeError,
      key: "qos",
    })),
    ...["dup", "retain"].flatMap((key) =>
      [1, 0, "true", null].map((value) => ({
        name: `PUBLISH with a ${key} that is ${Deno.inspect(value)}`,
        packet: { ...publish, qos: 1, packetId: 1, [key]: value },
        error: TypeError,
        key,
      }))
    ),
    ...["#", "+", "a/#", "+/a", "a+b"].map((topic) => ({
      name: `PUBLISH to ${topic}`,
      packet: { ...publish, topic },
      error: TypeError,
      key: "topic",
      statements: ["MQTT-3.3.2-2", "MQTT-4.7.0-1"],
    })),
    ...["#", "+", "a/#", "+/a"].map((responseTopic) => ({
      name: `PUBLISH with the Response Topic ${responseTopic}`,
      packet: { ...publish, properties: { responseTopic } },
      error: TypeError,
      key: "properties.responseTopic",
      statements: ["MQTT-3.3.2-14"],
    })),
    {
      name: "PUBLISH with an empty Response Topic",
      packet: { ...publish, properties: { responseTopic: "" } },
      error: TypeError,
      key: "properties.responseTopic",
      statements: ["MQTT-4.7.3-1"],
    },
    {
      name: "an empty topic without a Topic Alias",
      packet: { ...publish, topic: "" },
      error: TypeError,
      key: "topic",
      statements: ["MQTT-4.7.3-1"],
    },
    {
      name: "PUBLISH without a topic",
      packet: { type: "publish", properties: { topicAlias: 1 } },
      error: TypeError,
      key: "topic",
    },
    ...[5, "x", null, true].map((properties) => ({
      name: `properties that are ${Deno.inspect(properties)}`,
      packet: { ...publish, properties },
      error: TypeError,
      key: "properties",
    })),
  ];
}

function connects(): Refused[] {
  const connect = { type: "connect" };
  return [
    ...[-1, 65_536, 0.5, NaN].map((keepAlive) => ({
      name: `a Keep Alive of ${keepAlive}`,
      packet: { ...connect, keepAlive },
      error: RangeError,
      key: "keepAlive",
    })),
    ...["60", null, 60n].map((keepAlive) => ({
      name: `a Keep Alive that is ${Deno.inspect(keepAlive)}`,
      packet: { ...connect, keepAlive },
      error: TypeError,
      key: "keepAlive",
    })),
    ...[1, "true", null].map((cleanStart) => ({
      name: `a Clean Start that is ${Deno.inspect(cleanStart)}`,
      packet: { ...connect, cleanStart },
      error: TypeError,
      key: "cleanStart",
    })),
    ...[3, -1, 1.5].map((qos) => ({
      name: `a Will at QoS ${qos}`,
      packet: { ...connect, will: { topic: "w", qos } },
      error: RangeError,
      key: "will.qos",
      statements: qos === 3 ? ["MQTT-3.1.2-12"] : [],
    })),
    {
      name: "a Will whose QoS is a string",
      packet: { ...connect, will: { topic: "w", qos: "1" } },
      error: TypeError,
      key: "will.qos",
    },
    {
      name: "a Will whose retain is a number",
      packet: { ...connect, will: { topic: "w", retain: 1 } },
      error: TypeError,
      key: "will.retain",
    },
    ...["#", "+", "a/#"].map((topic) => ({
      name: `a Will Topic ${topic}`,
      packet: { ...connect, will: { topic } },
      error: TypeError,
      key: "will.topic",
      statements: ["MQTT-4.7.0-1"],
    })),
    {
      name: "an empty Will Topic",
      packet: { ...connect, will: { topic: "" } },
      error: TypeError,
      key: "will.topic",
      statements: ["MQTT-4.7.3-1"],
    },
    {
      name: "a Will without a topic",
      packet: { ...connect, will: {} },
      error: TypeError,
      key: "will.topic",
      statements: ["MQTT-3.1.2-9"],
    },
    ...[null, "w", 1].map((will) => ({
      name: `a Will that is ${Deno.inspect(will)}`,
      packet: { ...connect, will },
      error: TypeError,
      key: "will",
    })),
    ...["", "#", "a/+"].map((responseTopic) => ({
      name: `a Will with the Response Topic "${responseTopic}"`,
      packet: { ...connect, will: { topic: "w", properties: { responseTopic } } },
      error: TypeError,
      key: "will.properties.responseTopic",
    })),
    ...[0x80, 0x87].map((reasonCode) => ({
      name: `CONNACK with a session present and Reason Code ${reasonCode}`,
      packet: { type: "connack", sessionPresent: true, reasonCode },
      error: TypeError,
      key: "sessionPresent",
      statements: ["MQTT-3.2.2-6"],
    })),
    ...[0, 2, "true", null].map((sessionPresent) => ({
      name: `CONNACK with a Session Present that is ${Deno.inspect(sessionPresent)}`,
      packet: { type: "connack", sessionPresent },
      error: TypeError,
      key: "sessionPresent",
    })),
  ];
}

function lists(): Refused[] {
  const places: [type: string, key: string, statements: string[]][] = [
    ["subscribe", "subscriptions", ["MQTT-3.8.3-2"]],
    ["suback", "reasonCodes", []],
    ["unsubscribe", "topicFilters", ["MQTT-3.10.3-2"]],
    ["unsuback", "reasonCodes", []],
  ];
  return places.flatMap(([type, key, statements]) => [
    {
      name: `${type.toUpperCase()} with an empty payload`,
      packet: { type, packetId: 1, [key]: [] },
      error: TypeError,
      key,
      statements,
    },
    ...[undefined, null, "a", {}, 1].map((list) => ({
      name: `${type.toUpperCase()} with ${key} that are ${Deno.inspect(list)}`,
      packet: { type, packetId: 1, [key]: list },
      error: TypeError,
      key,
    })),
    ...[null, undefined].map((element) => ({
      name: `${type.toUpperCase()} with ${key} of which one is ${element}`,
      packet: { type, packetId: 1, [key]: [element] },
      error: TypeError,
      key,
    })),
  ]);
}

function options(): Refused[] {
  const subscribe = (request: object) => ({
    type: "subscribe",
    packetId: 1,
    subscriptions: [{ topicFilter: "ok" }, { topicFilter: "a", ...request }],
  });
  const key = "subscriptions[].";
  const filters: [filter: string, statement: string][] = [
    ["", "MQTT-4.7.3-1"],
    ["#/a", "MQTT-4.7.1-1"],
    ["a#", "MQTT-4.7.1-1"],
    ["a/#b", "MQTT-4.7.1-1"],
    ["a+", "MQTT-4.7.1-2"],
    ["a/+b/c", "MQTT-4.7.1-2"],
    ["$share//a", "MQTT-4.8.2-1"],
    ["$share/", "MQTT-4.8.2-1"],
    ["$share/g", "MQTT-4.8.2-2"],
    ["$share/g/", "MQTT-4.8.2-2"],
    ["$share/+/a", "MQTT-4.8.2-2"],
    ["$share/#/a", "MQTT-4.8.2-2"],
  ];
  return [
    ...filters.flatMap(([topicFilter, statement]) => [
      {
        name: `SUBSCRIBE to "${topicFilter}"`,
        packet: subscribe({ topicFilter }),
        error: TypeError,
        key: `${key}topicFilter`,
        statements: [statement],
      },
      {
        name: `UNSUBSCRIBE from "${topicFilter}"`,
        packet: { type: "unsubscribe", packetId: 1, topicFilters: ["ok", topicFilter] },
        error: TypeError,
        key: "topicFilters[]",
        statements: [statement],
      },
    ]),
    {
      name: "No Local on a Shared Subscription",
      packet: subscribe({ topicFilter: "$share/g/a", noLocal: true }),
      error: TypeError,
      key: `${key}noLocal`,
      statements: ["MQTT-3.8.3-4"],
    },
    ...[3, -1, 0.5].map((qos) => ({
      name: `SUBSCRIBE at QoS ${qos}`,
      packet: subscribe({ qos }),
      error: RangeError,
      key: `${key}qos`,
      statements: [],
    })),
    ...[3, -1, 0.5, 4].map((retainHandling) => ({
      name: `SUBSCRIBE with Retain Handling ${retainHandling}`,
      packet: subscribe({ retainHandling }),
      error: RangeError,
      key: `${key}retainHandling`,
    })),
    ...["qos", "retainHandling"].flatMap((option) =>
      ["1", null, true].map((value) => ({
        name: `SUBSCRIBE with a ${option} that is ${Deno.inspect(value)}`,
        packet: subscribe({ [option]: value }),
        error: TypeError,
        key: key + option,
      }))
    ),
    ...["noLocal", "retainAsPublished"].flatMap((option) =>
      ["true", null, 1, 0].map((value) => ({
        name: `SUBSCRIBE with a ${option} that is ${Deno.inspect(value)}`,
        packet: subscribe({ [option]: value }),
        error: TypeError,
        key: key + option,
      }))
    ),
    {
      name: "two Subscription Identifiers in SUBSCRIBE",
      packet: {
        type: "subscribe",
        packetId: 1,
        subscriptions: [{ topicFilter: "a" }],
        properties: { subscriptionIdentifiers: [1, 2] },
      },
      error: TypeError,
      key: "properties.subscriptionIdentifiers",
    },
  ];
}

function reasonCodes(): Refused[] {
  return [
    {
      name: "SUBACK with one good Reason Code and one that is none",
      packet: { type: "suback", packetId: 1, reasonCodes: [0, 3] },
      error: RangeError,
      key: "reasonCodes[]",
      statements: ["MQTT-3.9.3-2"],
    },
    {
      name: "UNSUBACK with a QoS granted",
      packet: { type: "unsuback", packetId: 1, reasonCodes: [0, 1] },
      error: RangeError,
      key: "reasonCodes[]",
      statements: ["MQTT-3.11.3-2"],
    },
  ];
}

function authentication(): Refused[] {
  const properties = { authenticationData: Uint8Array.of(1) };
  return [
    ...[{}, { properties: {} }, { properties }, { properties: { authenticationMethod: undefined } }]
      .map((rest, index) => ({
        name: `AUTH without an Authentication Method, sample ${index + 1}`,
        packet: { type: "auth", reasonCode: 0x18, ...rest },
        error: TypeError,
        key: "properties.authenticationMethod",
      })),
    ...["connect", "connack"].map((type) => ({
      name: `${type.toUpperCase()} with Authentication Data and no Authentication Method`,
      packet: { type, properties },
      error: TypeError,
      key: "properties.authenticationData",
    })),
  ];
}

function packets(): Refused[] {
  return [{}, { type: "PUBLISH" }, { type: null }, { type: 3 }, { type: "will" }, {
    type: "toString",
  }]
    .map((packet) => ({
      name: `a packet that is ${Deno.inspect(packet)}`,
      packet,
      error: TypeError,
      key: "type",
    }));
}

/** A holder's packet with one property, and what must stand beside it. */
function packetWith(holder: Holder, line: PropertyLine, value: unknown): PacketInit {
  return holder.packet({ ...beside(holder, line).properties, [keyOf(line)]: value });
}

function sampleValue(line: PropertyLine): unknown {
  const { value } = samplesOf(line)[0]!;
  return isArray(line) ? [value] : value;
}

function wrongTypes(line: PropertyLine): unknown[] {
  switch (line.type) {
    case "byte":
      return isNumber(line) ? [null, "1", true, [1], 1n] : [null, 1, 0, "true", {}];
    case "utf8":
      return [null, 1, true, {}, ["a"], new Uint8Array(1)];
    case "binary":
      return [null, 1, "text", [1], {}, new ArrayBuffer(1), new Uint16Array(1)];
    case "pair":
      return [null, "kv", ["k"], ["k", "v", "w"], ["k", 1], [1, "v"], ["k", undefined], {}, 1];
    default:
      return [null, "1", true, [1], {}, 1n];
  }
}

function valuesOutOfRange(line: PropertyLine): number[] {
  const common = [-1, 0.5, NaN, Infinity, ...(isPositive(line) ? [0] : [])];
  switch (line.type) {
    case "byte":
      return isNumber(line) ? [...common, 2, 0x100] : [];
    case "u16":
      return [...common, 65_536];
    case "u32":
      return [...common, 4_294_967_296];
    case "vbi":
      return [...common, 268_435_456];
    default:
      return [];
  }
}

/** Both functions refuse the packet, and what the writer had stays. */
function assertRefused(packet: object, error: Refused["error"], key: string): void {
  const init = packet as PacketInit;
  assertThrowsNaming(() => encodePacket(init), error, key);
  const writer = prefilled();
  assertThrowsNaming(() => writePacket(writer, init), error, key);
  assertUntouched(writer);
  writePacket(writer, { type: "pingreq" });
  assertEquals(hexOf(writer.bytes()), `${PREFILL}C000`);
}

const PREFILL = "40020001D000";

function prefilled(): Writer {
  const writer = new Writer(8);
  writePacket(writer, { type: "puback", packetId: 1 });
  writePacket(writer, { type: "pingresp" });
  return writer;
}

function assertUntouched(writer: Writer): void {
  assertEquals(writer.length, bytesOf(PREFILL).length);
  assertEquals(hexOf(writer.bytes()), PREFILL);
}

function assertThrowsNaming(run: () => unknown, error: Refused["error"], key: string): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof error)) throw new Error(`Not a ${error.name}: ${thrown}`);
    assertStringIncludes(thrown.message, key);
    return;
  }
  throw new Error(`Accepted, though ${key} is wrong`);
}

/** Freezes all but bytes, which cannot be frozen. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
