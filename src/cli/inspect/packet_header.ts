// What the first bytes of a packet say, in every version of MQTT (§2.1), and whether they are those
// of a packet at all.

import { FIRST_BYTE, PACKET_TYPES } from "../../packets/packet_types.ts";

/** The longest fixed header. */
export const LONGEST_HEADER = 5;

/** Whether a beginning is that of TLS, which would else pass for a broken CONNECT. */
export function isTls(bytes: Uint8Array, at: number = 0): boolean {
  return bytes[at] === 0x16 && bytes[at + 1] === 0x03;
}

/**
 * Whether no packet begins like the bytes from `at` on. A CONNECT with wrong flags is one all the
 * same: it may have a Password.
 */
export function isStrange(bytes: Uint8Array, at: number = 0): boolean {
  const first = bytes[at]!;
  const type = PACKET_TYPES[first >> 4];
  if (type === undefined) return true;
  if (type === "connect") return isTls(bytes, at);
  return type === "publish" ? (first & 0x06) === 0x06 : first !== FIRST_BYTE[type];
}

/**
 * The size of the packet that begins at `at`; `undefined` if it is not known, or none begins so.
 */
export function sizeOf(bytes: Uint8Array, at: number = 0): number | undefined {
  if (isStrange(bytes, at)) return undefined;
  const end = headerLength(bytes, at);
  if (at + end > bytes.length || end > LONGEST_HEADER) return undefined;
  let length = 0;
  for (let index = end - 1; index > 0; index--) length = length << 7 | bytes[at + index]! & 0x7f;
  return end + length;
}

/** How many bytes a fixed header has: more than there are, if it goes on behind them. */
export function headerLength(bytes: Uint8Array, at: number = 0): number {
  let end = 1;
  while (end < LONGEST_HEADER && bytes[at + end]! >= 0x80) end++;
  return end + 1;
}
