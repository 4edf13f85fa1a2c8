// Every packet that the standard allows, for tests that want thousands of them. What may stand in a packet comes from the
// tables PROPERTIES and REASON_CODES: no property and no Reason Code is listed here.

import fc from "../npm/fast_check.ts";
import {
  type Packet,
  type PacketType,
  PROPERTIES,
  type PropertyHolder,
  type PropertyRow,
  type QoS,
  REASON_CODES,
  type ReasonCodeOf,
  type ReasonCodeRow,
  type ReceivedPropertiesOf,
  type RetainHandling,
  type SubscriptionRequest,
  type Will,
} from "../../mod.ts";
import { boundsOf } from "../../src/packets/properties.ts";

type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>;

/** The most bytes in a string, or in Binary Data. */
const LONGEST = 65_535;

/** Any text but U+0000: ASCII, other characters, and the lengths at which a codec may change its ways. */
const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 100, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 12 }).map(withoutNull) },
  { weight: 50, arbitrary: fc.string({ unit: "binary", maxLength: 12 }).map(withoutNull) },
  {
    weight: 20,
    arbitrary: fc.constantFrom("", "\uFEFF", "\uFEFFmark", "\uFFFF", "\u{10FFFF}", "__proto__"),
  },
  {
    weight: 20,
    arbitrary: fc.tuple(fc.constantFrom("a", "é", "語", "𝒳"), fc.integer({ min: 30, max: 140 }))
      .map(([character, count]) => character.repeat(count)),
  },
  { weight: 1, arbitrary: fc.constantFrom("a".repeat(LONGEST), "語".repeat(LONGEST / 3)) },
);

/** Bytes as they may stand after a length of two bytes. */
const binaryData: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
  { weight: 100, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 20, arbitrary: filled(100, 140) },
  { weight: 1, arbitrary: filled(LONGEST, LONGEST) },
);

/** A payload, of a size around those at which the Remaining Length takes another byte, too. */
const payload: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
  { weight: 100, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 30, arbitrary: filled(90, 130) },
  { weight: 5, arbitrary: filled(16_300, 16_400) },
  { weight: 1, arbitrary: filled(70_000, 70_000) },
);

const level: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 6 }),
  fc.string({ unit: "binary", maxLength: 6 }),
).map((characters) => characters.replaceAll(/[\0/+#]/g, ""));

const topicName: fc.Arbitrary<string> = fc.oneof(
  { weight: 100, arbitrary: fc.array(level, { minLength: 1, maxLength: 4 }).map(joined) },
  {
    weight: 20,
    arbitrary: fc.constantFrom("/", "//", "$SYS/uptime", "\uFEFF", " ", "a/".repeat(40)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("t/".repeat(LONGEST / 2) + "t", "語".repeat(LONGEST / 3)),
  },
);

const unsharedFilter: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: topicName },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 3 }),
      fc.constantFrom("#", "+", "end"),
    ).map(([levels, last]) => [...levels, last].join("/")),
  },
);

const shareName: fc.Arbitrary<string> = level.map((name) => name === "" ? "group" : name);

const sharedFilter: fc.Arbitrary<string> = fc.tuple(shareName, unsharedFilter)
  .map(([name, filter]) => `$share/${name}/${filter.slice(0, 10_000)}`);

const topicFilter: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: unsharedFilter },
  { weight: 1, arbitrary: sharedFilter },
);

const packetId: fc.Arbitrary<number> = fc.integer({ min: 1, max: 65_535 });

const qos: fc.Arbitrary<QoS> = fc.constantFrom(0, 1, 2);

const will: fc.Arbitrary<Will> = fc.record({
  topic: topicName,
  payload: binaryData,
  qos,
  retain: fc.boolean(),
  properties: propertiesOf("will"),
}, { noNullPrototype: true });

const subscription: fc.Arbitrary<SubscriptionRequest> = fc.record({
  topicFilter,
  qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  retainHandling: fc.constantFrom<RetainHandling[]>(0, 1, 2),
}, { noNullPrototype: true }).map(withoutNoLocalWhereShared);

