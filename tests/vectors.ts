// Packets beside their bytes. The bytes are derived by hand from the standard, or put together by `build.ts` from an
// independent transcription of its tables, never taken from the encoder.

import type { Packet, QoS, RetainHandling } from "../mod.ts";
import {
  beside,
  binary,
  codesOf,
  HOLDERS,
  isArray,
  keyOf,
  PLAIN_CONNECT,
  PLAIN_PUBLISH,
  PROPERTY_LINES,
  REASON_CODE_HOLDERS,
  samplesOf,
  text,
  u8,
  whole,
  withLength,
} from "./build.ts";
import { bytesOf } from "./hex.ts";

/** A packet and its bytes. */
export interface Vector {
  readonly name: string;
  readonly hex: string;
  /** What the bytes decode to, every field. */
  readonly packet: Packet;
  /** What the packet encodes to: `hex` again, but for a long form. */
  readonly canonical: string;
}

const NONE = new Uint8Array(0);
const REQUEST = {
  topicFilter: "a",
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
} as const;

/** Every vector of a size that allows to try each of its bytes. */
export const VECTORS: readonly Vector[] = [
  ...byHand(),
  ...longForms(),
  ...properties(),
  ...reasonCodes(),
  ...connectFlags(),
  ...publishFlags(),
  ...subscriptionOptions(),
];

/** Packets whose Remaining Length is the greatest, or the least, of so many bytes. */
export const BOUNDARY_VECTORS: readonly Vector[] = ([
  [127, "30 7F"],
  [128, "30 8001"],
  [16_383, "30 FF7F"],
  [16_384, "30 808001"],
  [2_097_151, "30 FFFF7F"],
  [2_097_152, "30 80808001"],
] as const).map(([remainingLength, header]) => {
  const size = remainingLength - 4;
  return vector(
    `PUBLISH of Remaining Length ${remainingLength}`,
    `${header} 0001 61 00 ${"5A".repeat(size)}`,
    { ...PLAIN_PUBLISH, payload: new Uint8Array(size).fill(0x5a) },
  );
});

function vector(name: string, hex: string, packet: Packet, canonical = hex): Vector {
  return { name, hex, packet, canonical };
}

