// What the tests of scripts share: a peer with the other end of its connection in the test's hands.

import { memoryTransports } from "../../src/io/memory.ts";
import type { Transport } from "../../src/io/transport.ts";
import { ScriptedPeer, type ScriptOptions } from "../../src/testing/mod.ts";
import { VirtualClock } from "../io/virtual_clock.ts";

/** A peer, the other end of its connection, and the clock of its timeouts. */
export interface Script {
  readonly peer: ScriptedPeer;
  readonly other: Transport;
  readonly clock: VirtualClock;
}

/** A connection between a script and a test. */
export function script(options: ScriptOptions = {}): Script {
  const clock = new VirtualClock();
  const [ours, other] = memoryTransports();
  return { peer: new ScriptedPeer(ours, { clock, ...options }), other, clock };
}
