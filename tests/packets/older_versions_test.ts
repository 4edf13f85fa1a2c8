// MQTT 3.1.1 and 3.1: bytes that were sent to or received from Mosquitto, both ways; what a decoder must refuse; and the same
// packets through mqtt-packet.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  decodePacket,
  type DecoderOptions,
  encodePacket,
  explainPacket,
  type Packet,
  PacketDecoder,
  PacketError,
  type PacketInit,
  type ProtocolVersion,
  reasonCodeName,
} from "../../mod.ts";
import { PacketCutter } from "../../src/packets/packet_cutter.ts";
import { bytesOf, hexOf } from "../hex.ts";
import fc from "../npm/fast_check.ts";
import * as mqttPacket from "../npm/mqtt_packet.ts";
import { packetsByType } from "./arbitraries.ts";

const payload = (text: string) => new TextEncoder().encode(text);
const NONE = { properties: {} } as const;
const REQUEST = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

/** The same in both versions. */
const SAME: readonly (readonly [name: string, hex: string, packet: Packet])[] = [
  ["CONNACK", "20 02 00 00", {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0x00,
    ...NONE,
  }],
  ["a CONNACK that accepts no such version", "20 02 00 01", connack(0x84)],
  ["a CONNACK that rejects the identifier", "20 02 00 02", connack(0x85)],
  ["a CONNACK of a server that is unavailable", "20 02 00 03", connack(0x88)],
  ["a CONNACK that refuses user name or password", "20 02 00 04", connack(0x86)],
  ["a CONNACK that refuses who is not authorized", "20 02 00 05", connack(0x87)],
  ["PUBLISH with QoS 0", "30 04 0001 61 78", publish(0, 0)],
  ["PUBLISH with QoS 1", "32 06 0001 61 0001 78", publish(1, 1)],
  ["PUBLISH with QoS 2", "34 06 0001 61 0001 78", publish(2, 1)],
  ["PUBACK", "40 02 0001", { type: "puback", packetId: 1, reasonCode: 0, ...NONE }],
  ["PUBREC", "50 02 0001", { type: "pubrec", packetId: 1, reasonCode: 0, ...NONE }],
  ["PUBREL", "62 02 0001", { type: "pubrel", packetId: 1, reasonCode: 0, ...NONE }],
  ["PUBCOMP", "70 02 0001", { type: "pubcomp", packetId: 1, reasonCode: 0, ...NONE }],
  ["SUBSCRIBE", "82 0E 0001 0001 61 00 0001 62 01 0001 63 02", {
    type: "subscribe",
    packetId: 1,
    ...NONE,
    subscriptions: [
      { topicFilter: "a", qos: 0, ...REQUEST },
      { topicFilter: "b", qos: 1, ...REQUEST },
      { topicFilter: "c", qos: 2, ...REQUEST },
    ],
  }],
  ["SUBACK", "90 06 0001 00 01 02 80", {
    type: "suback",
    packetId: 1,
    ...NONE,
    reasonCodes: [0, 1, 2, 0x80],
  }],
  ["UNSUBSCRIBE", "A2 05 0001 0001 61", {
    type: "unsubscribe",
    packetId: 1,
    ...NONE,
    topicFilters: ["a"],
  }],
  ["UNSUBACK", "B0 02 0001", { type: "unsuback", packetId: 1, ...NONE, reasonCodes: [] }],
  ["PINGREQ", "C0 00", { type: "pingreq" }],
  ["PINGRESP", "D0 00", { type: "pingresp" }],
  ["DISCONNECT", "E0 00", { type: "disconnect", reasonCode: 0, ...NONE }],
];

