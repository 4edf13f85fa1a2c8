// The stateful fuzzer of the broker in a virtual world: the same clients and hooks as in
// broker_fuzz.ts, but at a whole broker with its drives, behind a network that delays, cuts and
// breaks, with a disk that fails; and beside them two clients that must not notice any of it.
//
// What must hold: no exception inside; what a client is sent it may be sent; the account of the
// memory stays below its limit; the bystanders are not disturbed; and in the end nothing is left.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type {
  Broker,
  BrokerHooks,
  BrokerLimits,
  BrokerOptions,
  ErrorContext,
} from "../../src/broker/mod.ts";
import { ReasonCode } from "../../src/packets/mod.ts";
import { World } from "../../src/testing/mod.ts";
import { Random } from "../../src/testing/random.ts";
import { FuzzClient } from "./broker_client.ts";
import { randomOptions } from "./broker_fuzz.ts";
import { RandomHooks } from "./broker_hooks.ts";
import { Bystanders } from "./bystanders.ts";
import { count, type Counts, throwFirst, withoutFaults } from "./faults.ts";
import { mutated } from "./fuzz.ts";
import { WorldLink } from "./world_link.ts";

/** So many clients are there at most. */
const CLIENTS = 5;

/** The default of the limit, in bytes. */
const MEMORY = 64 * 1024 * 1024;

/** Longer than any session lasts, in milliseconds. */
const LONG = 100 * 7 * 24 * 3_600_000;

/** One broker with its clients. */
export class WorldBrokerFuzz {
  readonly #seed: number;
  readonly #random: Random;
  readonly #corpus: readonly Uint8Array[];
  readonly #counts: Counts;
  readonly #errors: unknown[] = [];
  readonly #hooks: RandomHooks;
  #clients: FuzzClient<WorldLink>[] = [];
  #diskFails = false;

