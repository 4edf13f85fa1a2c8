// A stateful fuzzer of the broker's middle: clients that send anything in any order, take over from
// each other, stall and vanish; hooks that answer late, throw or talk nonsense; a database that is
// full or fails now and then; tiny limits; time that passes. The same seed does the same.
//
// What must hold: nothing is thrown out of the engine, or reported as a fault of its own; what a
// client is sent it may be sent; every client is answered or closed once the hooks have answered;
// and when all are gone, nothing is left of them.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerLimits, BrokerOptions, ErrorContext } from "../../src/broker/mod.ts";
import { Store } from "../../src/broker/durability/store.ts";
import { BrokerEngine } from "../../src/broker/engine.ts";
import type { Packet, PacketInit, QoS } from "../../src/packets/mod.ts";
import { Link } from "../broker/link.ts";
import { FaultPlan } from "../broker_net/faulty_database.ts";
import { Random } from "../../src/testing/random.ts";
import { FuzzClient, LEAST_PACKET_SIZE } from "./broker_client.ts";
import { RandomHooks } from "./broker_hooks.ts";
import { type Counts, throwFirst, withoutFaults } from "./faults.ts";

export type { Counts } from "./faults.ts";

/** So many promises lie at most between a hook's answer and the last of what follows from it. */
const TURNS = 150;

/** Longer than any session lasts, in milliseconds. */
const LONG = 100 * 7 * 24 * 3_600_000;

/** So many clients are there at most. */
const CLIENTS = 6;

/** One broker with its clients. */
export class BrokerFuzz {
  readonly #random: Random;
  readonly #counts: Counts;
  readonly #hooks: RandomHooks;
  readonly #engine: BrokerEngine;
  /** Where sessions are kept, if they are, and when that fails. */
  readonly #store: Store | undefined;
  readonly #faults: FaultPlan;
  readonly #options: BrokerOptions;
  /** What was thrown, or told to be a fault of the broker's own. */
  readonly #errors: unknown[] = [];
  #clients: FuzzClient<Link>[] = [];
  #isBroken = false;
  #now = 1_000_000;
  #given = 0;

