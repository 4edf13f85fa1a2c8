// A database that fails at its n-th call, for all n: nothing that was acknowledged is lost, nothing of QoS 2 comes twice,
// those who need no database are served, and all is well again once the database is.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Broker } from "../../src/broker/serve.ts";
import { Store, StoreError } from "../../src/broker/durability/store.ts";
import { removeEmptyFile } from "../../src/store/sqlite.ts";
import { settle, VirtualClock } from "../io/virtual_clock.ts";
import { type Fault, FaultPlan } from "./faulty_database.ts";
import { SessionClient } from "./session_client.ts";

const KEPT = { sessionExpiryInterval: 1000 } as const;

/** Where a commit costs nothing, if there is such a place. */
async function fastFolder(): Promise<string> {
  const isThere = await Deno.stat("/dev/shm").then(() => true, () => false);
  return await Deno.makeTempDir({ prefix: "mqtt5-faults-", ...isThere && { dir: "/dev/shm" } });
}

/** A broker whose database fails, its clients, and what they have been told. */
class FaultyWorld {
  readonly clock = new VirtualClock();
  readonly plan: FaultPlan;
  readonly subscriber = new SessionClient({ clientId: "d", cleanStart: false, properties: KEPT });
  readonly publisher = new SessionClient({ clientId: "p", cleanStart: false, properties: KEPT });
  readonly guest = new SessionClient({ clientId: "n" });
  readonly errors: unknown[] = [];
  /** Messages that the guest is to get. */
  readonly wanted: string[] = [];
  path: string;
  broker!: Broker;

  constructor(path: string, plan: FaultPlan) {
    this.path = path;
    this.plan = plan;
  }

  /** Starts the broker. A file that cannot be used now is tried again when it can. */
  async start(): Promise<void> {
    const clocks = { now: () => this.clock.now(), wall: () => this.clock.now() };
    for (let isAgain = false;; isAgain = true) {
      try {
        const store = new Store(this.path, clocks, this.plan.open);
        const options = {
          listeners: [],
          onError: (error: unknown) => void this.errors.push(error),
        };
        this.broker = await Broker.start(options, { clock: this.clock }, store);
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || isAgain) throw error;
        this.plan.isOver = true;
        // Only SQLite itself removes a file that it has just made; a database of a test does not.
        removeEmptyFile(this.path);
      }
    }
  }

  /** Lets everything happen that waits for its turn alone. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await settle();
  }

  async step(act: () => void): Promise<void> {
    act();
    await this.settle();
  }

  async connect(...clients: SessionClient[]): Promise<void> {
    for (const client of clients) {
      if (!client.isConnected) await this.step(() => client.connect(this.broker));
    }
  }

  /** A message that those with a session are to get, and one that needs no database. */
  async publish(topic: string, text: string, qos: 1 | 2, more = {}): Promise<void> {
    await this.connect(this.publisher, this.guest);
    await this.step(() => this.publisher.publish(topic, text, qos, more));
    if (!this.guest.granted.has("free")) await this.step(() => this.guest.subscribe("free", 0));
    await this.step(() => this.guest.publish("free", text, 1));
    this.wanted.push(text);
  }

  /** The scenario. */
  async run(): Promise<void> {
    const { subscriber, publisher } = this;
    await this.connect(subscriber, publisher, this.guest);
    await this.step(() => subscriber.subscribe("q/#", 2));
    await this.step(() => subscriber.subscribe("r/#", 1));
    await this.publish("q/1", "q1 online", 1);
    await this.publish("q/2", "q2 online", 2);
    await this.step(() => subscriber.disconnect());
    await this.publish("q/1", "q1 offline", 1);
    await this.publish("q/2", "q2 offline", 2);
    await this.publish("q/2", "expires", 2, { properties: { messageExpiryInterval: 10 } });
    await this.publish("r/1", "retained 1", 1, { retain: true });
    await this.publish("r/1", "retained 2", 1, { retain: true });
    const will = { topic: "q/will", payload: new TextEncoder().encode("will"), qos: 1 as const };
    const willing = new SessionClient({ clientId: "w", will, properties: KEPT });
    await this.connect(willing);
    await this.step(() => willing.cut());
    await this.clock.advance(20_000);
    await this.connect(subscriber);
    // Taken over.
    await this.step(() => subscriber.connect(this.broker));
    await this.publish("q/2", "q2 after", 2);
    await this.step(() => subscriber.unsubscribe("r/#"));
    await this.broker.shutDown();
    await this.start();
    await this.connect(subscriber);
    await this.publish("q/1", "q1 restarted", 1);
    await this.publish("q/2", "q2 restarted", 2);
  }

  /** The database does not fail any more: soon all is as if it had never. */
  async recover(): Promise<void> {
    this.plan.isOver = true;
    await this.clock.advance(10_000);
    await this.connect(this.subscriber, this.publisher);
    assert(this.subscriber.isConnected, "the subscriber is not let in");
    for (const topicFilter of ["q/#"]) {
      if (this.subscriber.granted.has(topicFilter)) continue;
      await this.step(() => this.subscriber.subscribe(topicFilter, 2));
    }
    await this.publish("q/2", "last", 2);
    assertStrictEquals(this.publisher.published.at(-1)!.reasonCode, 0);
    await this.settle();
  }

  /** Another broker finds what would be there if this one were killed now. */
  async crash(): Promise<void> {
    const path = `${this.path}.crashed`;
    for (const part of ["", "-wal"]) Deno.copyFileSync(this.path + part, path + part);
    for (const client of [this.subscriber, this.publisher, this.guest]) client.cut();
    await this.broker.shutDown();
    this.path = path;
    this.plan.isOver = true;
    await this.start();
  }

  /** What must hold however the database has failed. */
  check(): void {
    const { subscriber, publisher, guest } = this;
    const times = (text: string) => subscriber.received.filter((each) => each === text).length;
    assertStrictEquals(subscriber.lost, 0, "the session is lost");
    assertStrictEquals(publisher.lost, 0, "the session of the publisher is lost");
    for (const { text, qos, reasonCode, packet } of publisher.published) {
      if (qos === 2) assert(times(text) <= 1, `"${text}" came ${times(text)} times`);
      // Nobody knows of a commit whether it was done that has failed.
      const isTakenBack = reasonCode === 0x97 && qos === 2 && !this.plan.isUncertain;
      if (isTakenBack) assertStrictEquals(times(text), 0, `"${text}" was refused, and came`);
      const isDue = reasonCode === 0 && packet.topic!.startsWith("q/") && text !== "expires";
      if (isDue) assert(times(text) >= 1, `"${text}" was acknowledged, and is lost`);
    }
    assertEquals(guest.received, this.wanted, "who needs no database was not served");
  }
}

