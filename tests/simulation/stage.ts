// The world of a run as its actors see it: the kit's network, processes and disks, and observers
// that write into the history what passes between them.

import { Empties } from "./empties.ts";
import type { Hash } from "./hash.ts";
import type { Conditions, StoreState, Violation } from "./history.ts";
import { seenOf } from "./handshakes.ts";
import type { DialFault, Plan, Step } from "./plan.ts";
import { numberOf, Recorder } from "./recorder.ts";
import { packetLine } from "./report.ts";
import { StagedDisk } from "./staged_disk.ts";
import { StagedProcess } from "./staged_process.ts";
import type { Statistics } from "./statistics.ts";
import { LinkMonitor, type Observed, SessionMonitor, Tally } from "../../src/monitor/mod.ts";
import type { PublishPacket } from "../../src/packets/mod.ts";
import { Random } from "../../src/testing/random.ts";
import { Schedule } from "../../src/testing/schedule.ts";
import type { LinkConditions, VirtualLink } from "../../src/testing/virtual_link.ts";
import { type DialMode, VirtualNetwork } from "../../src/testing/virtual_network.ts";
import { VirtualProcess } from "../../src/testing/virtual_process.ts";

/** The name at which the broker listens. */
export const BROKER = "broker";

/** No run has more entries of its schedule than this. */
const MOST = 2_000_000;

/** So long an entry may take that waits for a timer of the broker, beside the network. */
const SLACK = 5000;

/** The longest Session Expiry Interval that the broker grants where nothing else is said. */
const WEEK = 604_800;

/** A packet in the history. */
export interface PacketLine {
  readonly at: number;
  /** After how many events it passed. */
  readonly after: number;
  readonly line: string;
}

/** A world that does what a plan says. */
export class Stage {
  readonly plan: Plan;
  readonly schedule: Schedule;
  readonly network: VirtualNetwork;
  readonly recorder: Recorder;
  readonly packets: PacketLine[] = [];
  readonly violations: Violation[] = [];
  readonly empties = new Empties();
  /** How many links a fault has cut. */
  cuts = 0;
  /** How many packets have passed. */
  passed = 0;
  readonly #hash: Hash;
  readonly #withPackets: boolean;
  readonly #processes = new Map<VirtualProcess, StagedProcess>();
  readonly #disks: StagedDisk[] = [];
  /** The processes of clients that have sent a CONNECT. */
  readonly #connected = new WeakSet<VirtualProcess>();
  readonly #tally = new Tally();
  readonly #sessions = new SessionMonitor();
  readonly #monitors = new WeakMap<VirtualLink, LinkMonitor>();
  #refusedUntil = 0;
  #hasFaults = true;

  constructor(plan: Plan, hash: Hash, withPackets: boolean) {
    this.plan = plan;
    this.#hash = hash;
    this.#withPackets = withPackets;
    this.schedule = new Schedule({ onError: (error) => this.violate("nothing is thrown", error) });
    this.recorder = new Recorder(() => this.schedule.now);
    this.network = new VirtualNetwork({
      schedule: this.schedule,
      seed: plan.seed,
      onLink: (link) => this.#watch(link),
    });
    this.network.setConditions(this.conditionsOfLinks);
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.schedule.now;
  }

  /** Whether faults are still to come, and consumers take their time. */
  get hasFaults(): boolean {
    return this.#hasFaults;
  }

  /** What links are like while nothing is wrong. */
  get conditionsOfLinks(): LinkConditions {
    const { leastLatency, mostLatency, largestFragment, buffer } = this.plan.network;
    return {
      latency: leastLatency,
      jitter: mostLatency - leastLatency,
      ...largestFragment !== undefined && { pieces: [1, largestFragment] as const },
      ...buffer !== undefined && { buffer },
    };
  }

  /** What the checks have to know of the world. */
  get conditions(): Conditions {
    const { overlapping = "one copy", limits } = this.plan.broker.options;
    return {
      overlapping,
      sessionExpiryLimit: limits?.sessionExpiryInterval ?? WEEK,
      retainedLimit: limits?.retainedMessages,
      slack: SLACK,
    };
  }

