// The public face of a virtual world: time, network, brokers and disk for tests of applications.

import type { Client } from "../client/client.ts";
import type { TransportSource } from "../client/servers.ts";
import type { Broker } from "../broker/serve.ts";
import { StoreError } from "../store/store_error.ts";
import { replaceTimers } from "../io/global_timers.ts";
import { checkNotNegative } from "../session/option_checks.ts";
import { ClientIdObserver } from "./client_id_observer.ts";
import { Random } from "./random.ts";
import { Schedule } from "./schedule.ts";
import type { ScriptOptions } from "./scripted_peer.ts";
import { ScriptedServer } from "./scripted_server.ts";
import { startVirtualBroker, type VirtualBrokerOptions } from "./virtual_broker.ts";
import { VirtualDisk } from "./virtual_disk.ts";
import {
  type LinkConditions,
  type LinkObserver,
  type VirtualLink,
  type Way,
  WAYS,
} from "./virtual_link.ts";
import { type DialMode, VirtualNetwork } from "./virtual_network.ts";
import { type DeathOfLinks, START, VirtualProcess } from "./virtual_process.ts";
import { WorldProcess } from "./world_process.ts";

/** Options of a {@linkcode World}. */
export interface WorldOptions {
  /** All chance in the world follows from this number. Default: 1. */
  readonly seed?: number | undefined;
  /**
   * The clock on the wall when the world begins, in milliseconds since 1970. Default: the first of
   * January 2026, 00:00 UTC.
   */
  readonly start?: number | undefined;
  /** What the network is like. Default: every write arrives at once, as it is. */
  readonly network?: LinkConditions | undefined;
}

/** Where to break a connection: see {@linkcode World.cut}. */
export interface CutOptions {
  /** Not at once, but when so many more bytes have arrived: in the middle of a packet. */
  readonly after?: number | undefined;
  /** Which bytes are counted. Default: `"to server"`. */
  readonly way?: Way | undefined;
}

/** A connection, as it passes through the network of a world. */
export interface WorldLink {
  /** Unique in its world, from 1, in the order in which they were made. */
  readonly number: number;
  /** The name of the client's process. */
  readonly clientName: string;
  /** The name of the broker. */
  readonly serverName: string;
  /** Whether nothing can come of it any more. */
  readonly isOver: boolean;
  /** Somebody watches from now on what passes. */
  observe(observer: LinkObserver): void;
  /** It breaks: both ends are told at once, and what is on its way is lost. */
  reset(): void;
  /** It breaks when so many more bytes have arrived on this way. */
  cutAfter(way: Way, bytes: number): void;
  /** Nothing arrives any more, and nobody is told, until it resumes. Default: both ways. */
  stall(ways?: readonly Way[]): void;
  /** What was stalled goes on. Default: both ways. */
  resume(ways?: readonly Way[]): void;
}

/** How long to wait, at most: see {@linkcode World.until}. */
export interface UntilOptions {
  /** In milliseconds of the world. Default: 3,600,000, an hour. */
  readonly within?: number | undefined;
}

/** The name of the broker, and of the process of the application, where nothing else is said. */
const BROKER = "broker";
const APPLICATION = "application";

const HOUR = 3_600_000;

/** Longer than a client waits before it connects again. In milliseconds. */
const SCRIPT_TIMEOUT = 60_000;

/**
 * The real client and the real broker in a world where clock, network, chance and disk are virtual.
 *
 * Bytes on their way arrive by themselves, so that `await client.publish(…)` works as usual. All
 * else that takes time waits for {@linkcode World.advance}, which makes an hour pass in no time, or
 * for {@linkcode World.until}. The same seed brings the same run. Nothing needs a permission.
 *
 * The world knows its clients, brokers and stores. Work of another kind (timers, files, real
 * sockets) goes on beside it in real time: await it before time passes in the world.
 *
 * Disposing the world kills all that is left in it, and throws what nobody else was told:
 * internal errors of its brokers.
 *
 * @example A link that breaks
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { World } from "jsr:@mqtt5/mqtt5/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using world = new World();
 * await world.startBroker();
 * await using client = await connect(world.server(), { clientId: "sensor-7" });
 * world.cut(client);
 * await world.advance(60_000);
 * assertEquals(client.state, "connected");
 * ```
 */
