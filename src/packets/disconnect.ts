// §3.14 DISCONNECT – Disconnect notification.

import { forbidden } from "../wire/checks.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket } from "./fixed_header.ts";
import type { Init, PacketCodec } from "./packet.ts";
import type { ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { ReasonCodeSet } from "./reason_code_set.ts";
import type { ReasonCodeOf } from "./reason_codes.ts";
import { ReasonAndProperties } from "./short_forms.ts";

/** DISCONNECT, in either direction, the last packet of a Network Connection (§3.14). */
export interface DisconnectPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "disconnect";
  /** Why the connection is closed (§3.14.2.1). */
  readonly reasonCode: ReasonCodeOf<"disconnect">;
  /** What else there is to say (§3.14.2.2). */
  readonly properties: ReceivedPropertiesOf<"disconnect">;
}

/** A {@linkcode DisconnectPacket} to be encoded. */
export type DisconnectInit = Init<DisconnectPacket, "type">;

const REASON_CODE = new ReasonCodeSet("disconnect", {
  key: "reasonCode",
  name: "Disconnect Reason Code",
  section: "3.14.2.1",
}, "MQTT-3.14.2-1");
const END = new ReasonAndProperties(REASON_CODE, new PropertySet("disconnect", "3.14.2.2.1"));

/** §3.14 DISCONNECT – Disconnect notification. */
export const DISCONNECT: PacketCodec<DisconnectPacket, DisconnectInit> = {
  read: readDisconnect,
  write: writeDisconnect,
};

/** Writes a DISCONNECT in the shortest of its forms. */
function writeDisconnect(writer: Writer, packet: DisconnectInit): void {
  if (writer.protocolVersion < 5 && (packet.reasonCode ?? 0) !== 0) {
    throw forbidden(REASON_CODE.field, "must be 0x00 before MQTT 5.0, where all is well");
  }
  const hole = openPacket(writer, "disconnect");
  END.write(writer, packet);
  closePacket(writer, hole);
}

/** Reads a DISCONNECT after its fixed header. */
function readDisconnect(reader: Reader): DisconnectPacket {
  return {
    type: "disconnect",
    reasonCode: END.readReasonCode(reader),
    properties: END.readProperties(reader),
  };
}
