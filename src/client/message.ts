// A message as the application gets it, and the one acknowledgement that is owed for it, however
// many subscriptions it reaches.

import { ConnectionClosedError } from "../errors.ts";
import {
  isFailure,
  type PublishPacket,
  type QoS,
  ReasonCode,
  type ReceivedPropertiesOf,
} from "../packets/mod.ts";
import type { StoreDatabase } from "../session/session_store.ts";
import {
  type AckProperties,
  type AckReasonCode,
  checkAcknowledgement,
  type PendingAcknowledgement,
} from "../session/pending_acknowledgement.ts";
import type { PublishResult } from "./publication.ts";
import type { PublishOptions } from "./publish_options.ts";
import { type ResponseMessage, responseTo } from "./response_message.ts";

/** Who sends acknowledgements: the client, over the connection that it has. */
export interface Acknowledger {
  /** Sends one; false when it is too late. */
  acknowledge(
    acknowledgement: PendingAcknowledgement,
    reasonCode: AckReasonCode,
    properties?: AckProperties,
  ): boolean;
  /** Whether it is not too late for one. */
  awaits(acknowledgement: PendingAcknowledgement): boolean;
  /** The store of the session, if it has one. */
  readonly store?: DeliveryStore | undefined;
}

/** The store of a session, for the messages that it delivers. */
export interface DeliveryStore {
  /** Identifies a message that was received. */
  deliveryId(acknowledgement: PendingAcknowledgement): string;
  /**
   * Runs `work` in a transaction of the store, and with it the acknowledgement if one is given;
   * then sends that.
   */
  transact<Result>(
    work: (database: StoreDatabase) => Result,
    acknowledgement: PendingAcknowledgement | undefined,
    reasonCode: AckReasonCode,
    properties?: AckProperties,
  ): Result;
}

/** Publishes, as `client.publish()`. */
export type Publish = (
  topic: string,
  payload: string | Uint8Array,
  options: PublishOptions,
) => Promise<PublishResult>;

/** A message of QoS 1 or 2 on its way to one subscription or more. */
export class Delivery {
  /** Identifies the message, for a client with a store. */
  readonly id: string | undefined;
  readonly #acknowledgement: PendingAcknowledgement;
  readonly #acknowledger: Acknowledger;
  /** How many subscriptions are not done with it. */
  #remaining: number;
  /** What the first subscription has said that refused it. */
  #refusal:
    | { readonly code: AckReasonCode; readonly properties: AckProperties | undefined }
    | undefined;

  /** `remaining` is the number of subscriptions that the message reaches. */
  constructor(
    acknowledgement: PendingAcknowledgement,
    acknowledger: Acknowledger,
    remaining: number,
  ) {
    this.#acknowledgement = acknowledgement;
    this.#acknowledger = acknowledger;
    this.#remaining = remaining;
    this.id = acknowledger.store?.deliveryId(acknowledgement);
  }

  /** Whether its acknowledgement is too late, so that the server sends the message again. */
  get isStale(): boolean {
    return !this.#acknowledger.awaits(this.#acknowledgement);
  }

  /**
   * One subscription is done with it. The last one sends the acknowledgement, with the first
   * refusal if there was one. Returns false when it is too late.
   *
   * @throws {TypeError} when a property is wrong
   * @throws {RangeError} when the Reason Code is wrong
   */
  done(code: AckReasonCode, properties: AckProperties | undefined): boolean {
    const isLast = this.#remaining === 1;
    const said = this.#refusal ?? { code, properties };
    // What is sent at once is checked as it is encoded.
    if (!isLast || said.code !== code) checkAcknowledgement(code, properties);
    if (isLast) {
      return this.#acknowledger.acknowledge(this.#acknowledgement, said.code, said.properties);
    }
    this.#remaining--;
    if (isFailure(code)) this.#refusal = said;
    return !this.isStale;
  }

