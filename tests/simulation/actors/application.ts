// An application: one process with one client, which publishes, subscribes and asks as it is told,
// and writes down what the client says to it.

import type { Client } from "../../../src/client/client.ts";
import type { ConnectOptions } from "../../../src/client/options.ts";
import type { Receipt } from "../../../src/client/receipts.ts";
import type { Subscription } from "../../../src/client/subscription.ts";
import type { Message } from "../../../src/client/message.ts";
import type { ConnectionClosedError } from "../../../src/errors.ts";
import type { SavedSession } from "../../../src/session/snapshot.ts";
import type { QoS } from "../../../src/packets/mod.ts";
import type { Published } from "../history.ts";
import type { Action, ConsumerPlan, MessagePlan, SubscriptionPlan } from "../plan.ts";
import { contentOf, failureOf, numberOf, payloadOf } from "../recorder.ts";
import { consume } from "./consumer.ts";
import { type Host, pause, Waiting } from "./host.ts";

type ActionOf<Name extends Action["do"]> = Extract<Action, { readonly do: Name }>;

/** What an application of a name has to remember through all its processes. */
export interface Memory {
  /** The subscriptions that it wants, by their handles. */
  readonly wanted: Map<number, SubscriptionPlan>;
  /** The receipts whose outcome it does not know, and the numbers of their messages. */
  readonly receipts: Map<string, number>;
}

/** One process of a client. */
export class Application {
  readonly waiting = new Waiting();
  readonly #host: Host;
  readonly #memory: Memory;
  readonly #handles = new Map<number, Subscription>();
  /** The receipts that this process follows. */
  readonly #followed = new Set<string>();
  readonly #onOver: () => void;
  #client: Client | undefined;
  #isOver = false;
  #isLeaving = false;
  #isRefused = false;
  /** Whether another process has its Client Identifier now. */
  #hasGivenWay = false;
  #stalled: Promise<void> | undefined;
  #stalledUntil = 0;

  /** `onOver` is called when the client has come to its end, whatever the reason. */
  constructor(host: Host, memory: Memory, onOver: () => void) {
    this.#host = host;
    this.#memory = memory;
    this.#onOver = onOver;
  }

  /** Its client, once it has been connected. */
  get client(): Client | undefined {
    return this.#client;
  }

