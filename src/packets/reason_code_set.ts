// §2.4 Reason Code, read and written by the rows of Table 2-6.

import { checkInteger } from "../wire/checks.ts";
import type { Field } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { packetName, type PacketType } from "./packet_types.ts";
import { REASON_CODES, type ReasonCodeOf, type ReasonCodeRow } from "./reason_codes.ts";

/** The Reason Code field of one kind of packet. */
export class ReasonCodeSet<Type extends PacketType> {
  /** The field, with the name and the section that the standard gives it in this packet. */
  readonly field: Field<number>;
  readonly #rows: readonly (ReasonCodeRow | undefined)[];
  readonly #rule: string;

  /** `statement` is the normative statement that limits the codes, where there is one. */
  constructor(type: Type, field: Omit<Field<number>, "isCode" | "means">, statement?: string) {
    const rows = rowsOf(type);
    this.#rows = rows;
    this.#rule = `is not a Reason Code of ${packetName(type)}${statement ? ` [${statement}]` : ""}`;
    this.field = { ...field, isCode: true, means: (code) => explained(rows[code]) };
  }

  /** Reads a Reason Code and refuses one that may not stand in this packet. */
  read(reader: Reader): ReasonCodeOf<Type> {
    const code = reader.byte(this.field);
    if (this.#rows[code] === undefined) {
      reader.notAllowed(this.field, `is ${hex(code)}, which ${this.#rule}`);
    }
    return code as ReasonCodeOf<Type>;
  }

  /** Writes a Reason Code and refuses one that may not stand in this packet. */
  write(writer: Writer, code: number): void {
    checkInteger(this.field, code, 0x00, 0xff);
    if (this.#rows[code] === undefined) {
      throw new RangeError(`${this.field.key} is ${hex(code)}, which ${this.#rule}`);
    }
    writer.byte(code);
  }
}

function rowsOf(type: PacketType): readonly (ReasonCodeRow | undefined)[] {
  const rows: (ReasonCodeRow | undefined)[] = new Array(0x100).fill(undefined);
  for (const row of Object.values<ReasonCodeRow>(REASON_CODES)) {
    if (row.in.includes(type)) rows[row.code] = row;
  }
  return rows;
}

function explained(row: ReasonCodeRow | undefined): string {
  return row === undefined ? "not a Reason Code of this packet" : `${row.name} (${row.means})`;
}

function hex(code: number): string {
  return `0x${code.toString(16).toUpperCase().padStart(2, "0")}`;
}
