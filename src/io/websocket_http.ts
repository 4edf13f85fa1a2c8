// The parts of HTTP/1.1 (RFC 9112) that the WebSocket handshake needs, at both ends: reading a head
// of bounded size, its fields, and Sec-WebSocket-Accept. Ambiguous input, which two parsers might
// read differently, is rejected.

import type { Transport } from "./transport.ts";
import { TOKEN } from "./websocket_fields.ts";

/**
 * The subprotocol of MQTT, which the client offers and the server selects [MQTT-6.0.0-3]
 * [MQTT-6.0.0-4].
 */
export const SUBPROTOCOL = "mqtt";

/**
 * What a server takes, the best first: the other is that of MQTT 3.1. Which version is spoken is up
 * to CONNECT.
 */
export const SUBPROTOCOLS: readonly string[] = [SUBPROTOCOL, "mqttv3.1"];

/** Hashed together with the client's key (RFC 6455, §1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A head, and the bytes that followed it. */
export interface Head {
  readonly text: string;
  readonly rest: Uint8Array;
}

/**
 * The fields of a head by their name in lower case; repeated fields are joined into one list (RFC
 * 9110, §5.3).
 */
export type Fields = ReadonlyMap<string, string>;

/** How many bytes are examined to decide whether they are HTTP. */
const LOOKED_AT = 16;

const [LF, CR] = [0x0a, 0x0d];

/** Characters that a field value must not contain (RFC 9110, §5.5). */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Reads heads of at most `limit` bytes. */
export class HeadReader {
  readonly #inner: Transport;
  readonly #limit: number;
  readonly #isHttp: (start: string) => boolean;
  #bytes: Uint8Array;
  #length: number;

  /**
   * `isHttp` is called with the bytes at the start, even before a head is complete: in another
   * protocol there may never be an end of a head.
   */
  constructor(inner: Transport, limit: number, isHttp: (start: string) => boolean) {
    this.#inner = inner;
    this.#limit = limit;
    this.#isHttp = isHttp;
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
  }

  /** Reads the next head; resolves with the reason if there is none. */
  async next(): Promise<Head | "closed" | "too long" | "not HTTP"> {
    for (let from = 0;;) {
      const start = latin1.decode(this.rest.subarray(0, LOOKED_AT));
      if (start !== "" && !this.#isHttp(start)) return "not HTTP";
      const end = endOfHead(this.rest, from);
      if ((end?.at ?? this.#length) > this.#limit) return "too long";
      if (end !== undefined) {
        const text = latin1.decode(this.#bytes.subarray(0, end.at));
        const rest = this.#bytes.subarray(end.next, this.#length);
        [this.#bytes, this.#length] = [rest, rest.length];
        return { text, rest };
      }
      from = Math.max(0, this.#length - 3);
      const chunk = await this.#inner.read();
      if (chunk === undefined) return "closed";
      this.#add(chunk);
    }
  }

  /** The bytes that have been received but are not part of a head that was returned. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #add(chunk: Uint8Array): void {
    if (this.#length === 0) {
      [this.#bytes, this.#length] = [chunk, chunk.length];
      return;
    }
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.rest);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }
}

/** The name and value of each line; `undefined` when one of them is no field (RFC 9112, §5). */
export function fieldsOf(lines: readonly string[]): Fields | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = trimmed(line.slice(colon + 1));
    // Parsers disagree about a space before the colon and about folded lines: both are rejected.
    if (!TOKEN.test(name) || CONTROL.test(value)) return undefined;
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** Whether a list field contains an item; case-insensitive. */
export function hasItem(fields: Fields, name: string, item: string): boolean {
  return itemsOf(fields, name).some((each) => each.toLowerCase() === item);
}

/** The items of a field that is a list (RFC 9110, §5.6.1). */
export function itemsOf(fields: Fields, name: string): string[] {
  return (fields.get(name) ?? "").split(",").map(trimmed).filter((item) => item !== "");
}

/** The value of Sec-WebSocket-Accept for a key (RFC 6455, §4.2.2). */
export async function acceptOf(key: string): Promise<string> {
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-1", encoder.encode(key + GUID))));
}

/** Base64 of a small number of bytes. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();

/**
 * Where a head ends and what follows it begins. Its lines may end with a bare LF (RFC 9112, §2.2).
 */
function endOfHead(
  bytes: Uint8Array,
  from: number,
): { readonly at: number; readonly next: number } | undefined {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1] === CR ? at + 2 : at + 1;
    if (bytes[next] === LF) return { at: bytes[at - 1] === CR ? at - 1 : at, next: next + 1 };
  }
  return undefined;
}

/** Trims only spaces and tabs, unlike `String.trim()` (RFC 9110, §5.6.3). */
function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (text[start] === " " || text[start] === "\t") start++;
  while (end > start && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
  return text.slice(start, end);
}
