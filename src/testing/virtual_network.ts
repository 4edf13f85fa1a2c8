// The network of a virtual world: names at which processes listen, dials, links, and what goes
// wrong with them.

import type { TransportSource } from "../client/servers.ts";
import { ConnectionFault } from "../io/faults.ts";
import type { Transport } from "../io/transport.ts";
import { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import {
  checkConditions,
  type LinkConditions,
  VirtualLink,
  type Way,
  WAYS,
} from "./virtual_link.ts";
import type { VirtualProcess } from "./virtual_process.ts";

/** What becomes of attempts to connect to a server. */
export type DialMode =
  /** They reach it, if it is there. */
  | "accept"
  /** They are refused, as by a machine on which nobody listens. */
  | "refuse"
  /** Nothing answers, and the client has to give up by itself. */
  | "black hole"
  /** The connection is made and closed at once, as by a proxy without a server behind it. */
  | "hang up";

/** A process that listens at a name. */
export interface VirtualListener {
  readonly process: VirtualProcess;
  /** Is given the server's end of each new link. */
  readonly accept: (transport: Transport, link: VirtualLink) => void;
}

/** What a network is made of. */
export interface VirtualNetworkSetup {
  readonly schedule: Schedule;
  readonly seed: number;
  /** Is told of each link, before anything passes. */
  readonly onLink?: ((link: VirtualLink) => void) | undefined;
}

/** Names of processes that cannot reach each other; `undefined` stands for all of them. */
interface Partition {
  readonly one: string | undefined;
  readonly other: string | undefined;
}

/** What links processes. */
export class VirtualNetwork {
  readonly #setup: VirtualNetworkSetup;
  readonly #listeners = new Map<string, VirtualListener>();
  readonly #links = new Set<VirtualLink>();
  readonly #modes = new Map<string, DialMode>();
  #partitions: Partition[] = [];
  /** Every name that anybody has used, of processes and of where they listen. */
  readonly #names = new Set<string>();
  /** Dials that reach nobody for now. */
  #waiting: (() => void)[] = [];
  /** How many links there have been, by their ends: each has chance of its own. */
  readonly #counts = new Map<string, number>();
  #count = 0;
  #conditions: { readonly [Name in Way]?: LinkConditions } = {};

  constructor(setup: VirtualNetworkSetup) {
    this.#setup = setup;
  }

  /** The links that are not over, in the order in which they were made. */
  get links(): readonly VirtualLink[] {
    return [...this.#links];
  }

  /** The names that anybody has used, of processes and of where they listen. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /**
   * From now on the network is like this, for all links; what is not given is the default.
   *
   * @throws {RangeError} when a number is out of its range
   */
  setConditions(conditions: LinkConditions, ways: readonly Way[] = WAYS): void {
    checkConditions(conditions);
    const changed = Object.fromEntries(ways.map((way) => [way, conditions]));
    this.#conditions = { ...this.#conditions, ...changed };
    for (const link of this.#links) link.setConditions(conditions, ways);
  }

  /** Where a name is, for `connect()` in a process. */
  source(process: VirtualProcess, name: string): TransportSource {
    this.#names.add(process.name).add(name);
    return {
      clock: process.clock,
      connect: ({ signal }) => this.dial(process, name, signal),
    };
  }

  /**
   * A process listens at a name. Returns how to stop that.
   *
   * @throws {Error} when another one that lives does
   */
  listen(name: string, listener: VirtualListener): () => void {
    const before = this.#listeners.get(name);
    if (before?.process.isAlive) {
      throw new Error(`Cannot listen at ${name}: address already in use`);
    }
    this.#names.add(name).add(listener.process.name);
    this.#listeners.set(name, listener);
    return () => {
      if (this.#listeners.get(name) === listener) this.#listeners.delete(name);
    };
  }

  /** What becomes of dials to a name from now on. */
  setDialMode(name: string, mode: DialMode): void {
    this.#modes.set(name, mode);
    this.#tryAgain();
  }

  /**
   * Connects a process to a name. Resolves to its end of the link; never if the process dies.
   *
   * Rejects with `ConnectionFault` when nobody listens there, and with the signal's reason when it
   * aborts.
   */
  dial(from: VirtualProcess, name: string, signal: AbortSignal): Promise<Transport> {
    const { promise, resolve, reject } = Promise.withResolvers<Transport>();
    if (signal.aborted) return Promise.reject(signal.reason);
    const conditions = this.#conditions;
    let link: VirtualLink | undefined;
    const abort = () => {
      link?.clientEnd.close();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort);
    const settle = (outcome: () => void) => {
      const { latency = 0 } = conditions["to client"] ?? {};
      from.receiveAt(this.#setup.schedule.now + latency, () => {
        signal.removeEventListener("abort", abort);
        if (from.isAlive && !signal.aborted) outcome();
      });
    };
    const arrive = () => {
      if (signal.aborted || !from.isAlive) return;
      const mode = this.#modes.get(name) ?? "accept";
      const listener = this.#listeners.get(name);
      const isThere = listener?.process.isAlive === true && mode !== "refuse";
      if (mode === "black hole" || this.#isApart(from.name, listener?.process.name ?? name)) {
        this.#waiting.push(arrive);
        return;
      }
      if (listener !== undefined && listener.process.isSuspended) {
        listener.process.receiveAt(this.#setup.schedule.now, arrive);
        return;
      }
      if (!isThere) {
        const text = `Cannot connect to ${name}: connection refused`;
        return settle(() => reject(new ConnectionFault("refused", "time", text)));
      }
      const made = link = this.#link(from, listener.process, name);
      if (mode === "hang up") made.serverEnd.close();
      else listener.accept(made.serverEnd, made);
      settle(() => resolve(made.clientEnd));
    };
    const { latency = 0 } = conditions["to server"] ?? {};
    this.#setup.schedule.at(this.#setup.schedule.now + latency, arrive, true);
    return promise;
  }

  /**
   * Processes cannot reach each other any more: their links stall, and dials are not answered.
   * Without names all are apart, with one that one from all others.
   */
  partition(one?: string, other?: string): void {
    const partition = { one, other };
    this.#partitions.push(partition);
    for (const link of this.#links) if (isApart(partition, link)) link.stall();
  }

  /** They can again: those of a partition with the same names, or of all. */
  heal(one?: string, other?: string): void {
    const isAll = one === undefined && other === undefined;
    const isHealed = (partition: Partition) =>
      isAll || partition.one === one && partition.other === other;
    const healed = this.#partitions.filter(isHealed);
    this.#partitions = this.#partitions.filter((partition) => !isHealed(partition));
    for (const partition of healed) {
      for (const link of this.#links) if (isApart(partition, link)) link.resume();
    }
    this.#tryAgain();
  }

  #tryAgain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const { schedule } = this.#setup;
    for (const dial of waiting) schedule.at(schedule.now, dial, true);
  }

  #isApart(one: string, other: string): boolean {
    return this.#partitions.some((partition) => separates(partition, one, other));
  }

  #link(client: VirtualProcess, server: VirtualProcess, serverName: string): VirtualLink {
    const { schedule, seed, onLink } = this.#setup;
    const ends = `${client.name} > ${serverName}`;
    const count = (this.#counts.get(ends) ?? 0) + 1;
    this.#counts.set(ends, count);
    const link = new VirtualLink({
      number: ++this.#count,
      schedule,
      random: Random.for(seed, `${ends} ${count}`),
      client,
      server,
      serverName,
      conditions: this.#conditions,
      onOver: (link) => this.#links.delete(link),
    });
    this.#links.add(link);
    onLink?.(link);
    return link;
  }
}

function isApart(partition: Partition, { client, server }: VirtualLink): boolean {
  return separates(partition, client.name, server.name);
}

function separates({ one, other }: Partition, here: string, there: string): boolean {
  const matches = (name: string | undefined, process: string) =>
    name === undefined || name === process;
  return matches(one, here) && matches(other, there) || matches(one, there) && matches(other, here);
}
