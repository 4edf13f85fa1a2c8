// §3.3.4 PUBLISH actions: who may publish what, who gets it, and what its publisher is told. The
// messages of Wills go the same way.

import { isFailure, type PublishPacket, ReasonCode, type ReasonCodeOf } from "../packets/mod.ts";
import type { MessageEvent } from "../session/events.ts";
import { expiryOf, OutgoingMessage } from "../session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../session/pending_acknowledgement.ts";
import type { DeliveryAuthorizer, MayHave } from "./delivery_authorizer.ts";
import type { Answer, CommitBeforeWrite } from "./durability/commit_before_write.ts";
import type { ErrorReporter } from "./error_reporter.ts";
import type { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import type { BrokerConnection, BrokerSession } from "./model.ts";
import type { BrokerOptions } from "./options.ts";
import { isReserved } from "./reserved_topics.ts";
import type { RetainedDelivery } from "./retained/delivery.ts";
import type { RetainedMessages } from "./retained/messages.ts";
import type { Router, RoutingCode } from "./routing/router.ts";
import { levelsOf } from "./routing/topic_levels.ts";
import { Share, type Turns, Work } from "./turns.ts";

/** What a publish handler works with. */
export interface PublishHandlerSetup {
  readonly options: BrokerOptions;
  /** The most levels that a Topic Name may have. */
  readonly topicLevels: number;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  readonly hooks: Hooks;
  readonly deliveries: DeliveryAuthorizer;
  readonly router: Router;
  readonly retained: RetainedMessages;
  readonly retainedDelivery: RetainedDelivery;
  /** Where something is stored. */
  readonly commits: CommitBeforeWrite | undefined;
  readonly turns: Turns;
  readonly report: ErrorReporter["report"];
  /** A connection has failed while its message was acknowledged. */
  readonly onFailed: (connection: BrokerConnection, error: unknown) => void;
  /** A connection has something to send. */
  readonly wakeLater: (connection: BrokerConnection) => void;
}

/** Takes messages, and brings them to who wants them. */
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
  /** What is done for Wills. */
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

  /** A client has published a message, that came at `at`, now by default. */
  receive(
    connection: BrokerConnection,
    { packet, acknowledgement }: MessageEvent,
    at?: number,
  ): Promise<void> | undefined {
    const topicLevels = this.#topicLevels;
    // Between two levels there is a character: most topics need not be looked at.
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
        "The topic is the server's own (§4.7.2)",
      );
    }
    if (packet.qos === 2 && connection.session?.countReceived() === false) {
      return this.#answer(
        connection,
        acknowledgement,
        ReasonCode.quotaExceeded,
        "Too many messages have not been released",
      );
    }
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const arrivedAt = isExpiring ? at ?? this.#now() : 0;
    // Nobody is to be asked: a function for each message would cost more than the question.
    if (!this.#hooks.authorizesPublish && !this.#deliveries.isAsked) {
      return this.#publish(connection, packet, acknowledgement, arrivedAt);
    }
    return this.#hooks.authorizePublish(connection.client!, packet, (code) => {
      if (isFailure(code)) {
        return void this.#answer(connection, acknowledgement, code, "May not be published");
      }
      return this.#askWhoMayHave(
        packet,
        connection.share,
        (mayHave) => this.#publish(connection, packet, acknowledgement, arrivedAt, mayHave),
      );
    });
  }

  /** Brings a message to who wants it, and acknowledges it. */
  #publish(
    connection: BrokerConnection,
    packet: PublishPacket,
    acknowledgement: PendingAcknowledgement | undefined,
    arrivedAt: number,
    mayHave?: MayHave,
  ): Promise<void> | undefined {
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const message = isExpiring ? this.#afterWaiting(packet, arrivedAt) : packet;
    // [MQTT-3.3.2-5]
    if (message === undefined) return this.#answer(connection, acknowledgement, ReasonCode.success);
    // Exactly once is promised by one commit of all that comes of a message.
    const share = message.qos === 2 && this.#commits !== undefined ? undefined : connection.share;
    const answer = acknowledgement === undefined || this.#commits === undefined
      ? this.#distribute(connection, message, mayHave, share)
      : this.#commits.publish(
        connection,
        acknowledgement,
        message.retain,
        () => this.#distribute(connection, message, mayHave, share),
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

  /** Brings a message of a client to those who want it. Returns what is to be said to it. */
  #distribute(
    connection: BrokerConnection,
    message: PublishPacket,
    mayHave: MayHave,
    share: Share | undefined,
  ): Answer | Promise<Answer> {
    const older = this.#retainedDelivery.olderThanNow(message.topic);
    if (message.retain && !this.#retain(message)) {
      return {
        reasonCode: ReasonCode.quotaExceeded,
        reasonString: "Too many messages are retained",
      };
    }
    this.#hooks.onMessage(connection.client, message);
    const code = this.#router.route(message, connection.session, mayHave, older, share);
    return isPromise(code)
      ? code.then((code) => answerFor(code, message))
      : answerFor(code, message);
  }

  /** Asks, if somebody is to be asked, who of those that want a message may have it. */
  #askWhoMayHave(
    packet: PublishPacket,
    share: Share,
    then: (mayHave: MayHave) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    if (!this.#deliveries.isAsked) return then(undefined);
    const mayHave = this.#deliveries.among(packet, this.#router.table.match(packet.topic), share);
    return isPromise(mayHave) ? mayHave.then(then) : then(mayHave);
  }

  /**
   * A message that may have waited for a hook, with what is left of its time, if any is
   * [MQTT-3.3.2-6].
   */
  #afterWaiting(packet: PublishPacket, arrivedAt: number): PublishPacket | undefined {
    const now = this.#now();
    if (now === arrivedAt) return packet;
    const message = new OutgoingMessage(packet, expiryOf(packet, arrivedAt));
    message.countDown(now);
    return message.expiresAt <= now ? undefined : message.packet as PublishPacket;
  }

  /**
   * Acknowledges a message, or refuses it; at QoS 0 there is no way to say so. Its client may have
   * come back on another connection while a hook was asked: at QoS 2 that is where it waits for the
   * answer.
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

  /** Acknowledges a message that had to be stored first, or refuses it. Never throws. */
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

  /** Brings a Will to those who want it. */
  publishWill(packet: PublishPacket, publisher: BrokerSession): void {
    const asked = this.#askWhoMayHave(packet, this.#share, (mayHave) => {
      const older = this.#retainedDelivery.olderThanNow(packet.topic);
      if (packet.retain) this.#retain(packet);
      this.#hooks.onMessage(publisher.client, packet);
      const code = this.#router.route(packet, publisher, mayHave, older, this.#share);
      return isPromise(code) ? code.then(() => {}) : undefined;
    });
    void asked?.catch((error) => this.#setup.report(error, "a Will", publisher.client));
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

function answerFor(code: RoutingCode, { retain }: PublishPacket): Answer {
  // What is retained has been taken, whoever had no room for it.
  return code === ReasonCode.quotaExceeded && retain ? WANTED : ANSWERS[code];
}

const WANTED: Answer = { reasonCode: ReasonCode.success };

/** What is said to a message, by what has become of it. */
const ANSWERS: Readonly<Record<RoutingCode, Answer>> = {
  [ReasonCode.success]: WANTED,
  [ReasonCode.noMatchingSubscribers]: { reasonCode: ReasonCode.noMatchingSubscribers },
  [ReasonCode.quotaExceeded]: {
    reasonCode: ReasonCode.quotaExceeded,
    reasonString: "No subscriber had room for it",
  },
};
