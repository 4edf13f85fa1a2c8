// §3.2 CONNACK – Connect acknowledgement.

import { flagBit, forbidden } from "../wire/checks.ts";
import { type Bits, type Field, getBits } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket } from "./fixed_header.ts";
import type { Init, PacketCodec } from "./packet.ts";
import type { PropertiesOf, ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { ReasonCodeSet } from "./reason_code_set.ts";
import { ReasonCode, type ReasonCodeOf } from "./reason_codes.ts";

/** CONNACK, from Server to Client, the answer to CONNECT (§3.2). */
export interface ConnackPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "connack";
  /** Whether the Server goes on with a session that it had (§3.2.2.1.1). */
  readonly sessionPresent: boolean;
  /**
   * Below 0x80 the Client is connected, else refused (§3.2.2.2). A return code of MQTT 3.1.1 is
   * read as the Reason Code of the same meaning.
   */
  readonly reasonCode: ReasonCodeOf<"connack">;
  /** What the Server grants, and limits (§3.2.2.3). */
  readonly properties: ReceivedPropertiesOf<"connack">;
}

/** A {@linkcode ConnackPacket} to be encoded. */
export type ConnackInit = Init<ConnackPacket, "type", {
  readonly properties: PropertiesOf<"connack">;
}>;

const RESERVED: Bits = {
  mask: 0b1111_1110,
  key: "sessionPresent",
  name: "Reserved",
  section: "3.2.2.1",
};
const SESSION_PRESENT: Bits = {
  mask: 0b0000_0001,
  key: "sessionPresent",
  name: "Session Present",
  section: "3.2.2.1.1",
  means: (bit) => bit === 1 ? "the Server goes on with the session" : "the session is new",
};
const ACKNOWLEDGE_FLAGS: Field<number> = {
  key: "sessionPresent",
  name: "Connect Acknowledge Flags",
  section: "3.2.2.1",
  bits: [RESERVED, SESSION_PRESENT],
};
const REASON_CODE = new ReasonCodeSet("connack", {
  key: "reasonCode",
  name: "Connect Reason Code",
  section: "3.2.2.2",
}, "MQTT-3.2.2-8");
const PROPERTIES = new PropertySet("connack", "3.2.2.3.1");

const PRESENT_AND_REFUSED = "is 1, though the Reason Code is not 0x00 [MQTT-3.2.2-6]";

/** §3.2 CONNACK – Connect acknowledgement. */
export const CONNACK: PacketCodec<ConnackPacket, ConnackInit> = {
  read: readConnack,
  write: writeConnack,
};

/** Writes a CONNACK. */
function writeConnack(writer: Writer, packet: ConnackInit): void {
  const { sessionPresent = false, reasonCode = 0x00 } = packet;
  if (sessionPresent && reasonCode !== 0) throw forbidden(SESSION_PRESENT, PRESENT_AND_REFUSED);
  const hole = openPacket(writer, "connack");
  // In MQTT 3.1 the byte is reserved.
  const flags = flagBit(SESSION_PRESENT, sessionPresent);
  writer.byte(writer.protocolVersion === 3 ? 0 : flags);
  if (writer.protocolVersion < 5) writeReturnCode(writer, reasonCode);
  else REASON_CODE.write(writer, reasonCode);
  PROPERTIES.write(writer, packet.properties);
  closePacket(writer, hole);
}

/**
 * The Connect Return codes of MQTT 3.1.1 (its §3.2.2.3): what each means, and which codes it is.
 */
const RETURN_CODES: readonly {
  readonly means: string;
  /** The Reason Codes of MQTT 5.0 that it stands for, the one that it is read as first. */
  readonly is: readonly [ReasonCodeOf<"connack">, ...ReasonCodeOf<"connack">[]];
}[] = [
  { means: "accepted", is: [ReasonCode.success] },
  { means: "unacceptable protocol version", is: [ReasonCode.unsupportedProtocolVersion] },
  { means: "identifier rejected", is: [ReasonCode.clientIdentifierNotValid] },
  {
    means: "server unavailable",
    is: [
      ReasonCode.serverUnavailable,
      ReasonCode.serverBusy,
      ReasonCode.quotaExceeded,
      ReasonCode.useAnotherServer,
      ReasonCode.serverMoved,
      ReasonCode.connectionRateExceeded,
    ],
  },
  {
    means: "bad user name or password",
    is: [ReasonCode.badUserNameOrPassword, ReasonCode.badAuthenticationMethod],
  },
  { means: "not authorized", is: [ReasonCode.notAuthorized, ReasonCode.banned] },
];
const RETURN_CODE: Field<number> = {
  ...{ key: "reasonCode", name: "Connect Return code", section: "3.2.2.3", isCode: true },
  means: (code) => RETURN_CODES[code]?.means ?? "reserved",
};

/**
 * The Connect Return code of MQTT 3.1.1 for a Reason Code; `undefined` where there is none, so that
 * a Server can only close the Network Connection [MQTT-3.2.2-6 of MQTT 3.1.1].
 */
export function returnCodeOf(reasonCode: number): number | undefined {
  const code = RETURN_CODES.findIndex(({ is }) => is.some((each) => each === reasonCode));
  return code < 0 ? undefined : code;
}

function writeReturnCode(writer: Writer, reasonCode: number): void {
  const code = returnCodeOf(reasonCode);
  if (code === undefined) throw forbidden(RETURN_CODE, `is ${reasonCode}, ${NO_RETURN_CODE}`);
  writer.byte(code);
}

const NO_RETURN_CODE = "for which MQTT 3.1.1 has no return code";

function readReturnCode(reader: Reader): ReasonCodeOf<"connack"> {
  const code = reader.byte(RETURN_CODE);
  return RETURN_CODES[code]?.is[0] ??
    reader.malformed(RETURN_CODE, `is ${code}, which is reserved`);
}

function refuseOlderVersion(reader: Reader): never {
  const code = reader.byte(REASON_CODE.field);
  const meaning = RETURN_CODES[code]?.means;
  reader.notAllowed(
    REASON_CODE.field,
    meaning === undefined
      ? `is ${code}, in the form of MQTT 3, without properties`
      : `is ${code}, a return code of MQTT 3 (${meaning})`,
    ReasonCode.unsupportedProtocolVersion,
  );
}

/** Reads a CONNACK after its fixed header. */
function readConnack(reader: Reader): ConnackPacket {
  const bodyLength = reader.remaining;
  const flags = reader.byte(ACKNOWLEDGE_FLAGS);
  const flagsPosition = reader.fieldPosition;
  if (getBits(flags, RESERVED) !== 0) reader.malformed(RESERVED, "is not 0 [MQTT-3.2.2-1]");
  // Some Servers of MQTT 3 put an empty list of properties behind their code.
  const code = bodyLength > 1 ? reader.peek() : 0;
  const isOlder = reader.protocolVersion < 5;
  if (!isOlder && (bodyLength === 2 || code > 0 && code < RETURN_CODES.length)) {
    refuseOlderVersion(reader);
  }
  const reasonCode = isOlder ? readReturnCode(reader) : REASON_CODE.read(reader);
  const sessionPresent = getBits(flags, SESSION_PRESENT) === 1;
  if (sessionPresent && reasonCode !== 0) {
    reader.notAllowed(
      SESSION_PRESENT,
      PRESENT_AND_REFUSED,
      ReasonCode.protocolError,
      flagsPosition,
    );
  }
  return { type: "connack", sessionPresent, reasonCode, properties: PROPERTIES.read(reader) };
}
