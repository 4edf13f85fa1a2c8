// A process of a run: the kit's, with a number in the history, and with what may go wrong with it.

import { startClient } from "../../src/client/client.ts";
import type { Client } from "../../src/client/client.ts";
import type { World } from "../../src/client/connection_attempt.ts";
import { DURABLE_SESSIONS } from "../../src/client/durable_session.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import { SOCKETS } from "../../src/client/sockets.ts";
import type { Broker } from "../../src/broker/mod.ts";
import type { Clock } from "../../src/io/clock.ts";
import { startVirtualBroker, type VirtualBrokerOptions } from "../../src/testing/virtual_broker.ts";
import { type VirtualLink, type Way as LinkWay, WAYS } from "../../src/testing/virtual_link.ts";
import type { DeathOfLinks, VirtualProcess } from "../../src/testing/virtual_process.ts";
import type { Host } from "./actors/host.ts";
import type { Way } from "./plan.ts";
import type { RecordedOfProcess } from "./recorder.ts";
import { BROKER, type Stage } from "./stage.ts";
import type { StagedDisk } from "./staged_disk.ts";

/** One process. */
export class StagedProcess implements Host {
  readonly number: number;
  readonly virtual: VirtualProcess;
  /** Called when it has died by itself: in the middle of a commit. */
  onCrash: () => void = () => {};
  readonly #stage: Stage;
  #isBeingKilled = false;
  readonly #halfOpen: VirtualLink[] = [];

  constructor(stage: Stage, virtual: VirtualProcess, number: number) {
    this.#stage = stage;
    this.virtual = virtual;
    this.number = number;
    virtual.own({ killed: () => this.#died() });
  }

  get clock(): Clock {
    return this.virtual.clock;
  }

  get isAlive(): boolean {
    return this.virtual.isAlive;
  }

  /** Whether its consumers take the time that they were planned to take. */
  get isPatient(): boolean {
    return this.#stage.hasFaults;
  }

  /** The link that it has made last, if that is not over. */
  get link(): VirtualLink | undefined {
    return this.#stage.network.links.findLast(({ client }) => client === this.virtual);
  }

  record(event: RecordedOfProcess): void {
    if (!this.isAlive) return;
    this.#stage.recorder.record({ process: this.number, ...event });
  }

  nextNumber(): number {
    return this.#stage.recorder.nextNumber();
  }

  /** Starts a client in it. */
  async connect(options: ConnectOptions): Promise<Client> {
    const source = this.#stage.network.source(this.virtual, BROKER);
    const world: World = {
      clock: this.clock,
      dial: () => Promise.reject(new TypeError("There are no sockets here")),
      sockets: SOCKETS,
      durable: DURABLE_SESSIONS,
    };
    return await startClient(world, source, options);
  }

  /** Starts a broker in it. */
  async startBroker(options: VirtualBrokerOptions, disk: StagedDisk | undefined): Promise<Broker> {
    return await startVirtualBroker(
      { ...options, ...disk !== undefined && { path: disk.path } },
      {
        process: this.virtual,
        network: this.#stage.network,
        name: BROKER,
        open: disk?.opener(this) ?? (() => {
          throw new TypeError("There is no disk here");
        }),
        warn: (line) => this.record({ type: "internal error", message: line }),
      },
    );
  }

  /** It dies at once. */
  kill(links: DeathOfLinks): void {
    if (!this.isAlive) return;
    this.record({ type: "killed" });
    this.#isBeingKilled = true;
    this.virtual.kill(links);
  }

  /** Somebody sets its clock on the wall. */
  setClock(by: number): void {
    this.virtual.jumpWallClock(by);
    this.record({ type: "clock changed", by });
  }

  /** Its machine sleeps for a while. */
  sleep(lasts: number): void {
    if (this.virtual.isSuspended) return;
    this.record({ type: "suspended" });
    this.virtual.suspend();
    this.#stage.later(lasts, () => this.#wakeUp());
  }

  /** Its link breaks, now or when so many bytes more have arrived. */
  cut(way: Way, afterBytes: number): void {
    const { link } = this;
    if (link === undefined) return;
    this.#stage.cuts++;
    const when = afterBytes === 0 ? "" : ` after ${afterBytes} bytes ${way}`;
    this.#tell(link, `cut${when}`);
    if (afterBytes === 0) link.reset();
    else link.cutAfter(LINK_WAYS[way], afterBytes);
  }

  /** Nothing passes on its link any more, and nobody is told. */
  leaveHalfOpen(): void {
    const { link } = this;
    if (link === undefined) return;
    this.#tell(link, "half-open");
    this.#halfOpen.push(link);
    link.stall();
  }

  /** For so long nothing passes one way. */
  stallLink(way: Way, lasts: number): void {
    const { link } = this;
    if (link === undefined) return;
    this.#tell(link, `stalled ${way} for ${lasts} ms`);
    link.stall([LINK_WAYS[way]]);
    this.#stage.later(lasts, () => link.resume([LINK_WAYS[way]]));
  }

  /** For so long it reaches nobody. */
  partition(lasts: number): void {
    const { name } = this.virtual;
    const { network, recorder } = this.#stage;
    recorder.record({ type: "network", fault: `${name} is apart for ${lasts} ms` });
    network.partition(name);
    this.#stage.later(lasts, () => network.heal(name));
  }

  /** For so long everything takes its time on its link. */
  slowDown(latency: number, lasts: number): void {
    const { link } = this;
    if (link === undefined) return;
    this.#tell(link, `slow for ${lasts} ms`);
    const conditions = this.#stage.conditionsOfLinks;
    link.setConditions({ ...conditions, latency });
    this.#stage.later(lasts, () => link.setConditions(conditions));
  }

  /** All that was done to it is over. */
  endFaults(): void {
    this.#wakeUp();
    for (const link of this.#halfOpen) link.reset();
    // Whoever was killed silently leaves links that nobody closes.
    if (this.isAlive) return;
    for (const link of this.#stage.network.links) {
      if (link.client === this.virtual || link.server === this.virtual) link.reset();
    }
  }

  #wakeUp(): void {
    if (!this.virtual.isSuspended) return;
    this.virtual.resume();
    this.record({ type: "resumed" });
  }

  #died(): void {
    if (this.#isBeingKilled) return;
    this.#stage.recorder.record({ process: this.number, type: "killed" });
    this.#stage.later(0, () => this.onCrash());
  }

  #tell({ number }: VirtualLink, fault: string): void {
    this.#stage.recorder.record({ type: "network", link: number, fault });
  }
}

const LINK_WAYS: { readonly [Name in Way]: LinkWay } = { up: WAYS[0]!, down: WAYS[1]! };
