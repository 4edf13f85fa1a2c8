// The Internet checksum (RFC 1071), of IPv4 headers and of TCP segments.

/** Adds the bytes, as integers of two bytes each, to a sum; an odd one is padded with 0. */
export function sumOf(bytes: Uint8Array, sum = 0): number {
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += bytes[at]! << 8 | bytes[at + 1]!;
  return even === bytes.length ? sum : sum + (bytes[even]! << 8);
}

/** The checksum that goes with a sum. */
export function checksumOf(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}
