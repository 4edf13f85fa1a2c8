// What a span of bytes is called. The packets name each field once; from that name come the errors
// of the reader, the errors of the writer and the explanation of the bytes.

/** A field of a packet. */
export interface Field<Value = unknown> {
  /**
   * Where a caller sets it in our packet objects, such as `"will.topic"`, for errors; else any
   * short name.
   */
  readonly key: string;
  /** Its name in the standard, such as `"Will Topic"`. */
  readonly name: string;
  /** The section of the standard that defines it, such as `"3.1.3.3"`. */
  readonly section: string;
  /** Whether its value is a code, written in hexadecimal as in the tables of the standard. */
  readonly isCode?: boolean;
  /** Of a byte made of bits: its parts, the highest bits first. */
  readonly bits?: readonly Bits[];
  /** What a value means, as the rest of a line of explanation. */
  means?(value: Value): string;
}

/** Some bits of a byte, a field of their own. */
export interface Bits extends Field<number> {
  /** Which bits, such as `0b0001_1000`. */
  readonly mask: number;
}

/** "1 byte", "2 bytes". */
export function byteCount(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

/** The value of some bits of a byte, shifted down to bit 0. */
export function getBits(byte: number, { mask }: Bits): number {
  return (byte & mask) >> shiftOf(mask);
}

/** A byte with only these bits, which have the value. */
export function putBits(value: number, { mask }: Pick<Bits, "mask">): number {
  return value << shiftOf(mask) & mask;
}

function shiftOf(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}