  /**
   * As {@linkcode Delivery.done}, in one transaction with `work`.
   *
   * @throws {ConnectionClosedError} when it is too late
   * @throws {unknown} what `work` throws, or the store
   */
  commit<Result>(work: (database: StoreDatabase) => Result): Result {
    if (this.isStale) throw new ConnectionClosedError(STALE, { kind: "transient" });
    const isLast = this.#remaining === 1;
    const { code, properties } = this.#refusal ??
      { code: ReasonCode.success, properties: undefined };
    const acknowledgement = isLast ? this.#acknowledgement : undefined;
    const result = this.#acknowledger.store!.transact(work, acknowledgement, code, properties);
    if (!isLast) this.#remaining--;
    return result;
  }
}

/** What is told where a transaction comes too late. */
const STALE = "The message is stale: its connection has ended, and the server sends it again";

/**
 * A message that has been received.
 *
 * At QoS 1 and 2 the server is told that the message has arrived when the application is done with
 * it: when it asks the subscription for the next one, or calls {@linkcode Message.ack}.
 *
 * @example What a message says
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 *
 * async function show(url: string) {
 *   await using client = await connect(url);
 *   await using readings = await client.subscribe("home/+/temperature", { qos: 1 });
 *   for await (const message of readings) {
 *     console.log(message.topic, message.text(), message.qos, message.retain);
 *   }
 * }
 * ```
 */
export class Message {
  readonly #packet: PublishPacket;
  readonly #delivery: Delivery | undefined;
  readonly #publish: Publish;
  #isDone = false;

  /** Made by the client. */
  constructor(packet: PublishPacket, delivery: Delivery | undefined, publish: Publish) {
    this.#packet = packet;
    this.#delivery = delivery;
    this.#publish = publish;
  }

  /** The Topic Name (§3.3.2.1). */
  get topic(): string {
    return this.#packet.topic;
  }

  /**
   * The payload (§3.3.3): a view of the bytes that were received. Who keeps it should copy it, with
   * `slice()`.
   */
  get payload(): Uint8Array<ArrayBuffer> {
    return this.#packet.payload;
  }

  /** The QoS at which the message has come (§3.3.1.2). */
  get qos(): QoS {
    return this.#packet.qos;
  }

  /** Whether the server had kept the message as the topic's retained message (§3.3.1.3). */
  get retain(): boolean {
    return this.#packet.retain;
  }

  /** What the server calls the message until it is acknowledged (§2.2.1); 0 at QoS 0. */
  get packetId(): number {
    return this.#packet.packetId;
  }

  /** Whether the server may have sent the message before (§3.3.1.1). */
  get dup(): boolean {
    return this.#packet.dup;
  }

  /** All properties (§3.3.2.3) but the Topic Alias: the topic is there in its place. */
  get properties(): ReceivedPropertiesOf<"publish"> {
    return this.#packet.properties;
  }

  /** What the payload is (§3.3.2.3.9). */
  get contentType(): string | undefined {
    return this.#packet.properties.contentType;
  }

  /** Where a response is to go (§3.3.2.3.5): see {@linkcode Message.respond}. */
  get responseTopic(): string | undefined {
    return this.#packet.properties.responseTopic;
  }

  /** What a response is to carry, so that whoever asked knows it (§3.3.2.3.6). */
  get correlationData(): Uint8Array<ArrayBuffer> | undefined {
    return this.#packet.properties.correlationData;
  }

  /** User Properties, in their order (§3.3.2.3.7). */
  get userProperties(): readonly (readonly [name: string, value: string])[] {
    return this.#packet.properties.userProperties ?? [];
  }

  /**
   * Whether the server is to send the message again, because its connection has ended before it was
   * acknowledged.
   */
  get isStale(): boolean {
    return !this.#isDone && this.#delivery !== undefined && this.#delivery.isStale;
  }

  /**
   * Identifies the message, for a client with a store: the same each time the server sends it
   * again, in a later process too, until it is acknowledged. From then on the server may have
   * forgotten at QoS 1 that it has; it is a new message then [MQTT-4.3.2-5]. `undefined` at QoS 0,
   * and without a store.
   */
  get deliveryId(): string | undefined {
    return this.#delivery?.id;
  }

