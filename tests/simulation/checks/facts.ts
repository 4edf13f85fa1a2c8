// What a history says about each message, subscription, client and broker, found once for all
// checks. A moment is the index of an event: it orders what has happened within one millisecond,
// too. What is not certain here is left open, so that a check which goes by it cannot be wrong.

import type { FilterAsked, History, HistoryEvent } from "../history.ts";
import type {
  ClientFacts,
  ConnectionFacts,
  MessageFacts,
  ProcessFacts,
  SubscriptionFacts,
} from "./fact_types.ts";
import { matches } from "./filters.ts";
import { mayHaveLapsed } from "./lifetimes.ts";
import { Notes } from "./notes.ts";

/** What the broker is told nothing of is on disk so many milliseconds later. */
const SOON = 2500;

/** The turns of a broker are over in so many milliseconds. */
const AT_ONCE = 250;

/** All that the checks go by. */
export class Facts {
  readonly history: History;
  readonly events: readonly HistoryEvent[];
  readonly messages: ReadonlyMap<number, MessageFacts>;
  readonly subscriptions: ReadonlyMap<number, SubscriptionFacts>;
  readonly processes: ReadonlyMap<number, ProcessFacts>;
  readonly clients: ReadonlyMap<string, ClientFacts>;
  readonly connections: readonly ConnectionFacts[];
  /** The runs of the broker, in order. */
  readonly brokers: readonly ProcessFacts[];
  /** When all has drained, or the history ends. */
  readonly end: number;
  /** Whether there was the time for it: what has not come until then is lost. */
  readonly hasDrained: boolean;
  readonly #matching = new Map<string, FilterAsked[]>();

  constructor(history: History) {
    this.history = history;
    this.events = history.events;
    const notes = new Notes(this.events);
    this.messages = notes.messages;
    this.subscriptions = notes.subscriptions;
    this.processes = notes.processes;
    this.clients = notes.clients;
    this.connections = notes.connections;
    this.brokers = notes.brokers;
    const drained = this.events.findIndex(({ type }) => type === "drained");
    this.hasDrained = drained >= 0;
    this.end = this.hasDrained ? drained : this.events.length;
  }

  /** The time of the world at a moment. */
  at(index: number): number {
    return this.events[index]?.at ?? Infinity;
  }

  /** So many milliseconds are nothing. */
  get slack(): number {
    return this.history.conditions.slack;
  }

  /**
   * So many milliseconds pass at most between what the broker does and what it says of it, as
   * nothing of the network lies between.
   */
  get brokerSlack(): number {
    return Math.min(this.slack, AT_ONCE);
  }

  /** Whether a client has lost no session between two moments, be it that it was never told. */
  keepsSession(client: string, from: number, to: number): boolean {
    return !hasBetween(this.clients.get(client)?.losses ?? [], from, to) &&
      !mayHaveLapsed(this, client, from, to);
  }

  /** Whether a client may have, at a moment, a session of which it does not know everything. */
  isForeign(client: string, moment: number): boolean {
    const { processes, losses } = this.clients.get(client)!;
    return processes.some(({ goesOn, started }) =>
      goesOn && started < moment && !hasBetween(losses, started, moment)
    );
  }

  /** Whether a broker was killed between two moments. */
  hasCrashed(from: number, to: number): boolean {
    return this.brokers.some(({ killed }) => killed > from && killed < to);
  }

  /**
   * Whether the clock of the broker may have disturbed what it counts in time: that on the wall is
   * what a later process goes by.
   */
  get isBrokerDisturbed(): boolean {
    return this.brokers.length > 1 && this.brokers.some(({ isDisturbed }) => isDisturbed);
  }

  /** Whether the clocks of a client, or its sleep, may have disturbed what it counts in time. */
  isDisturbed(client: string): boolean {
    return this.clients.get(client)!.processes.some(({ isDisturbed }) => isDisturbed);
  }

  /** The connections that the broker has accepted of a client, in order. */
  acceptedOf(clientId: string): ConnectionFacts[] {
    return this.connections.filter((each) => each.clientId === clientId && each.accepted < Infinity)
      .sort((one, other) => one.accepted - other.accepted);
  }

  /** Whether a broker was killed soon after a moment: what nobody was told of may be lost. */
  isSoonKilled(index: number): boolean {
    const at = this.at(index);
    return this.brokers.some(({ killed }) => killed > index && this.at(killed) <= at + SOON);
  }

  /** Whether there was something between two moments that a broker could not store. */
  wasFailing(from: number, to: number): boolean {
    return this.brokers.some(({ failures, killed }) =>
      failures.some((failure) => failure.from < to && Math.min(failure.to, killed) > from)
    );
  }

  /**
   * Whether a broker may take a message of QoS 2 for one that was refused: an earlier broker was
   * killed before it could take that back from its disk. It is so only with a message that is sent
   * again, as any other cannot be the old one.
   */
  mayBeConfused(
    { published: { qos }, client, called, outcomes: [outcome] }: MessageFacts,
  ): boolean {
    const isDone = this.brokers.some(({ failures, killed }) =>
      killed < Infinity && failures.some(({ to, isDone }) => isDone && to === Infinity)
    );
    const { breaks } = this.clients.get(client)!;
    return qos === 2 && isDone && hasBetween(breaks, called, outcome?.index ?? Infinity);
  }

  /** Whether all that a broker had was lost between two moments: it was killed, and had no file. */
  hasForgotten(from: number, to: number): boolean {
    return this.brokers.some(({ killed }, place) =>
      killed > from && killed < to && this.brokers[place + 1]?.event.store !== "kept"
    );
  }

  /** When the broker last lost all that it had, before a moment; -1 for never. */
  forgottenBefore(moment: number): number {
    const forgotten = this.brokers.findLast(({ killed }, place) =>
      killed < moment && this.brokers[place + 1]?.event.store !== "kept"
    );
    return forgotten?.killed ?? -1;
  }

  /**
   * The Topic Filters that match a topic, of all subscriptions that a client has ever asked for: by
   * which of them a message has come nobody can tell for sure.
   */
  matching(client: string, topic: string): readonly FilterAsked[] {
    const key = `${client} ${topic}`;
    let found = this.#matching.get(key);
    if (found === undefined) {
      found = [];
      for (const subscription of this.subscriptions.values()) {
        if (subscription.client !== client) continue;
        for (const filter of subscription.filters) {
          if (matches(filter.topicFilter, topic)) found.push(filter);
        }
      }
      this.#matching.set(key, found);
    }
    return found;
  }

  /** The process of a subscription or message. */
  process(number: number): ProcessFacts {
    return this.processes.get(number)!;
  }

  /** Whether a client is there when all has drained, with the session that it had at a moment. */
  isThere(client: string, since: number): boolean {
    const facts = this.clients.get(client);
    return facts?.isThere === true && !this.hasForgotten(since, this.end) &&
      this.keepsSession(client, since, this.end);
  }
}

/** Whether one of the moments lies between two others. */
export function hasBetween(moments: readonly number[], from: number, to: number): boolean {
  return moments.some((moment) => moment > from && moment < to);
}
