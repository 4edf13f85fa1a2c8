// Runs one plan from its beginning to its end: the steps; then all faults are over, and everything
// has to drain; then everybody leaves, and nothing may be left.

import { BrokerActor } from "./actors/broker_actor.ts";
import { ClientActor } from "./actors/client_actor.ts";
import { check } from "./checks/all.ts";
import { Hash } from "./hash.ts";
import type { History, Violation } from "./history.ts";
import { withPacketIdsFrom } from "./ids.ts";
import type { Plan } from "./plan.ts";
import { TOPICS } from "./plan_steps.ts";
import { type PacketLine, Stage } from "./stage.ts";
import { noStatistics, type Statistics } from "./statistics.ts";
import { type Actors, perform } from "./steps.ts";

/** What came of a plan. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** Tells whether two runs were the same. */
  readonly hash: string;
  readonly history: History;
  /** Every packet, if they were asked for. */
  readonly packets: readonly PacketLine[];
  readonly statistics: Statistics;
}

/** What is wanted of a run. */
export interface RunOptions {
  /** Whether to write down every packet. Default: false. */
  readonly withPackets?: boolean;
}

/** In so much virtual time everything drains, once all faults are over; in milliseconds. */
const DRAINED = 600_000;

/** How often it is looked whether it has. */
const GLANCE = 5000;

/** In so much virtual time everybody has left. */
const LEFT = 20_000;

/** Runs a plan. Never rejects: what is thrown is a violation. */
export async function run(plan: Plan, options: RunOptions = {}): Promise<Outcome> {
  return await withPacketIdsFrom(plan.firstPacketId, () => runOnce(plan, options));
}

async function runOnce(plan: Plan, { withPackets = false }: RunOptions): Promise<Outcome> {
  const { stackTraceLimit } = Error;
  // Most errors are part of the game, and nobody looks where they came from.
  Error.stackTraceLimit = withPackets ? stackTraceLimit : 0;
  const hash = new Hash();
  const stage = new Stage(plan, hash, withPackets);
  const thrown: unknown[] = [];
  const stopListening = listen(thrown);
  try {
    await play(stage, plan);
  } catch (error) {
    thrown.push(error);
  } finally {
    await stage.end();
    stopListening();
    Error.stackTraceLimit = stackTraceLimit;
  }
  const history: History = {
    seed: plan.seed,
    conditions: stage.conditions,
    events: stage.recorder.events,
  };
  const violations = [
    ...thrown.map((error): Violation => ({
      check: "nothing is thrown",
      message: error instanceof Error ? error.stack ?? error.message : String(error),
      ids: [],
      at: stage.now,
    })),
    ...stage.violations,
    ...check(history),
  ];
  const statistics = statisticsOf(plan, stage);
  return {
    violations,
    history,
    packets: stage.packets,
    statistics,
    get hash() {
      return hashOf(hash, history);
    },
  };
}

/** The bytes are in it already. */
function hashOf(bytes: Hash, { events }: History): string {
  const hash = bytes.copy();
  for (const event of events) hash.text(JSON.stringify(event));
  return hash.value;
}

/** Hears of what nobody has caught. */
function listen(thrown: unknown[]): () => void {
  const onError = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    thrown.push("reason" in event ? event.reason : event.error);
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onError);
  return () => {
    globalThis.removeEventListener("error", onError);
    globalThis.removeEventListener("unhandledrejection", onError);
  };
}

async function play(stage: Stage, plan: Plan): Promise<void> {
  const broker = new BrokerActor(stage, plan.broker);
  const clients = plan.clients.map((client) => new ClientActor(stage, client));
  const actors: Actors = { stage, broker, clients };
  broker.start();
  await stage.advance(0);
  for (const client of clients) client.start();
  for (const { after, ...action } of plan.steps) {
    if (after > 0) await stage.advance(after);
    perform(action, actors);
  }
  await drain(actors);
  await leave(actors);
}

/** All faults are over: everybody connects, and every message goes where it belongs. */
async function drain({ stage, broker, clients }: Actors): Promise<void> {
  stage.endFaults();
  stage.recorder.record({ type: "faults over" });
  broker.start();
  await stage.advance(0);
  for (const client of clients) client.comeBack();
  const end = stage.now + DRAINED;
  let unrest: string | undefined;
  do {
    await stage.advance(GLANCE);
    unrest = unrestOf({ stage, broker, clients });
  } while (unrest !== undefined && stage.now < end);
  // What nobody waits for may still be on its way.
  await stage.advance(GLANCE);
  stage.recorder.record({ type: "drained", isComplete: unrest === undefined });
  if (unrest !== undefined) stage.violate("everything drains", unrest);
  else {
    stage.judgeObligations();
    broker.recordMessages();
  }
}

/** What is still on its way, or why nobody can know. */
function unrestOf({ broker: { broker, waiting }, clients }: Actors): string | undefined {
  if (broker === undefined) return "The broker does not run";
  const [first] = waiting.values();
  if (first !== undefined) return `${first.what} has not settled at the broker`;
  for (const client of clients) {
    const { unrest } = client;
    if (unrest !== undefined) return unrest;
  }
  const busy = broker.clients().find(({ queued, inFlight }) => queued + inFlight > 0);
  if (busy === undefined) return undefined;
  return `The broker has ${busy.queued} messages queued and ${busy.inFlight} in flight for ` +
    busy.clientId;
}

/** Everybody leaves, and ends the session; then the broker keeps nothing. */
async function leave({ stage, broker, clients }: Actors): Promise<void> {
  for (const client of clients) client.recordLedger();
  for (const client of clients) client.leave();
  await stage.advance(LEFT);
  for (const client of clients) client.recordPending();
  for (const client of clients) client.end();
  await stage.advance(0);
  broker.recordStatistics();
  for (const topic of topicsOf(clients.length)) {
    broker.clear(topic);
    // As few may be on their way at once as the broker has room for.
    await stage.advance(0);
  }
  // Delayed Wills and sessions of before have their time.
  await stage.advance(LEFT);
  broker.recordStatistics();
  void broker.shutDown(Infinity);
  await stage.advance(LEFT);
  broker.recordPending();
}

/** Everything that may have been retained. */
function topicsOf(clients: number): string[] {
  return [...TOPICS, ...Array.from({ length: clients }, (_, client) => `will/${client}`)];
}

function statisticsOf({ steps }: Plan, stage: Stage): Statistics {
  const statistics = noStatistics();
  const count = (type: string) =>
    stage.recorder.events.filter((event) => event.type === type).length;
  statistics.seeds = 1;
  statistics.steps = steps.length;
  statistics.time = stage.now;
  statistics.messages = count("handed");
  statistics.links = count("link opened");
  statistics.cuts = stage.cuts;
  statistics.packets = stage.passed;
  statistics.crashes = count("killed");
  stage.addStatements(statistics);
  return statistics;
}
