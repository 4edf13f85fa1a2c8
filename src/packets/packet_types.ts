// §2.1.2 MQTT Control Packet type and §2.1.3 Flags: Table 2-1 and Table 2-2 in one.

/**
 * Each packet's first byte: its type in bits 7–4, its flags in bits 3–0, which only PUBLISH may
 * vary.
 */
export const FIRST_BYTE = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
} as const;

/** The 15 kinds of packet. */
export type PacketType = keyof typeof FIRST_BYTE;

/** The packets by the number in bits 7–4 of their first byte; 0 is none. */
export const PACKET_TYPES: readonly (PacketType | undefined)[] = [
  undefined,
  ...Object.keys(FIRST_BYTE) as PacketType[],
];

/** A packet's name in the standard, such as `"PUBLISH"`. */
export function packetName(type: PacketType): string {
  return type.toUpperCase();
}