function byHand(): Vector[] {
  return [
    vector(
      "CONNECT of one property",
      "10 17 00044D515454 05 02 003C 03 210014 0007 66757A7A697368",
      {
        ...PLAIN_CONNECT,
        cleanStart: true,
        keepAlive: 60,
        properties: { receiveMaximum: 20 },
        clientId: "fuzzish",
      },
    ),
    vector("CONNECT of the least size", "10 0D 00044D515454 05 00 0000 00 0000", PLAIN_CONNECT),
    vector(
      "CONNECT with everything in its payload, and the longest Keep Alive",
      "10 2D 00044D515454 05 F6 FFFF 05 11FFFFFFFF 0001 63" +
        " 05 1800000001 0003 772F74 0002 0102 0004 F09F9880 0003 00FFFE",
      {
        type: "connect",
        protocolVersion: 5,
        bridgeMode: false,
        cleanStart: true,
        keepAlive: 65_535,
        properties: { sessionExpiryInterval: 4_294_967_295 },
        clientId: "c",
        will: {
          topic: "w/t",
          payload: Uint8Array.of(1, 2),
          qos: 2,
          retain: true,
          properties: { willDelayInterval: 1 },
        },
        username: "😀",
        password: Uint8Array.of(0x00, 0xff, 0xfe),
      },
    ),
    vector(
      "CONNECT with a Password and no User Name",
      "10 11 00044D515454 05 40 0000 00 0000 0002 7077",
      { ...PLAIN_CONNECT, password: Uint8Array.of(0x70, 0x77) },
    ),
    vector(
      "CONNECT with an empty User Name, an empty Password and an empty Will Payload",
      "10 17 00044D515454 05 C4 0000 00 0000 00 0001 77 0000 0000 0000",
      {
        ...PLAIN_CONNECT,
        will: { topic: "w", payload: NONE, qos: 0, retain: false, properties: {} },
        username: "",
        password: NONE,
      },
    ),
    vector("CONNACK of one property", "20 06 00 00 03 210014", {
      type: "connack",
      sessionPresent: false,
      reasonCode: 0,
      properties: { receiveMaximum: 20 },
    }),
    vector("CONNACK with a session present", "20 03 01 00 00", {
      type: "connack",
      sessionPresent: true,
      reasonCode: 0,
      properties: {},
    }),
    vector("PUBLISH at QoS 1", "32 11 0005 746F706963 04D2 00 7061796C6F6164", {
      ...PLAIN_PUBLISH,
      qos: 1,
      topic: "topic",
      packetId: 1234,
      payload: new TextEncoder().encode("payload"),
    }),
    vector("PUBLISH at QoS 0 without a payload", "30 04 0001 61 00", PLAIN_PUBLISH),
    vector("PUBLISH of the greatest Packet Identifier", "34 06 0001 61 FFFF 00", {
      ...PLAIN_PUBLISH,
      qos: 2,
      packetId: 65_535,
    }),
    vector("PUBLISH of an empty topic with a Topic Alias", "30 06 0000 03 23FFFF", {
      ...PLAIN_PUBLISH,
      topic: "",
      properties: { topicAlias: 65_535 },
    }),
    vector("PUBLISH of a topic with U+FEFF at its beginning", "30 07 0004 EFBBBF 61 00", {
      ...PLAIN_PUBLISH,
      topic: "\uFEFFa",
    }),
    vector(
      "PUBLISH of a topic with empty levels, spaces, control characters and $",
      "30 0B 0008 2F24 20 2F 2F C285 2F 00",
      { ...PLAIN_PUBLISH, topic: "/$ //\u0085/" },
    ),
    vector(
      "PUBLISH with User Properties of the same name, in their order",
      "30 19 0001 61 15 26 0001 62 0001 32 26 0001 61 0001 31 26 0001 62 0001 31",
      { ...PLAIN_PUBLISH, properties: { userProperties: [["b", "2"], ["a", "1"], ["b", "1"]] } },
    ),
    vector("PUBLISH with Subscription Identifiers", "30 0E 0001 61 09 0B02 0B8001 0B01 0B02 78", {
      ...PLAIN_PUBLISH,
      properties: { subscriptionIdentifiers: [2, 128, 1, 2] },
      payload: Uint8Array.of(0x78),
    }),
    vector(
      "PUBLISH with all its properties, the greatest identifier first",
      "30 27 0001 61 22 26 0001 6B 0001 76 230001 0BFFFFFF7F 090001 AA 080001 72 030001 74" +
        " 0200000000 0101 78",
      {
        ...PLAIN_PUBLISH,
        properties: {
          userProperties: [["k", "v"]],
          topicAlias: 1,
          subscriptionIdentifiers: [268_435_455],
          correlationData: Uint8Array.of(0xaa),
          responseTopic: "r",
          contentType: "t",
          messageExpiryInterval: 0,
          payloadFormatIndicator: 1,
        },
        payload: Uint8Array.of(0x78),
      },
    ),
    vector(
      "PUBLISH with its repeated properties between others",
      "30 16 0001 61 12 26 0001 61 0000 0B01 0101 26 0001 62 0000 0B02",
      {
        ...PLAIN_PUBLISH,
        properties: {
          userProperties: [["a", ""], ["b", ""]],
          subscriptionIdentifiers: [1, 2],
          payloadFormatIndicator: 1,
        },
      },
      "30 16 0001 61 12 26 0001 61 0000 26 0001 62 0000 0B01 0B02 0101",
    ),
    vector("PUBACK", "40 02 0001", acknowledgement("puback", 0)),
    vector("PUBACK without subscribers", "40 03 0001 10", acknowledgement("puback", 0x10)),
    vector("PUBACK with a Reason String", "40 08 0001 00 04 1F 0001 78", {
      ...acknowledgement("puback", 0),
      properties: { reasonString: "x" },
    }),
    vector("PUBREC", "50 02 FFFF", { ...acknowledgement("pubrec", 0), packetId: 65_535 }),
    vector("PUBREL", "62 02 0001", acknowledgement("pubrel", 0)),
    vector("PUBREL of an unknown identifier", "62 03 0001 92", acknowledgement("pubrel", 0x92)),
    vector("PUBCOMP", "70 02 0001", acknowledgement("pubcomp", 0)),
    vector("SUBSCRIBE", "82 07 04D2 00 0001 70 01", {
      type: "subscribe",
      packetId: 1234,
      properties: {},
      subscriptions: [{ ...REQUEST, topicFilter: "p", qos: 1 }],
    }),
    vector(
      "SUBSCRIBE to several filters with an identifier",
      "82 28 0001 05 0BFFFFFF7F 0001 23 00 0003 2F2B2F 2D 000A 2473686172652F672F23 02" +
        " 0006 245359532F23 10",
      {
        type: "subscribe",
        packetId: 1,
        properties: { subscriptionIdentifiers: [268_435_455] },
        subscriptions: [
          { ...REQUEST, topicFilter: "#" },
          {
            topicFilter: "/+/",
            qos: 1,
            noLocal: true,
            retainAsPublished: true,
            retainHandling: 2,
          },
          { ...REQUEST, topicFilter: "$share/g/#", qos: 2 },
          { ...REQUEST, topicFilter: "$SYS/#", retainHandling: 1 },
        ],
      },
    ),
    vector("SUBACK", "90 04 04D2 00 01", {
      type: "suback",
      packetId: 1234,
      properties: {},
      reasonCodes: [1],
    }),
    vector("SUBACK of several codes", "90 07 0001 00 00 01 02 87", {
      type: "suback",
      packetId: 1,
      properties: {},
      reasonCodes: [0, 1, 2, 0x87],
    }),
    vector("UNSUBSCRIBE", "A2 06 04D2 00 0001 70", {
      type: "unsubscribe",
      packetId: 1234,
      properties: {},
      topicFilters: ["p"],
    }),
    vector(
      "UNSUBSCRIBE from several filters",
      "A2 14 0001 00 0001 23 000C 2473686172652F672F612F62",
      { type: "unsubscribe", packetId: 1, properties: {}, topicFilters: ["#", "$share/g/a/b"] },
    ),
    vector("UNSUBACK", "B0 04 04D2 00 11", {
      type: "unsuback",
      packetId: 1234,
      properties: {},
      reasonCodes: [0x11],
    }),
    vector("PINGREQ", "C0 00", { type: "pingreq" }),
    vector("PINGRESP", "D0 00", { type: "pingresp" }),
    vector("DISCONNECT", "E0 00", { type: "disconnect", reasonCode: 0, properties: {} }),
    vector("DISCONNECT with the Will", "E0 01 04", {
      type: "disconnect",
      reasonCode: 4,
      properties: {},
    }),
    vector("DISCONNECT of one property", "E0 07 00 05 11 00000000", {
      type: "disconnect",
      reasonCode: 0,
      properties: { sessionExpiryInterval: 0 },
    }),
    vector("AUTH", "F0 06 18 04 15 0001 70", {
      type: "auth",
      reasonCode: 0x18,
      properties: { authenticationMethod: "p" },
    }),
    vector("AUTH with its data before its method", "F0 0B 19 09 16 0002 00FF 15 0001 70", {
      type: "auth",
      reasonCode: 0x19,
      properties: { authenticationData: Uint8Array.of(0x00, 0xff), authenticationMethod: "p" },
    }),
  ];
}

