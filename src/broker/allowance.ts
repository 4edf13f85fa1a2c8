// How fast a client may publish. Whoever is faster is read later: nothing is dropped, and the
// client's own connection holds it back.

import type { PublishPacket } from "../packets/mod.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Timers, Wait } from "./timers.ts";

/**
 * A wait shorter than this is added to the next one, in milliseconds: timers cost more than it
 * gains.
 */
const SHORTEST = 5;

/** Seconds for which a client may have saved up. */
const SAVED = 1;

/** Dependencies of {@linkcode Allowances}. */
export interface AllowancesSetup {
  readonly limits: BrokerLimits;
  readonly timers: Timers;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
}

/** Gives each client its allowance. */
export class Allowances {
  readonly #setup: AllowancesSetup;
  /** Whether there is a limit at all. */
  readonly areLimited: boolean;

  constructor(setup: AllowancesSetup) {
    this.#setup = setup;
    const { messagesPerSecond, bytesPerSecond } = setup.limits;
    this.areLimited = messagesPerSecond < Infinity || bytesPerSecond < Infinity;
  }

  /** The allowance of a new connection. */
  begin(): Allowance {
    const { messagesPerSecond, bytesPerSecond } = this.#setup.limits;
    const now = this.#setup.now();
    return new Allowance(new Saved(messagesPerSecond, now), new Saved(bytesPerSecond, now));
  }

  /** Spends what a message costs. */
  spend(allowance: Allowance, packet: PublishPacket): void {
    allowance.spend(packet, this.#setup.now());
  }

  /** Waits until the next message may be published; `undefined`: it may be now. */
  wait(allowance: Allowance): Wait | undefined {
    const now = this.#setup.now();
    const wait = allowance.waitAt(now);
    return wait < SHORTEST ? undefined : this.#setup.timers.waitUntil(now + wait);
  }
}

/** What a client may publish. */
export class Allowance {
  readonly #messages: Saved;
  readonly #bytes: Saved;

  constructor(messages: Saved, bytes: Saved) {
    this.#messages = messages;
    this.#bytes = bytes;
  }

  /** Spends what a message costs. */
  spend({ topic, payload }: PublishPacket, now: number): void {
    this.#messages.spend(1, now);
    this.#bytes.spend(topic.length + payload.length, now);
  }

  /** How long to wait for the next message, in milliseconds. */
  waitAt(now: number): number {
    return Math.max(this.#messages.waitAt(now), this.#bytes.waitAt(now));
  }
}

/** So much of something a second, of which little can be saved up. Below 0 it is a debt. */
class Saved {
  readonly #perSecond: number;
  #amount: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#amount = perSecond * SAVED;
    this.#at = now;
  }

  /** Spends some. */
  spend(amount: number, now: number): void {
    if (this.#perSecond === Infinity) return;
    this.#earn(now);
    this.#amount -= amount;
  }

  /** In how many milliseconds there is no debt. */
  waitAt(now: number): number {
    if (this.#perSecond === Infinity) return 0;
    this.#earn(now);
    return this.#amount >= 0 ? 0 : -this.#amount / this.#perSecond * 1000;
  }

  #earn(now: number): void {
    const earned = (now - this.#at) / 1000 * this.#perSecond;
    this.#at = now;
    this.#amount = Math.min(this.#amount + earned, this.#perSecond * SAVED);
  }
}
