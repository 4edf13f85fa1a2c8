// Notes down what a history says about each message, subscription, process, client and connection,
// event by event: what all checks go by.

import type { EventOf, HistoryEvent, Published, WillMeant } from "../history.ts";
import type {
  ClientFacts,
  ConnectionFacts,
  MessageFacts,
  ProcessFacts,
  SubscriptionFacts,
} from "./fact_types.ts";

/** What has been noted of a history. */
export class Notes {
  readonly messages: Map<number, MessageFacts> = new Map();
  readonly subscriptions: Map<number, SubscriptionFacts> = new Map();
  readonly processes: Map<number, ProcessFacts> = new Map();
  readonly clients: Map<string, ClientFacts> = new Map();
  readonly connections: ConnectionFacts[] = [];
  /** The runs of the broker, in order. */
  readonly brokers: ProcessFacts[] = [];
  /** The broker's process that each link has reached. */
  readonly #servers = new Map<number, number>();

  constructor(events: readonly HistoryEvent[]) {
    events.forEach((event, index) => this.#note(event, index));
  }

  #note(event: HistoryEvent, index: number): void {
    switch (event.type) {
      case "started": {
        const process: ProcessFacts = {
          ...{ number: event.process, started: index, event, killed: Infinity, closed: Infinity },
          ...{ isDisturbed: false, isDiskFaulty: false, hasForeignSession: undefined },
          ...{ goesOn: false, failures: [] },
        };
        this.processes.set(event.process, process);
        if (event.program === "broker") this.brokers.push(process);
        else this.#client(event.name).processes.push(process);
        return;
      }
      case "killed":
        return this.#killed(this.#process(event.process), index);
      case "disk":
        this.#process(event.process).isDiskFaulty = true;
        return;
      case "not stored":
        return notStored(this.#process(event.process), event, index);
      case "stored again":
        this.#process(event.process).failures.at(-1)!.to = index;
        return;
      case "suspended":
      case "clock changed":
        this.#process(event.process).isDisturbed = true;
        return;
      case "connect called":
        this.#process(event.process).goesOn = event.cleanStart === false &&
          !this.#hasSession(event.process);
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
        const process = this.#process(event.process);
        process.hasForeignSession ??= event.sessionPresent && !this.#hasSession(event.process);
        client.isConnected = true;
        client.connected.push(index);
        if (!event.sessionPresent) client.losses.push(index);
        return;
      }
      case "disconnected":
        return this.#broken(event.process, index);
      case "disconnect called":
      case "closed":
        return this.#closed(this.#process(event.process), index);
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
        return this.#accepted(event, index);
      case "broker disconnected": {
        const connection = this.#connectionOn(event.link);
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

  #accepted({ clientId, link, process }: EventOf<"broker connected">, index: number): void {
    const connection = this.#connectionOn(link);
    const isLate = this.connections.some((each) =>
      each.clientId === clientId && each.accepted < Infinity && each.link > link
    );
    // One that was given up has come after a later one, and begins another session.
    if (isLate && connection?.connect?.cleanStart === true) {
      this.#client(clientId).losses.push(index);
    }
    if (connection !== undefined) connection.accepted = index;
    else {
      this.connections.push({
        ...{ link, clientId, server: process, connect: undefined, accepted: index },
        ...{ ended: Infinity, isKilled: false, connack: Infinity, sessionPresent: undefined },
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
    const connection = this.#connectionOn(link);
    if (connection === undefined) return;
    if (packet.type === "connack") {
      connection.connack = index;
      if (packet.reasonCode !== 0) return;
      connection.sessionPresent = packet.sessionPresent;
      // The session is gone, be it that this CONNACK never arrives.
      if (!packet.sessionPresent) this.#client(connection.clientId).losses.push(index);
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

  /**
   * Whether the store of a process may have a session of the client: it was connected with that
   * store, or a broker has begun a session anew since. A store that is kept may have seen neither.
   */
  #hasSession(number: number): boolean {
    const { name, connected, processes } = this.#clientOf(number);
    const { event, started } = this.#process(number);
    if (event.store !== "kept") return false;
    const since =
      processes.findLast((each) => each.started < started && each.event.store !== "kept")
        ?.started ?? -1;
    return connected.some((index) => index > since) ||
      this.connections.some(({ clientId, connect, accepted }) =>
        clientId === name && connect?.cleanStart === true && accepted > since &&
        accepted < Infinity
      );
  }

  #connectionOn(link: number): ConnectionFacts | undefined {
    return this.connections.findLast((each) => each.link === link);
  }

  #process(number: number): ProcessFacts {
    return this.processes.get(number)!;
  }

  #nameOf(process: number): string {
    return this.#process(process).event.name;
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

function notStored(
  { failures }: ProcessFacts,
  { isDone }: EventOf<"not stored">,
  index: number,
): void {
  const last = failures.at(-1);
  if (last?.to === Infinity) last.isDone ||= isDone;
  else failures.push({ from: index, to: Infinity, isDone });
}
