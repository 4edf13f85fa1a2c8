// What a history says about each message, subscription, client and broker, found once for all
// checks. A moment is the index of an event: it orders what has happened within one millisecond,
// too. What is not certain here is left open, so that a check which goes by it cannot be wrong.

import { parseSharedSubscription, topicMatches } from "../../../src/topics.ts";
import type {
  EventOf,
  FilterAsked,
  History,
  HistoryEvent,
  Published,
  WillMeant,
} from "../history.ts";
import type {
  ClientFacts,
  ConnectionFacts,
  MessageFacts,
  ProcessFacts,
  SubscriptionFacts,
} from "./fact_types.ts";

/** What the broker is told nothing of is on disk so many milliseconds later. */
const SOON = 2500;

/** The turns of a broker are over in so many milliseconds. */
const AT_ONCE = 250;

/** All that the checks go by. */
export class Facts {
  readonly history: History;
  readonly events: readonly HistoryEvent[];
  readonly messages: Map<number, MessageFacts> = new Map();
  readonly subscriptions: Map<number, SubscriptionFacts> = new Map();
  readonly processes: Map<number, ProcessFacts> = new Map();
  readonly clients: Map<string, ClientFacts> = new Map();
  readonly connections: ConnectionFacts[] = [];
  /** The runs of the broker, in order. */
  readonly brokers: ProcessFacts[] = [];
  /** When all has drained, or the history ends. */
  readonly end: number;
  /** Whether there was the time for it: what has not come until then is lost. */
  readonly hasDrained: boolean;
  /** The broker's process that each link has reached. */
  readonly #servers = new Map<number, number>();
  readonly #matching = new Map<string, FilterAsked[]>();

  constructor(history: History) {
    this.history = history;
    this.events = history.events;
    this.events.forEach((event, index) => this.#note(event, index));
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

  /** Whether a client has been told of no lost session between two moments. */
  keepsSession(client: string, from: number, to: number): boolean {
    return !hasBetween(this.clients.get(client)?.losses ?? [], from, to);
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

  #note(event: HistoryEvent, index: number): void {
    switch (event.type) {
      case "started": {
        const process: ProcessFacts = {
          ...{ number: event.process, started: index, event, killed: Infinity, closed: Infinity },
          ...{ isDisturbed: false, isDiskFaulty: false, hasForeignSession: undefined },
          goesOn: false,
        };
        this.processes.set(event.process, process);
        if (event.program === "broker") this.brokers.push(process);
        else this.#client(event.name).processes.push(process);
        return;
      }
      case "killed":
        return this.#killed(this.process(event.process), index);
      case "disk":
        this.process(event.process).isDiskFaulty = true;
        return;
      case "suspended":
      case "clock changed":
        this.process(event.process).isDisturbed = true;
        return;
      case "connect called":
        this.process(event.process).goesOn = event.cleanStart === false &&
          this.process(event.process).event.store !== "kept";
        if (event.will !== undefined) this.#published(event.will, event, index, true, false);
        return;
      case "publish called":
        return this.#published(event.message, event, index, false, event.isDurable);
      case "stored":
        this.messages.get(event.id)!.stored = index;
        return;
      case "published":
        this.messages.get(event.id)?.outcomes.push({ index, reasonCode: event.reasonCode });
        return;
      case "publish rejected":
        this.messages.get(event.id)?.outcomes.push({ index, error: event.error });
        return;
      case "handed":
        this.messages.get(event.id)?.handed.push({ index, event });
        return;
      case "done":
        this.messages.get(event.id)?.done.push({ index, event });
        return;
      case "commit failed": {
        const message = this.messages.get(event.id);
        if (message !== undefined) message.hasFailedCommit = true;
        return;
      }
      case "subscribe called":
        this.subscriptions.set(event.subscription, {
          ...{ id: event.subscription, process: event.process, filters: event.filters },
          ...{ client: this.#nameOf(event.process), called: index },
          ...{ granted: Infinity, ended: Infinity },
        });
        return;
      case "subscribed":
        this.subscriptions.get(event.subscription)!.granted = index;
        return;
      case "unsubscribe called":
      case "subscription ended":
        return this.#unsubscribed(event, index);
      case "connected": {
        const client = this.#clientOf(event.process);
        const process = this.process(event.process);
        process.hasForeignSession ??= event.sessionPresent && process.event.store !== "kept";
        client.isConnected = true;
        client.connected.push(index);
        if (!event.sessionPresent) client.losses.push(index);
        return;
      }
      case "disconnected":
        return this.#broken(event.process, index);
      case "disconnect called":
      case "closed":
        return this.#closed(this.process(event.process), index);
      case "drained":
        for (const client of this.clients.values()) client.isThere = client.isConnected;
        return;
      default:
        return this.#noteServer(event, index);
    }
  }

  #noteServer(event: HistoryEvent, index: number): void {
    switch (event.type) {
      case "broker routed":
        this.messages.get(event.id)?.routed.push(index);
        return;
      case "broker dropped":
        this.messages.get(event.id)?.droppedFor.add(event.clientId);
        return;
      case "broker subscribed":
        this.#client(event.clientId).granted.push({ index, topicFilter: event.topicFilter });
        return;
      case "broker connected":
        return this.#accepted(event.clientId, event.process, index);
      case "broker disconnected": {
        const connection = this.connections.find(({ clientId, accepted, ended }) =>
          clientId === event.clientId && accepted < Infinity && ended === Infinity
        );
        if (connection !== undefined) connection.ended = index;
        return;
      }
      case "link opened":
        this.#servers.set(event.link, event.server);
        return;
      case "packet":
        return this.#packet(event, index);
      default:
        return;
    }
  }

  #accepted(clientId: string, server: number, index: number): void {
    const connection = this.connections.findLast((each) =>
      each.clientId === clientId && each.accepted === Infinity && each.ended === Infinity
    );
    if (connection !== undefined) connection.accepted = index;
    else {
      this.connections.push({
        ...{ link: 0, clientId, server, connect: undefined, accepted: index, ended: Infinity },
        ...{ isKilled: false, connack: Infinity, sessionPresent: undefined },
        disconnect: undefined,
      });
    }
  }

  #packet(event: EventOf<"packet">, index: number): void {
    const { packet, link, to } = event;
    if (packet.type === "connect") {
      const { clientId } = packet;
      this.connections.push({
        ...{ link, clientId, server: this.#servers.get(link) ?? 0, connect: packet },
        ...{ accepted: Infinity, ended: Infinity, isKilled: false, connack: Infinity },
        ...{ sessionPresent: undefined, disconnect: undefined },
      });
      return;
    }
    const connection = this.connections.findLast((each) => each.link === link);
    if (connection === undefined) return;
    if (packet.type === "connack") {
      connection.connack = index;
      if (packet.reasonCode === 0) connection.sessionPresent = packet.sessionPresent;
    } else if (to === "server" && connection.ended === Infinity) {
      // One that came when the broker had ended the connection changes nothing.
      connection.disconnect ??= { index, event };
    }
  }

  #published(
    published: Published | WillMeant,
    { process }: { readonly process: number },
    called: number,
    isWill: boolean,
    isDurable: boolean,
  ): void {
    // The program of a broker may publish, too.
    this.#client(this.#nameOf(process));
    this.messages.set(published.id, {
      ...{ published, isWill, isDurable, process, client: this.#nameOf(process), called },
      ...{ outcomes: [], routed: [], handed: [], done: [], droppedFor: new Set() },
      ...{ stored: Infinity, hasFailedCommit: false },
    });
  }

  #killed(process: ProcessFacts, index: number): void {
    process.killed = index;
    if (process.event.program === "client") {
      this.#endSubscriptions(process.number, index);
      return this.#broken(process.number, index);
    }
    for (const connection of this.connections) {
      if (connection.server !== process.number || connection.ended < Infinity) continue;
      connection.ended = index;
      connection.isKilled = true;
    }
  }

