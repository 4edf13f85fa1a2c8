// A client with a store, whose disk and processes fail as a plan says while messages go both ways,
// and a broker that outlives it.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, startClient } from "../../src/client/client.ts";
import type { Receipt } from "../../src/client/receipts.ts";
import type { Subscription } from "../../src/client/subscription.ts";
import { ConnectionClosedError } from "../../src/errors.ts";
import { decodeMessage } from "../../src/session/snapshot.ts";
import { Random } from "../../src/testing/random.ts";
import { TestBroker } from "./broker.ts";
import { type CommitFault, MemoryStore } from "./memory_store.ts";
import { OPTIONS } from "./processes.ts";
import { outcome, settle, TestWorld, URL_OF_SERVER } from "./world.ts";

/** So many messages go each way, half of them at QoS 1. */
export const MESSAGES = 8;

/** More steps of a millisecond than any run takes. */
const MANY = 20_000;

/** What goes wrong, from one commit on, so many times in a row. */
export interface Plan {
  readonly seed: number;
  readonly at: number;
  readonly fault: CommitFault | "any" | "full" | "slow";
  readonly times: number;
}

/** All faults of commits, and how often in a row. */
export const FAULTS: readonly (readonly [CommitFault, times: number])[] = [
  ["fails", 1],
  ["fails", 3],
  ["fails, but is written", 1],
  ["is killed before", 1],
  ["is killed after", 1],
  ["is killed before", 2],
  ["is killed after", 2],
];

/** One run: a client in one process or several, and a broker that outlives them. */
export class Run {
  readonly world = new TestWorld();
  readonly broker = new TestBroker(this.world, { receiveMaximum: 4 });
  commits = 0;
  rooms = 0;
  /** The messages up that somebody was told to be on their way, and that nobody may see. */
  readonly promised = new Set<string>();
  readonly refused = new Set<string>();
  readonly #plan: Plan;
  readonly #random: Random;
  #store = new MemoryStore();
  #started = Promise.resolve();
  #client: Client | undefined;
  #subscription: Subscription | undefined;
  #sent = 0;
  #down = 0;
  /** The promises of the process that have not settled. */
  #pending = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
    this.world.clock.chance = 0.5;
    const { world } = this;
    const dial = world.onDial;
    world.onDial = (...server) => {
      if (this.#store.isDead) return Promise.reject(new Error("A dead process does not dial"));
      return dial(...server);
    };
  }

  get store(): MemoryStore {
    return this.#store;
  }

