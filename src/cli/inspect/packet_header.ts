// What the first bytes of a packet say, in every version of MQTT (§2.1), and whether they are those
// of a packet at all.

import { FIRST_BYTE, PACKET_TYPES } from "../../packets/packet_types.ts";

/** The longest fixed header. */
export const LONGEST_HEADER = 5;

/** Whether a beginning is that of TLS, which would else pass for a broken CONNECT. */
export function isTls(bytes: Uint8Array): boolean {
  return bytes[0] === 0x16 && bytes[1] === 0x03;
}

/**
 * Whether no packet begins like this. A CONNECT with wrong flags is one all the same: it may have a
 * Password.
 */
export function isStrange(header: Uint8Array): boolean {
  const first = header[0]!;
  const type = PACKET_TYPES[first >> 4];
  if (type === undefined) return true;
  if (type === "connect") return isTls(header);
  return type === "publish" ? (first & 0x06) === 0x06 : first !== FIRST_BYTE[type];
}

/**
 * The size of the packet with this beginning; `undefined` if it is not known, or none begins so.
 */
export function sizeOf(header: Uint8Array): number | undefined {
  if (isStrange(header)) return undefined;
  const end = headerLength(header);
  if (end > header.length || end > LONGEST_HEADER) return undefined;
  let length = 0;
  for (let at = end - 1; at > 0; at--) length = length << 7 | header[at]! & 0x7f;
  return end + length;
}

/** How many bytes a fixed header has: more than there are, if it goes on behind them. */
export function headerLength(header: Uint8Array): number {
  let end = 1;
  while (end < LONGEST_HEADER && header[end]! >= 0x80) end++;
  return end + 1;
}