  /**
   * Runs `work` and acknowledges the message, both in one transaction of the client's store: either
   * all that `work` has written is there and the message is done with, or nothing and the server
   * sends the message again. Returns what `work` returns.
   *
   * Of several subscriptions that a message goes to, the last one that is done with it acknowledges
   * it: after a crash before that, the others have it again, with the same
   * {@linkcode Message.deliveryId}.
   *
   * @param work is given the database of `openStore()`; it must not wait
   * @throws {TypeError} when the message has no store, has been acknowledged, or `work` returns a
   *   promise
   * @throws {ConnectionClosedError} when it is too late: the server sends the message again
   * @throws {StoreError} when nothing can be stored
   * @throws {unknown} what `work` throws
   *
   * @example A ledger that counts exactly once
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   * import { openStore } from "jsr:@mqtt5/mqtt5/store";
   *
   * async function main() {
   *   using store = openStore("ledger.db");
   *   const options = { clientId: "ledger", sessionExpiryInterval: 604_800, store };
   *   await using client = await connect("mqtt://localhost:1883", options);
   *   for await (const payment of await client.subscribe("payments/#", { qos: 2 })) {
   *     payment.commit((database) =>
   *       database.prepare("INSERT INTO ledger VALUES (?)").run(Number(payment.text()))
   *     );
   *   }
   * }
   * ```
   */
  commit<Result>(work: (database: StoreDatabase) => Result): Result {
    if (this.#isDone) throw new TypeError("The message has been acknowledged");
    if (this.#delivery?.id === undefined) {
      throw new TypeError(
        "Only messages of QoS 1 and 2, of a client with a store, can be committed",
      );
    }
    const result = this.#delivery.commit(work);
    this.#isDone = true;
    return result;
  }

  /** The payload as text. What is not UTF-8 becomes U+FFFD. */
  text(): string {
    return decoder.decode(this.#packet.payload);
  }

  /**
   * The payload as JSON. `Value` says which type you expect; nothing checks it.
   *
   * @throws {SyntaxError} when it is not JSON
   */
  json<Value = unknown>(): Value {
    return JSON.parse(this.text());
  }

  /**
   * Says that the application is done with the message: with success or, from 0x80 on, without. The
   * server learns of it when every message before it is done with, too [MQTT-4.6.0-2]. At QoS 0,
   * and the second time, this does nothing.
   *
   * Returns false, and does nothing, when it is too late: at QoS 1 the connection has ended on
   * which the message came, at QoS 2 the session has. The server is to send the message again.
   *
   * @throws {TypeError} when a property is wrong
   * @throws {RangeError} when the Reason Code is none of PUBACK and PUBREC (§3.4.2.1, §3.5.2.1)
   */
  ack(reasonCode: AckReasonCode = ReasonCode.success, properties?: AckProperties): boolean {
    if (this.#delivery === undefined || this.#isDone) return true;
    return this.#isDone = this.#delivery.done(reasonCode, properties);
  }

  /**
   * Responds to a request (§4.10): publishes to its Response Topic with its Correlation Data, at
   * the QoS at which it has come if none is given. Resolves as `client.publish()` does. Await it
   * before asking for the next message: then a request is not acknowledged before the response is
   * accepted.
   *
   * Rejects with {@linkcode NoResponseTopicError} when the message does not say where a response is
   * to go; else as `client.publish()` does.
   *
   * @example A loop that responds
   * ```ts
   * import { connect } from "jsr:@mqtt5/mqtt5";
   *
   * async function echo(url: string) {
   *   await using client = await connect(url);
   *   for await (const request of await client.subscribe("echo", { qos: 1 })) {
   *     if (request.responseTopic !== undefined) await request.respond(request.payload);
   *   }
   * }
   * ```
   */
  async respond(response: ResponseMessage): Promise<PublishResult> {
    const { topic, payload, options } = responseTo(this, response);
    return await this.#publish(topic, payload, options);
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
