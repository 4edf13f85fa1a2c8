// Two codecs, one standard: what ours writes, mqtt-packet must read as the same packet, and what it writes, ours must.
// Where it has a fault it must show it: a fault that is excluded here and no longer there fails these tests.

import { assert, assertEquals, assertThrows, equal } from "@std/assert";
import fc from "../npm/fast_check.ts";
import { Buffer } from "node:buffer";
import * as mqttPacket from "../npm/mqtt_packet.ts";
import { decodePacket, encodePacket, type Packet, PacketError } from "../../mod.ts";
import { packetsByType } from "./arbitraries.ts";

/** What mqtt-packet does wrong with some packets of MQTT 5.0. */
interface KnownFault {
  /** What it does, as the rest of a sentence that begins with its name. */
  readonly does: string;
  /** Why that is a fault. */
  readonly because: string;
  /** Exactly the packets with which it does so. */
  readonly applies: (packet: Packet) => boolean;
  /** One of them. */
  readonly example: Packet;
}

const CONNECT: Packet = {
  type: "connect",
  protocolVersion: 5,
  bridgeMode: false,
  cleanStart: true,
  keepAlive: 0,
  properties: {},
  clientId: "a",
  will: undefined,
  username: undefined,
  password: undefined,
};

const PARSER_FAULTS: readonly KnownFault[] = [
  {
    does: "loses an empty User Property when its name comes again",
    because: "it takes an empty value for none",
    applies: (packet) =>
      userPropertiesOf(packet).some((pairs) =>
        Map.groupBy(pairs, ([name]) => name).values()
          .some((values) => values.length > 1 && values[0]![1] === "")
      ),
    example: pubackWith([["a", ""], ["a", "b"]]),
  },
  {
    does: "refuses 0x8C, Bad authentication method, in DISCONNECT",
    because: "§4.12.1 needs it there, and Table 2-6 has it, though Table 3-10 forgets it",
    applies: (packet) => packet.type === "disconnect" && packet.reasonCode === 0x8c,
    example: { type: "disconnect", reasonCode: 0x8c, properties: {} },
  },
];

const GENERATOR_FAULTS: readonly KnownFault[] = [
  {
    does: "changes the order of User Properties",
    because:
      "it takes them as an object, which has all values of a name together, and numbers first",
    applies: (packet) =>
      userPropertiesOf(packet).some((pairs) => {
        const object = Object.entries(userPropertiesToTheirs(pairs));
        const ordered = object.flatMap(([name, values]) =>
          [values].flat().map((value) => [name, value])
        );
        return !equal(ordered, pairs);
      }),
    example: pubackWith([["b", ""], ["a", ""], ["b", ""]]),
  },
  {
    does: "refuses an empty Client Identifier without Clean Start",
    because: "§3.1.3.1 no longer ties the two together as MQTT 3.1.1 did",
    applies: (packet) => packet.type === "connect" && packet.clientId === "" && !packet.cleanStart,
    example: { ...CONNECT, clientId: "", cleanStart: false },
  },
  {
    does: "refuses a Password without a User Name",
    because: "§3.1.2.9 allows it, which MQTT 3.1.1 did not",
    applies: (packet) =>
      packet.type === "connect" && packet.password !== undefined && packet.username === undefined,
    example: { ...CONNECT, password: new Uint8Array([1]) },
  },
];

for (const [type, packets] of Object.entries<fc.Arbitrary<Packet>>(packetsByType)) {
  Deno.test(`mqtt-packet reads every ${type} that encodePacket() writes`, () => {
    fc.assert(fc.property(packets, checkTheirParser), { numRuns: 500 });
  });

  Deno.test(`decodePacket() reads every ${type} that mqtt-packet writes`, () => {
    fc.assert(fc.property(packets, checkTheirGenerator), { numRuns: 500 });
  });
}

for (const { does, applies, example } of PARSER_FAULTS) {
  Deno.test(`mqtt-packet's parser still ${does}`, () => {
    assert(applies(example));
    checkTheirParser(example);
  });
}

for (const { does, applies, example } of GENERATOR_FAULTS) {
  Deno.test(`mqtt-packet's generator still ${does}`, () => {
    assert(applies(example));
    checkTheirGenerator(example);
  });
}

/** Their parser agrees, or has a known fault and does not. */
function checkTheirParser(packet: Packet): void {
  const bytes = encodePacket(packet);
  if (PARSER_FAULTS.some(({ applies }) => applies(packet))) {
    assertThrows(() => assertEquals(parse(bytes), toTheirs(packet)));
  } else assertEquals(parse(bytes), toTheirs(packet));
}

/** Likewise their generator. */
function checkTheirGenerator(packet: Packet): void {
  if (GENERATOR_FAULTS.some(({ applies }) => applies(packet))) {
    const error = assertThrows(() => assertEquals(decodePacket(generate(packet)), packet));
    assert(!(error instanceof PacketError));
  } else assertEquals(decodePacket(generate(packet)), packet);
}

