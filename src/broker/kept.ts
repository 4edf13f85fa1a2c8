// A message that waits for a client, or is in flight to it, with its place in the store.

import type { PublishInit } from "../packets/mod.ts";
import { Outgoing } from "../session/outgoing.ts";

/** A message that the broker keeps until its client has it. */
export class Kept extends Outgoing {
  /** Its row in the store, if it is there, or to be there. */
  row: number | undefined;
  /** As it is in the store: its place in order, which changes when it is sent and when its PUBREC comes. */
  savedOrder = 0;
  /** The checksum of what does not change of its row. */
  contentChecksum = 0;

  constructor(packet: PublishInit, expiresAt: number) {
    super(packet, expiresAt);
  }
}