  constructor(seed: number, counts: Counts) {
    this.#random = new Random(seed);
    this.#counts = counts;
    this.#hooks = new RandomHooks(this.#random);
    const onError = (error: unknown, { what }: ErrorContext) => {
      if (what in this.#options) this.#count("hook failed");
      else this.#errors.push(error);
    };
    this.#options = { ...randomOptions(this.#random, this.#hooks), onError };
    const faults = ["full", "input/output", "busy", "done, but not said"] as const;
    this.#faults = new FaultPlan(faults[this.#random.below(faults.length)]!);
    const clocks = { now: () => this.#now, wall: () => this.#now };
    this.#store = this.#random.onceIn(2)
      ? new Store(":memory:", clocks, this.#faults.open)
      : undefined;
    this.#engine = new BrokerEngine(this.#options, {
      now: () => this.#now,
      newClientId: () => `given-${++this.#given}`,
      warn: (line) => this.#errors.push(new Error(line)),
    }, this.#store);
  }

  /** Does so many steps, and then comes to an end. */
  async run(steps: number): Promise<void> {
    try {
      await withoutFaults(this.#errors, async () => {
        for (let step = 0; step < steps; step++) {
          this.#step();
          await this.#settle();
          if (step % 40 === 39) await this.#rest();
          throwFirst(this.#errors);
        }
        await this.#end();
      });
    } finally {
      this.#store?.close();
    }
  }

  #step(): void {
    const random = this.#random;
    // Several things in one turn.
    do {
      const chance = random.below(100);
      const client = this.#clients[random.below(CLIENTS)];
      if (chance < 20) this.#hooks.release(1 + random.below(3));
      else if (chance < 26) this.#pass(random.below(4000));
      else if (chance < 27) this.#pass(random.below(10_000_000));
      else if (chance < 28) this.#breakDatabase();
      else if (client === undefined || client.link.isOver) this.#open();
      else if (chance < 30) client.link.cut();
      else if (chance < 32) client.link.stall();
      else if (chance < 36) client.link.goOn();
      else client.act();
    } while (random.onceIn(3));
  }

  /** Breaks the database, or mends it. */
  #breakDatabase(): void {
    if (this.#faults.isOver || this.#faults.failed === 0) this.#faults.begin();
    else this.#faults.isOver = true;
    this.#count("database broken or mended");
  }

  #open(): void {
    this.#clients = this.#clients.filter(({ link }) => !link.isOver || link.packets.length > 0);
    if (this.#clients.length >= CLIENTS) return;
    const link = new Link(this.#engine, () => this.#now, { address: "here" });
    const client = new FuzzClient(
      link,
      this.#random,
      (packet, way) => this.#countPacket(packet, way),
    );
    this.#clients.push(client);
    client.act();
  }

  /** Everything happens that waits for nothing but its turn. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    for (const client of this.#clients) {
      client.link.assertAwake();
      client.look();
      this.#isBroken ||= client.isBroken;
    }
  }

  /** Time passes, in milliseconds, and what is due on the way happens. */
  #pass(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (let next = this.#next(), count = 0; next <= until; next = this.#next(), count++) {
      assert(count < 10_000, "it comes to no end");
      this.#now = Math.max(this.#now, next);
      // In a turn that is over one thing is done that is due.
      for (let ticks = 0; this.#engine.deadline <= this.#now; ticks++) {
        assert(ticks < 10_000, "the engine's deadline stays where it was");
        this.#engine.tick();
      }
      this.#engine.commit();
      for (const { link } of this.#clients) link.pump();
    }
    this.#now = until;
  }

  #next(): number {
    return Math.min(this.#engine.deadline, ...this.#clients.map(({ link }) => link.deadline));
  }

  /** All hooks answer, everybody reads: now everybody is answered, or closed. */
  async #rest(): Promise<void> {
    this.#hooks.isCalm = true;
    for (const { link } of this.#clients) link.goOn();
    while (this.#hooks.waiting > 0) {
      this.#hooks.release();
      await this.#settle();
    }
    // The database is well again, and found to be so.
    this.#faults.isOver = true;
    this.#pass(this.#store?.isFailing ? 10_000 : 100);
    this.#engine.commit();
    await this.#settle();
    assert(this.#store?.isFailing !== true, "the store does not recover");
    for (const { link, expected, isBroken } of this.#clients) {
      if (link.isOver && expected.size > 0) this.#count("client not answered");
      if (link.isOver) continue;
      assertStrictEquals(link.unread, 0, "the engine does not look at what a client has sent");
      if (!isBroken) assertEquals([...expected], [], "a client is not answered");
    }
    const connected = this.#clients.filter(({ link, isConnected }) => isConnected && !link.isOver);
    const { clients, sessions } = this.#engine.statistics;
    assertStrictEquals(clients, connected.length, "the engine counts other clients");
    assert(sessions >= clients, "there are clients without a session");
    this.#hooks.isCalm = false;
  }

  /** All clients leave, and all sessions end: nothing is left of them. */
  async #end(): Promise<void> {
    await this.#rest();
    this.#hooks.isCalm = true;
    if (this.#random.onceIn(4)) {
      this.#engine.shutDown();
      await this.#settle();
      for (const { link } of this.#clients) assert(link.isOver, "a client outlives the broker");
    }
    for (const { link } of this.#clients) link.cut();
    await this.#settle();
    this.#clients = [];
    this.#pass(LONG);
    // The end of sessions may take more than a turn.
    await this.#settle();
    if (this.#options.retainAvailable !== false) await this.#clear();
    if (this.#engine.statistics.dropped > 0) this.#count("message dropped");
    const { dropped: _, retained, memory, ...left } = this.#engine.statistics;
    if (retained === 0) assertStrictEquals(memory, 0, "bytes are counted that nobody keeps");
    // What was retained of a topic that came of broken bytes is still there.
    if (!this.#isBroken) assertStrictEquals(retained, 0, "retained messages are left");
    for (const [name, count] of Object.entries(left)) {
      assertStrictEquals(count, 0, `${name} are left`);
    }
    assertStrictEquals(this.#engine.deadline, Infinity, "something is due for ever");
  }

  async #clear(): Promise<void> {
    const link = new Link(this.#engine, () => this.#now, { address: "here" });
    const janitor = new FuzzClient(link, this.#random, () => {});
    janitor.clear();
    await this.#settle();
    janitor.look();
    assert(janitor.isConnected, "the janitor is not let in");
    link.cut();
    await this.#settle();
  }

  #countPacket(packet: Packet | PacketInit, way: "sent" | "received"): void {
    const isCoded = way === "received" && "reasonCode" in packet;
    const code = isCoded ? ` 0x${packet.reasonCode?.toString(16)}` : "";
    const isAliased = way === "received" && packet.type === "publish" && packet.topic === "";
    this.#count(`${packet.type} ${way}${code}${isAliased ? " without topic" : ""}`);
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

/** Options with limits that are soon reached. */
export function randomOptions(random: Random, hooks: RandomHooks): BrokerOptions {
  const maybe = <Value>(...values: Value[]) =>
    random.onceIn(2) ? values[random.below(values.length)] : undefined;
  return {
    ...hooks.some(),
    maximumQoS: maybe<QoS>(0, 1, 2),
    retainAvailable: random.onceIn(8) ? false : undefined,
    wildcardSubscriptionAvailable: random.onceIn(8) ? false : undefined,
    subscriptionIdentifierAvailable: random.onceIn(8) ? false : undefined,
    sharedSubscriptionAvailable: random.onceIn(8) ? false : undefined,
    serverKeepAlive: random.onceIn(8) ? 1 + random.below(9) : undefined,
    responseInformation: maybe("r", "response/".repeat(9)),
    overlapping: maybe("one copy", "several copies"),
    topicAliases: maybe("automatic", "off", "automatic"),
    limits: given({
      memory: maybe(100_000, 300_000),
      connections: maybe(3, 5),
      connectBytes: maybe(3000, 10_000),
      sessions: maybe(2, 4),
      sessionBytes: maybe(3000, 6000),
      subscriptionBytes: maybe(2000, 5000),
      retainedBytes: maybe(1000, 3000),
      maximumPacketSize: maybe(LEAST_PACKET_SIZE, 1000),
      sessionExpiryInterval: maybe(0, 5, 3600),
      queuedMessages: maybe(1, 2, 5),
      queuedBytes: maybe(50, 500),
      retainedMessages: maybe(1, 3),
      subscriptionsPerSession: maybe(1, 3),
      topicLevels: maybe(2, 5),
      connectTimeout: maybe(10, 1000),
      hookTimeout: maybe(10, 1000),
      receiveMaximum: maybe(1, 2, 5),
      topicAliasMaximum: maybe(0, 1, 3),
    }),
  };
}

function given(limits: Record<string, number | undefined>): Partial<BrokerLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined));
}