function acknowledgement(type: "puback" | "pubrec" | "pubrel" | "pubcomp", reasonCode: number) {
  return { type, packetId: 1, reasonCode, properties: {} } as Extract<
    Packet,
    { readonly type: "puback" | "pubrec" | "pubrel" | "pubcomp" }
  >;
}

/** What may be written shorter, §3.4.2.1, §3.4.2.2.1, §3.14.2.1 and §3.14.2.2.1. */
function longForms(): Vector[] {
  const disconnect = { type: "disconnect", properties: {} } as const;
  const acks = ([["puback", "40"], ["pubrec", "50"], ["pubrel", "62"], ["pubcomp", "70"]] as const)
    .flatMap(([type, first]) => {
      const name = type.toUpperCase();
      return [
        vector(
          `${name} with Success and no Property Length`,
          `${first} 03 0001 00`,
          acknowledgement(type, 0),
          `${first} 02 0001`,
        ),
        vector(
          `${name} with Success and a Property Length of 0`,
          `${first} 04 0001 00 00`,
          acknowledgement(type, 0),
          `${first} 02 0001`,
        ),
        vector(
          `${name} with another code and a Property Length of 0`,
          `${first} 04 0001 ${type === "puback" || type === "pubrec" ? "97" : "92"} 00`,
          acknowledgement(type, type === "puback" || type === "pubrec" ? 0x97 : 0x92),
          `${first} 03 0001 ${type === "puback" || type === "pubrec" ? "97" : "92"}`,
        ),
      ];
    });
  return [
    ...acks,
    vector(
      "DISCONNECT with code 0x00 and no Property Length",
      "E0 01 00",
      { ...disconnect, reasonCode: 0 },
      "E0 00",
    ),
    vector(
      "DISCONNECT with code 0x00 and a Property Length of 0",
      "E0 02 00 00",
      { ...disconnect, reasonCode: 0 },
      "E0 00",
    ),
    vector(
      "DISCONNECT with another code and a Property Length of 0",
      "E0 02 8E 00",
      { ...disconnect, reasonCode: 0x8e },
      "E0 01 8E",
    ),
  ];
}

