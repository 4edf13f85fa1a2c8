// Makes sessions begin with another Packet Identifier than 1, so that the end of their range is
// reached in a run that is short. Everything is given out as it always is, from there on.

import { PacketIds } from "../../src/session/packet_ids.ts";

/** Runs something in which all sessions that begin use identifiers from `first` on. */
export async function withPacketIdsFrom<Result>(
  first: number,
  work: () => Promise<Result>,
): Promise<Result> {
  if (first === 1) return await work();
  const { next, startAfter } = PacketIds.prototype;
  const begun = new WeakSet<PacketIds>();
  PacketIds.prototype.next = function (isInUse) {
    if (!begun.has(this)) {
      begun.add(this);
      next.call(this, (packetId) => packetId < first - 1);
    }
    return next.call(this, isInUse);
  };
  // Those that go on after a restart have their own beginning.
  PacketIds.prototype.startAfter = function (packetId) {
    begun.add(this);
    startAfter.call(this, packetId);
  };
  try {
    return await work();
  } finally {
    PacketIds.prototype.next = next;
    PacketIds.prototype.startAfter = startAfter;
  }
}