const CONNECTS: readonly (readonly [name: string, hex: string, packet: Packet])[] = [
  ["CONNECT of MQTT 3.1.1", "10 0F 0004 4D515454 04 02 003C 0003 636964", connect(4)],
  ["CONNECT of MQTT 3.1", "10 11 0006 4D5149736470 03 02 003C 0003 636964", connect(3)],
  [
    "CONNECT of a bridge",
    "10 0F 0004 4D515454 84 02 003C 0003 636964",
    { ...connect(4), bridgeMode: true } as Packet,
  ],
  [
    "CONNECT of a bridge with MQTT 3.1",
    "10 11 0006 4D5149736470 83 02 003C 0003 636964",
    { ...connect(3), bridgeMode: true } as Packet,
  ],
  [
    "CONNECT with everything",
    "10 1C 0004 4D515454 04 F4 FFFF 0001 63 0001 77 0002 0102 0001 75 0003 00FFFE",
    {
      ...connect(4),
      cleanStart: false,
      keepAlive: 65_535,
      clientId: "c",
      will: { topic: "w", payload: Uint8Array.of(1, 2), qos: 2, retain: true, properties: {} },
      username: "u",
      password: Uint8Array.of(0, 0xff, 0xfe),
    } as Packet,
  ],
];

function connack(reasonCode: 0x84 | 0x85 | 0x86 | 0x87 | 0x88): Packet {
  return { type: "connack", sessionPresent: false, reasonCode, ...NONE };
}

function publish(qos: 0 | 1 | 2, packetId: number): Packet {
  const rest = { dup: false, retain: false, topic: "a", packetId, ...NONE };
  return { type: "publish", qos, ...rest, payload: payload("x") };
}

function connect(protocolVersion: ProtocolVersion): Packet {
  return {
    ...{ type: "connect", protocolVersion, bridgeMode: false, cleanStart: true, keepAlive: 60 },
    ...{ properties: {}, clientId: "cid", will: undefined, username: undefined },
    password: undefined,
  } as Packet;
}

for (const protocolVersion of [4, 3] as const) {
  for (const [name, hex, packet] of SAME) {
    Deno.test(`decodePacket() and encodePacket() agree with the bytes of ${name} in version ${protocolVersion}`, () => {
      const options = { protocolVersion };
      assertEquals(decodePacket(bytesOf(hex), options), packet);
      assertStrictEquals(hexOf(encodePacket(packet, options)), hexOf(bytesOf(hex)));
      for (let end = 0; end < bytesOf(hex).length; end++) {
        assertThrows(() => decodePacket(bytesOf(hex).subarray(0, end), options), PacketError);
      }
    });
  }
}

for (const [name, hex, packet] of CONNECTS) {
  Deno.test(`decodePacket() and encodePacket() agree with the bytes of ${name}, which tells its version`, () => {
    assertEquals(decodePacket(bytesOf(hex)), packet);
    assertStrictEquals(hexOf(encodePacket(packet)), hexOf(bytesOf(hex)));
    assertEquals(decodePacket(bytesOf(hex), { protocolVersion: 3 }), packet);
  });
}

Deno.test("Session Present is a matter of version 4: in version 3 it is not said [MQTT311-3.2.2-2]", () => {
  const packet = { type: "connack", sessionPresent: true } as const;
  assertStrictEquals(hexOf(encodePacket(packet, { protocolVersion: 4 })), "20020100");
  assertStrictEquals(hexOf(encodePacket(packet, { protocolVersion: 3 })), "20020000");
});

Deno.test("PacketDecoder follows the version of a CONNECT, back to 5, too", () => {
  const decoder = new PacketDecoder();
  const puback = { type: "puback", packetId: 1, reasonCode: 0, ...NONE };
  for (const version of [4, 3, 5] as const) {
    decoder.push(encodePacket(connect(version)));
    decoder.push(encodePacket({ ...publish(1, 1), properties: {} } as PacketInit, {
      protocolVersion: version,
    }));
    decoder.push(bytesOf("40 02 0001"));
    assertEquals(decoder.next(), connect(version));
    assertEquals(decoder.next(), publish(1, 1));
    assertEquals(decoder.next(), puback as Packet);
    assertStrictEquals(decoder.protocolVersion, version);
  }
});

