// §2.2.1 Packet Identifier. They are given out in a circle: one that has just become free is the
// last to be used again, so that an acknowledgement that comes twice finds no other packet in its
// place.

/** The greatest Packet Identifier, and how many there are. */
export const MAXIMUM_PACKET_ID = 65_535;

/**
 * Gives out Packet Identifiers of one direction.
 *
 * @internal
 */
export class PacketIds {
  #last = 0;

  /** Gives out those after this one next, from 1 to 65,535. */
  startAfter(packetId: number): void {
    this.#last = packetId;
  }

  /** The next identifier that is not in use [MQTT-2.2.1-3]; 0 when all are. */
  next(isInUse: (packetId: number) => boolean): number {
    for (let tries = 0; tries < MAXIMUM_PACKET_ID; tries++) {
      this.#last = this.#last === MAXIMUM_PACKET_ID ? 1 : this.#last + 1;
      if (!isInUse(this.#last)) return this.#last;
    }
    return 0;
  }
}
