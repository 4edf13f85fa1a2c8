// What every fault of a peer has in common: a Reason Code that answers it, and the end, which comes after the DISCONNECT that
// says so, once, and is said why. Bytes that nobody could take are the codec's business.

import type { Connection } from "../../src/session/connection.ts";
import { cited } from "../build.ts";
import type { Script } from "./scripted.ts";

/** A fault of a peer. */
export interface Fault {
  readonly name: string;
  /** A connection, and all that goes before; expected and done with. */
  readonly open: () => Script<Connection>;
  /** What the peer then sends. */
  readonly hex: string;
  /** What the peer is told. */
  readonly reasonCode: number;
  /** What the codec says, where DISCONNECT has no such Reason Code. Default: the same. */
  readonly errorCode?: number;
  readonly statements?: readonly string[];
}

/** One test for each fault. */
export function testFaults(faults: readonly Fault[]): void {
  for (const { name, open, hex, reasonCode, errorCode, statements } of faults) {
    Deno.test(`${name} ends the connection${cited(statements)}`, () => {
      const script = open();
      script.expectQuiet();
      // A packet behind the fault is not looked at.
      script.send(hex, "30 04 0001 61 00");
      script.expectFault(reasonCode, errorCode);
    });
  }
}