Deno.test("PacketDecoder takes only CONNECTs of the versions that it is told to accept, and says which came", () => {
  const refused = (acceptedVersions: readonly ProtocolVersion[], hex: string) => {
    const decoder = new PacketDecoder({ acceptedVersions });
    decoder.push(bytesOf(hex));
    const error = assertThrows(() => decoder.next(), PacketError);
    return [error.reasonCode, error.protocolVersion, error.field, error.rule];
  };
  const [of4, of3, ofBridge] = CONNECTS.map(([, hex]) => hex) as [string, string, string];
  const name = 'is not "MQTT" [MQTT-3.1.2-1]';
  assertEquals(refused([5], of4), [0x84, 4, "Protocol Version", "is 4, not 5 [MQTT-3.1.2-2]"]);
  assertEquals(refused([5], ofBridge)[1], 0x84);
  assertEquals(refused([5, 4], of3), [0x84, 3, "Protocol Name", name]);
  const of5 = hexOf(encodePacket({ type: "connect" }));
  assertEquals(refused([4], of5), [0x84, 5, "Protocol Version", "is 5, not 4 [MQTT-3.1.2-2]"]);
  const odd = "10 11 0006 4D5149736470 04 02 003C 0003 636964";
  assertEquals(refused([5, 4, 3], odd), [
    ...[0x84, 3],
    ...["Protocol Version", "is 4, not 3 [MQTT-3.1.2-2]"],
  ]);
});

/** Broken in both versions; the statement that says so, if one does. */
const BROKEN: readonly (readonly [what: string, hex: string, statement?: string])[] = [
  ["CONNACK with properties", "20 03 00 00 00"],
  ["CONNACK with return code 6", "20 02 00 06"],
  ["CONNACK with Session Present and a refusal", "20 02 01 05", "3.2.2-4"],
  ["CONNACK with reserved bits", "20 02 02 00"],
  ["PUBLISH with QoS 3", "36 06 0001 61 0001 78", "3.3.1-4"],
  ["PUBLISH with DUP and QoS 0", "38 04 0001 61 78", "3.3.1-2"],
  ["PUBLISH without Topic Name", "30 03 0000 78", "4.7.3-1"],
  ["PUBLISH with a wildcard", "30 04 0001 2B 78", "4.7.1-1"],
  ["PUBLISH with U+0000", "30 04 0001 00 78", "1.5.3-2"],
  ["PUBLISH with ill-formed UTF-8", "30 04 0001 FF 78", "1.5.3-1"],
  ["PUBLISH with Packet Identifier 0", "32 06 0001 61 0000 78"],
  ["PUBACK with a Reason Code", "40 03 0001 10"],
  ["PUBREC with flags", "52 02 0001", "2.2.2-2"],
  ["PUBCOMP with a Reason Code and properties", "70 04 0001 92 00"],
  ["SUBSCRIBE with No Local", "82 06 0001 0001 61 04", "3.8.3-4"],
  ["SUBSCRIBE with QoS 3", "82 06 0001 0001 61 03", "3.8.3-4"],
  ["SUBSCRIBE of MQTT 5.0", "82 07 0001 00 0001 61 00"],
  ["SUBSCRIBE without Topic Filter", "82 02 0001", "3.8.3-3"],
  ["SUBSCRIBE with # inside", "82 07 0001 0002 6123 00", "4.7.1-2"],
  ["SUBSCRIBE with + inside", "82 07 0001 0002 612B 00", "4.7.1-3"],
  ["SUBSCRIBE with an empty Topic Filter", "82 05 0001 0000 00", "4.7.3-1"],
  ["SUBACK with return code 3", "90 03 0001 03", "3.9.3-2"],
  ["SUBACK with 0x87", "90 03 0001 87", "3.9.3-2"],
  ["UNSUBSCRIBE without Topic Filter", "A2 02 0001", "3.10.3-2"],
  ["UNSUBACK with codes", "B0 03 0001 00"],
  ["PINGREQ with flags", "C1 00", "2.2.2-2"],
  ["PINGREQ with a body", "C0 01 00"],
  ["DISCONNECT with a Reason Code", "E0 01 00"],
  ["AUTH", "F0 00"],
  ["type 0", "00 00"],
  ["CONNECT with a Password and no User Name", connectHex("42", "0003 636964 0001 70"), "3.1.2-22"],
  ["CONNECT with Will QoS 3", connectHex("1E", "0003 636964 0001 77 0000"), "3.1.2-14"],
  ["CONNECT with an empty Will Topic", connectHex("06", "0003 636964 0000 0000"), "4.7.3-1"],
  ["CONNECT with a Will Topic with wildcard", connectHex("06", "0001 61 0001 23 0000"), "4.7.1-1"],
  ["CONNECT without its Will Message", connectHex("06", "0003 636964 0001 77")],
  ["CONNECT with more behind its last field", connectHex("02", "0003 636964 00")],
];

