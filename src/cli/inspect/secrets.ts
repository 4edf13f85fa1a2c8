// Where a packet has its secrets: the Password of CONNECT, and Authentication Data. They are found
// by walking along the lengths alone, in MQTT 3.1, 3.1.1 and 5.0, since a packet that breaks every
// other rule may still have a password in it. Where the walk loses its way, all that follows is
// taken for secret.

import { PROPERTIES } from "../../packets/properties.ts";
import { Lost, Walk } from "./walk.ts";

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
  /** The Keep Alive of a CONNECT, in seconds. */
  readonly keepAlive: number | undefined;
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
  const secrets: Span[] = [];
  const properties = () =>
    walk.properties((id, start, end) => {
      if (id === undefined) secrets.push({ start, end });
      if (id === PROPERTIES.authenticationData.id) secrets.push({ start: start + 2, end });
    });
  let version: number | undefined;
  let clientId: string | undefined;
  let keepAlive: number | undefined;
  let isReadable = true;
  try {
    walk.variableByteInteger(1);
    const type = packet[0]! >> 4;
    if (type === CONNECT) {
      walk.field();
      version = walk.byte();
      const flags = walk.byte();
      keepAlive = walk.twoByteInteger();
      const hasProperties = version >= WITH_PROPERTIES;
      if (hasProperties) properties();
      clientId = decoder.decode(walk.field());
      if ((flags & WILL_FLAG) !== 0) {
        if (hasProperties) properties();
        walk.field();
        walk.field();
      }
      if ((flags & USER_NAME_FLAG) !== 0) walk.field();
      if ((flags & PASSWORD_FLAG) !== 0) {
        const length = walk.field().length;
        secrets.push({ start: walk.at - length, end: walk.at });
      }
    } else {
      walk.skip(type === CONNACK ? 2 : walk.isAtEnd ? 0 : 1);
      if (!walk.isAtEnd) properties();
    }
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    isReadable = false;
    // Of a secret that is cut, all that is there is secret.
    secrets.push({ start: Math.min(walk.at, packet.length), end: packet.length });
  }
  return { secrets, isReadable, version, clientId, keepAlive };
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