/** Every packet of each kind, with all of its fields, as a decoder gives it. */
export const packetsByType: { readonly [Type in PacketType]: fc.Arbitrary<PacketOf<Type>> } = {
  connect: packet("connect", {
    protocolVersion: fc.constant(5),
    bridgeMode: fc.constant(false),
    cleanStart: fc.boolean(),
    keepAlive: fc.integer({ min: 0, max: 65_535 }),
    properties: propertiesOf("connect"),
    clientId: text,
    will: orUndefined(will),
    username: orUndefined(text),
    password: orUndefined(binaryData),
  }),
  connack: packet("connack", {
    sessionPresent: fc.boolean(),
    reasonCode: reasonCodeOf("connack"),
    properties: propertiesOf("connack"),
  }).map((connack) => connack.reasonCode === 0 ? connack : { ...connack, sessionPresent: false }),
  publish: fc.record({
    packet: packet("publish", {
      dup: fc.boolean(),
      qos,
      retain: fc.boolean(),
      topic: topicName,
      packetId,
      properties: propertiesOf("publish"),
      payload,
    }),
    withoutTopic: fc.boolean(),
  }).map(({ packet, withoutTopic }) => ({
    ...packet,
    ...packet.qos === 0 && { dup: false, packetId: 0 },
    ...withoutTopic && packet.properties.topicAlias !== undefined && { topic: "" },
  })),
  puback: packet("puback", {
    packetId,
    reasonCode: reasonCodeOf("puback"),
    properties: propertiesOf("puback"),
  }),
  pubrec: packet("pubrec", {
    packetId,
    reasonCode: reasonCodeOf("pubrec"),
    properties: propertiesOf("pubrec"),
  }),
  pubrel: packet("pubrel", {
    packetId,
    reasonCode: reasonCodeOf("pubrel"),
    properties: propertiesOf("pubrel"),
  }),
  pubcomp: packet("pubcomp", {
    packetId,
    reasonCode: reasonCodeOf("pubcomp"),
    properties: propertiesOf("pubcomp"),
  }),
  subscribe: packet("subscribe", {
    packetId,
    properties: propertiesOf("subscribe"),
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 4 }),
  }),
  suback: packet("suback", {
    packetId,
    properties: propertiesOf("suback"),
    reasonCodes: fc.array(reasonCodeOf("suback"), { minLength: 1, maxLength: 6 }),
  }),
  unsubscribe: packet("unsubscribe", {
    packetId,
    properties: propertiesOf("unsubscribe"),
    topicFilters: fc.array(topicFilter, { minLength: 1, maxLength: 4 }),
  }),
  unsuback: packet("unsuback", {
    packetId,
    properties: propertiesOf("unsuback"),
    reasonCodes: fc.array(reasonCodeOf("unsuback"), { minLength: 1, maxLength: 6 }),
  }),
  pingreq: packet("pingreq", {}),
  pingresp: packet("pingresp", {}),
  disconnect: packet("disconnect", {
    reasonCode: reasonCodeOf("disconnect"),
    properties: propertiesOf("disconnect"),
  }),
  auth: packet("auth", {
    reasonCode: reasonCodeOf("auth"),
    properties: fc.tuple(propertiesOf("auth"), text).map(([properties, method]) => ({
      ...properties,
      authenticationMethod: properties.authenticationMethod ?? method,
    })),
  }),
};

/** Every packet of any kind. */
export const anyPacket: fc.Arbitrary<Packet> = fc.oneof(
  ...Object.values<fc.Arbitrary<Packet>>(packetsByType),
);

function packet<Type extends PacketType>(
  type: Type,
  fields: {
    readonly [Key in Exclude<keyof PacketOf<Type>, "type">]: fc.Arbitrary<PacketOf<Type>[Key]>;
  },
): fc.Arbitrary<PacketOf<Type>> {
  return fc.record({ type: fc.constant(type), ...fields }, {
    noNullPrototype: true,
  }) as unknown as fc.Arbitrary<PacketOf<Type>>;
}

/** Any of the properties that may stand there, or none at all. */
function propertiesOf<Holder extends PropertyHolder>(
  holder: Holder,
): fc.Arbitrary<ReceivedPropertiesOf<Holder>> {
  const rows = Object.entries<PropertyRow>(PROPERTIES)
    .filter(([, row]) => row.in[holder] !== undefined);
  const values = Object.fromEntries(rows.map(([key, row]) => [key, valueOf(row, holder)]));
  const some = fc.record(values, { requiredKeys: [], noNullPrototype: true }).map((properties) => {
    const alone = rows.filter(([, { needs }]) => needs !== undefined && !(needs in properties));
    for (const [key] of alone) delete properties[key];
    return properties;
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 4, arbitrary: some },
  ) as fc.Arbitrary<ReceivedPropertiesOf<Holder>>;
}

function valueOf(row: PropertyRow, holder: PropertyHolder): fc.Arbitrary<unknown> {
  const one = encodable(row).filter((value) => row.fault?.(value as never) === undefined);
  if (row.repeats === undefined) return one;
  return fc.array(one, { minLength: 1, maxLength: row.repeats.includes(holder) ? 4 : 1 });
}

function encodable(row: PropertyRow): fc.Arbitrary<unknown> {
  switch (row.is) {
    case "boolean":
      return fc.boolean();
    case "byte":
    case "twoByteInteger":
    case "fourByteInteger":
    case "variableByteInteger": {
      const [min, max] = boundsOf(row);
      return fc.integer({ min, max });
    }
    case "utf8String":
      return text;
    case "binaryData":
      return binaryData;
    case "utf8StringPair":
      return fc.tuple(text, text);
    default:
      return row.is satisfies never;
  }
}

function reasonCodeOf<Type extends PacketType>(type: Type): fc.Arbitrary<ReasonCodeOf<Type>> {
  const rows = Object.values<ReasonCodeRow>(REASON_CODES).filter((row) => row.in.includes(type));
  return fc.constantFrom(...rows.map(({ code }) => code as ReasonCodeOf<Type>));
}

function withoutNoLocalWhereShared(request: SubscriptionRequest): SubscriptionRequest {
  return request.topicFilter.startsWith("$share/") ? { ...request, noLocal: false } : request;
}

function orUndefined<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

function filled(min: number, max: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.integer({ min, max }).map((size) => new Uint8Array(size).fill(0xa5));
}

function joined(levels: readonly string[]): string {
  return levels.join("/") || "/";
}

function withoutNull(characters: string): string {
  return characters.replaceAll("\0", "");
}