/** Broken in version 4, and allowed in version 3. */
const BROKEN_IN_4: typeof BROKEN = [
  ["CONNECT with the reserved flag", connectHex("03", "0003 636964"), "3.1.2-3"],
  ["CONNECT with Will QoS and no Will", connectHex("0A", "0003 636964"), "3.1.2-13"],
  ["CONNECT with Will Retain and no Will", connectHex("22", "0003 636964"), "3.1.2-15"],
  ["CONNECT without the User Name it announces", connectHex("82", "0003 636964")],
  ["CONNECT without the Password it announces", connectHex("C2", "0003 636964 0001 75")],
  ["PUBREL with DUP", "6A 02 0001", "2.2.2-2"],
  ["SUBSCRIBE with DUP", "8A 06 0001 0001 61 00", "2.2.2-2"],
  ["UNSUBSCRIBE with DUP", "AA 05 0001 0001 61", "2.2.2-2"],
  ["DISCONNECT with flags", "E1 00", "2.2.2-2"],
];

/** A CONNECT of MQTT 3.1.1, or of 3.1 when it is read as of version 3. */
function connectHex(flags: string, rest: string): string {
  return `connect ${flags} ${rest}`;
}

function bytesFor(hex: string, version: ProtocolVersion): Uint8Array<ArrayBuffer> {
  const connect = /^connect (..) (.*)/.exec(hex);
  if (connect === null) return bytesOf(hex);
  const name = version === 3 ? "0006 4D5149736470 03" : "0004 4D515454 04";
  const body = bytesOf(`${name} ${connect[1]} 003C ${connect[2]}`);
  return Uint8Array.of(0x10, body.length, ...body);
}

for (const [cases, versions] of [[BROKEN, [4, 3]], [BROKEN_IN_4, [4]]] as const) {
  for (const [what, hex, statement] of cases) {
    for (const version of versions) {
      const cited = statement === undefined ? "" : ` [MQTT311-${statement}]`;
      Deno.test(`Decoders refuse ${what} in version ${version}, in the words of MQTT 3.1.1${cited}`, () => {
        const bytes = bytesFor(hex, version);
        const decoder = new PacketDecoder({ protocolVersion: version });
        decoder.push(bytes);
        const error = assertThrows(() => decoder.next(), PacketError);
        assertStrictEquals(error.edition, "MQTT 3.1.1");
        assert(error.message.includes(`(MQTT 3.1.1 §${error.section})`), error.message);
        assert(!error.message.includes("[MQTT-"), error.message);
        assertStrictEquals(error.message.includes(cited), true, error.message);
        const again = assertThrows(
          () => decodePacket(bytes, { protocolVersion: version }),
          PacketError,
        );
        assertStrictEquals(again.message, error.message);
        const { fault } = explainPacket(bytes, { protocolVersion: version });
        assertStrictEquals(fault?.message, error.message);
      });
    }
  }
}

