// One program in a virtual world: a broker, or an application with its clients. It has a clock,
// timers, turns and chance of its own, and dies without a word.

import type { WorldClock } from "../io/clock.ts";
import type { Random } from "./random.ts";
import { type Schedule, STEPS } from "./schedule.ts";

/** What the clock of a process says when it begins: not 0, which something might take for never. */
const BEGINNING = 1000;

/** When a world begins by the clock on the wall, if nothing else is said. */
export const START: number = Date.UTC(2026, 0, 1);

/** What becomes of the connections of a process that was killed. */
export type DeathOfLinks =
  /** The system closes them, as for every process that ends. */
  | "closed"
  /** The other end is told that they are broken, as by a system that has restarted. */
  | "reset"
  /** The other end hears nothing, as if the plug was pulled. */
  | "silent";

/** Something of a process that ends with it. */
export interface Mortal {
  /** The process is dead. */
  killed(links: DeathOfLinks): void;
}

/** What a process is made of. */
export interface VirtualProcessSetup {
  readonly name: string;
  readonly schedule: Schedule;
  readonly random: Random;
  /** The clock on the wall when the world began, in milliseconds since 1970. */
  readonly start?: number | undefined;
}

/** A program. */
export class VirtualProcess {
  readonly name: string;
  /** Its chance: what others draw changes nothing for it. */
  readonly random: Random;
  /** Its clock, to be given to what runs in it. */
  readonly clock: WorldClock;
  readonly #schedule: Schedule;
  readonly #start: number;
  readonly #mortals = new Set<Mortal>();
  /** Its clock's 0, by the time of the world; later after each sleep. */
  #zero: number;
  #wallOffset = 0;
  #isAlive = true;
  /** Since when it sleeps, by the time of the world. */
  #asleepSince: number | undefined;
  /** What has come meanwhile. */
  readonly #late: (() => void)[] = [];

  constructor({ name, schedule, random, start = START }: VirtualProcessSetup) {
    this.name = name;
    this.random = random;
    this.#schedule = schedule;
    this.#start = start;
    this.#zero = schedule.now - BEGINNING;
    this.clock = {
      now: () => this.now,
      lead: () => this.wallTime - this.now,
      at: (time, callback) => this.at(time, callback),
      random: () => random.next(),
      endOfTurn: () => new Promise((resolve) => this.nextTurn(resolve)),
      passUntil: (closed) => this.#passUntil(closed),
    };
  }

  /** Whether it has not been killed. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Whether its machine sleeps. */
  get isSuspended(): boolean {
    return this.#asleepSince !== undefined;
  }

  /** Milliseconds of its clock, which never goes back, and stands still while it sleeps. */
  get now(): number {
    return (this.#asleepSince ?? this.#schedule.now) - this.#zero;
  }

  /** Milliseconds since 1970, by its clock on the wall. */
  get wallTime(): number {
    return this.#start + this.#schedule.now + this.#wallOffset;
  }

  /** Somebody sets the clock on the wall: forwards, or back if it is negative. In milliseconds. */
  jumpWallClock(milliseconds: number): void {
    this.#wallOffset += milliseconds;
  }

  /** Calls back once at `time` of its clock, or later. Returns what prevents it. */
  at(time: number, callback: () => void): () => void {
    // Times are whole steps, so that adding them is exact and no timer is early.
    const due = Math.ceil(time * STEPS) / STEPS;
    let cancel = (): void => {};
    let isWanted = this.#isAlive;
    const wait = () => {
      cancel = this.#schedule.at(due + this.#zero, () => this.#run(ring));
    };
    const ring = () => {
      if (!isWanted) return;
      // It has slept meanwhile.
      if (this.now < due) wait();
      else callback();
    };
    if (isWanted) wait();
    return () => {
      isWanted = false;
      cancel();
    };
  }

  /** Calls back when everything that is ready to run has run. */
  nextTurn(callback: () => void): void {
    if (this.#isAlive) this.#schedule.at(this.#schedule.now, () => this.#run(callback));
  }

  /**
   * Something reaches its machine at a time of the world, or when the machine has woken up. It is
   * there whether the process lives or not.
   */
  receiveAt(time: number, callback: () => void): () => void {
    const receive = () => {
      if (!this.isSuspended && this.#late.length === 0) return callback();
      this.#late.push(callback);
      // What comes while it is waking up comes after what came before.
      if (!this.isSuspended) this.#schedule.at(this.#schedule.now, this.#takeLate);
    };
    return this.#schedule.at(time, receive, true);
  }

  /** It and its machine sleep, until {@linkcode VirtualProcess.resume}: nothing reaches it. */
  suspend(): void {
    this.#asleepSince ??= this.#schedule.now;
  }

  /** It wakes up: what has come meanwhile comes at once, and timers are late. */
  resume(): void {
    if (this.#asleepSince === undefined) return;
    this.#zero += this.#schedule.now - this.#asleepSince;
    this.#asleepSince = undefined;
    const { now } = this.#schedule;
    this.#late.forEach(() => this.#schedule.at(now, this.#takeLate));
  }

  /**
   * It dies at once: from now on it hears nothing, and what it waits for never comes. What it has
   * committed stays on its disk.
   */
  kill(links: DeathOfLinks = "closed"): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.resume();
    const mortals = [...this.#mortals];
    this.#mortals.clear();
    for (const mortal of mortals) mortal.killed(links);
  }

  /** Something lives as long as the process. Returns how to take it out before. */
  own(mortal: Mortal): () => void {
    this.#mortals.add(mortal);
    return () => this.#mortals.delete(mortal);
  }

  async #passUntil(closed: Promise<void>): Promise<void> {
    if (!this.#isAlive) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const disown = this.own({ killed: () => resolve() });
    const end = this.#schedule.hurry();
    try {
      await Promise.race([closed, promise]);
    } finally {
      end();
      disown();
    }
  }

  readonly #takeLate = (): void => {
    if (!this.isSuspended) this.#late.shift()?.();
  };

  #run(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.isSuspended) this.#late.push(() => this.#run(callback));
    else callback();
  }
}
