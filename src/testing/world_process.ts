// A program of the application in a virtual world: it connects, has files, sleeps and dies.

import type { TransportSource } from "../client/servers.ts";
import { Store, type StoreOptions } from "../store/client_store.ts";
import type { OpenDatabase } from "../store/sqlite.ts";
import type { VirtualDisk } from "./virtual_disk.ts";
import type { VirtualNetwork } from "./virtual_network.ts";
import type { DeathOfLinks, VirtualProcess } from "./virtual_process.ts";

/** A process of an application, made by `world.process()`. */
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
   * It dies at once, without a word: what its clients wait for never comes, what they have committed
   * stays on the disk. Its connections are closed by the system; with `"silent"` nobody is told.
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
