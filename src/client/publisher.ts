// What a client publishes: at once where it can be, else as soon as the engine can, with a promise
// for each message.

import { type ConnectionClosedError, NotSentError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import type { PublishInit } from "../packets/mod.ts";
import type { DiscardedEvent, SettledEvent } from "../session/events.ts";
import { expiryOf, type OutgoingMessage } from "../session/outgoing_message.ts";
import { type MessageContent, publishPacket } from "../session/publish_packet.ts";
import { checkPublish } from "../session/sender.ts";
import type { Session } from "../session/session.ts";
import type { Link } from "./connection_attempt.ts";
import type { DurablePublisher } from "./durable_publisher.ts";
import { discardError, Publication, type PublishResult, SENT } from "./publication.ts";
import type { PublishOptions } from "./publish_options.ts";

/** What a publisher works with. */
export interface PublisherSetup {
  readonly clock: Clock;
  readonly session: Session;
  /** Whether messages of QoS 0 wait for a connection. */
  readonly queueQoS0: boolean;
  /** The connection, if there is one. */
  readonly link: () => Link | undefined;
  /** Keeps messages of QoS 1 and 2, for a client with a store. */
  readonly durable: DurablePublisher | undefined;
  /** Why nothing is taken any more, if it is so. */
  readonly refusal: () => ConnectionClosedError | undefined;
}

/** The messages that a client publishes. */
export class Publisher {
  readonly #setup: PublisherSetup;
  /** Tells `idle()` that nothing waits and nothing is in flight. */
  #onIdle: (() => void) | undefined;
  /** Ends the timer for messages that expire while there is no connection. */
  #forgetExpiry = (): void => {};

  constructor(setup: PublisherSetup) {
    this.#setup = setup;
  }

  /** As `client.publish()`. */
  publish(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: PublishOptions | undefined,
  ): Promise<PublishResult> {
    try {
      const packet = this.#packet(topic, payload, options);
      const signal = options?.signal;
      const { durable } = this.#setup;
      if (durable !== undefined && packet.qos !== 0) return this.#store(durable, packet, signal);
      return this.#submit(packet, signal)?.promise ?? SENT;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * As {@linkcode Publisher.publish}, for somebody who may withdraw the message. Returns
   * `undefined` when it has been sent at QoS 0.
   *
   * @throws {unknown} what `publish()` rejects with at once
   */
  submit(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: PublishOptions | undefined,
  ): Publication | undefined {
    return this.#submit(this.#packet(topic, payload, options), options?.signal);
  }

  /**
   * Gives up a message. Returns whether nothing of it was sent; what was sent is delivered all the
   * same.
   */
  withdraw(publication: Publication, reason: unknown): boolean {
    if (publication.isSettled) return false;
    const isUnsent = publication.packetId === 0;
    if (isUnsent) this.#setup.session.sendQueue.cancel(publication);
    publication.fail(reason);
    this.checkIdle();
    return isUnsent;
  }

  /** A message has been sent at QoS 0, or acknowledged. */
  settled(event: Pick<SettledEvent, "message" | "packet" | "isRecovery">): void {
    const { message } = event;
    if (message instanceof Publication) message.settle(event);
    else this.#setup.durable?.settled(message, event);
    this.checkIdle();
  }

  /** A message will not be sent, or nobody will know whether it has arrived. */
  discarded(event: DiscardedEvent): void {
    const { message, cause } = event;
    if (this.#setup.durable?.discarded(message, event)) return;
    const { pubrec } = message;
    if (cause.kind === "session lost" && pubrec !== undefined) {
      // The server has it: what is lost is the rest of the exchange.
      return this.settled({ message, packet: pubrec, isRecovery: false });
    }
    fail(message, discardError(event));
    this.checkIdle();
  }

  /** The connection is lost: from now on nobody else looks after the messages that expire. */
  lost(): void {
    this.#onIdle?.();
    this.#watchExpiry();
  }

  /** There will be no connection any more. */
  end(error: ConnectionClosedError): void {
    const { inFlight, sendQueue } = this.#setup.session;
    this.#forgetExpiry();
    this.#onIdle?.();
    for (const message of inFlight.values()) fail(message, error);
    for (const message of sendQueue) fail(message, error);
  }

  /**
   * Resolves when nothing waits, nothing is in flight and everything is written; when the
   * connection is lost; or after `timeout` milliseconds.
   */
  async idle(timeout: number, { drive }: Link): Promise<void> {
    const { clock } = this.#setup;
    const through = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    const cancel = clock.at(clock.now() + timeout, late.resolve);
    this.#onIdle = through.resolve;
    this.checkIdle();
    await Promise.race([late.promise, through.promise.then(() => drive.written())]);
    this.#onIdle = undefined;
    cancel();
  }

  #submit(packet: PublishInit, signal: AbortSignal | undefined): Publication | undefined {
    const link = this.#setup.link();
    if (link === undefined || packet.qos !== 0 || !link.connection.trySend(packet)) {
      return this.#enqueue(packet, signal, link);
    }
    link.drive.wake();
    return undefined;
  }

  #enqueue(
    packet: PublishInit,
    signal: AbortSignal | undefined,
    link: Link | undefined,
  ): Publication {
    // The clock is not asked for nothing: that takes as long as to encode a message.
    const expiresAt = packet.properties?.messageExpiryInterval === undefined
      ? Infinity
      : expiryOf(packet, this.#setup.clock.now());
    const publication = new Publication(packet, expiresAt);
    const dropped = this.#hand(publication, link);
    if (signal !== undefined) this.#abortWith(publication, signal);
    for (const message of dropped) {
      if (this.#setup.durable?.dropped(message)) continue;
      fail(message, new NotSentError("The send queue is full", "queue full"));
    }
    link?.drive.wake();
    return publication;
  }

  /**
   * To the connection, else to the messages that wait for one. Returns those that had to give way.
   */
  #hand(publication: Publication, link: Link | undefined): readonly OutgoingMessage[] {
    if (link !== undefined) return link.connection.publish(publication);
    const { session, queueQoS0 } = this.#setup;
    checkPublish(publication.packet);
    if (publication.qos === 0 && !queueQoS0) {
      throw new NotSentError("Not connected, and messages of QoS 0 are not queued", "offline");
    }
    const dropped = session.sendQueue.add(publication);
    this.#watchExpiry();
    return dropped;
  }

  /** What is to be published, if it may be. */
  #packet(
    topic: string,
    payload: string | Uint8Array | MessageContent,
    options: PublishOptions | undefined,
  ): PublishInit {
    const refusal = this.#setup.refusal();
    if (refusal !== undefined) throw refusal;
    const packet = publishPacket(topic, payload, options);
    options?.signal?.throwIfAborted();
    return packet;
  }

  /** As {@linkcode Publisher.publish}, for a message that is stored first. */
  #store(
    durable: DurablePublisher,
    packet: PublishInit,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    const { id } = durable.accept(packet, false);
    const outcome = durable.outcome(id);
    if (signal === undefined) return outcome;
    const abort = () => durable.withdraw(id, signal.reason);
    signal.addEventListener("abort", abort);
    return outcome.finally(() => signal.removeEventListener("abort", abort));
  }

  #abortWith(publication: Publication, signal: AbortSignal): void {
    const abort = () => this.withdraw(publication, signal.reason);
    signal.addEventListener("abort", abort);
    publication.onSettled = () => signal.removeEventListener("abort", abort);
  }

  /** A message waits no more: there may be room for others; tells `idle()` if nothing waits. */
  checkIdle(): void {
    const { durable, session: { inFlight, sendQueue } } = this.#setup;
    durable?.refill();
    if (this.#onIdle === undefined) return;
    if (inFlight.size > 0 || sendQueue.length > 0 || durable?.isIdle === false) return;
    this.#onIdle();
  }

  #watchExpiry(): void {
    const { clock, link, session: { sendQueue } } = this.#setup;
    this.#forgetExpiry();
    if (link() !== undefined || sendQueue.deadline === Infinity) return;
    this.#forgetExpiry = clock.at(sendQueue.deadline, () => {
      for (const message of sendQueue.takeExpired(clock.now())) {
        this.discarded({ type: "discarded", message, cause: { kind: "expired" } });
      }
      this.#watchExpiry();
    });
  }
}

/**
 * Tells who waits for a message that it has failed; a message out of a saved session has nobody.
 */
function fail(message: OutgoingMessage, error: unknown): void {
  if (message instanceof Publication) message.fail(error);
}
