// Steps over the fields of a packet along their lengths alone, in every version of MQTT: for what
// must be found though the packet breaks every other rule, or passes with a million others.

import { PROPERTIES, type PropertyRow } from "../../packets/properties.ts";

/** The packet ends before a length in it says. */
export class Lost extends Error {}

/** How each property is encoded, by its identifier. */
const ENCODINGS: ReadonlyMap<number, PropertyRow["is"]> = new Map(
  Object.values<PropertyRow>(PROPERTIES).map(({ id, is }) => [id, is]),
);

/** Is told of a property: its identifier, and where its value is. */
type OnProperty = (id: number | undefined, start: number, end: number) => void;

/** Walks along a packet. Each step throws {@linkcode Lost} where the bytes end before the field. */
export class Walk {
  readonly #bytes: Uint8Array;
  /** Where the next field begins. */
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new Lost();
    this.at++;
    return byte;
  }

  twoByteInteger(): number {
    return this.byte() << 8 | this.byte();
  }

  skip(count: number): void {
    if (this.at + count > this.#bytes.length) throw new Lost();
    this.at += count;
  }

  /** The integer after `before` bytes. */
  variableByteInteger(before = 0): number {
    this.skip(before);
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Lost();
  }

  /** What has its length in front of it. */
  field(): Uint8Array {
    const length = this.fieldLength();
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Steps over the same; returns how many bytes it has. */
  fieldLength(): number {
    const length = this.twoByteInteger();
    this.skip(length);
    return length;
  }

  /**
   * Tells of each property. One that is unknown is told without identifier, with all that follows:
   * nobody knows how long it is.
   */
  properties(onProperty: OnProperty): void {
    const length = this.variableByteInteger();
    const end = this.at + length;
    if (end > this.#bytes.length) throw new Lost();
    while (this.at < end) {
      const start = this.at;
      const id = this.byte();
      if (this.#value(ENCODINGS.get(id))) {
        onProperty(id, start + 1, this.at);
      } else {
        onProperty(undefined, start, end);
        this.at = end;
      }
    }
    if (this.at !== end) throw new Lost();
  }

  /** Steps over the value of a property; returns whether it is one that is known. */
  #value(encoding: PropertyRow["is"] | undefined): boolean {
    switch (encoding) {
      case "byte":
      case "boolean":
        this.skip(1);
        return true;
      case "twoByteInteger":
        this.skip(2);
        return true;
      case "fourByteInteger":
        this.skip(4);
        return true;
      case "variableByteInteger":
        this.variableByteInteger();
        return true;
      case "utf8StringPair":
        this.fieldLength();
        this.fieldLength();
        return true;
      case "utf8String":
      case "binaryData":
        this.fieldLength();
        return true;
      case undefined:
        return false;
    }
  }
}
