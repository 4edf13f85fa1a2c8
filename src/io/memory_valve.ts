// Back-pressure by the memory that the process really takes. Garbage is collected at its own pace:
// peers who send faster than that make the process grow, whatever is on their accounts. Above one
// threshold a collection is requested, above another one connections that send much are read slowly
// until there is less. Connections that send little go on, and none is closed.

import type { Clock } from "./clock.ts";
import type { ProcessMemory } from "./process_memory.ts";

/** Above this many units a garbage collection is requested. */
const COLLECTS = 1.5;

/** Above this many units the valve closes. */
const CLOSES = 3;

/** The interval between two checks of the memory, in milliseconds. */
const LOOK = 100;

/**
 * While the valve is closed, a connection gets one read, or this many bytes, between two checks.
 */
const LITTLE = 4096;

/** The maximum number of checks for which it stays closed: what is left then is not garbage. */
const LONGEST = 10;

/** Delays reads from connections that send much while the process uses too much memory. */
export class MemoryValve {
  readonly #clock: Clock;
  readonly #memory: ProcessMemory | undefined;
  readonly #unit: number;
  #nextLook = -Infinity;
  /** The lowest memory use since a collection was last requested. */
  #least = 0;
  /** The memory in use: what was left after the longest closure, or the lowest value since. */
  #inUse = 0;
  /** The number of the check: while the valve is closed, each of them lets a little through. */
  #round = 0;
  /** For how many checks it has been closed; 0 when it is open. */
  #closedFor = 0;
  #held: (() => void)[] = [];
  #disarm = (): void => {};

  /**
   * `unit` is how many bytes the process is meant to have in use. Above one and a half times as
   * many a collection is requested; above three times as many, or half a unit above what has turned
   * out to be in use, the valve closes.
   */
  constructor(clock: Clock, unit: number, memory: ProcessMemory | undefined) {
    this.#clock = clock;
    this.#unit = unit;
    this.#memory = memory;
  }

  /** Whether connections that send much are delayed. */
  get isClosed(): boolean {
    return this.#closedFor > 0;
  }

  /** Creates the function that one connection must call before each read. */
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

  /** Opens the valve for good. */
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