for (const [what, hex] of BROKEN_IN_4) {
  Deno.test(`Decoders take ${what} in version 3, which has no such rule`, () => {
    const packet = decodePacket(bytesFor(hex, 3), { protocolVersion: 3 });
    if (packet.type !== "connect") return;
    assertStrictEquals(packet.will, undefined);
    assertStrictEquals(packet.password, undefined);
  });
}

Deno.test("A Remaining Length may have more bytes than it needs in MQTT 3.1.1, that of CONNECT too; in MQTT 5.0 it may not", () => {
  const options: DecoderOptions = { protocolVersion: 4 };
  const long = (hex: string) => {
    const [first, length, ...rest] = bytesOf(hex);
    return Uint8Array.of(first!, length! | 0x80, 0x00, ...rest);
  };
  for (const [, hex, packet] of SAME.slice(0, 14)) {
    assertEquals(decodePacket(long(hex), options), packet);
  }
  for (const [, hex, packet] of CONNECTS) assertEquals(decodePacket(long(hex)), packet);
  const of5 = long(hexOf(encodePacket({ type: "connect" })));
  const error = assertThrows(() => decodePacket(of5), PacketError);
  assertEquals([error.field, error.offset], ["Remaining Length", 1]);
  assert(error.message.includes("[MQTT-1.5.5-1]"));
  // One that was read byte by byte.
  const decoder = new PacketDecoder();
  for (const byte of of5.subarray(0, -1)) {
    decoder.push(Uint8Array.of(byte));
    assertStrictEquals(decoder.next(), undefined);
  }
  decoder.push(of5.subarray(-1));
  assertThrows(() => decoder.next(), PacketError, "Remaining Length");
});

Deno.test("encodePacket() leaves out what an older version has no place for, and refuses what would mean something else without it", () => {
  const options = { protocolVersion: 4 } as const;
  const hex = (packet: PacketInit) => hexOf(encodePacket(packet, options));
  const properties = { userProperties: [["a", "b"]], reasonString: "why" } as const;
  assertStrictEquals(
    hex({ type: "puback", packetId: 1, reasonCode: 0x87, properties }),
    "40020001",
  );
  assertStrictEquals(
    hex({ type: "pubcomp", packetId: 1, reasonCode: 0x92 }),
    hex({ type: "pubcomp", packetId: 1 }),
  );
  assertStrictEquals(
    hex({ type: "publish", topic: "a", properties: { messageExpiryInterval: 3 } }),
    "3003000161",
  );
  assertStrictEquals(hex({ type: "suback", packetId: 1, reasonCodes: [1, 0x87] }), "900400010180");
  assertStrictEquals(hex({ type: "unsuback", packetId: 1, reasonCodes: [0x11] }), "B0020001");
  assertStrictEquals(
    hex({ type: "connect", clientId: "c", properties: { receiveMaximum: 3 } }),
    "100D00044D51545404000000000163",
  );
  const topicFilter = "a";
  for (
    const packet of [
      { type: "disconnect", reasonCode: 0x04 },
      { type: "auth", properties: { authenticationMethod: "m" } },
      { type: "publish", topic: "", properties: { topicAlias: 1 } },
      { type: "connack", reasonCode: 0x95 },
      { type: "connect", password: Uint8Array.of(1) },
      { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter, noLocal: true }] },
      { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter, retainAsPublished: true }] },
      { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter, retainHandling: 1 }] },
    ] satisfies PacketInit[]
  ) assertThrows(() => hex(packet), TypeError);
  assertThrows(() => encodePacket({ type: "connect", bridgeMode: true }), TypeError, "bridgeMode");
  for (const protocolVersion of [2, 6, "4"] as unknown as ProtocolVersion[]) {
    assertThrows(() => encodePacket({ type: "pingreq" }, { protocolVersion }), RangeError);
    assertThrows(() => encodePacket({ type: "connect", protocolVersion }), RangeError);
    assertThrows(() => decodePacket(bytesOf("C0 00"), { protocolVersion }), RangeError);
    assertThrows(() => new PacketDecoder({ protocolVersion }), RangeError);
    assertThrows(() => new PacketDecoder({ acceptedVersions: [protocolVersion] }), RangeError);
    assertThrows(() => explainPacket(bytesOf("C0 00"), { protocolVersion }), RangeError);
  }
});

