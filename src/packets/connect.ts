// §3.1 CONNECT – Connection Request.

import { topicNameFault } from "../topics.ts";
import { checkBoolean, checkObject, flagBit, forbidden } from "../wire/checks.ts";
import { type Bits, type Field, getBits } from "../wire/field.ts";
import {
  checkProtocolVersion,
  type ProtocolVersion,
  VERSION_NAMES,
} from "../wire/protocol_version.ts";
import { NO_BYTES, type Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket, refuseLongLength } from "./fixed_header.ts";
import type { Init, PacketCodec } from "./packet.ts";
import { keepAliveMeans, type PropertiesOf, type ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { type QoS, qosBits, qosMeans } from "./qos.ts";
import { ReasonCode } from "./reason_codes.ts";

/** CONNECT, from Client to Server, the first packet of a Network Connection (§3.1). */
export interface ConnectPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "connect";
  /** The version of MQTT that the Client speaks: 5, 4 for 3.1.1 or 3 for 3.1 (§3.1.2.2). */
  readonly protocolVersion: ProtocolVersion;
  /**
   * Whether the highest bit of the version is set, before MQTT 5.0: so does a bridge of Mosquitto
   * that wants its messages with their RETAIN flag, and not its own ones back.
   */
  readonly bridgeMode: boolean;
  /**
   * Whether a new session is to begin, and an existing one to end (§3.1.2.4). Before MQTT 5.0 it is
   * called Clean Session, and the new session also ends with the connection.
   */
  readonly cleanStart: boolean;
  /** The most seconds between two packets from the Client; 0 for no limit (§3.1.2.10). */
  readonly keepAlive: number;
  /** Properties of the connection (§3.1.2.11). */
  readonly properties: ReceivedPropertiesOf<"connect">;
  /** Names the session at the Server; `""` asks the Server for a name (§3.1.3.1). */
  readonly clientId: string;
  /** What the Server publishes when the Client is gone (§3.1.2.5). */
  readonly will: Will | undefined;
  /** The User Name (§3.1.3.5). */
  readonly username: string | undefined;
  /** The Password, at most 65,535 bytes (§3.1.3.6). */
  readonly password: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * A Will Message, published by the Server when a connection ends without a normal DISCONNECT
 * (§3.1.2.5).
 */
export interface Will {
  /** The Topic Name to publish to (§3.1.3.3). */
  readonly topic: string;
  /** The Application Message, at most 65,535 bytes (§3.1.3.4). */
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The QoS to publish with (§3.1.2.6). */
  readonly qos: QoS;
  /** Whether the Server keeps the message as the topic's retained message (§3.1.2.7). */
  readonly retain: boolean;
  /** Properties of the Will Message (§3.1.3.2). */
  readonly properties: ReceivedPropertiesOf<"will">;
}

/** A {@linkcode Will} to be encoded. */
export type WillInit = Init<Will, "topic", {
  readonly payload: Uint8Array;
  readonly properties: PropertiesOf<"will">;
}>;

/** A {@linkcode ConnectPacket} to be encoded. */
export type ConnectInit = Init<ConnectPacket, "type", {
  readonly properties: PropertiesOf<"connect">;
  readonly will: WillInit;
  readonly password: Uint8Array;
}>;

const NAME = "MQTT";
/** The Protocol Name of MQTT 3.1, which had Protocol Version 3. */
const NAME_OF_3_1 = "MQIsdp";
const IS_NOT_MQTT = 'is not "MQTT" [MQTT-3.1.2-1]';
/** The bit of the version that bridges set. */
const BRIDGE = 0x80;

// §3.1.2: the variable header.
const PROTOCOL_NAME: Field<string> = {
  key: "protocolName",
  name: "Protocol Name",
  section: "3.1.2.1",
};
const PROTOCOL_VERSION: Field<number> = {
  key: "protocolVersion",
  name: "Protocol Version",
  section: "3.1.2.2",
  means: (level) => {
    const name = (VERSION_NAMES as Record<number, string>)[level & ~BRIDGE];
    if (name === undefined || level === (BRIDGE | 5)) return "an unknown version";
    return level < BRIDGE ? name : `${name}, a bridge`;
  },
};
const BRIDGE_MODE: Field<boolean> = {
  key: "bridgeMode",
  name: "Protocol Version",
  section: "3.1.2.2",
};
const USER_NAME_FLAG: Bits = {
  mask: 0b1000_0000,
  key: "username",
  name: "User Name Flag",
  section: "3.1.2.8",
  means: (bit) => bit === 1 ? "there is a User Name" : "no User Name",
};
const PASSWORD_FLAG: Bits = {
  mask: 0b0100_0000,
  key: "password",
  name: "Password Flag",
  section: "3.1.2.9",
  means: (bit) => bit === 1 ? "there is a Password" : "no Password",
};
const WILL_RETAIN: Bits = {
  mask: 0b0010_0000,
  key: "will.retain",
  name: "Will Retain",
  section: "3.1.2.7",
  means: (bit) => bit === 1 ? "the Will is to be retained" : "the Will is not to be retained",
};
const WILL_QOS: Bits = {
  mask: 0b0001_1000,
  key: "will.qos",
  name: "Will QoS",
  section: "3.1.2.6",
  means: qosMeans,
};
const WILL_FLAG: Bits = {
  mask: 0b0000_0100,
  key: "will",
  name: "Will Flag",
  section: "3.1.2.5",
  means: (bit) => bit === 1 ? "there is a Will Message" : "no Will Message",
};
const CLEAN_START: Bits = {
  mask: 0b0000_0010,
  key: "cleanStart",
  name: "Clean Start",
  section: "3.1.2.4",
  means: (bit) => bit === 1 ? "begin a new session" : "go on with the session, if there is one",
};
const RESERVED: Bits = {
  mask: 0b0000_0001,
  key: "connectFlags",
  name: "Reserved",
  section: "3.1.2.3",
};
const CONNECT_FLAGS: Field<number> = {
  key: "connectFlags",
  name: "Connect Flags",
  section: "3.1.2.3",
  bits: [
    USER_NAME_FLAG,
    PASSWORD_FLAG,
    WILL_RETAIN,
    WILL_QOS,
    WILL_FLAG,
    CLEAN_START,
    RESERVED,
  ],
};
const KEEP_ALIVE: Field<number> = {
  key: "keepAlive",
  name: "Keep Alive",
  section: "3.1.2.10",
  means: keepAliveMeans,
};
const PROPERTIES = new PropertySet("connect", "3.1.2.11.1");

// §3.1.3: the payload, in this order [MQTT-3.1.3-1].
const CLIENT_IDENTIFIER: Field<string> = {
  key: "clientId",
  name: "Client Identifier",
  section: "3.1.3.1",
  means: (clientId) => clientId === "" ? "the Server is to choose one" : "names the session",
};
const WILL_PROPERTIES = new PropertySet("will", "3.1.3.2.1");
const WILL_TOPIC: Field<string> = { key: "will.topic", name: "Will Topic", section: "3.1.3.3" };
const WILL_PAYLOAD: Field<Uint8Array> = {
  key: "will.payload",
  name: "Will Payload",
  section: "3.1.3.4",
};
const USER_NAME: Field<string> = { key: "username", name: "User Name", section: "3.1.3.5" };
const PASSWORD: Field<Uint8Array> = { key: "password", name: "Password", section: "3.1.3.6" };

/** §3.1 CONNECT – Connection Request. */
export const CONNECT: PacketCodec<ConnectPacket, ConnectInit> = {
  read: readConnect,
  write: writeConnect,
};

/** Writes a CONNECT. */
function writeConnect(writer: Writer, packet: ConnectInit): void {
  const { cleanStart = false, keepAlive = 0, properties, clientId = "" } = packet;
  const { will, username, password, bridgeMode = false } = packet;
  const { protocolVersion = writer.protocolVersion } = packet;
  checkProtocolVersion(protocolVersion);
  checkBoolean(BRIDGE_MODE, bridgeMode);
  writer.protocolVersion = protocolVersion;
  if (protocolVersion === 5 && bridgeMode) throw forbidden(BRIDGE_MODE, "is not in MQTT 5.0");
  if (protocolVersion < 5 && password !== undefined && username === undefined) {
    throw forbidden(PASSWORD, "must not be given without username [MQTT311-3.1.2-22]");
  }
  if (will !== undefined) checkObject(WILL_FLAG, will);
  const { retain = false, qos = 0 } = will ?? {};
  const hole = openPacket(writer, "connect");
  writer.utf8String(PROTOCOL_NAME, protocolVersion === 3 ? NAME_OF_3_1 : NAME);
  writer.byte(protocolVersion | (bridgeMode ? BRIDGE : 0));
  writer.byte(
    flagBit(USER_NAME_FLAG, username !== undefined) |
      flagBit(PASSWORD_FLAG, password !== undefined) |
      flagBit(WILL_RETAIN, retain) |
      qosBits(WILL_QOS, qos) |
      flagBit(WILL_FLAG, will !== undefined) |
      flagBit(CLEAN_START, cleanStart),
  );
  writer.twoByteInteger(KEEP_ALIVE, keepAlive);
  PROPERTIES.write(writer, properties);
  writer.utf8String(CLIENT_IDENTIFIER, clientId);
  if (will !== undefined) writeWill(writer, will);
  if (username !== undefined) writer.utf8String(USER_NAME, username);
  if (password !== undefined) writer.binaryData(PASSWORD, password);
  closePacket(writer, hole);
}

function writeWill(writer: Writer, will: WillInit): void {
  const { topic, payload = NO_BYTES, properties } = will;
  WILL_PROPERTIES.write(writer, properties);
  writer.utf8String(WILL_TOPIC, topic);
  const fault = willTopicFault(topic);
  if (fault !== undefined) throw forbidden(WILL_TOPIC, fault);
  writer.binaryData(WILL_PAYLOAD, payload);
}

/** Reads a CONNECT after its fixed header. */
function readConnect(reader: Reader): ConnectPacket {
  const level = readProtocol(reader);
  const protocolVersion = (level & ~BRIDGE) as ProtocolVersion;
  reader.protocolVersion = protocolVersion;
  if (reader.hasLongLength && protocolVersion === 5) refuseLongLength(reader);
  reader.hasLongLength = false;
  const flags = reader.byte(CONNECT_FLAGS);
  checkFlags(reader, flags);
  return {
    type: "connect",
    protocolVersion,
    bridgeMode: level >= BRIDGE,
    cleanStart: getBits(flags, CLEAN_START) === 1,
    keepAlive: reader.twoByteInteger(KEEP_ALIVE),
    properties: PROPERTIES.read(reader),
    clientId: reader.utf8String(CLIENT_IDENTIFIER),
    will: getBits(flags, WILL_FLAG) === 1 ? readWill(reader, flags) : undefined,
    username: isThere(reader, flags, USER_NAME_FLAG) ? reader.utf8String(USER_NAME) : undefined,
    password: isThere(reader, flags, PASSWORD_FLAG) ? reader.binaryData(PASSWORD) : undefined,
  };
}

/** Reads what tells the version of MQTT: the Protocol Version, with the bit of bridges. */
function readProtocol(reader: Reader): number {
  const { unsupportedProtocolVersion } = ReasonCode;
  const name = reader.utf8String(PROTOCOL_NAME);
  const namePosition = reader.fieldPosition;
  if (name !== NAME && name !== NAME_OF_3_1) {
    reader.notAllowed(PROTOCOL_NAME, IS_NOT_MQTT, unsupportedProtocolVersion);
  }
  const level = reader.byte(PROTOCOL_VERSION);
  const versions = reader.acceptedVersions
    .filter((version) => (version === 3 ? NAME_OF_3_1 : NAME) === name);
  if (versions.some((version) => version === (version === 5 ? level : level & ~BRIDGE))) {
    return level;
  }
  const isWrongName = name !== NAME && versions.length === 0;
  return reader.notAllowed(
    isWrongName ? PROTOCOL_NAME : PROTOCOL_VERSION,
    isWrongName ? IS_NOT_MQTT : `is ${level}, not ${versions.join(" or ") || 3} [MQTT-3.1.2-2]`,
    unsupportedProtocolVersion,
    isWrongName ? namePosition : reader.fieldPosition,
    name === NAME ? level : 3,
  );
}

/** Whether a User Name or a Password follows: in MQTT 3.1 one that is announced may be missing. */
function isThere(reader: Reader, flags: number, flag: Bits): boolean {
  return getBits(flags, flag) === 1 && (reader.protocolVersion !== 3 || reader.remaining > 0);
}

function checkFlags(reader: Reader, flags: number): void {
  const { protocolVersion } = reader;
  const hasWill = getBits(flags, WILL_FLAG) === 1;
  if (
    protocolVersion < 5 && getBits(flags, PASSWORD_FLAG) === 1 &&
    getBits(flags, USER_NAME_FLAG) === 0
  ) reader.malformed(PASSWORD_FLAG, "is 1, though there is no User Name [MQTT311-3.1.2-22]");
  // Of what MQTT 3.1 does not use it says nothing.
  if (protocolVersion === 3 && !hasWill) return;
  if (protocolVersion > 3 && getBits(flags, RESERVED) !== 0) {
    reader.malformed(RESERVED, "is 1 [MQTT-3.1.2-3]");
  }
  if (getBits(flags, WILL_QOS) === 3) reader.malformed(WILL_QOS, "is 3 [MQTT-3.1.2-12]");
  if (hasWill) return;
  if (getBits(flags, WILL_QOS) !== 0) {
    reader.malformed(WILL_QOS, "is not 0, though there is no Will [MQTT-3.1.2-11]");
  }
  if (getBits(flags, WILL_RETAIN) !== 0) {
    reader.malformed(WILL_RETAIN, "is not 0, though there is no Will [MQTT-3.1.2-13]");
  }
}

function readWill(reader: Reader, flags: number): Will {
  const properties = WILL_PROPERTIES.read(reader);
  const topic = reader.utf8String(WILL_TOPIC);
  const fault = willTopicFault(topic);
  if (fault !== undefined) {
    if (topic === "") reader.notAllowed(WILL_TOPIC, fault);
    reader.malformed(WILL_TOPIC, fault);
  }
  return {
    topic,
    payload: reader.binaryData(WILL_PAYLOAD),
    qos: getBits(flags, WILL_QOS) as QoS,
    retain: getBits(flags, WILL_RETAIN) === 1,
    properties,
  };
}

function willTopicFault(topic: string): string | undefined {
  return topic === "" ? "is empty [MQTT-4.7.3-1]" : topicNameFault(topic);
}
