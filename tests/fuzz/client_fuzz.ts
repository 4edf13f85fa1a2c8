// A stateful fuzzer of the client: an application that does anything at any time, at a server that
// sends valid packets at the wrong time, wrong packets at the right time, and broken bytes. The same
// seed does the same.
//
// What must hold: nothing is thrown inside; every promise settles, with a typed error if at all;
// what the client sends it may send, as a monitor sees it; two other clients of the same program are
// not disturbed.

import { assertStrictEquals } from "@std/assert";
import {
  type Client,
  connect,
  ConnectionClosedError,
  type ConnectOptions,
  NoSubscriberError,
  NotSentError,
  PacketTooLargeError,
  type QoS,
  RefusedError,
  RequestTimeoutError,
  type Subscription,
} from "../../mod.ts";
import { Random } from "../../src/testing/random.ts";
import { World } from "../../src/testing/mod.ts";
import { Bystanders, monitored } from "./bystanders.ts";
import { count, type Counts, throwFirst, withoutFaults } from "./faults.ts";
import { OddServer, TOPICS } from "./odd_server.ts";

const FILTERS = ["t", "#", "a/+", "a/#", "$share/g/t", "+"];

/** Longer than anything waits, in milliseconds. */
const LONG = 600_000;

/** What a caller is to expect. Nothing else may come. */
const TYPED = [
  ConnectionClosedError,
  RefusedError,
  NotSentError,
  RequestTimeoutError,
  NoSubscriberError,
  PacketTooLargeError,
];

/** The reason with which the application aborts. */
const ABORTED = new Error("The application has changed its mind");

/** One client, its application and its server. */
export class ClientFuzz {
  readonly #random: Random;
  readonly #counts: Counts;
  readonly #corpus: readonly Uint8Array[];
  readonly #seed: number;
  readonly #log: (line: string) => void;
  readonly #errors: unknown[] = [];
  readonly #pending = new Map<Promise<void>, string>();
  #subscriptions: Subscription[] = [];
  #client: Client | undefined;

  /** `log` is told what passes. */
  constructor(
    seed: number,
    corpus: readonly Uint8Array[],
    counts: Counts,
    log: (line: string) => void = () => {},
  ) {
    this.#log = log;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#corpus = corpus;
    this.#counts = counts;
  }

