// Reads the text with which a server explains why it refuses a WebSocket: the content of its answer
// (RFC 9112, §6), with limits for size and time.

import type { Transport } from "./transport.ts";
import { type Fields, hasItem } from "./websocket_http.ts";

/** The limit for the text, in bytes. */
const LONGEST_BODY = 1024;

/** The time limit, in milliseconds. */
const PATIENCE = 500;

/**
 * The text in an answer; `undefined` if there is none, or if it is HTML or compressed. Closes the
 * transport.
 */
export async function bodyOf(
  inner: Transport,
  fields: Fields,
  first: Uint8Array,
): Promise<string | undefined> {
  const isChunked = hasItem(fields, "transfer-encoding", "chunked");
  const announced = fields.get("content-length");
  const length = isChunked || announced === undefined ? Infinity : Number(announced);
  // An HTML page rarely says more than the status; compressed content cannot be read here.
  const isForPeople = !/html/i.test(fields.get("content-type") ?? "") &&
    /^(?:identity)?$/i.test(fields.get("content-encoding") ?? "");
  if (!isForPeople || !(length > 0)) return undefined;
  const isWhole = isChunked
    ? (bytes: Uint8Array) => dechunked(bytes).isWhole
    : (bytes: Uint8Array) => bytes.length >= length;
  const bytes = await gather(inner, first, isWhole);
  const content = isChunked ? dechunked(bytes).content : bytes.subarray(0, length);
  const text = new TextDecoder().decode(content.subarray(0, LONGEST_BODY), { stream: true }).trim();
  return text === "" ? undefined : text;
}

/** Reads until the content is complete, the limit or the timeout is reached, or the peer closes. */
async function gather(
  inner: Transport,
  first: Uint8Array,
  isWhole: (bytes: Uint8Array) => boolean,
): Promise<Uint8Array> {
  const gathered = new Uint8Array(2 * LONGEST_BODY);
  let length = 0;
  const timer = setTimeout(() => inner.close(), PATIENCE);
  try {
    for (let chunk: Uint8Array | undefined = first; chunk !== undefined;) {
      const taken = chunk.subarray(0, gathered.length - length);
      gathered.set(taken, length);
      length += taken.length;
      if (length === gathered.length || isWhole(gathered.subarray(0, length))) break;
      chunk = await inner.read();
    }
  } catch {
    // Closed by the timeout or by the peer: what has arrived is used.
  } finally {
    clearTimeout(timer);
    inner.close();
  }
  return gathered.subarray(0, length);
}

/** Decodes the chunked coding (RFC 9112, §7.1); `isWhole` if the last chunk has arrived. */
function dechunked(bytes: Uint8Array): { readonly content: Uint8Array; readonly isWhole: boolean } {
  const content = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0;;) {
    const end = bytes.indexOf(0x0a, at);
    const size = parseInt(ascii.decode(bytes.subarray(at, Math.max(at, end))), 16);
    if (end < 0 || !(size > 0)) {
      return { content: content.subarray(0, length), isWhole: end >= 0 };
    }
    const data = bytes.subarray(end + 1, end + 1 + size);
    content.set(data, length);
    length += data.length;
    at = end + 1 + size + 2;
  }
}

const ascii = new TextDecoder("latin1");