Deno.test("Each Reason Code of CONNACK goes as the return code of MQTT 3.1.1 for it, or not at all [MQTT311-3.2.2-6]", () => {
  const codes = new Map<number, number[]>();
  for (let reasonCode = 0; reasonCode < 0x100; reasonCode++) {
    if (reasonCodeName(reasonCode, "connack") === undefined) continue;
    let code = -1;
    try {
      code = encodePacket({ type: "connack", reasonCode: reasonCode as 0 }, {
        protocolVersion: 4,
      })[3]!;
    } catch (error) {
      assert(error instanceof TypeError);
    }
    codes.set(code, [...codes.get(code) ?? [], reasonCode]);
  }
  assertEquals([...codes].sort(([a], [b]) => a - b), [
    [-1, [0x80, 0x81, 0x82, 0x83, 0x90, 0x95, 0x99, 0x9a, 0x9b]],
    [0, [0x00]],
    [1, [0x84]],
    [2, [0x85]],
    [3, [0x88, 0x89, 0x97, 0x9c, 0x9d, 0x9f]],
    [4, [0x86, 0x8c]],
    [5, [0x87, 0x8a]],
  ]);
});

Deno.test("explainPacket() names the fields of MQTT 3.1.1, with the sections in which it defines them", () => {
  const { fields, section, protocolVersion } = explainPacket(bytesOf(CONNECTS[4]![1]));
  assertEquals([section, protocolVersion], ["3.1", 4]);
  const parts = fields.flatMap(({ bits, ...field }) => [field, ...bits]);
  assertEquals(parts.map(({ name, section }) => `${name} ${section}`), [
    ...["MQTT Control Packet type and flags 2.2", "MQTT Control Packet type 2.2.1"],
    ...["Reserved flags 2.2.2", "Remaining Length 2.2.3", "Protocol Name 3.1.2.1"],
    ...["Protocol Level 3.1.2.2", "Connect Flags 3.1.2.3", "User Name Flag 3.1.2.8"],
    ...["Password Flag 3.1.2.9", "Will Retain 3.1.2.7", "Will QoS 3.1.2.6", "Will Flag 3.1.2.5"],
    ...["Clean Session 3.1.2.4", "Reserved 3.1.2.3", "Keep Alive 3.1.2.10"],
    ...["Client Identifier 3.1.3.1", "Will Topic 3.1.3.2", "Will Message 3.1.3.3"],
    ...["User Name 3.1.3.4", "Password 3.1.3.5"],
  ]);
  const explained = (hex: string) =>
    explainPacket(bytesOf(hex), { protocolVersion: 4 }).fields.slice(2)
      .flatMap(({ bits, ...field }) => [field, ...bits.slice(-1)])
      .map(({ name, section, meaning }) => `${name} ${section}: ${meaning}`);
  assertEquals(explained("20 02 00 05"), [
    "Connect Acknowledge Flags 3.2.2.1: undefined",
    "Session Present 3.2.2.2: the session is new",
    "Connect Return code 3.2.2.3: not authorized",
  ]);
  assertEquals(explained("82 06 0001 0001 61 01").slice(2), [
    "Requested QoS 3.8.3: undefined",
    "Requested QoS 3.8.3: at least once",
  ]);
  assertEquals(explained("90 04 0001 01 80").slice(1), [
    "Return Code 3.9.3: Maximum QoS 1, at least once",
    "Return Code 3.9.3: Failure",
  ]);
  assertEquals(
    explained("40 02 0001"),
    ["Packet Identifier 2.3.1: undefined"].map((line) => line.replace("2.3.1", "3.4.2")),
  );
});

