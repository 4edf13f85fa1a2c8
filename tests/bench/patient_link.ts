// A subscriber of the broker benchmark, which reads no more often than pays. To be woken for each message of a broker that
// writes them one by one would cost more than the broker's own work, and cost the broker, too.

import { BareLink } from "./bare.ts";

/** Whoever has read fewer bytes than this pauses. */
const LITTLE = 8_192;

/** The connection of a subscriber. */
export class PatientLink extends BareLink {
  readonly #pause: Pause;

  constructor(connection: Deno.Conn, inFlight: number, pause: Pause) {
    super(connection, inFlight);
    this.#pause = pause;
  }

  protected override look(packets: Uint8Array): Promise<void> | undefined {
    return packets.length < LITTLE ? this.#pause.end() : undefined;
  }
}

/** Pauses of a millisecond, which all who have read little in one turn have together. */
export class Pause {
  readonly #nothing = new Int32Array(new SharedArrayBuffer(4));
  #end: Promise<void> | undefined;

  /** Resolves at the end of the next. */
  end(): Promise<void> {
    return this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        // Nothing goes on in the meantime: while a timer ran, each packet would wake the process.
        Atomics.wait(this.#nothing, 0, 0, 1);
        this.#end = undefined;
        resolve();
      });
    });
  }
}
