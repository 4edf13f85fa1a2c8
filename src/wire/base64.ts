// Bytes as text (RFC 4648, §4), where a session is saved as JSON. Node 22 has no
// `Uint8Array.prototype.toBase64`; `btoa` and `atob`, whose strings have a character for each byte,
// are everywhere.

/** How many bytes become arguments of one call: more might not fit on the stack. */
const CHUNK = 8192;

/** Bytes to Base64. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // `apply` takes the bytes as they are; to spread them is ten times as slow.
    binary += String.fromCharCode.apply(
      null,
      bytes.subarray(at, at + CHUNK) as ArrayLike<number> as number[],
    );
  }
  return btoa(binary);
}

/**
 * Base64 to bytes.
 *
 * @throws {DOMException} `InvalidCharacterError` when it is none
 */
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