  /** Whether its client has come to its end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it has been told to disconnect. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Whether the broker does not want it, as it never will. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** What is still on its way. */
  get unrest(): string | undefined {
    if (this.#client?.state !== "connected") return `is ${this.#client?.state ?? "not connected"}`;
    const [first] = this.waiting.values();
    if (first !== undefined) return `waits for ${first.what} ${first.id ?? ""}`;
    const unread = this.#handles.values().find(({ waiting }) => waiting > 0);
    return unread && `has not read the subscription ${this.#numbers.get(unread)}`;
  }

  /** Connects, and subscribes to what it wants. */
  async start(
    options: ConnectOptions,
    connect: (options: ConnectOptions) => Promise<Client>,
  ): Promise<void> {
    const host = this.#host;
    this.#recordCall(options);
    let client: Client;
    try {
      client = await this.waiting.for("connect", undefined, connect(options));
    } catch (error) {
      const failure = failureOf(error);
      host.record({ type: "connect rejected", error: failure });
      this.#isOver = true;
      this.#isRefused = failure.name === "RefusedError";
      return this.#onOver();
    }
    this.#client = client;
    if (this.#hasGivenWay) void this.disconnect(AT_ONCE);
    this.#listen(client);
    // All of its life may lie between CONNACK and now.
    if (client.state === "closed") return this.#closed(await client.closed);
    void consume({
      ...this.#consuming({ kind: "read", pace: 0 }),
      messages: client.messages,
      subscription: undefined,
      handle: -1,
    });
    for (const plan of this.#memory.wanted.values()) void this.#subscribe(plan);
    if (this.#memory.receipts.size > 0) this.#followReceipts(client);
  }

  /** Publishes a message. */
  publish({ message, how, abortAfter }: ActionOf<"publish">): void {
    if (how === "enqueue") void this.#enqueue(message);
    else void this.#publish(message, abortAfter);
  }

  /** Subscribes, now and in each later process. */
  subscribe(subscription: SubscriptionPlan): void {
    // It is given up: nobody wants it again.
    if (subscription.abortAfter === undefined) {
      this.#memory.wanted.set(subscription.handle, subscription);
    }
    void this.#subscribe(subscription);
  }

  /** Disposes a subscription. */
  async unsubscribe(handle: number): Promise<void> {
    this.#memory.wanted.delete(handle);
    const subscription = this.#handles.get(handle);
    if (subscription === undefined) return;
    this.#handles.delete(handle);
    const number = this.#numbers.get(subscription)!;
    const { topicFilters } = subscription;
    this.#host.record({ type: "unsubscribe called", subscription: number, topicFilters });
    await this.waiting.for("unsubscribe", number, subscription.unsubscribe());
    this.#host.record({ type: "unsubscribed", subscription: number });
  }

  /** Ends the subscriptions to a Topic Filter, whoever has them. */
  async unsubscribeFilter(topicFilter: string): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    this.#host.record({ type: "unsubscribe called", topicFilters: [topicFilter] });
    try {
      await this.waiting.for("unsubscribe", undefined, client.unsubscribe(topicFilter));
      this.#host.record({ type: "unsubscribed" });
    } catch (error) {
      this.#host.record({ type: "unsubscribe rejected", error: failureOf(error) });
    }
  }

  /** Asks, and waits for the response. */
  async request({ topic, timeout }: ActionOf<"request">): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const id = this.#host.nextNumber();
    this.#host.record({ type: "request called", id, topic });
    try {
      const asked = client.request(topic, payloadOf(id), { timeout });
      const response = await this.waiting.for("request", id, asked);
      this.#host.record({ type: "responded", id, response: numberOf(response) });
    } catch (error) {
      this.#host.record({ type: "request rejected", id, error: failureOf(error) });
    }
  }

  /** For so long no consumer of the process does anything. */
  stallConsumers(lasts: number): void {
    const until = this.#host.clock.now() + lasts;
    if (until <= this.#stalledUntil) return;
    this.#stalledUntil = until;
    const stalled = this.#stalled = pause(this.#host, lasts).then(() => {
      if (this.#stalled === stalled) this.#stalled = undefined;
    });
  }

  /** Disconnects, and gives the session as it was just before. */
  async disconnect(
    { reasonCode, sessionExpiryInterval, timeout }: Pick<
      ActionOf<"disconnect">,
      "reasonCode" | "sessionExpiryInterval" | "timeout"
    >,
  ): Promise<SavedSession | undefined> {
    const client = this.#client;
    if (client === undefined || this.#isLeaving) return undefined;
    this.#isLeaving = true;
    const options = {
      timeout,
      reasonCode,
      ...sessionExpiryInterval !== undefined && { sessionExpiryInterval },
    };
    this.#host.record({
      type: "disconnect called",
      reasonCode,
      ...sessionExpiryInterval !== undefined && { sessionExpiry: sessionExpiryInterval },
    });
    await this.waiting.for("disconnect", undefined, client.disconnect(options));
    this.#host.record({ type: "disconnect resolved" });
    return client.save();
  }

  /** Another process is about to take over: this one does not connect again. */
  giveWay(): void {
    this.#hasGivenWay = true;
    const state = this.#client?.state;
    if (state === "reconnecting") void this.disconnect(AT_ONCE);
  }

  #recordCall(options: ConnectOptions): void {
    const { cleanStart, sessionExpiryInterval = 0, onSessionLost, maximumPacketSize } = options;
    const { will } = options;
    this.#host.record({
      type: "connect called",
      cleanStart,
      sessionExpiry: sessionExpiryInterval,
      ...will !== undefined && {
        will: {
          id: numberOf({ payload: will.payload as Uint8Array }),
          topic: will.topic,
          qos: will.qos ?? 0,
          retain: will.retain ?? false,
          expiry: will.messageExpiryInterval,
          delay: will.willDelayInterval ?? 0,
        },
      },
      ...onSessionLost !== undefined && { onSessionLost },
      ...maximumPacketSize !== undefined && { maximumPacketSize },
    });
  }

  #listen(client: Client): void {
    const host = this.#host;
    host.record({ type: "connected", sessionPresent: client.server.sessionPresent });
    client.addEventListener("connected", ({ detail }) => {
      host.record({ type: "connected", sessionPresent: detail.server.sessionPresent });
    });
    client.addEventListener("disconnected", ({ detail: { error, willReconnect } }) => {
      host.record({ type: "disconnected", error: failureOf(error), willReconnect });
      // Two processes that both go on would take the session from each other for ever.
      if (this.#hasGivenWay) void this.disconnect(AT_ONCE);
    });
    client.addEventListener("dropped", ({ detail: { message, subscription } }) => {
      const number = subscription && this.#numbers.get(subscription);
      host.record({ type: "dropped", subscription: number, id: numberOf(message) });
    });
    client.addEventListener("closed", ({ detail }) => this.#closed(detail.error));
  }

  #closed(error: ConnectionClosedError | undefined): void {
    const failure = error && failureOf(error);
    this.#host.record({ type: "closed", ...failure !== undefined && { error: failure } });
    if (failure?.kind === "internal") {
      this.#host.record({ type: "internal error", message: describe(error) });
    }
    this.#isOver = true;
    this.#onOver();
  }

  async #publish(plan: MessagePlan, abortAfter?: number): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const { id, topic, qos, retain, size, messageExpiryInterval } = plan;
    const signal = abortAfter === undefined ? undefined : this.#abortAfter(abortAfter, () => {
      this.#host.record({ type: "publish given up", id });
    });
    this.#recordPublish(published(plan), false);
    try {
      const options = { qos, retain, messageExpiryInterval, signal };
      const sent = client.publish(topic, contentOf(id, size), options);
      const { reasonCode } = await this.waiting.for("publish", id, sent);
      this.#host.record({ type: "published", id, reasonCode });
    } catch (error) {
      this.#host.record({ type: "publish rejected", id, error: failureOf(error) });
    }
  }

  async #enqueue(plan: MessagePlan): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const { id, topic, qos, retain, size, messageExpiryInterval } = plan;
    this.#recordPublish(published(plan), true);
    let receipt: Receipt;
    try {
      const options = { qos, retain, messageExpiryInterval };
      const enqueued = client.enqueue(topic, contentOf(id, size), options);
      receipt = await this.waiting.for("enqueue", id, enqueued);
    } catch (error) {
      return this.#host.record({ type: "publish rejected", id, error: failureOf(error) });
    }
    this.#host.record({ type: "stored", id });
    this.#memory.receipts.set(receipt.id, id);
    await this.#follow(receipt, id);
  }

  #recordPublish(message: Published, isDurable: boolean): void {
    this.#host.record({ type: "publish called", message, isDurable });
  }

  /** Waits for the outcomes of what earlier processes have put into the store. */
  #followReceipts(client: Client): void {
    for (const [name, id] of this.#memory.receipts) {
      const found = this.waiting.for("receipt", id, client.receipt(name));
      found.then((receipt) => receipt && this.#follow(receipt, id), (error) => {
        this.#host.record({ type: "publish rejected", id, error: failureOf(error) });
      });
    }
  }

  async #follow(receipt: Receipt, id: number): Promise<void> {
    if (this.#followed.has(receipt.id)) return;
    this.#followed.add(receipt.id);
    try {
      const { reasonCode } = await this.waiting.for("outcome", id, receipt.done);
      this.#host.record({ type: "published", id, reasonCode });
    } catch (error) {
      this.#host.record({ type: "publish rejected", id, error: failureOf(error) });
      // The client has ended before: the next process asks again.
      if (failureOf(error).name === "ConnectionClosedError") return;
    }
    this.#memory.receipts.delete(receipt.id);
  }

  async #subscribe(plan: SubscriptionPlan): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const { handle, requests, consumer, abortAfter } = plan;
    const host = this.#host;
    const number = host.nextNumber();
    const ack = consumer.kind === "hold" ? "manual" : "auto";
    host.record({ type: "subscribe called", subscription: number, filters: requests, ack });
    const signal = abortAfter === undefined ? undefined : this.#abortAfter(abortAfter, () => {});
    let subscription: Subscription;
    try {
      const granted = client.subscribe([...requests], { ack, signal });
      subscription = await this.waiting.for("subscribe", number, granted);
    } catch (error) {
      return host.record({
        type: "subscribe rejected",
        subscription: number,
        error: failureOf(error),
      });
    }
    const { reasonCodes } = subscription;
    host.record({ type: "subscribed", subscription: number, reasonCodes });
    this.#numbers.set(subscription, number);
    this.#handles.set(handle, subscription);
    // Somebody may have given it up meanwhile.
    if (abortAfter === undefined && !this.#memory.wanted.has(handle)) {
      void this.unsubscribe(handle);
    }
    await consume({
      ...this.#consuming(consumer),
      messages: subscription,
      subscription: number,
      handle,
    });
  }

  readonly #numbers = new Map<Subscription, number>();

  #consuming(plan: ConsumerPlan) {
    return {
      host: this.#host,
      plan,
      stalled: () => this.#stalled,
      publish: async (topic: string, qos: QoS) => {
        const id = this.#host.nextNumber();
        await this.#publish({ id, topic, qos, retain: false, size: 12 });
      },
      respond: (request: Message) => this.#respond(request),
    };
  }

  async #respond(request: Message): Promise<void> {
    const { qos, responseTopic: topic = "" } = request;
    const id = this.#host.nextNumber();
    this.#recordPublish({ id, topic, qos, retain: false }, false);
    try {
      const responded = request.respond(payloadOf(id));
      const { reasonCode } = await this.waiting.for("respond", id, responded);
      this.#host.record({ type: "published", id, reasonCode });
    } catch (error) {
      this.#host.record({ type: "publish rejected", id, error: failureOf(error) });
    }
  }

  /** A signal that aborts so many milliseconds later. */
  #abortAfter(milliseconds: number, aborted: () => void): AbortSignal {
    const controller = new AbortController();
    const { clock } = this.#host;
    clock.at(clock.now() + milliseconds, () => {
      aborted();
      controller.abort(new Error("The application has given it up"));
    });
    return controller.signal;
  }
}

/** How a process goes that has no connection. */
const AT_ONCE = { reasonCode: 0x00, timeout: 0 } as const;

function published(plan: MessagePlan): Published {
  const { id, topic, qos, retain, size, messageExpiryInterval: expiry } = plan;
  return {
    ...{ id, topic, qos, retain },
    ...expiry !== undefined && { expiry },
    ...size === 0 && { isEmpty: true },
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.stack}` : "";
  return `${error.message}${cause}`;
}