Deno.test("A packet cutter explains what follows a CONNECT by its version", () => {
  const seen: string[] = [];
  const cutter = new PacketCutter(({ packetType, protocolVersion, fault }) =>
    void seen.push(`${packetType} ${protocolVersion} ${fault === undefined}`)
  );
  cutter.push(bytesOf(CONNECTS[0]![1] + SAME[13]![1]));
  cutter.push(bytesOf("10 0D 00044D515454 05 00 0000 00 0000 40 03 0001 10"));
  assertEquals(seen, ["CONNECT 4 true", "SUBSCRIBE 4 true", "CONNECT 5 true", "PUBACK 5 true"]);
});

/** What mqtt-packet makes of our packets, where its own checks let it. */
Deno.test("encodePacket() and mqtt-packet write the same bytes of version 4 for PUBLISH, SUBSCRIBE and CONNECT", () => {
  fc.assert(
    fc.property(
      packetsByType.publish.filter(({ topic }) => topic !== ""),
      packetsByType.subscribe,
      packetsByType.connect.filter(({ clientId, username }) => clientId !== "" && !!username),
      (publish, subscribe, connect) => {
        const { topic, qos, retain, dup, packetId, payload } = publish;
        const same = (ours: PacketInit, theirs: mqttPacket.Packet) =>
          assertStrictEquals(
            hexOf(encodePacket(ours, { protocolVersion: 4 })),
            hexOf(new Uint8Array(mqttPacket.generate(theirs, { protocolVersion: 4 }))),
          );
        same(publish, {
          ...{ cmd: "publish", topic, qos, retain, dup, payload: Buffer.from(payload) },
          ...packetId !== 0 && { messageId: packetId },
        } as mqttPacket.Packet);
        const subscriptions = subscribe.subscriptions.map(({ topicFilter, qos }) => ({
          topicFilter,
          qos,
        }));
        same({ type: "subscribe", packetId: subscribe.packetId, subscriptions }, {
          cmd: "subscribe",
          messageId: subscribe.packetId,
          subscriptions: subscriptions.map(({ topicFilter: topic, qos }) => ({ topic, qos })),
        } as mqttPacket.Packet);
        const { cleanStart: clean, keepAlive: keepalive, clientId, will, username, password } =
          connect;
        same({ ...connect, protocolVersion: 4 }, {
          ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean, keepalive, clientId },
          ...will && {
            will: {
              ...{ topic: will.topic, qos: will.qos, retain: will.retain },
              payload: Buffer.from(will.payload),
            },
          },
          username,
          ...password !== undefined && { password: Buffer.from(password) },
        } as mqttPacket.Packet);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("Any packet that is written for version 4 or 3 can be read again, and is then written alike", () => {
  for (const type of Object.keys(packetsByType) as (keyof typeof packetsByType)[]) {
    fc.assert(
      fc.property(
        packetsByType[type],
        fc.constantFrom<ProtocolVersion[]>(4, 3),
        (packet, version) => {
          let bytes: Uint8Array;
          const ours = packet.type === "connect" ? { ...packet, protocolVersion: version } : packet;
          try {
            bytes = encodePacket(ours as PacketInit, { protocolVersion: version });
          } catch (error) {
            return assert(error instanceof TypeError);
          }
          const read = decodePacket(bytes, { protocolVersion: version });
          assertStrictEquals(read.type, packet.type);
          assertEquals(encodePacket(read, { protocolVersion: version }), bytes);
        },
      ),
      { numRuns: 60 },
    );
  }
});
