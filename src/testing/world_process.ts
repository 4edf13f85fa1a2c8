// A program of the application in a virtual world: it connects, has files, sleeps and dies.

import type { TransportSource } from "../client/servers.ts";
import type { Clock } from "../io/clock.ts";
import { Store, type StoreOptions } from "../store/client_store.ts";
import type { OpenDatabase } from "../store/sqlite.ts";
import type { VirtualDisk } from "./virtual_disk.ts";
import type { VirtualNetwork } from "./virtual_network.ts";
import type { DeathOfLinks, VirtualProcess } from "./virtual_process.ts";

/**
 * A process of an application, made by `world.process()`.
 *
 * @example A program that dies, and what the next one finds on its disk
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { World } from "jsr:@mqtt5/mqtt5/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using world = new World();
 * await using broker = await world.startBroker();
 * const start = async () => {
 *   const meter = world.process("meter");
 *   const store = meter.openStore("meter.db");
 *   const options = { clientId: "meter-7", sessionExpiryInterval: 86_400, store };
 *   return await connect(meter.server(), options);
 * };
 * const client = await start();
 * world.partition("meter");
 * await client.enqueue("meters/7", "4711", { qos: 1, retain: true });
 * world.process("meter").kill();
 * world.heal();
 * await using _next = await start();
 * await world.advance(1000);
 * assertEquals(broker.statistics.retained, 1);
 * ```
 */
export class WorldProcess {
  readonly #process: VirtualProcess;
  readonly #network: VirtualNetwork;
  readonly #disk: VirtualDisk;

  /** Use `world.process()`. */
  constructor(process: VirtualProcess, network: VirtualNetwork, disk: VirtualDisk) {
    this.#process = process;
    this.#network = network;
    this.#disk = disk;
  }

  /** Its name. */
  get name(): string {
    return this.#process.name;
  }

  /** Whether it has not been killed. */
  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  /** Its clock: timers that are set by it end with the process. */
  get clock(): Clock {
    return this.#process.clock;
  }

  /** Its clock on the wall, in milliseconds since 1970. */
  get date(): number {
    return this.#process.wallTime;
  }

  /** Where a broker is, for `connect()` in this process. */
  server(name: string = "broker"): TransportSource {
    return this.#network.source(this.#process, name);
  }

  /**
   * Opens a store for clients on the disk of the world, as `openStore()` of `./store` does. It
   * survives the process.
   *
   * @throws {StoreError} when the file cannot be used: another process has it, for example
   * @throws {RangeError} when a number is out of its range
   */
  openStore(path: string, options: StoreOptions = {}): Store {
    return new MortalStore(path, options, this.#disk.opener(this.#process), this.#process);
  }

  /**
   * It dies at once, without a word: what its clients wait for never comes, what they have
   * committed stays on the disk. Its connections are closed by the system; with `"silent"` nobody
   * is told.
   */
  kill(links: DeathOfLinks = "closed"): void {
    this.#process.kill(links);
  }

  /** Its machine sleeps, until {@linkcode WorldProcess.resume}: nothing reaches it. */
  suspend(): void {
    this.#process.suspend();
  }

  /** Its machine wakes up: its timers are late, and its clock on the wall is ahead of them. */
  resume(): void {
    this.#process.resume();
  }

  /** Somebody sets its clock on the wall: forwards, or back if it is negative. In milliseconds. */
  jumpWallClock(milliseconds: number): void {
    this.#process.jumpWallClock(milliseconds);
  }
}

/** A store that is closed already when its process is dead, whoever has used it. */
class MortalStore extends Store {
  readonly #process: VirtualProcess;

  constructor(path: string, options: StoreOptions, open: OpenDatabase, process: VirtualProcess) {
    super(path, options, open);
    this.#process = process;
  }

  override close(): void {
    if (this.#process.isAlive) super.close();
  }
}
