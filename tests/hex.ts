// Bytes as people write them: pairs of hexadecimal digits, with white space wherever it helps to read.

/** The bytes of `"10 17 0004"`. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
}

/** `"1017"` of the bytes 0x10, 0x17. */
export function hexOf(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}
