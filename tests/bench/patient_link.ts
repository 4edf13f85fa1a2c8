// A subscriber of the broker benchmark that reads no more often than pays. A broker that writes its messages one by one would
// wake it for each, which costs more than the broker's own work, on the core that the two may share, and costs the broker,
// too. For messages of QoS 0 alone: an acknowledgement must not be late.

import { BareLink } from "./bare.ts";
import type { Wire } from "./wire.ts";

/** Whoever has read fewer bytes than this pauses. */
const LITTLE = 8_192;

/** How long a pause is, in milliseconds. */
const SHORT = 1;

/** The connection of a subscriber. */
export class PatientLink extends BareLink {
  readonly #pause: Pause;

  /** All who pause share `pause`. */
  constructor(connection: Wire, inFlight: number, pause: Pause) {
    super(connection, inFlight);
    this.#pause = pause;
  }

  protected override look(packets: Uint8Array): Promise<void> | undefined {
    return packets.length < LITTLE ? this.#pause.end() : undefined;
  }
}

/** Pauses of the whole process, one for all who have read little in the same turn. */
export class Pause {
  readonly #nothing = new Int32Array(new SharedArrayBuffer(4));
  #end: Promise<void> | undefined;

  /** Resolves at the end of the next. */
  end(): Promise<void> {
    return this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        // Not a timer: while one runs, each packet wakes the process.
        Atomics.wait(this.#nothing, 0, 0, SHORT);
        this.#end = undefined;
        resolve();
      });
    });
  }
}