  /** How far the monitor may be off with the expiry of sessions, in milliseconds. */
  get #sessionTolerance(): number {
    // What a broker restores has expired by its clock on the wall, which somebody may set, and has
    // not while the broker did not run.
    return this.plan.steps.some(({ do: name }) => DISTURBS_SESSIONS.has(name)) ? Infinity : SLACK;
  }

  /** How late packets of a Client may be because of its machine or its link, in milliseconds. */
  get #keepAliveTolerance(): number {
    const { network: { mostLatency, buffer }, steps } = this.plan;
    const isHeldUp = buffer !== undefined || steps.some(({ do: name }) => DELAYS.has(name));
    return isHeldUp ? Infinity : 1000 + mostLatency;
  }

  /** A process goes on with a session of which it knows nothing: nor need the monitor. */
  forgetClient(clientId: string): void {
    this.#sessions.of(clientId).forgetClient();
  }

  /** Requests are of no use to another process, so that no store has them: they are of QoS 1. */
  forgetRequests(clientId: string): void {
    this.#sessions.of(clientId).forgetOfClient(1);
  }

  /** Whether the broker was told that something is not on its disk. */
  get #hadFaultyDisk(): boolean {
    return this.recorder.events.some((event) =>
      event.type === "disk" && this.#isBroker(event.process)
    );
  }

  #isBroker(number: number): boolean {
    return this.recorder.events.some((event) =>
      event.type === "started" && event.process === number && event.program === "broker"
    );
  }

  /** A broker has started again that could not store everything: what it has granted, for one. */
  #forgetSubscriptions(): void {
    for (const { clientId } of this.plan.clients) this.#sessions.of(clientId).forgetSubscriptions();
  }

  /** A disk of its own, for one program. */
  disk(path: string): StagedDisk {
    const disk = new StagedDisk(this, path);
    this.#disks.push(disk);
    return disk;
  }

  /** A new process. */
  process(program: "client" | "broker", name: string, store: StoreState): StagedProcess {
    const number = this.#processes.size + 1;
    const virtual = new VirtualProcess({
      name,
      schedule: this.schedule,
      random: Random.for(this.plan.seed, `${name} ${number}`),
    });
    const process = new StagedProcess(this, virtual, number);
    this.#processes.set(virtual, process);
    process.record({ type: "started", program, name, store });
    // It has lost all sessions, and the monitor need not wonder.
    if (program === "broker" && store !== "kept") this.#sessions.forget();
    if (program === "broker") {
      this.empties.forget();
      if (this.#hadFaultyDisk) this.#forgetSubscriptions();
    }
    return process;
  }

  /** Calls back so many milliseconds later, whatever becomes of processes. */
  later(milliseconds: number, callback: () => void): void {
    this.schedule.at(this.now + milliseconds, callback);
  }

  /** Time passes. */
  async advance(milliseconds: number): Promise<void> {
    await this.schedule.run(this.now + milliseconds);
    if (this.schedule.steps > MOST) throw new Error("The run does not come to an end");
  }

  /** For so long nobody connects to the broker. */
  refuseDials(how: DialFault, lasts: number): void {
    const until = this.#refusedUntil = this.now + lasts;
    this.network.setDialMode(BROKER, DIAL_MODES[how]);
    this.recorder.record({ type: "network", fault: `dials: ${how}` });
    this.later(lasts, () => {
      if (this.#refusedUntil === until) this.network.setDialMode(BROKER, "accept");
    });
  }

  /** From now on nothing goes wrong any more. Links that were left half-open break. */
  endFaults(): void {
    this.#hasFaults = false;
    this.#refusedUntil = 0;
    this.network.setDialMode(BROKER, "accept");
    this.network.heal();
    for (const process of this.#processes.values()) process.endFaults();
    for (const disk of this.#disks) disk.endFaults();
    this.network.setConditions(this.conditionsOfLinks);
  }

  /** All has drained: nobody owes anything any more. */
  judgeObligations(): void {
    for (const link of this.network.links) {
      for (const owed of this.#monitors.get(link)?.obligations(this.now) ?? []) {
        if (this.now - owed.since <= SLACK) continue;
        // What it sent at QoS 1 while nothing could be stored it sends as new when it starts again.
        if (owed.statement === "MQTT-4.4.0-1" && this.#hadFaultyDisk) continue;
        const message = `${owed.message} (link ${link.number})`;
        const ids = [link.number];
        this.violations.push({ check: `monitor ${owed.statement}`, message, ids, at: this.now });
      }
    }
  }

  /** Something is wrong that no check of the history finds. */
  violate(check: string, error: unknown): void {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    this.violations.push({ check, message, ids: [], at: this.now });
  }

  addStatements(statistics: Statistics): void {
    for (const [statement, count] of this.#tally.exercised) {
      statistics.statements[statement] = count;
    }
  }

  /** Nothing happens any more. */
  async end(): Promise<void> {
    for (const process of this.#processes.values()) process.kill("silent");
    await this.advance(0);
    this.schedule.end();
    for (const disk of this.#disks) disk.end();
  }

  #watch(link: VirtualLink): void {
    const { number } = link;
    const client = this.#processes.get(link.client)!;
    const server = this.#processes.get(link.server)!;
    this.recorder.record({
      type: "link opened",
      link: number,
      client: client.number,
      server: server.number,
    });
    const aliases = new Map<number, string>();
    const monitor = new LinkMonitor({
      sessions: this.#sessions,
      tally: this.#tally,
      sessionTolerance: this.#sessionTolerance,
      keepAliveTolerance: this.#keepAliveTolerance,
      observe: (observed) => this.#observe(link, observed, aliases),
    });
    this.#monitors.set(link, monitor);
    link.observe({
      bytes: (way, bytes, now) => {
        this.#hash.number(number);
        this.#hash.bytes(bytes);
        if (way === "to server") monitor.client(bytes.slice(), now);
        else monitor.server(bytes.slice(), now);
      },
      ended: (way, _how, now) => {
        const end = way === "to server" ? "server" : "client";
        this.recorder.record({ type: "link ended", link: number, end });
        if (way === "to server") monitor.clientEnd(now);
        else monitor.serverEnd(now);
      },
    });
  }

  #published(clientId: string, packet: PublishPacket, aliases: Map<number, string>): void {
    const { payload, qos, properties: { topicAlias = 0, userProperties } } = packet;
    if (packet.topic !== "") aliases.set(topicAlias, packet.topic);
    if (payload.length > 0) return;
    const topic = packet.topic === "" ? aliases.get(topicAlias)! : packet.topic;
    this.empties.sent(clientId, topic, numberOf({ payload, userProperties }), qos);
  }

  /** What an earlier process has sent may have come after this one has started. */
  #connecting(process: VirtualProcess, clientId: string): void {
    if (this.#connected.has(process)) return;
    this.#connected.add(process);
    this.forgetRequests(clientId);
  }

  #observe(
    { number: link, client }: VirtualLink,
    { from, packet, findings }: Observed,
    aliases: Map<number, string>,
  ): void {
    this.passed++;
    if (from === "client" && packet?.type === "publish") {
      this.#published(client.name, packet, aliases);
    }
    const to = from === "client" ? "server" : "client";
    if (packet?.type === "connect") this.#connecting(client, packet.clientId);
    const seen = packet && seenOf(packet);
    if (seen !== undefined) this.recorder.record({ type: "packet", link, to, packet: seen });
    if (this.#withPackets && packet !== undefined) {
      const line = `link ${link} ${from === "client" ? "->" : "<-"} ${packetLine(packet)}`;
      this.packets.push({ at: this.now, after: this.recorder.events.length, line });
    }
    for (const { severity, statement, section, by, message } of findings) {
      if (severity !== "violation") continue;
      const rule = statement ?? `§${section}`;
      this.violations.push({
        check: `monitor ${rule}`,
        message: `${message} (link ${link}, by the ${by})`,
        ids: [link],
        at: this.now,
      });
    }
  }
}

/** The steps after which the monitor cannot tell when a session has expired. */
const DISTURBS_SESSIONS: ReadonlySet<string> = new Set(
  [
    "set broker's clock",
    "broker's disk",
    "crash broker",
    "shut broker down",
  ] satisfies Step["do"][],
);

/** The steps that keep a Client's packets from being on time. */
const DELAYS: ReadonlySet<string> = new Set(
  ["sleep", "stall link", "partition", "slow link", "half-open"] satisfies Step["do"][],
);

const DIAL_MODES: { readonly [Fault in DialFault]: DialMode } = {
  "refused": "refuse",
  "black hole": "black hole",
  "closed": "hang up",
};