export class World implements AsyncDisposable {
  /** All chance in the world follows from it. */
  readonly seed: number;
  readonly #start: number;
  readonly #schedule: Schedule;
  readonly #network: VirtualNetwork;
  readonly #disk: VirtualDisk;
  readonly #processes = new Map<string, WorldProcess>();
  /** The options of the brokers that were started. */
  readonly #brokers = new Map<string, VirtualBrokerOptions>();
  readonly #clientIds = new WeakMap<VirtualLink, ClientIdObserver>();
  readonly #failures: unknown[] = [];
  /** How many processes there have been of each name. */
  readonly #incarnations = new Map<string, number>();

  /**
   * Begins a world in which nothing runs.
   *
   * @throws {RangeError} when a number is out of its range
   */
  constructor({ seed = 1, start = START, network = {} }: WorldOptions = {}) {
    this.seed = seed;
    this.#start = start;
    this.#schedule = new Schedule({
      runsByItself: true,
      onError: (error) => this.#failures.push(error),
    });
    this.#network = new VirtualNetwork({
      schedule: this.#schedule,
      seed,
      onLink: (link) => {
        const observer = new ClientIdObserver();
        link.observe(observer);
        this.#clientIds.set(link, observer);
      },
    });
    this.#disk = new VirtualDisk();
    this.deliver(network);
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#schedule.now;
  }

  /** The clock on the wall, in milliseconds since 1970, as far as nobody has set it. */
  get date(): number {
    return this.#start + this.#schedule.now;
  }

  /** The disk of this world, with ways to break it. */
  get disk(): VirtualDisk {
    return this.#disk;
  }

  /** The connections that are open, or not yet closed by both ends. */
  get links(): readonly WorldLink[] {
    return this.#network.links;
  }

  /**
   * Starts a broker. Resolves when it can be connected to, at once. It takes the options of
   * `serve()`, but where to listen; `path` is a file on the disk of the world.
   *
   * Rejects as `serve()` does, and when a broker of this name runs.
   */
  async startBroker(name: string = BROKER, options: VirtualBrokerOptions = {}): Promise<Broker> {
    const process = this.#newProcess(name);
    const setup = {
      process,
      name,
      network: this.#network,
      open: this.#disk.opener(process),
      warn: (line: string) => this.#failures.push(new Error(line)),
    };
    const onError: VirtualBrokerOptions["onError"] = (error, context) => {
      this.#brokerFailed(error, context.what);
    };
    try {
      const broker = await startVirtualBroker({ onError, ...options }, setup);
      this.#brokers.set(name, options);
      this.#processes.set(name, new WorldProcess(process, this.#network, this.#disk));
      return broker;
    } catch (error) {
      process.kill();
      throw error;
    }
  }

  /**
   * The broker dies without a word: what it had in memory only is lost. Its connections are closed
   * by the system; with `"silent"` nobody is told, as when the plug is pulled.
   *
   * @throws {TypeError} when there was no such broker
   */
  crashBroker(name: string = BROKER, links: DeathOfLinks = "closed"): void {
    this.#brokerOptions(name);
    this.process(name).kill(links);
  }

  /**
   * Starts a broker again, with the options it had, after {@linkcode World.crashBroker} or
   * `broker.shutDown()`. What is on the disk is there.
   *
   * Rejects as `serve()` does, and when it still runs.
   */
  async restartBroker(name: string = BROKER): Promise<Broker> {
    return await this.startBroker(name, this.#brokerOptions(name));
  }

  /**
   * Starts a server in place of a broker, of which a test decides every packet. It waits in the
   * world's time ({@linkcode World.until}), by default 60,000 ms.
   *
   * @throws {Error} when a broker of this name runs
   * @throws {TypeError} when an option is unknown
   * @throws {RangeError} when `timeout` is not above 0
   *
   * @example A server that does not answer pings
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   * import { World } from "jsr:@mqtt5/mqtt5/testing";
   * import { assertEquals } from "@std/assert";
   *
   * await using world = new World();
   * const server = world.startScriptedServer();
   * const connecting = connect(world.server(), { keepAlive: 60 });
   * const peer = await server.accept();
   * peer.answer(await peer.expect("connect"));
   * const client = await connecting;
   * await world.until(peer.expect("pingreq"));
   * await world.advance(60_000);
   * assertEquals(client.state, "reconnecting");
   * ```
   */
  startScriptedServer(
    name: string = BROKER,
    options: Omit<ScriptOptions, "clock"> = {},
  ): ScriptedServer {
    const process = this.#newProcess(name);
    const { timeout = SCRIPT_TIMEOUT } = options;
    const server = new ScriptedServer({ ...options, timeout, clock: process.clock });
    this.#network.listen(name, {
      process,
      accept: (transport, link) => server.take(transport, () => link.reset()),
    });
    this.#processes.set(name, new WorldProcess(process, this.#network, this.#disk));
    return server;
  }

  /**
   * From now on the timers of the whole program (`setTimeout()`, `setInterval()`,
   * `AbortSignal.timeout()`) and its time (`Date`, `performance.now()`) are those of a process of
   * this world: they pass with {@linkcode World.advance}, each at its moment, and end with the
   * process. Dispose what it returns to end that.
   *
   * @example A program that publishes every minute
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   * import { World } from "jsr:@mqtt5/mqtt5/testing";
   * import { assertEquals } from "@std/assert";
   *
   * await using world = new World();
   * using _ = world.fakeTimers();
   * const broker = await world.startBroker();
   * const client = await connect(world.server());
   * setInterval(() => client.publish("time", new Date().toJSON(), { retain: true }), 60_000);
   * await world.advance(3_600_000);
   * assertEquals(broker.statistics.retained, 1);
   * assertEquals(Date.now(), Date.UTC(2026, 0, 1, 1));
   * ```
   */
  fakeTimers(name: string = APPLICATION): Disposable {
    return { [Symbol.dispose]: replaceTimers(() => this.process(name).clock) };
  }

  /** Where a broker is, for `connect()`. It need not run yet. */
  server(name: string = BROKER): TransportSource {
    return this.process().server(name);
  }

  /**
   * The process of a broker, or else one of an application, which is made when it is first asked
   * for, or again after its death. Default: the one to which {@linkcode World.server} belongs.
   */
  process(name: string = APPLICATION): WorldProcess {
    const found = this.#processes.get(name);
    if (found !== undefined && (found.isAlive || this.#brokers.has(name))) return found;
    const made = new WorldProcess(this.#newProcess(name), this.#network, this.#disk);
    this.#processes.set(name, made);
    return made;
  }

  /** Time passes. Resolves when all that is due by then has happened. In milliseconds. */
  async advance(milliseconds: number): Promise<void> {
    checkNotNegative("milliseconds", milliseconds);
    await this.#schedule.run(this.now + milliseconds);
  }

  /**
   * Time passes until a promise settles, as far as needed. Resolves to its result, and rejects as
   * it does; after `within` of virtual time, and when nothing is left that could settle it, with an
   * `Error`. What the promise needs beside the world (the cryptography of SCRAM, for example) is
   * not waited for: then await it as it is.
   */
  async until<Result>(promise: Promise<Result>, options: UntilOptions = {}): Promise<Result> {
    const { within = HOUR } = options;
    checkNotNegative("within", within);
    const late = this.now + within;
    let isSettled = false;
    const settled = () => void (isSettled = true);
    promise.then(settled, settled);
    await this.#schedule.run(this.now);
    while (!isSettled) {
      const { next } = this.#schedule;
      if (next > late) {
        throw new Error(
          next === Infinity
            ? "The promise cannot settle: nothing is left to happen in the world"
            : `The promise did not settle within ${within} ms of the world's time`,
        );
      }
      await this.#schedule.run(next);
    }
    return await promise;
  }

  /**
   * Breaks the connection of a client, given by itself or by its Client Identifier, or without one
   * all connections. Both ends are told at once, and what is on its way is lost.
   *
   * @throws {TypeError} when the client has no connection
   */
  cut(client?: Client | string, { after = 0, way = "to server" }: CutOptions = {}): void {
    checkNotNegative("after", after);
    for (const link of this.#linksOf(client)) {
      if (after === 0) link.reset();
      else link.cutAfter(way, after);
    }
  }

  /**
   * From now on nothing passes on the connection of a client, or on all, in one way or both, and
   * nobody is told: a half-open connection, until {@linkcode World.resume}.
   *
   * @throws {TypeError} when the client has no connection
   */
  stall(client?: Client | string, way?: Way): void {
    for (const link of this.#linksOf(client)) link.stall(way === undefined ? WAYS : [way]);
  }

  /**
   * What was stalled goes on; nothing is lost.
   *
   * @throws {TypeError} when the client has no connection
   */
  resume(client?: Client | string, way?: Way): void {
    for (const link of this.#linksOf(client)) link.resume(way === undefined ? WAYS : [way]);
  }

  /**
   * Processes (the brokers, and those of {@linkcode World.process}) cannot reach each other any
   * more: two of them, one and all others, or all. Connections stall, and new ones are not
   * answered.
   *
   * @throws {RangeError} when nothing in the world has such a name
   */
  partition(one?: string, other?: string): void {
    this.#checkNames(one, other);
    this.#network.partition(one, other);
  }

  /**
   * Ends all partitions, or that of the same names. What was on its way arrives.
   *
   * @throws {RangeError} when nothing in the world has such a name
   */
  heal(one?: string, other?: string): void {
    this.#checkNames(one, other);
    this.#network.heal(one, other);
  }

  /**
   * From now on the network is like this, for all connections. Default: as it is without faults.
   */
  deliver(conditions: LinkConditions = {}, ways: readonly Way[] = WAYS): void {
    this.#network.setConditions(conditions, ways);
  }

  /**
   * From now on bytes take their time: by default a second each way, in pieces of 1 to 20 bytes.
   * {@linkcode World.deliver} ends that.
   */
  deliverSlowly(conditions: LinkConditions = { latency: 1000, pieces: [1, 20] }): void {
    this.deliver(conditions);
  }

  /** What becomes of new connections to a broker. Default: `"accept"`, as without faults. */
  answerDials(mode: DialMode = "accept", name: string = BROKER): void {
    this.#network.setDialMode(name, mode);
  }

  /**
   * Kills all that is left in the world.
   *
   * Rejects with what went wrong inside, and nobody was told.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.values()) process.kill();
    await this.#schedule.run(this.now);
    this.#schedule.end();
    this.#disk.end();
    if (this.#failures.length === 1) throw this.#failures[0];
    if (this.#failures.length > 1) {
      throw new AggregateError(this.#failures, `${this.#failures.length} failures in the world`);
    }
  }

  #newProcess(name: string): VirtualProcess {
    const count = (this.#incarnations.get(name) ?? 0) + 1;
    this.#incarnations.set(name, count);
    return new VirtualProcess({
      name,
      schedule: this.#schedule,
      random: Random.for(this.seed, `${name} ${count}`),
      start: this.#start,
    });
  }

  #checkNames(...given: readonly (string | undefined)[]): void {
    const known = new Set([...this.#processes.keys(), ...this.#network.names]);
    for (const name of given) {
      if (name === undefined || known.has(name)) continue;
      const names = [...known].sort().map((name) => JSON.stringify(name)).join(", ");
      const has = names === "" ? "nothing is in it yet" : `it has ${names}`;
      throw new RangeError(`The world has no process ${JSON.stringify(name)}: ${has}`);
    }
  }

  #brokerOptions(name: string): VirtualBrokerOptions {
    const found = this.#brokers.get(name);
    if (found === undefined) throw new TypeError(`The world has no broker ${JSON.stringify(name)}`);
    return found;
  }

  #brokerFailed(error: unknown, what: string): void {
    // A disk that fails was made to fail, and the broker goes on.
    if (error instanceof StoreError) return;
    this.#failures.push(new Error(`Error in ${what} of a broker`, { cause: error }));
  }

  #linksOf(client: Client | string | undefined): readonly VirtualLink[] {
    const { links } = this.#network;
    if (client === undefined) return links;
    const clientId = typeof client === "string" ? client : client.server.clientId;
    const found = links.filter((link) => this.#clientIds.get(link)?.clientId === clientId);
    if (found.length > 0) return found;
    throw new TypeError(`The client ${JSON.stringify(clientId)} has no connection`);
  }
}