/** Every property wherever it may stand, with the ends of its range. */
function properties(): Vector[] {
  return HOLDERS.flatMap((holder) =>
    PROPERTY_LINES.filter((line) => line.packets.includes(holder.name)).flatMap((line) => {
      const { hex, properties } = beside(holder, line);
      return samplesOf(line).map((sample, index) =>
        vector(
          `${holder.name} with ${line.name}, sample ${index + 1}`,
          holder.hex(withLength(hex + u8(line.id) + sample.hex)),
          holder.packet({
            ...properties,
            [keyOf(line)]: isArray(line) ? [sample.value] : sample.value,
          }),
        )
      );
    })
  );
}

/** Every Reason Code in every packet that may carry it. */
function reasonCodes(): Vector[] {
  return REASON_CODE_HOLDERS.flatMap(({ name, hex, packet }) =>
    codesOf(name).map((code) =>
      vector(`${name} with Reason Code 0x${u8(code)}`, hex(code), packet(code) as Packet)
    )
  );
}

/** Every combination of the Connect Flags that is allowed. */
function connectFlags(): Vector[] {
  const vectors: Vector[] = [];
  for (let flags = 0; flags < 0x100; flags += 2) {
    const hasWill = (flags & 0x04) !== 0;
    const qos = flags >> 3 & 3;
    if (qos === 3 || !hasWill && (flags & 0x38) !== 0) continue;
    vectors.push(vector(
      `CONNECT with flags 0x${u8(flags)}`,
      whole(
        "10",
        `00044D515454 05 ${u8(flags)} 0001 00`,
        text("id"),
        hasWill ? "00" + text("w") + binary("DEAD") : "",
        flags & 0x80 ? text("user") : "",
        flags & 0x40 ? binary("BEEF") : "",
      ),
      {
        type: "connect",
        protocolVersion: 5,
        bridgeMode: false,
        cleanStart: (flags & 0x02) !== 0,
        keepAlive: 1,
        properties: {},
        clientId: "id",
        will: hasWill
          ? {
            topic: "w",
            payload: bytesOf("DEAD"),
            qos: qos as QoS,
            retain: (flags & 0x20) !== 0,
            properties: {},
          }
          : undefined,
        username: flags & 0x80 ? "user" : undefined,
        password: flags & 0x40 ? bytesOf("BEEF") : undefined,
      },
    ));
  }
  return vectors;
}

/** Every combination of DUP, QoS and RETAIN that is allowed. */
function publishFlags(): Vector[] {
  const rows: [string, boolean, QoS, boolean][] = [
    ["30", false, 0, false],
    ["31", false, 0, true],
    ["32", false, 1, false],
    ["33", false, 1, true],
    ["34", false, 2, false],
    ["35", false, 2, true],
    ["3A", true, 1, false],
    ["3B", true, 1, true],
    ["3C", true, 2, false],
    ["3D", true, 2, true],
  ];
  return rows.map(([first, dup, qos, retain]) =>
    vector(
      `PUBLISH with first byte 0x${first}`,
      whole(first, "0001 61", qos === 0 ? "" : "0102", "00", "70"),
      {
        ...PLAIN_PUBLISH,
        dup,
        qos,
        retain,
        packetId: qos === 0 ? 0 : 0x0102,
        payload: Uint8Array.of(0x70),
      },
    )
  );
}

/** Every combination of the Subscription Options that is allowed. */
function subscriptionOptions(): Vector[] {
  const vectors: Vector[] = [];
  for (let options = 0; options < 0x30; options++) {
    const qos = options & 3;
    if (qos === 3) continue;
    vectors.push(vector(
      `SUBSCRIBE with options 0x${u8(options)}`,
      `82 07 0001 00 0001 61 ${u8(options)}`,
      {
        type: "subscribe",
        packetId: 1,
        properties: {},
        subscriptions: [{
          topicFilter: "a",
          qos: qos as QoS,
          noLocal: (options & 0x04) !== 0,
          retainAsPublished: (options & 0x08) !== 0,
          retainHandling: options >> 4 as RetainHandling,
        }],
      },
    ));
  }
  return vectors;
}
