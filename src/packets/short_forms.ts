// The packets that may end early: PUBACK, PUBREC, PUBREL, PUBCOMP and DISCONNECT. Without
// properties they need no Property Length, and without those a Reason Code of 0x00 need not be
// written either (§3.4.2.1, §3.4.2.2.1, §3.14.2.1).

import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PacketType } from "./packet_types.ts";
import type { PropertiesOf, PropertyHolder, ReceivedPropertiesOf } from "./properties.ts";
import type { PropertySet } from "./property_set.ts";
import type { ReasonCodeSet } from "./reason_code_set.ts";
import type { ReasonCodeOf } from "./reason_codes.ts";

/** The end of a packet: a Reason Code, then properties. */
export class ReasonAndProperties<Type extends PacketType & PropertyHolder> {
  readonly #reasonCode: ReasonCodeSet<Type>;
  readonly #properties: PropertySet<Type>;

  /** Puts the two fields of one kind of packet together. */
  constructor(reasonCode: ReasonCodeSet<Type>, properties: PropertySet<Type>) {
    this.#reasonCode = reasonCode;
    this.#properties = properties;
  }

  /** Writes the shortest form; before MQTT 5.0 there was no other. */
  write(
    writer: Writer,
    { reasonCode = 0x00, properties }: {
      readonly reasonCode?: number | undefined;
      readonly properties?: PropertiesOf<Type> | undefined;
    },
  ): void {
    if (writer.protocolVersion < 5) return;
    const start = writer.length;
    this.#reasonCode.write(writer, reasonCode);
    const end = writer.length;
    if (this.#properties.write(writer, properties) > 0) return;
    writer.truncate(reasonCode === 0x00 ? start : end);
  }

  /** Reads a Reason Code, 0x00 where the packet ends before it. */
  readReasonCode(reader: Reader): ReasonCodeOf<Type> {
    if (reader.protocolVersion < 5) return 0x00 as ReasonCodeOf<Type>;
    return reader.remaining > 0
      ? this.#reasonCode.read(reader)
      : reader.leftOut(this.#reasonCode.field, 0x00) as ReasonCodeOf<Type>;
  }

  /** Reads properties, none where the packet ends before them. */
  readProperties(reader: Reader): ReceivedPropertiesOf<Type> {
    if (reader.protocolVersion < 5 || reader.remaining > 0) return this.#properties.read(reader);
    return this.#properties.leftOut(reader);
  }
}
