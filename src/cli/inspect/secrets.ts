// Where a packet has its secrets: the Password of CONNECT, and Authentication Data. They are found
// by walking along the lengths alone, in MQTT 3.1, 3.1.1 and 5.0, since a packet that breaks every
// other rule may still have a password in it. Where the walk loses its way, all that follows is
// taken for secret.

import { PROPERTIES, type PropertyRow } from "../../packets/properties.ts";

/** A part of a packet. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a packet has to hide, and what a CONNECT says of itself in every version. */
export interface Outline {
  /** Where the secrets are. */
  readonly secrets: readonly Span[];
  /** Whether the lengths in the packet made sense up to its last secret. */
  readonly isReadable: boolean;
  /** The Protocol Version of a CONNECT. */
  readonly version: number | undefined;
  /** The Client Identifier of a CONNECT. */
  readonly clientId: string | undefined;
}

/** The byte that stands in place of each secret one: `*`. */
const MASK = 0x2a;

const CONNECT = 1;
const CONNACK = 2;
const AUTH = 15;

/** The Protocol Version from which on there are properties. */
const WITH_PROPERTIES = 5;

const USER_NAME_FLAG = 0x80;
const PASSWORD_FLAG = 0x40;
const WILL_FLAG = 0x04;

/** Whether a packet may have secrets, by its first byte. */
export function mayHaveSecrets(firstByte: number): boolean {
  const type = firstByte >> 4;
  return type === CONNECT || type === CONNACK || type === AUTH;
}

/** Finds the secrets of a packet that may have some; it need not be whole. */
export function outlineOf(packet: Uint8Array): Outline {
  const walk = new Walk(packet);
  let version: number | undefined;
  let clientId: string | undefined;
  let isReadable = true;
  try {
    walk.variableByteInteger(1);
    const type = packet[0]! >> 4;
    if (type === CONNECT) {
      walk.field();
      version = walk.byte();
      const flags = walk.byte();
      walk.skip(2);
      const hasProperties = version >= WITH_PROPERTIES;
      if (hasProperties) walk.properties();
      clientId = decoder.decode(walk.field());
      if ((flags & WILL_FLAG) !== 0) {
        if (hasProperties) walk.properties();
        walk.field();
        walk.field();
      }
      if ((flags & USER_NAME_FLAG) !== 0) walk.field();
      if ((flags & PASSWORD_FLAG) !== 0) walk.secret();
    } else {
      walk.skip(type === CONNACK ? 2 : walk.isAtEnd ? 0 : 1);
      if (!walk.isAtEnd) walk.properties();
    }
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    isReadable = false;
    walk.secrets.push({ start: Math.min(walk.at, packet.length), end: packet.length });
  }
  return { secrets: walk.secrets, isReadable, version, clientId };
}

/** Writes `*` over parts of a packet. */
export function mask(packet: Uint8Array, secrets: readonly Span[]): void {
  for (const { start, end } of secrets) packet.fill(MASK, start, end);
}

/** As many `*`. */
export function masked(length: number): Uint8Array {
  return new Uint8Array(length).fill(MASK);
}

const decoder = new TextDecoder();

/** The packet ends before a length in it says. */
class Lost extends Error {}

/** How each property is encoded, by its identifier. */
const ENCODINGS: ReadonlyMap<number, PropertyRow["is"]> = new Map(
  Object.values<PropertyRow>(PROPERTIES).map(({ id, is }) => [id, is]),
);

/** Steps over the fields of a packet, and notes which are secret. */
class Walk {
  readonly secrets: Span[] = [];
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
    const length = this.byte() << 8 | this.byte();
    const start = this.at;
    this.skip(length);
    return this.#bytes.subarray(start, this.at);
  }

  /** The same, which nobody may see. If it is cut, all of it that is there is secret. */
  secret(): void {
    const length = this.byte() << 8 | this.byte();
    const start = this.at;
    this.skip(length);
    this.secrets.push({ start, end: this.at });
  }

  properties(): void {
    const length = this.variableByteInteger();
    const end = this.at + length;
    if (end > this.#bytes.length) throw new Lost();
    while (this.at < end) {
      const { at } = this;
      if (this.#property()) continue;
      this.secrets.push({ start: at, end });
      this.at = end;
    }
    if (this.at !== end) throw new Lost();
  }

  /** Steps over a property; returns whether it is one that is known. */
  #property(): boolean {
    const id = this.byte();
    if (id === PROPERTIES.authenticationData.id) {
      this.secret();
      return true;
    }
    switch (ENCODINGS.get(id)) {
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
        this.field();
        this.field();
        return true;
      case "utf8String":
      case "binaryData":
        this.field();
        return true;
      case undefined:
        return false;
    }
  }
}
