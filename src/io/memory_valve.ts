// Back-pressure by the memory that the process really takes. Garbage is collected at its own pace:
// peers who send faster than that make the process grow, whatever is on their accounts. Above one
// threshold a collection is requested, above another one connections that send much are read slowly
// until there is less. Connections that send little go on, and none is closed.

import type { Clock } from "./clock.ts";
import type { ProcessMemory } from "./process_memory.ts";

/** From so many units on garbage is asked for. */
const COLLECTS = 2;

/** From so many units on the valve closes. */
const CLOSES = 3;

/** How often to look, in milliseconds. */
const LOOK = 100;

/** While the valve is closed, a connection gets one read, or this many bytes, between two looks. */
const LITTLE = 4096;

/** So many looks at most it stays closed: what is left then is in use, and no garbage. */
const LONGEST = 10;

/** Holds up who sends much while the process takes too much memory. */
export class MemoryValve {
  readonly #clock: Clock;
  readonly #memory: ProcessMemory | undefined;
  readonly #unit: number;
  #nextLook = -Infinity;
  /** The least that the process has taken since garbage was asked for. */
  #least = 0;
  /** What was left when it had been closed for as long as may be, or less since. */
  #inUse = 0;
  /** Which look it was: while it is closed, each of them lets a little pass. */
  #round = 0;
  /** So many looks it has been closed for; 0 when it is open. */
  #closedFor = 0;
  #held: (() => void)[] = [];
  #disarm = (): void => {};

  /**
   * `unit` is how many bytes the process is meant to have in use. Above twice as many, a collection
   * is requested; above three times as many the valve closes, or half a unit above what has turned
   * out to be in use.
   */
  constructor(clock: Clock, unit: number, memory: ProcessMemory | undefined) {
    this.#clock = clock;
    this.#unit = unit;
    this.#memory = memory;
  }

  /** Whether those who send much are held up. */
  get isClosed(): boolean {
    return this.#closedFor > 0;
  }

  /** A connection's own, to be asked before each read. */
  gate(): (bytes: number) => Promise<void> | undefined {
    let round = -1;
    let passed = 0;
    return (bytes) => {
      if (this.#closedFor === 0) {
        if (this.#clock.now() < this.#nextLook) return undefined;
        this.#look();
        if (this.#closedFor === 0) return undefined;
      }
      if (round !== this.#round) passed = 0;
      round = this.#round;
      passed += bytes;
      return passed < LITTLE ? undefined : new Promise((resolve) => this.#held.push(resolve));
    };
  }

  /** Lets everybody pass, and looks no more. */
  end(): void {
    this.#nextLook = Infinity;
    this.#open();
  }

  #look(): void {
    const memory = this.#memory;
    if (memory === undefined) return this.end();
    const now = this.#clock.now();
    this.#nextLook = now + LOOK;
    const unit = this.#unit;
    const taken = memory.taken();
    this.#inUse = Math.min(this.#inUse, taken);
    this.#least = Math.min(this.#least, taken);
    const isTooMuch = taken > Math.max(CLOSES * unit, this.#inUse + unit / 2);
    if (isTooMuch || taken > Math.max(COLLECTS * unit, this.#least + unit / 4)) {
      memory.collect();
      this.#least = taken;
    }
    if (!isTooMuch) return this.#open();
    if (this.#closedFor === LONGEST) {
      this.#inUse = taken;
      return this.#open();
    }
    this.#closedFor++;
    this.#round++;
    this.#release();
    this.#disarm();
    this.#disarm = this.#clock.at(this.#nextLook, () => this.#look());
  }

  #open(): void {
    this.#closedFor = 0;
    this.#disarm();
    this.#release();
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const resolve of held) resolve();
  }
}
