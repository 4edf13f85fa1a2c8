// §3.15 AUTH – Authentication exchange. A packet of Remaining Length 0 would mean Success without
// properties (§3.15.2.1), but the Authentication Method may never be left out (§3.15.2.2.2): it is
// parsed, refused and never written.

import { forbidden } from "../wire/checks.ts";
import type { Field } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket } from "./fixed_header.ts";
import type { Init, PacketCodec } from "./packet.ts";
import type { PropertiesOf, ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { ReasonCodeSet } from "./reason_code_set.ts";
import { ReasonCode, type ReasonCodeOf } from "./reason_codes.ts";

/** AUTH, in either direction, a step of enhanced authentication (§3.15). */
export interface AuthPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "auth";
  /** Which step it is (§3.15.2.1). */
  readonly reasonCode: ReasonCodeOf<"auth">;
  /** The Authentication Method, always, and what it exchanges (§3.15.2.2). */
  readonly properties: ReceivedPropertiesOf<"auth"> & { readonly authenticationMethod: string };
}

/** An {@linkcode AuthPacket} to be encoded. */
export type AuthInit = Init<Omit<AuthPacket, "properties">, "type"> & {
  /** What the exchange needs; the Authentication Method must be given (§3.15.2.2). */
  readonly properties: PropertiesOf<"auth"> & { readonly authenticationMethod: string };
};

const REASON_CODE = new ReasonCodeSet("auth", {
  key: "reasonCode",
  name: "Authenticate Reason Code",
  section: "3.15.2.1",
}, "MQTT-3.15.2-1");
const PROPERTIES = new PropertySet("auth", "3.15.2.2.1");
const AUTHENTICATION_METHOD: Field<string> = {
  key: "properties.authenticationMethod",
  name: "Authentication Method",
  section: "3.15.2.2.2",
};

/** §3.15 AUTH – Authentication exchange. */
export const AUTH: PacketCodec<AuthPacket, AuthInit> = { read: readAuth, write: writeAuth };

/** Writes an AUTH. */
function writeAuth(writer: Writer, packet: AuthInit): void {
  const { reasonCode = 0x00, properties } = packet;
  if (writer.protocolVersion < 5) throw new TypeError("There is no AUTH before MQTT 5.0");
  if (properties?.authenticationMethod === undefined) {
    throw forbidden(AUTHENTICATION_METHOD, "is missing");
  }
  const hole = openPacket(writer, "auth");
  REASON_CODE.write(writer, reasonCode);
  PROPERTIES.write(writer, properties);
  closePacket(writer, hole);
}

/** Reads an AUTH after its fixed header. */
function readAuth(reader: Reader): AuthPacket {
  if (reader.remaining === 0) refuseWithoutMethod(reader);
  const reasonCode = REASON_CODE.read(reader);
  const position = reader.position;
  const properties = PROPERTIES.read(reader);
  if (properties.authenticationMethod === undefined) refuseWithoutMethod(reader, position);
  return { type: "auth", reasonCode, properties: properties as AuthPacket["properties"] };
}

function refuseWithoutMethod(reader: Reader, position: number = reader.position): never {
  return reader.notAllowed(AUTHENTICATION_METHOD, "is missing", ReasonCode.protocolError, position);
}
