// What the benchmark's peer must find in and make of bytes. It is written without the codec, on purpose: the peer stays what
// it is when the codec changes. Its rule: only what the two clients send is understood, and it is believed.

/** The Receive Maximum in what follows the fixed header of a CONNECT. §3.1.2.11.3 */
export function receiveMaximum(connect: Uint8Array): number {
  const value = property(connect, 10, 0x21);
  return value === undefined ? 65_535 : value[0]! << 8 | value[1]!;
}

/** The Subscription Identifier in what follows the fixed header of a SUBSCRIBE, encoded; no bytes if it has none. §3.8.2.1.2 */
export function subscriptionIdentifier(subscribe: Uint8Array): Uint8Array {
  return property(subscribe, 2, 0x0b) ?? new Uint8Array(0);
}

/** The value of a property, from its first byte on, in the properties that start at `start`. */
function property(bytes: Uint8Array, start: number, id: number): Uint8Array | undefined {
  const first = start + 1;
  // Neither client sends 128 bytes of properties or more, so their length is one byte.
  const end = first + bytes[start]!;
  for (let at = first; at < end;) {
    const next = propertyEnd(bytes, at);
    if (bytes[at] === id) return bytes.slice(at + 1, next);
    at = next;
  }
  return undefined;
}

/** Where the property of a CONNECT or a SUBSCRIBE that starts at `start` ends. §2.2.2.2 */
function propertyEnd(bytes: Uint8Array, start: number): number {
  const value = start + 1;
  switch (bytes[start]) {
    case 0x0b: // Subscription Identifier
      return variableByteIntegerEnd(bytes, value);
    case 0x11: // Session Expiry Interval
    case 0x27: // Maximum Packet Size
      return value + 4;
    case 0x15: // Authentication Method
    case 0x16: // Authentication Data
      return stringEnd(bytes, value);
    case 0x17: // Request Problem Information
    case 0x19: // Request Response Information
      return value + 1;
    case 0x21: // Receive Maximum
    case 0x22: // Topic Alias Maximum
      return value + 2;
    case 0x26: // User Property
      return stringEnd(bytes, stringEnd(bytes, value));
    default:
      throw new Error(`Property ${bytes[start]} in a CONNECT or a SUBSCRIBE`);
  }
}

/** Where the string that starts at `start` ends. */
export function stringEnd(bytes: Uint8Array, start: number): number {
  return start + 2 + (bytes[start]! << 8 | bytes[start + 1]!);
}

function variableByteIntegerEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  while (bytes[end++]! >= 0x80);
  return end;
}

/** The Protocol Version in a CONNECT: 4 for MQTT 3.1.1, which has no properties, 5 for MQTT 5.0. */
export type ProtocolVersion = 4 | 5;

/** A whole CONNECT with a clean start. `receiveMaximum` is told at version 5. */
export function connectPacket(
  clientId: string,
  keepAlive: number,
  receiveMaximum: number,
  version: ProtocolVersion = 5,
): Uint8Array {
  const properties = [3, 0x21, receiveMaximum >> 8, receiveMaximum & 0xff];
  const body = [
    ...[0, 4, 0x4d, 0x51, 0x54, 0x54, version, 2, keepAlive >> 8, keepAlive & 0xff],
    ...(version === 5 ? properties : []),
    ...[0, clientId.length, ...new TextEncoder().encode(clientId)],
  ];
  return Uint8Array.of(0x10, body.length, ...body);
}

/** A whole SUBSCRIBE for one Topic Filter, with 1 for its Packet Identifier. */
export function subscribePacket(
  topicFilter: string,
  qos: number,
  version: ProtocolVersion = 5,
): Uint8Array {
  const properties = version === 5 ? [0] : [];
  const filter = [0, topicFilter.length, ...new TextEncoder().encode(topicFilter)];
  const body = [0, 1, ...properties, ...filter, qos];
  return Uint8Array.of(0x82, body.length, ...body);
}

/** A whole PUBLISH, with 0 for its Packet Identifier if it has one. `identifier` is encoded, or empty for none. */
export function publishPacket(
  topic: string,
  qos: number,
  identifier: Uint8Array,
  payload: Uint8Array,
  version: ProtocolVersion = 5,
): Uint8Array {
  const property = identifier.length === 0 ? [] : [0x0b, ...identifier];
  const properties = version === 5 ? [property.length, ...property] : [];
  const start = [0, topic.length, ...new TextEncoder().encode(topic)];
  const header = [...start, ...(qos > 0 ? [0, 0] : []), ...properties];
  const length = header.length + payload.length;
  const fixedHeader = [
    0x30 | qos << 1,
    ...(length < 128 ? [length] : [length & 127 | 128, length >> 7]),
  ];
  const packet = new Uint8Array(fixedHeader.length + length);
  packet.set(fixedHeader);
  packet.set(header, fixedHeader.length);
  packet.set(payload, fixedHeader.length + header.length);
  return packet;
}

/**
 * The packet `count` times over. The Packet Identifiers at `identifierAt`, if there are any, are 1 to `count`: fewer than
 * 65,536.
 */
export function repeated(packet: Uint8Array, count: number, identifierAt?: number): Uint8Array {
  const block = new Uint8Array(packet.length * count);
  block.set(packet);
  for (let filled = packet.length; filled < block.length; filled *= 2) {
    block.copyWithin(filled, 0, filled);
  }
  if (identifierAt === undefined) return block;
  for (let index = 0; index < count; index++) {
    block[index * packet.length + identifierAt] = index + 1 >> 8;
    block[index * packet.length + identifierAt + 1] = index + 1 & 0xff;
  }
  return block;
}
