// §3.4 PUBACK, §3.5 PUBREC, §3.6 PUBREL and §3.7 PUBCOMP: the four packets that acknowledge a
// PUBLISH, alike in all but their names and Reason Codes.

import type { Field } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket, openShortPacket } from "./fixed_header.ts";
import {
  type Init,
  type PacketCodec,
  packetIdentifier,
  readPacketId,
  writePacketId,
} from "./packet.ts";
import { FIRST_BYTE, packetName } from "./packet_types.ts";
import type { PropertiesOf, ReceivedPropertiesOf } from "./properties.ts";
import { PropertySet } from "./property_set.ts";
import { ReasonCodeSet } from "./reason_code_set.ts";
import { ReasonCode, type ReasonCodeOf } from "./reason_codes.ts";
import { ReasonAndProperties } from "./short_forms.ts";

/** The kinds of {@linkcode AckPacket}. */
export type AckType = "puback" | "pubrec" | "pubrel" | "pubcomp";

/** A packet that acknowledges a PUBLISH, or an acknowledgement of it (§3.4 to §3.7). */
export interface AckPacket<Type extends AckType> {
  /** Tells the kinds of packet apart. */
  readonly type: Type;
  /** The Packet Identifier of the PUBLISH (§2.2.1). */
  readonly packetId: number;
  /** Below 0x80 all is well. */
  readonly reasonCode: ReasonCodeOf<Type>;
  /** What else there is to say. */
  readonly properties: ReceivedPropertiesOf<Type>;
}

/** PUBACK, the answer to a PUBLISH with QoS 1 (§3.4). */
export type PubackPacket = AckPacket<"puback">;
/** PUBREC, the answer to a PUBLISH with QoS 2 (§3.5). */
export type PubrecPacket = AckPacket<"pubrec">;
/** PUBREL, the answer to a PUBREC (§3.6). */
export type PubrelPacket = AckPacket<"pubrel">;
/** PUBCOMP, the answer to a PUBREL, the last of an exchange with QoS 2 (§3.7). */
export type PubcompPacket = AckPacket<"pubcomp">;

/** An {@linkcode AckPacket} to be encoded. */
export type AckInit<Type extends AckType> = Init<AckPacket<Type>, "type" | "packetId", {
  readonly properties: PropertiesOf<Type>;
}>;

/** Reads and writes one of the four. */
class AckCodec<Type extends AckType> implements PacketCodec<AckPacket<Type>, AckInit<Type>> {
  readonly #type: Type;
  readonly #firstByte: number;
  readonly #packetIdentifier: Field<number>;
  readonly #end: ReasonAndProperties<Type>;

  /** `section` is that of the packet. */
  constructor(type: Type, section: string) {
    const reasonCode: Field<number> = {
      key: "reasonCode",
      name: `${packetName(type)} Reason Code`,
      section: `${section}.2.1`,
    };
    this.#type = type;
    this.#firstByte = FIRST_BYTE[type];
    this.#packetIdentifier = packetIdentifier(`${section}.2`);
    this.#end = new ReasonAndProperties(
      new ReasonCodeSet(type, reasonCode, `MQTT-${section}.2-1`),
      new PropertySet(type, `${section}.2.2.1`),
    );
  }

  /** Writes the packet in the shortest of its forms. */
  write(writer: Writer, packet: AckInit<Type>): void {
    if (isPlain(packet) || writer.protocolVersion < 5) {
      // Nearly always. What is left out need not be written to be taken back.
      openShortPacket(writer, this.#firstByte, 2);
      return writePacketId(writer, this.#packetIdentifier, packet.packetId);
    }
    const hole = openPacket(writer, this.#type);
    writePacketId(writer, this.#packetIdentifier, packet.packetId);
    this.#end.write(writer, packet);
    closePacket(writer, hole);
  }

  /** Reads the packet after its fixed header. */
  read(reader: Reader): AckPacket<Type> {
    return {
      type: this.#type,
      packetId: readPacketId(reader, this.#packetIdentifier),
      reasonCode: this.#end.readReasonCode(reader),
      properties: this.#end.readProperties(reader),
    };
  }
}

/** Whether there is nothing to say but that all is well. */
function isPlain({ reasonCode = ReasonCode.success, properties }: {
  readonly reasonCode?: number | undefined;
  readonly properties?: object | undefined;
}): boolean {
  return reasonCode === ReasonCode.success && properties === undefined;
}

/** §3.4 PUBACK – Publish acknowledgement. */
export const PUBACK: PacketCodec<AckPacket<"puback">, AckInit<"puback">> = new AckCodec(
  "puback",
  "3.4",
);
/** §3.5 PUBREC – Publish received. */
export const PUBREC: PacketCodec<AckPacket<"pubrec">, AckInit<"pubrec">> = new AckCodec(
  "pubrec",
  "3.5",
);
/** §3.6 PUBREL – Publish release. */
export const PUBREL: PacketCodec<AckPacket<"pubrel">, AckInit<"pubrel">> = new AckCodec(
  "pubrel",
  "3.6",
);
/** §3.7 PUBCOMP – Publish complete. */
export const PUBCOMP: PacketCodec<AckPacket<"pubcomp">, AckInit<"pubcomp">> = new AckCodec(
  "pubcomp",
  "3.7",
);