  async run(): Promise<void> {
    await this.#begin();
    for (let step = 0; !this.#isDone(); step++) {
      assert(step < MANY, `It does not come to an end: ${Deno.inspect(this.#store.disk)}`);
      this.#act();
      await this.world.clock.advance(1);
      // A disk that takes its time has taken it.
      this.#store.finish();
      await settle();
      if (this.#store.isDead) await this.#begin();
    }
    await this.#end();
  }

  /** Starts a process, and again while it dies at its start. */
  async #begin(): Promise<void> {
    do {
      if (this.#store.isDead) await this.#bury();
      const store = this.#watch(this.#store);
      this.#pending = 0;
      this.#started = this.#start(store);
      await this.#await(this.#started, store);
    } while (this.#store.isDead);
    await this.#started;
    void this.#consume(this.#store, this.#subscription!);
  }

  async #start(store: MemoryStore): Promise<void> {
    this.#client = undefined;
    const options = { ...OPTIONS, store, ack: "manual", reconnect: RECONNECT } as const;
    const client = await startClient(this.world, URL_OF_SERVER, options);
    this.#client = this.world.adopt(client);
    if (store.isDead) await client.disconnect();
    else this.#subscription = await client.subscribe("down/+", { qos: 2 });
  }

  /** Nothing of a dead process does anything more. */
  async #bury(): Promise<void> {
    const dead = this.#store;
    const next = dead.kill();
    // It has had no time to withdraw what was refused though it was written.
    for (const { publish } of next.disk.messages.values()) {
      const { topic, payload } = decodeMessage(publish);
      this.refused.delete(`${topic} ${(payload as Uint8Array)[0]}`);
    }
    const ended = Promise.allSettled([this.#client?.disconnect({ timeout: 0 }), this.#started]);
    await this.#await(ended, dead);
    assertStrictEquals((await outcome(ended)).status, "fulfilled");
    this.#store = next;
  }

  /** Lets time pass until a promise is settled; or, of a process that lives, until it dies. */
  async #await(promise: Promise<unknown>, store: MemoryStore): Promise<void> {
    const wasDead = store.isDead;
    for (let step = 0; step < MANY && store.isDead === wasDead; step++) {
      if ((await outcome(promise)).status !== "pending") return;
      await this.world.clock.advance(1);
      store.finish();
    }
  }

  #watch(store: MemoryStore): MemoryStore {
    const { at, fault, times } = this.#plan;
    store.isSlow = fault === "slow" || this.#random.onceIn(2);
    store.onKilled = () => {
      for (const transport of this.world.transports) transport.cut();
    };
    store.fault = (what) => {
      const number = this.commits++;
      if (number < at || number >= at + times || fault === "full" || fault === "slow") return;
      const [any] = fault === "any" ? FAULTS[this.#random.below(2 * FAULTS.length)] ?? [] : [fault];
      // In a transaction the database knows.
      return what === "transaction" && any === "fails, but is written" ? "fails" : any;
    };
    return store;
  }

  /** What the application does in a millisecond: anything that it may. */
  #act(): void {
    const random = this.#random;
    if (random.onceIn(12)) this.broker.cut();
    if (this.#down < MESSAGES && random.onceIn(2)) {
      const number = this.#down++;
      const qos = 1 + number % 2 as 1 | 2;
      this.broker.publish(`down/${qos}`, Uint8Array.of(number), qos);
    }
    if (this.#sent < MESSAGES && random.onceIn(2)) this.#send(this.#sent++);
    else if (random.onceIn(4)) void this.#ask();
  }

  #send(number: number): void {
    const store = this.#store;
    const qos = 1 + number % 2 as 1 | 2;
    const name = `up/${qos} ${number}`;
    const payload = Uint8Array.of(number);
    const isFull = this.#plan.fault === "full" && this.rooms++ === this.#plan.at;
    if (isFull) store.full = new Error("There is no room");
    const isEnqueued = this.#random.onceIn(2);
    const sent: Promise<unknown> = isEnqueued
      ? this.#client!.enqueue(`up/${qos}`, payload, { qos })
      : this.#client!.publish(`up/${qos}`, payload, { qos });
    if (isFull) store.full = undefined;
    this.#pending++;
    sent.then(
      () => !store.isDead && this.promised.add(name),
      (error) => {
        // At the end of a process nobody knows.
        if (!store.isDead && !(error instanceof ConnectionClosedError)) this.refused.add(name);
      },
    ).finally(() => {
      if (this.#store === store) this.#pending--;
    });
  }

  /** Asks for the outcome of a message that has a receipt. */
  async #ask(): Promise<void> {
    const store = this.#store;
    const receipts: Receipt[] = [];
    for await (const receipt of this.#client!.receipts()) receipts.push(receipt);
    const receipt = receipts[this.#random.below(receipts.length)];
    if (receipt === undefined || this.#store !== store || store.isDead) return;
    this.#pending++;
    receipt.done.catch(() => {}).finally(() => {
      if (this.#store === store) this.#pending--;
    });
  }

  /** The inbox: what comes is written, and acknowledged with that. */
  async #consume(store: MemoryStore, subscription: Subscription): Promise<void> {
    try {
      for await (const message of subscription) {
        const row = `${message.topic} ${message.payload[0]}`;
        while (!message.isStale && !store.isDead) {
          try {
            message.commit((database) => database.exec(row));
            break;
          } catch (error) {
            if (error instanceof ConnectionClosedError) break;
            await this.#pause();
          }
        }
      }
    } catch (error) {
      // So ends a client that is at its end.
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
  }

  #pause(): Promise<void> {
    const { clock } = this.world;
    return new Promise((resolve) => void clock.at(clock.now() + 1, resolve));
  }

  #isDone(): boolean {
    const { disk } = this.#store;
    return this.#sent + this.#down === 2 * MESSAGES && this.#pending === 0 &&
      disk.messages.size === 0 && new Set(disk.rows).size === MESSAGES &&
      [...disk.deliveries.values()].every(({ isUnreleased }) => !isUnreleased);
  }

  async #end(): Promise<void> {
    const store = this.#store;
    const ended = this.#client!.disconnect();
    for (let step = 0; step < 1000; step++) {
      await this.world.clock.advance(5);
      store.finish();
    }
    await ended;
    assertStrictEquals(store.isOpen, false);
    this.world.assertNothingLeft();
  }
}

const RECONNECT = { initialDelay: 4, maximumDelay: 8 } as const;

/** Runs a plan, and looks at what has come. Returns how many commits there were. */
export async function carryOut(plan: Plan): Promise<Run> {
  const run = new Run(plan);
  const what = Deno.inspect(plan);
  try {
    await run.run();
  } catch (error) {
    throw new Error(what, { cause: error });
  }
  const up = run.broker.received.map(({ topic, payload }) => `${topic} ${payload[0]}`);
  check(up, what);
  check(run.store.disk.rows, what);
  for (const name of run.promised) assert(up.includes(name), `${name} is lost: ${what}`);
  for (const name of run.refused) assert(!up.includes(name), `${name} was refused: ${what}`);
  assertEquals(run.store.disk.rows.filter((row) => !row.startsWith("down/")), [], what);
  return run;
}

/** At QoS 2 once, and the first of each in order. */
function check(names: readonly string[], what: string): void {
  for (const qos of [1, 2]) {
    const numbers = names.filter((name) => name.includes(`/${qos} `))
      .map((name) => Number(name.split(" ")[1]));
    const first = [...new Set(numbers)];
    assertEquals(first, first.toSorted((a, b) => a - b), `out of order: ${names} ${what}`);
    if (qos === 2) assertEquals(numbers, first, `more than once: ${names} ${what}`);
  }
}