  #closed(process: ProcessFacts, index: number): void {
    process.closed = Math.min(process.closed, index);
    this.#endSubscriptions(process.number, index);
    this.#broken(process.number, index);
  }

  #endSubscriptions(process: number, index: number): void {
    for (const subscription of this.subscriptions.values()) {
      if (subscription.process === process) {
        subscription.ended = Math.min(subscription.ended, index);
      }
    }
  }

  #unsubscribed(
    event: EventOf<"unsubscribe called"> | EventOf<"subscription ended">,
    index: number,
  ): void {
    for (const subscription of this.subscriptions.values()) {
      if (subscription.process !== event.process || subscription.ended < Infinity) continue;
      const isMeant = event.subscription === subscription.id ||
        event.type === "unsubscribe called" && event.subscription === undefined &&
          subscription.filters.some(({ topicFilter }) => event.topicFilters.includes(topicFilter));
      if (isMeant) subscription.ended = index;
    }
  }

  #broken(process: number, index: number): void {
    const client = this.#clientOf(process);
    client.isConnected = false;
    client.breaks.push(index);
  }

  #nameOf(process: number): string {
    return this.process(process).event.name;
  }

  #clientOf(process: number): ClientFacts {
    return this.#client(this.#nameOf(process));
  }

  #client(name: string): ClientFacts {
    let client = this.clients.get(name);
    if (client === undefined) {
      client = {
        ...{ name, processes: [], losses: [], breaks: [], granted: [], connected: [] },
        ...{ isConnected: false, isThere: false },
      };
      this.clients.set(name, client);
    }
    return client;
  }
}

/** Whether one of the moments lies between two others. */
export function hasBetween(moments: readonly number[], from: number, to: number): boolean {
  return moments.some((moment) => moment > from && moment < to);
}

/** Whether a Topic Filter is that of a Shared Subscription. */
export function isShared(topicFilter: string): boolean {
  return topicFilter.startsWith("$share/");
}

/** Whether a topic is that of a response: the client has subscribed to it by itself. */
export function isResponse(topic: string): boolean {
  return topic.startsWith("mqtt5/responses/");
}

/** Whether a Topic Filter, shared or not, matches a topic. */
export function matches(topicFilter: string, topic: string): boolean {
  return topicMatches(parseSharedSubscription(topicFilter)?.topicFilter ?? topicFilter, topic);
}

/** The lower QoS. */
export function lower(qos: number, { qos: asked }: FilterAsked): number {
  return Math.min(qos, asked);
}
