// §3.12 PINGREQ – PING request, and §3.13 PINGRESP – PING response: a fixed header and nothing
// else.

import type { Writer } from "../wire/writer.ts";
import { closePacket, openPacket } from "./fixed_header.ts";
import type { PacketCodec } from "./packet.ts";

/** PINGREQ, from Client to Server: a sign of life that asks for another (§3.12). */
export interface PingreqPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "pingreq";
}

/** PINGRESP, from Server to Client, the answer to PINGREQ (§3.13). */
export interface PingrespPacket {
  /** Tells the kinds of packet apart. */
  readonly type: "pingresp";
}

/** §3.12 PINGREQ – PING request. */
export const PINGREQ: PacketCodec<PingreqPacket, PingreqPacket> = {
  read: () => ({ type: "pingreq" }),
  write: writePing,
};

/** §3.13 PINGRESP – PING response. */
export const PINGRESP: PacketCodec<PingrespPacket, PingrespPacket> = {
  read: () => ({ type: "pingresp" }),
  write: writePing,
};

function writePing(writer: Writer, { type }: PingreqPacket | PingrespPacket): void {
  closePacket(writer, openPacket(writer, type));
}