  constructor(seed: number, corpus: readonly Uint8Array[], counts: Counts) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#corpus = corpus;
    this.#counts = counts;
    this.#hooks = new RandomHooks(this.#random);
  }

  /** Does so many steps, and then comes to an end. */
  async run(steps: number): Promise<void> {
    await withoutFaults(this.#errors, () => this.#run(steps));
  }

  async #run(steps: number): Promise<void> {
    const random = this.#random;
    const network = random.onceIn(2) ? {} : {
      latency: random.below(200),
      pieces: [1, 9] as const,
      buffer: [65_536, 300][random.below(2)],
    };
    await using world = new World({ seed: this.#seed, network });
    const isStored = random.onceIn(2);
    world.disk.onCommit = () => this.#diskFails && random.onceIn(2) ? "fails" : "succeeds";
    const options = this.#options();
    const broker = await world.startBroker("broker", {
      ...options,
      path: isStored ? "broker.db" : undefined,
    });
    const bystanders = await Bystanders.begin(world, "broker", this.#errors);
    for (let step = 0; step < steps; step++) {
      await this.#step(world, bystanders, isStored);
      if (random.onceIn(2)) await world.advance(0);
      this.#look();
      const { memory } = broker.statistics;
      assert(memory <= MEMORY, `${memory} bytes are kept, ${MEMORY} allowed`);
      throwFirst(this.#errors);
    }
    await this.#end(world, broker, bystanders, options);
  }

  async #step(world: World, bystanders: Bystanders, isStored: boolean): Promise<void> {
    const random = this.#random;
    const chance = random.below(100);
    const client = this.#clients[random.below(CLIENTS)];
    if (chance < 15) this.#hooks.release(1 + random.below(3));
    else if (chance < 30) await world.advance(random.below(3000));
    else if (chance < 32) await world.advance(random.below(100_000));
    else if (chance < 40) bystanders.send(random.below(3), isStored);
    else if (chance < 43) this.#diskFails = !this.#diskFails && isStored;
    else if (client === undefined || client.link.isOver) await this.#open(world);
    else if (chance < 46) client.link.cut();
    else if (chance < 49) client.link.stall();
    else if (chance < 54) client.link.goOn();
    else if (chance < 57) this.#sendOdd(client);
    else client.act();
  }

  async #open(world: World): Promise<void> {
    this.#clients = this.#clients.filter(({ link }) => !link.isOver || link.packets.length > 0);
    if (this.#clients.length >= CLIENTS) return;
    const { signal } = new AbortController();
    const dialled = world.process("fuzzed").server("broker").connect({ signal });
    const transport = await world.until(Promise.resolve(dialled)) as ConstructorParameters<
      typeof WorldLink
    >[0];
    const link = new WorldLink(transport, (error) => this.#errors.push(error));
    const client = new FuzzClient(link, this.#random, (packet, way) => {
      const code = way === "received" && "reasonCode" in packet
        ? ` 0x${packet.reasonCode?.toString(16)}`
        : "";
      count(this.#counts, `${packet.type} ${way}${code}`);
    });
    this.#clients.push(client);
    client.act();
  }

  /** A valid packet at the wrong time, or broken bytes. */
  #sendOdd(client: FuzzClient<WorldLink>): void {
    const random = this.#random;
    const bytes = this.#corpus[random.below(this.#corpus.length)]!;
    const isBroken = random.onceIn(2);
    count(this.#counts, isBroken ? "broken bytes" : "any packet");
    client.sendAnything(isBroken ? mutated(random, bytes, this.#corpus) : bytes);
  }

  #look(): void {
    for (const client of this.#clients) client.look();
  }

  async #end(
    world: World,
    broker: Broker,
    bystanders: Bystanders,
    { retainAvailable }: BrokerOptions,
  ): Promise<void> {
    this.#hooks.isCalm = true;
    this.#diskFails = false;
    for (const { link } of this.#clients) link.goOn();
    for (let turn = 0; turn < 5; turn++) {
      this.#hooks.release();
      await world.advance(10_000);
    }
    this.#look();
    for (const { link, expected, isBroken } of this.#clients) {
      assert(!link.isOverdue, "DISCONNECT has come, and the connection goes on");
      if (!link.isOver && !isBroken) assertEquals([...expected], [], "a client is not answered");
    }
    await bystanders.leave(world);
    for (const { link } of this.#clients) link.cut();
    await world.advance(LONG);
    throwFirst(this.#errors);
    const { clients, sessions, subscriptions, retained, memory } = broker.statistics;
    assertEquals([clients, sessions, subscriptions], [0, 0, 0], "something is left");
    if (retained === 0) assertStrictEquals(memory, 0, "bytes are counted that nobody keeps");
    if (retainAvailable === false) assertStrictEquals(retained, 0);
    await world.until(broker.shutDown());
  }

  /** Options with limits that are soon reached, but for those that bystanders reach, too. */
  #options(): BrokerOptions {
    const { limits, ...options } = randomOptions(this.#random, this.#hooks);
    const onError = (error: unknown, { what }: ErrorContext) => {
      if (what in options) count(this.#counts, "hook failed");
      else if (what === "the store") count(this.#counts, "store failed");
      else this.#errors.push(new Error(`Error in ${what}`, { cause: error }));
    };
    return {
      ...sparing(options),
      onError,
      limits: Object.fromEntries(
        Object.entries(limits ?? {}).filter(([name]) => !SHARED.has(name)),
      ),
    };
  }
}

/** Limits of what all clients share, and of what a session of a bystander may need. */
const SHARED: ReadonlySet<string> = new Set<keyof BrokerLimits>([
  ...["memory", "connections", "sessions", "connectTimeout"] as const,
  ...["queuedMessages", "queuedBytes", "sessionBytes"] as const,
]);

/** The same hooks, but they say yes to bystanders, at once. */
function sparing(options: BrokerOptions): BrokerOptions {
  const spared = (hook: ((...args: never[]) => unknown) | undefined, yes: unknown) =>
    hook &&
    ((client: { clientId: string }, ...rest: never[]) =>
      client.clientId.startsWith("bystander")
        ? yes
        : (hook as (...args: unknown[]) => unknown)(client, ...rest));
  const hooks = options as Record<string, ((...args: never[]) => unknown) | undefined>;
  const answers: Record<string, unknown> = {
    authenticate: ReasonCode.success,
    authorizePublish: true,
    authorizeSubscribe: true,
    authorizeDelivery: true,
    sessionOwner: undefined,
    onConnect: undefined,
    onDisconnect: undefined,
  };
  const names = Object.keys(answers).filter((name) => hooks[name] !== undefined);
  return {
    ...options,
    ...Object.fromEntries(names.map((name) => [name, spared(hooks[name], answers[name])])),
  } as BrokerHooks & BrokerOptions;
}

/** Runs one seed; the error says how to do it again. */
export async function fuzzBroker(
  seed: number,
  steps: number,
  corpus: readonly Uint8Array[],
  counts: Counts,
): Promise<void> {
  try {
    await new WorldBrokerFuzz(seed, corpus, counts).run(steps);
  } catch (cause) {
    throw new Error(`broker --seed ${seed} --steps ${steps}: ${cause}`, { cause });
  }
}
