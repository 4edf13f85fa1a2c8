// Finds out whose link it is: the Client Identifier is in CONNECT, or in CONNACK if the server has
// assigned it.

import { MalformedPacketError, ProtocolError } from "../errors.ts";
import { type Packet, PacketDecoder } from "../packets/mod.ts";
import type { LinkObserver, Way } from "./virtual_link.ts";

/** Watches the first packet of each way. */
export class ClientIdObserver implements LinkObserver {
  readonly #decoders: { [Name in Way]: PacketDecoder | undefined } = {
    "to server": new PacketDecoder(),
    "to client": new PacketDecoder(),
  };
  /** The Client Identifier, once it is known. */
  clientId: string | undefined;

  bytes(way: Way, bytes: Uint8Array): void {
    const packet = this.#firstPacket(way, bytes);
    if (packet?.type === "connect" && packet.clientId !== "") this.clientId = packet.clientId;
    else if (packet?.type === "connack") {
      this.clientId ??= packet.properties.assignedClientIdentifier;
    }
  }

  #firstPacket(way: Way, bytes: Uint8Array): Packet | undefined {
    const decoder = this.#decoders[way];
    if (decoder === undefined) return undefined;
    let packet: Packet | undefined;
    try {
      decoder.push(bytes.slice());
      packet = decoder.next();
    } catch (error) {
      // Whoever sends something else has no Client Identifier.
      if (!(error instanceof MalformedPacketError || error instanceof ProtocolError)) throw error;
      this.#decoders[way] = undefined;
    }
    if (packet !== undefined) this.#decoders[way] = undefined;
    return packet;
  }
}