  /** Does so many steps, and then comes to an end. */
  async run(steps: number): Promise<void> {
    await withoutFaults(this.#errors, () => this.#run(steps));
  }

  async #run(steps: number): Promise<void> {
    const random = this.#random;
    const network = random.onceIn(2) ? {} : { latency: random.below(300), pieces: [1, 9] as const };
    await using world = new World({ seed: this.#seed, network });
    await world.startBroker("good");
    const bystanders = await Bystanders.begin(world, "good", this.#errors);
    const server = world.startScriptedServer("odd", { timeout: 1e12 });
    const { corpus, counts } = { corpus: this.#corpus, counts: this.#counts };
    const odd = new OddServer({ world, server, random, corpus, counts });
    const source = monitored(world, "fuzzed", "odd", (by, message) => {
      // What the server does is odd on purpose.
      if (by === "client") this.#errors.push(new Error(`The monitor says: ${message}`));
    }, this.#log);
    const connecting = connect(source, this.#options()).then((client) => this.#begin(client));
    this.#track("connect()", connecting);
    for (let step = 0; step < steps; step++) {
      const chance = random.below(100);
      if (chance < 25) await world.advance(random.below(2000));
      else if (chance < 28) await world.advance(random.below(100_000));
      else if (chance < 45) odd.act();
      else if (chance < 50) bystanders.send(random.below(3), false);
      else if (this.#client !== undefined) this.#act(this.#client);
      else await world.advance(1000);
      if (random.onceIn(2)) await world.advance(0);
      throwFirst(this.#errors);
    }
    if (this.#client !== undefined) this.#track("disconnect()", this.#client.disconnect());
    await bystanders.check(world);
    await world.advance(LONG);
    if (this.#client === undefined) odd.isSane = true;
    await world.advance(LONG);
    if (this.#client !== undefined) this.#track("disconnect()", this.#client.disconnect());
    await world.advance(LONG);
    assertStrictEquals([...this.#pending.values()].join(", "), "", "promises do not settle");
    if (this.#client !== undefined) assertStrictEquals(this.#client.state, "closed");
    throwFirst(this.#errors);
  }

  #options(): ConnectOptions {
    const random = this.#random;
    const maybe = <Value>(...values: Value[]) =>
      random.onceIn(2) ? values[random.below(values.length)] : undefined;
    return {
      clientId: maybe("fuzzed", ""),
      waitForServer: true,
      keepAlive: maybe(0, 1, 30),
      connectTimeout: maybe(5000, 30_000),
      pingTimeout: maybe(500, 5000),
      sessionExpiryInterval: maybe(0, 10, 3600, 0xffff_ffff),
      receiveMaximum: maybe(1, 3, 100),
      maximumPacketSize: maybe(50, 200, 1000),
      topicAliasMaximum: maybe(0, 3),
      topicAliases: maybe("automatic", "off"),
      receiveExcess: maybe(0, 500),
      queueQoS0: maybe(true, false),
      sendQueue: maybe({ messages: 3 }, { bytes: 200 }),
      receiveQueue: maybe({ messages: 2 }),
      requestResponseInformation: maybe(true),
      requestProblemInformation: maybe(true, false),
      will: maybe({ topic: "w", payload: "gone", qos: 1 }),
      ack: maybe("manual"),
    };
  }

  #begin(client: Client): void {
    this.#client = client;
    client.addEventListener("closed", ({ detail }) => {
      this.#check("the client", detail.error);
    });
    client.addEventListener("disconnected", ({ detail }) => {
      count(this.#counts, `disconnected: ${detail.error.kind}`);
      this.#check("the connection", detail.error);
    });
    if (this.#random.onceIn(2)) this.#track("messages", this.#consume(client.messages));
  }

  #act(client: Client): void {
    const random = this.#random;
    const signal = random.onceIn(6) ? this.#signal() : undefined;
    const topic = TOPICS[random.below(TOPICS.length)]!;
    const qos = random.below(3) as QoS;
    const chance = random.below(100);
    if (chance < 50) {
      const payload = new Uint8Array([0, 3, 30, 300][random.below(4)]!);
      const messageExpiryInterval = random.onceIn(4) ? random.below(5) : undefined;
      const options = { qos, signal, retain: random.onceIn(3), messageExpiryInterval };
      this.#track("publish()", client.publish(topic, payload, options));
    } else if (chance < 70) {
      const filters = FILTERS.filter(() => random.onceIn(4));
      if (filters.length === 0) filters.push("t");
      const ack = random.onceIn(2) ? "manual" as const : undefined;
      const subscribing = client.subscribe(filters, { qos, ack, signal });
      this.#track(
        "subscribe()",
        subscribing.then((subscription) => {
          this.#subscriptions.push(subscription);
          if (!random.onceIn(4)) this.#track("a loop", this.#consume(subscription));
        }),
      );
    } else if (chance < 80) {
      const subscription = random.takeFrom(this.#subscriptions);
      if (subscription !== undefined) this.#track("unsubscribe()", subscription.unsubscribe());
    } else if (chance < 95) {
      const timeout = 1 + random.below(5000);
      this.#track("request()", client.request(topic, "?", { timeout, signal, qos }));
    } else if (chance < 96) this.#track("disconnect()", client.disconnect());
    else client.save();
  }

  #signal(): AbortSignal {
    const controller = new AbortController();
    const abort = () => controller.abort(ABORTED);
    if (this.#random.onceIn(4)) abort();
    else queueMicrotask(() => queueMicrotask(abort));
    return controller.signal;
  }

  /** A loop that may stop for good, leave, or acknowledge out of turn. */
  async #consume(messages: Subscription | Client["messages"]): Promise<void> {
    const random = this.#random;
    const kept: { ack(): void }[] = [];
    for await (const message of messages) {
      count(this.#counts, "message received");
      kept.push(message);
      if (random.onceIn(2)) random.takeFrom(kept)!.ack();
      if (random.onceIn(30)) break;
    }
  }

  /** Takes note of a promise: it is to settle, with a typed error if at all. */
  #track(what: string, promise: Promise<unknown>): void {
    const settled: Promise<void> = promise.then(
      () => count(this.#counts, `${what} resolved`),
      (error) => {
        count(this.#counts, `${what} rejected`);
        this.#check(what, error);
      },
    ).then(() => void this.#pending.delete(settled));
    this.#pending.set(settled, what);
  }

  #check(what: string, error: unknown): void {
    if (error === undefined || error === ABORTED) return;
    const isTyped = TYPED.some((type) => error instanceof type);
    const isInternal = error instanceof ConnectionClosedError && error.kind === "internal";
    if (isTyped && !isInternal) return;
    // What this server has said that it does not take is a caller's mistake.
    if (/the peer|The server does not/.test(String(error))) return;
    this.#errors.push(new Error(`${what} ends with ${error}`, { cause: error }));
  }
}

/** Runs one seed; the error says how to do it again. */
export async function fuzzClient(
  seed: number,
  steps: number,
  corpus: readonly Uint8Array[],
  counts: Counts,
  log?: (line: string) => void,
): Promise<void> {
  try {
    await new ClientFuzz(seed, corpus, counts, log).run(steps);
  } catch (cause) {
    throw new Error(`client --seed ${seed} --steps ${steps}: ${cause}`, { cause });
  }
}