/** What mqtt-packet makes of bytes: a packet as {@linkcode toTheirs} gives it. */
function parse(bytes: Uint8Array): unknown {
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  const packets: mqttPacket.Packet[] = [];
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => {
    throw error;
  });
  const left = parser.parse(Buffer.from(bytes));
  assertEquals([packets.length, left], [1, 0]);
  return withoutHeader(packets[0]!);
}

/** Without what its parser adds to every packet: the Remaining Length, and in all but PUBLISH the fields of PUBLISH. */
function withoutHeader(packet: mqttPacket.Packet): unknown {
  const { length: _, ...fields } = packet;
  if (fields.cmd === "publish") return fields;
  const { retain: _retain, qos: _qos, dup: _dup, topic: _topic, payload: _payload, ...rest } =
    fields as Record<string, unknown>;
  return rest;
}

function generate(packet: Packet): Uint8Array {
  const bytes = mqttPacket.generate(toTheirs(packet), { protocolVersion: 5 });
  return new Uint8Array(bytes);
}

/** Our packet as mqtt-packet would have it. */
function toTheirs(packet: Packet): mqttPacket.Packet {
  const properties = "properties" in packet ? propertiesToTheirs(packet.properties) : {};
  switch (packet.type) {
    case "connect": {
      const { will, username, password } = packet;
      return {
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 5,
        clean: packet.cleanStart,
        keepalive: packet.keepAlive,
        clientId: packet.clientId,
        ...properties,
        ...will && {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.payload),
            qos: will.qos,
            retain: will.retain,
            ...propertiesToTheirs(will.properties),
          },
        },
        ...username !== undefined && { username },
        ...password !== undefined && { password: Buffer.from(password) },
      };
    }
    case "connack": {
      const { sessionPresent, reasonCode } = packet;
      return { cmd: "connack", sessionPresent, reasonCode, ...properties };
    }
    case "publish": {
      const { dup, qos, retain, topic, packetId, payload } = packet;
      return {
        cmd: "publish",
        dup,
        qos,
        retain,
        topic,
        payload: Buffer.from(payload),
        ...qos > 0 && { messageId: packetId },
        ...properties,
      };
    }
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp": {
      const { type, packetId, reasonCode } = packet;
      return { cmd: type, messageId: packetId, reasonCode, ...properties };
    }
    case "subscribe":
      return {
        cmd: "subscribe",
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map((subscription) => ({
          topic: subscription.topicFilter,
          qos: subscription.qos,
          nl: subscription.noLocal,
          rap: subscription.retainAsPublished,
          rh: subscription.retainHandling,
        })),
        ...properties,
      };
    case "unsubscribe":
      return {
        cmd: "unsubscribe",
        messageId: packet.packetId,
        unsubscriptions: [...packet.topicFilters],
        ...properties,
      };
    case "suback":
    case "unsuback": {
      const { type, packetId, reasonCodes } = packet;
      return { cmd: type, messageId: packetId, granted: [...reasonCodes], ...properties };
    }
    case "pingreq":
    case "pingresp":
      return { cmd: packet.type };
    case "disconnect":
    case "auth":
      return { cmd: packet.type, reasonCode: packet.reasonCode, ...properties };
    default:
      return packet satisfies never;
  }
}

function propertiesToTheirs(ours: object): { readonly properties?: object } {
  const entries = Object.entries(ours).map(([name, value]) => propertyToTheirs(name, value));
  return entries.length === 0 ? {} : { properties: Object.fromEntries(entries) };
}

function propertyToTheirs(name: string, value: unknown): [string, unknown] {
  switch (name) {
    case "payloadFormatIndicator":
      return [name, value === 1];
    case "subscriptionIdentifierAvailable":
      return ["subscriptionIdentifiersAvailable", value];
    case "subscriptionIdentifiers": {
      const identifiers = value as readonly number[];
      return ["subscriptionIdentifier", identifiers.length === 1 ? identifiers[0] : identifiers];
    }
    case "userProperties":
      return [name, userPropertiesToTheirs(value as readonly UserProperty[])];
    default:
      return [name, value instanceof Uint8Array ? Buffer.from(value) : value];
  }
}

type UserProperty = readonly [name: string, value: string];

/** The User Properties of a packet, and those of its Will. */
function userPropertiesOf(packet: Packet): (readonly UserProperty[])[] {
  const ofPacket = "properties" in packet ? packet.properties.userProperties : undefined;
  const ofWill = packet.type === "connect" ? packet.will?.properties.userProperties : undefined;
  return [ofPacket ?? [], ofWill ?? []];
}

function pubackWith(userProperties: readonly UserProperty[]): Packet {
  return { type: "puback", packetId: 1, reasonCode: 0x00, properties: { userProperties } };
}

/** An object with a value for each name, or an array of values for a name that comes again. */
function userPropertiesToTheirs(pairs: readonly UserProperty[]): mqttPacket.UserProperties {
  const object: mqttPacket.UserProperties = Object.create(null);
  for (const [name, values] of Map.groupBy(pairs, ([name]) => name)) {
    object[name] = values.length === 1 ? values[0]![1] : values.map(([, value]) => value);
  }
  return object;
}
