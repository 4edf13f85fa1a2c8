// Histories made by hand, for the tests of the checks: a broker, clients, and what they are told.

import type { QoS } from "../../../src/packets/mod.ts";
import type {
  Conditions,
  EventOf,
  FilterAsked,
  History,
  HistoryEvent,
  Published,
  StoreState,
  WillMeant,
} from "../history.ts";

/** An event without what the story knows by itself. */
type Told<Type extends HistoryEvent["type"]> = Omit<EventOf<Type>, "at" | "type">;

/** Writes a history, event by event; the broker is process 0. */
export class Story {
  readonly events: HistoryEvent[] = [];
  readonly #conditions: Conditions;
  #now = 0;
  #processes = 0;
  #links = 0;

  /** Begins with a broker that runs; `store` says whether it has a file. */
  constructor(conditions: Partial<Conditions> = {}, store: StoreState = "new") {
    this.#conditions = {
      ...{ overlapping: "one copy", sessionExpiryLimit: Infinity, slack: 50 },
      ...conditions,
    };
    this.tell("started", { process: 0, program: "broker", name: "broker", store });
  }

  /** What the checks are given. */
  get history(): History {
    return { seed: 0, conditions: this.#conditions, events: this.events };
  }

  /** Lets time pass, in milliseconds. */
  wait(milliseconds: number): this {
    this.#now += milliseconds;
    return this;
  }

  /** Any event, now. */
  tell<Type extends HistoryEvent["type"]>(type: Type, told: Told<Type>): this {
    this.events.push({ at: this.#now, type, ...told } as unknown as HistoryEvent);
    return this;
  }

  /** Starts a client. Returns its process. */
  client(name: string, store: StoreState = "none", sessionPresent = false): number {
    const process = ++this.#processes;
    this.tell("started", { process, program: "client", name, store });
    this.tell("connected", { process, sessionPresent });
    return process;
  }

  /** Subscribes, and is granted. */
  subscribe(
    process: number,
    id: number,
    topicFilter: string,
    asked: Partial<FilterAsked> = {},
  ): this {
    const filter = {
      ...{ topicFilter, qos: 2 as QoS, noLocal: false, retainAsPublished: false },
      ...{ retainHandling: 0 as const },
      ...asked,
    };
    this.tell("subscribe called", { process, subscription: id, filters: [filter], ack: "auto" });
    this.tell("broker subscribed", { process: 0, clientId: this.#nameOf(process), topicFilter });
    return this.tell("subscribed", { process, subscription: id, reasonCodes: [filter.qos] });
  }

  /** Publishes, without any answer yet. */
  call(process: number, id: number, message: Partial<Published> = {}): this {
    const published = { id, topic: "a", qos: 1 as QoS, retain: false, ...message };
    return this.tell("publish called", { process, message: published, isDurable: false });
  }

  /** The broker has taken a message. */
  route(id: number, topic = "a"): this {
    return this.tell("broker routed", { process: 0, id, topic });
  }

  /** The publisher is told that its message is accepted. */
  accept(process: number, id: number, reasonCode = 0): this {
    return this.tell("published", { process, id, reasonCode });
  }

  /** Publishes, with all that follows for the publisher. */
  publish(process: number, id: number, message: Partial<Published> = {}): this {
    return this.call(process, id, message).route(id, message.topic).accept(process, id);
  }

  /** A consumer gets a message. */
  hand(
    process: number,
    subscription: number,
    id: number,
    handed: Partial<Told<"handed">> = {},
  ): this {
    return this.tell("handed", {
      ...{ process, subscription, id, topic: "a", qos: 1 as QoS, dup: false, retain: false },
      ...handed,
    });
  }

  /** A client loses its connection. */
  lose(process: number): this {
    const error = { name: "ConnectionClosedError", message: "The connection is lost" };
    return this.tell("disconnected", { process, error, willReconnect: true });
  }

  /** A connection as the broker sees it: CONNECT, CONNACK. Returns its link. */
  link(
    process: number,
    { clientId = "c", cleanStart = false, sessionExpiry = 0, sessionPresent = false, will }: {
      readonly clientId?: string;
      readonly cleanStart?: boolean;
      readonly sessionExpiry?: number;
      readonly sessionPresent?: boolean;
      readonly will?: WillMeant;
    } = {},
  ): number {
    const link = ++this.#links;
    const connect = { type: "connect", clientId, cleanStart, sessionExpiry, will } as const;
    const connack = { type: "connack", sessionPresent, reasonCode: 0 } as const;
    this.tell("link opened", { link, client: process, server: 0 });
    this.tell("packet", { link, to: "server", packet: connect });
    this.tell("broker connected", { process: 0, clientId, link });
    this.tell("packet", { link, to: "client", packet: connack });
    return link;
  }

  /** The broker lets a client go, which has connected last. */
  leave(clientId = "c", link = this.#links): this {
    return this.tell("broker disconnected", { process: 0, clientId, link, reason: "" });
  }

  /** All has drained; then everybody leaves. */
  drain(): this {
    this.tell("drained", { isComplete: true });
    for (let process = 1; process <= this.#processes; process++) this.tell("closed", { process });
    return this;
  }

  /** It has not. */
  undrain(): this {
    this.events.splice(this.events.findIndex(({ type }) => type === "drained"));
    return this;
  }

  #nameOf(process: number): string {
    const started = this.events.find((event) =>
      event.type === "started" && event.process === process
    );
    return (started as EventOf<"started">).name;
  }
}