async function run(plan: FaultPlan, isKilled: boolean): Promise<FaultyWorld> {
  const folder = await fastFolder();
  const world = new FaultyWorld(`${folder}/broker.db`, plan);
  try {
    await world.start();
    await world.run();
    if (isKilled) await world.crash();
    await world.recover();
    world.check();
    for (const client of [world.subscriber, world.publisher, world.guest]) client.cut();
    await world.broker.shutDown();
    // It is closed, and nobody holds it.
    new Store(world.path, { now: () => 0, wall: () => 0 }).close();
    return world;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("Nothing is refused with a database that never fails", async () => {
  const { subscriber, publisher, errors } = await run(new FaultPlan("full"), false);
  assertEquals(errors, []);
  assertEquals(publisher.published.map(({ reasonCode }) => reasonCode), Array(11).fill(0));
  assertEquals(subscriber.received, [
    ...["q1 online", "q2 online", "q1 offline", "q2 offline", "retained 1", "retained 2"],
    ...["will", "q2 after"],
    ...["q1 restarted", "q2 restarted", "last"],
  ]);
});

/** What fails, and how many calls of it in turn. */
const FAULTS: readonly (readonly [Fault, number])[] = [
  ["full", 1],
  ["full", Infinity],
  ["input/output", 7],
  ["input/output", Infinity],
  ["read-only", Infinity],
  ["busy", 1],
  ["done, but not said", 1],
  ["done, but not said", Infinity],
];

for (const [fault, calls] of FAULTS) {
  const howMany = calls === Infinity ? "from any call on" : `for ${calls} at any call`;
  Deno.test(`A database that fails ${howMany} (${fault}) loses nothing that was acknowledged`, async () => {
    for (let from = 1;; from++) {
      const plan = new FaultPlan(fault, from, from + calls);
      try {
        await run(plan, from % 2 === 0);
      } catch (error) {
        throw new Error(`From call ${from} on: ${(error as Error).message}`, { cause: error });
      }
      if (plan.failed > 0) continue;
      assert(from > 100, "the scenario has so few calls");
      return;
    }
  });
}
