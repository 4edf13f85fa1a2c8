// §3.3.4 PUBLISH Actions: authorizes, retains, routes and acknowledges messages. Will Messages are
// published here, too.

import { isFailure, type PublishPacket, ReasonCode, type ReasonCodeOf } from "../packets/mod.ts";
import type { MessageEvent } from "../session/events.ts";
import { expiryOf, OutgoingMessage } from "../session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../session/pending_acknowledgement.ts";
import type { DeliveryAuthorizer, DeliveryFilter } from "./delivery_authorizer.ts";
import {
  type Answer,
  type CommitBeforeWrite,
  type LocalAnswer,
  NOT_STORED,
} from "./durability/commit_before_write.ts";
import type { ErrorReporter } from "./error_reporter.ts";
import type { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import type { BrokerConnection, BrokerSession } from "./model.ts";
import type { BrokerOptions } from "./options.ts";
import { isReserved } from "./reserved_topics.ts";
import type { RetainedDelivery } from "./retained/delivery.ts";
import type { RetainedMessages } from "./retained/messages.ts";
import { QueuedMessage } from "./routing/queued_message.ts";
import type { Router, RoutingCode } from "./routing/router.ts";
import { levelsOf } from "./routing/topic_levels.ts";
import { Share, type Turns, Work } from "./turns.ts";

/** Dependencies of {@linkcode PublishHandler}. */
export interface PublishHandlerSetup {
  readonly options: BrokerOptions;
  /** The maximum number of levels in a Topic Name. */
  readonly topicLevels: number;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  readonly hooks: Hooks;
  readonly deliveries: DeliveryAuthorizer;
  readonly router: Router;
  readonly retained: RetainedMessages;
  readonly retainedDelivery: RetainedDelivery;
  /** `undefined` without a store. */
  readonly commits: CommitBeforeWrite | undefined;
  readonly turns: Turns;
  readonly report: ErrorReporter["report"];
  /** Acknowledging a message has failed. */
  readonly onFailed: (connection: BrokerConnection, error: unknown) => void;
  /** Has the connection's bytes written later in this turn. */
  readonly wakeLater: (connection: BrokerConnection) => void;
}

/** Handles PUBLISH packets and Will Messages. */
export class PublishHandler {
  readonly #options: BrokerOptions;
  readonly #topicLevels: number;
  readonly #now: () => number;
  readonly #hooks: Hooks;
  readonly #deliveries: DeliveryAuthorizer;
  readonly #router: Router;
  readonly #retained: RetainedMessages;
  readonly #retainedDelivery: RetainedDelivery;
  readonly #commits: CommitBeforeWrite | undefined;
  readonly #turns: Turns;
  /** Counts the work done for Wills. */
  readonly #share = new Share();
  readonly #setup: PublishHandlerSetup;

  constructor(setup: PublishHandlerSetup) {
    this.#options = setup.options;
    this.#topicLevels = setup.topicLevels;
    this.#now = setup.now;
    this.#hooks = setup.hooks;
    this.#deliveries = setup.deliveries;
    this.#router = setup.router;
    this.#retained = setup.retained;
    this.#retainedDelivery = setup.retainedDelivery;
    this.#commits = setup.commits;
    this.#turns = setup.turns;
    this.#setup = setup;
  }

  /** Handles a PUBLISH that came at `at`, now by default. */
  receive(
    connection: BrokerConnection,
    { packet, acknowledgement }: MessageEvent,
    at?: number,
  ): Promise<void> | undefined {
    const topicLevels = this.#topicLevels;
    // Each level takes at least a character, so most topics need not be searched.
    if (packet.topic.length >= topicLevels && levelsOf(packet.topic) > topicLevels) {
      return this.#answer(
        connection,
        acknowledgement,
        ReasonCode.topicNameInvalid,
        "The topic has too many levels",
      );
    }
    if (isReserved(packet.topic, this.#options)) {
      if (acknowledgement === undefined) this.#router.dropped++;
      return this.#answer(
        connection,
        acknowledgement,
        ReasonCode.notAuthorized,
        "The topic is reserved for the server (§4.7.2)",
      );
    }
    if (packet.qos === 2 && connection.session?.countReceived() === false) {
      return this.#answer(
        connection,
        acknowledgement,
        ReasonCode.quotaExceeded,
        "Too many QoS 2 messages have not been released",
      );
    }
    if (packet.qos === 2 && connection.session?.hasWithdrawn(packet) === true) {
      const { reasonCode, reasonString } = NOT_STORED;
      return this.#answer(connection, acknowledgement, reasonCode, reasonString);
    }
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const arrivedAt = isExpiring ? at ?? this.#now() : 0;
    // Without hooks, the closures below would cost more than everything else.
    if (!this.#hooks.authorizesPublish && !this.#deliveries.isAsked) {
      return this.#publish(connection, packet, acknowledgement, arrivedAt);
    }
    return this.#hooks.authorizePublish(connection.client!, packet, (code) => {
      if (isFailure(code)) {
        return void this.#answer(connection, acknowledgement, code, "Publishing was not allowed");
      }
      return this.#authorizeDelivery(
        packet,
        connection.share,
        (isAllowed) => this.#publish(connection, packet, acknowledgement, arrivedAt, isAllowed),
      );
    });
  }

  /** Routes a message that is authorized, and acknowledges it. */
  #publish(
    connection: BrokerConnection,
    packet: PublishPacket,
    acknowledgement: PendingAcknowledgement | undefined,
    arrivedAt: number,
    isAllowed?: DeliveryFilter,
  ): Promise<void> | undefined {
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const message = isExpiring ? this.#afterWaiting(packet, arrivedAt) : packet;
    // [MQTT-3.3.2-5]
    if (message === undefined) return this.#answer(connection, acknowledgement, ReasonCode.success);
    // Exactly-once delivery needs all effects of a message in one commit, and so in one turn.
    const share = message.qos === 2 && this.#commits !== undefined ? undefined : connection.share;
    const answer = acknowledgement === undefined || this.#commits === undefined
      ? this.#distribute(connection, message, isAllowed, share)
      : this.#commits.publish(
        connection,
        acknowledgement,
        message.retain,
        () => this.#distribute(connection, message, isAllowed, share),
      );
    if (isPromise(answer)) {
      return answer.then((answer) => this.#answerWith(connection, acknowledgement, answer));
    }
    return this.#answerWith(connection, acknowledgement, answer);
  }

  #answerWith(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement | undefined,
    answer: Answer | undefined,
  ): undefined {
    if (answer === undefined) return undefined;
    return this.#answer(connection, acknowledgement, answer.reasonCode, answer.reasonString);
  }

  /**
   * Publishes a message of the program that runs the broker, which came at `at`. Resolves when it
   * is routed, to an answer that comes, at QoS 1 and 2, when what it did is stored.
   */
  async publishLocal(packet: PublishPacket, at: number, share: Share): Promise<LocalAnswer> {
    const isAllowed = this.#deliveries.isAsked
      ? await this.#deliveries.among(packet, this.#router.table.match(packet.topic), share)
      : undefined;
    const message = packet.properties.messageExpiryInterval === undefined
      ? packet
      : this.#afterWaiting(packet, at);
    // [MQTT-3.3.2-5]
    if (message === undefined) return { answer: SUCCESS };
    const route = () => this.#distribute(undefined, message, isAllowed, share);
    if (this.#commits === undefined || message.qos === 0) return { answer: await route() };
    return await this.#commits.publishLocal(message.retain, route);
  }

  /** Retains a message if it asks for that, and routes it. Returns the answer to it. */
  #distribute(
    connection: BrokerConnection | undefined,
    message: PublishPacket,
    isAllowed: DeliveryFilter,
    share: Share | undefined,
  ): Answer | Promise<Answer> {
    const older = this.#retainedDelivery.olderThanNow(message.topic);
    if (message.retain && !this.#retain(message)) {
      return {
        reasonCode: ReasonCode.quotaExceeded,
        reasonString: "The server is at its limit for retained messages",
      };
    }
    this.#hooks.onMessage(connection?.client, message);
    const code = this.#router.route(message, connection?.session, isAllowed, older, share);
    // That one subscriber has no room is no reason to close the connection of a publisher that
    // cannot be told.
    const isTaken = message.retain || (connection?.protocol.protocolVersion ?? 5) < 5;
    return isPromise(code)
      ? code.then((code) => answerFor(code, isTaken))
      : answerFor(code, isTaken);
  }

  /** Finds out which of its subscribers may receive a message, if there is such a hook. */
  #authorizeDelivery(
    packet: PublishPacket,
    share: Share,
    then: (isAllowed: DeliveryFilter) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    if (!this.#deliveries.isAsked) return then(undefined);
    const isAllowed = this.#deliveries.among(packet, this.#router.table.match(packet.topic), share);
    return isPromise(isAllowed) ? isAllowed.then(then) : then(isAllowed);
  }

  /**
   * A message after it has waited for hooks, with what is left of its Message Expiry Interval;
   * `undefined` when it has expired [MQTT-3.3.2-6].
   */
  #afterWaiting(packet: PublishPacket, arrivedAt: number): PublishPacket | undefined {
    const now = this.#now();
    if (now === arrivedAt) return packet;
    const message = new OutgoingMessage(packet, expiryOf(packet, arrivedAt));
    message.countDown(now);
    return message.expiresAt <= now ? undefined : message.packet as PublishPacket;
  }

  /**
   * Acknowledges or refuses a message; at QoS 0 it does nothing. If the client has reconnected
   * while a hook was running, a QoS 2 message is answered on the new connection.
   */
  #answer(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement | undefined,
    reasonCode: ReasonCodeOf<"puback">,
    reasonString?: string,
  ): undefined {
    if (acknowledgement === undefined) return undefined;
    const current = connection.session?.connection ?? connection;
    const properties = reasonString === undefined ? undefined : { reasonString };
    current.protocol.acknowledge(acknowledgement, reasonCode, properties);
    if (current !== connection) current.wake();
    return undefined;
  }

  /** Acknowledges or refuses a message after the commit it had to wait for. Never throws. */
  acknowledgeLater(
    connection: BrokerConnection,
    acknowledgement: PendingAcknowledgement,
    { reasonCode, reasonString }: Answer,
  ): void {
    const current = connection.session?.connection ?? connection;
    try {
      this.#answer(connection, acknowledgement, reasonCode, reasonString);
      this.#setup.wakeLater(current);
    } catch (error) {
      this.#setup.onFailed(current, error);
    }
  }

  /** Publishes a Will Message, if it is still authorized. */
  publishWill(packet: PublishPacket, publisher: BrokerSession): void {
    const asked = this.#hooks.authorizeWill(publisher.client, packet, "publish", (code) => {
      if (isFailure(code)) return void this.#router.dropped++;
      return this.#publishWill(packet, publisher);
    });
    void asked?.catch((error) => this.#setup.report(error, "a Will", publisher.client));
  }

  #publishWill(packet: PublishPacket, publisher: BrokerSession): Promise<void> | undefined {
    return this.#authorizeDelivery(packet, this.#share, (isAllowed) => {
      const older = this.#retainedDelivery.olderThanNow(packet.topic);
      if (packet.retain) this.#retain(packet);
      this.#hooks.onMessage(publisher.client, packet);
      const code = this.#router.route(packet, publisher, isAllowed, older, this.#share);
      return isPromise(code) ? code.then(() => {}) : undefined;
    });
  }

  /**
   * A session has ended: what it had of shared subscriptions goes to other members, but what it may
   * have received already at QoS 2 [MQTT-4.8.2-5].
   */
  redistribute({ state, deliveryShare, client }: BrokerSession): void {
    const messages = [...state.inFlight.values(), ...state.sendQueue].filter((message) =>
      message instanceof QueuedMessage && message.group !== undefined &&
      (message.qos < 2 || message.packetId === 0)
    ) as QueuedMessage[];
    if (messages.length === 0) return;
    const send = (message: QueuedMessage) => {
      const now = this.#now();
      message.countDown(now);
      // [MQTT-3.3.2-5]
      if (message.expiresAt <= now) return;
      const { subscriptionIdentifiers: _, ...properties } = message.packet.properties ?? {};
      const packet = { ...message.packet, packetId: 0, properties } as PublishPacket;
      const asked = this.#authorizeDelivery(packet, this.#share, (isAllowed) => {
        this.#router.sendToOther(packet, message.expiresAt, message.group!, isAllowed);
        return undefined;
      });
      void asked?.catch((error) => this.#setup.report(error, "a shared message", client));
    };
    void this.#turns.forEach(deliveryShare, messages, send, () => {});
  }

  #retain(packet: PublishPacket): boolean {
    const { topic, payload } = packet;
    this.#turns.count(Work.retain + Work.text * topic.length + (payload.length >> 8));
    const before = this.#retained.get(packet.topic);
    const isDone = this.#setRetained(packet);
    if (isDone) this.#commits?.retain(packet.topic, before);
    return isDone;
  }

  #setRetained(packet: PublishPacket): boolean {
    if (packet.payload.length > 0) {
      const isExpiring = packet.properties.messageExpiryInterval !== undefined;
      const expiresAt = isExpiring ? expiryOf(packet, this.#now()) : Infinity;
      return this.#retained.set(packet, expiresAt);
    }
    this.#retained.delete(packet.topic);
    return true;
  }
}

function answerFor(code: RoutingCode, isTaken: boolean): Answer {
  // A message that is retained has been accepted, even if no subscriber had room for it.
  return code === ReasonCode.quotaExceeded && isTaken ? SUCCESS : ANSWERS[code];
}

const SUCCESS: Answer = { reasonCode: ReasonCode.success };

/** The answers to a message, by the outcome of routing it. */
const ANSWERS: Readonly<Record<RoutingCode, Answer>> = {
  [ReasonCode.success]: SUCCESS,
  [ReasonCode.noMatchingSubscribers]: { reasonCode: ReasonCode.noMatchingSubscribers },
  [ReasonCode.quotaExceeded]: {
    reasonCode: ReasonCode.quotaExceeded,
    reasonString: "No subscriber had room for the message",
  },
};
