// A message that is in the client's store from the moment it is accepted until its outcome is known
// there.

import { NotSentError, RefusedError } from "../errors.ts";
import type { PublishInit } from "../packets/mod.ts";
import type { DiscardedEvent, SettledEvent } from "../session/events.ts";
import { OutgoingMessage } from "../session/outgoing_message.ts";
import type { SessionChange, StoredMessage, StoredOutcome } from "../session/session_store.ts";
import { decodeMessage, encodeMessage } from "../session/snapshot.ts";
import {
  ACCEPTED as RESULT,
  expiredError,
  type PublishResult,
  refusedError,
  resultOf,
  sessionLostError,
} from "./publication.ts";
import { textOf } from "./reconnect.ts";

/** Nobody waits for most messages. */
const NONE: never[] = [];

/** What becomes of most messages. */
const ACCEPTED: StoredOutcome = { kind: "accepted", reasonCode: 0 };

/** A message that is stored before it is sent. */
export class DurableMessage extends OutgoingMessage {
  /** Its identifier in the store. */
  readonly id: number;
  /** Whether its outcome is kept. */
  readonly hasReceipt: boolean;
  #isStored = false;
  /** What has become of it, once that is known. */
  outcome: StoredOutcome | undefined;
  #waiters: { readonly stored: () => void; readonly refused: (error: unknown) => void }[] = NONE;

  constructor(id: number, packet: PublishInit, expiresAt: number, hasReceipt: boolean) {
    super(packet, expiresAt);
    this.id = id;
    this.hasReceipt = hasReceipt;
  }

  /** The message that was stored. `toEngine` gives the time of the engine's clock. */
  static restore(stored: StoredMessage, toEngine: (wall: number) => number): DurableMessage {
    const { id, publish, expiresAt, hasReceipt, packetId, isReleased } = stored;
    const message = new DurableMessage(id, decodeMessage(publish), toEngine(expiresAt), hasReceipt);
    message.packetId = packetId;
    message.isReleased = isReleased;
    message.#isStored = true;
    return message;
  }

  /** Whether it is in the store. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Calls back once: when it is in the store, or when it could not be stored. */
  whenStored(stored: () => void, refused: (error: unknown) => void): void {
    if (this.#isStored) stored();
    else this.#waiters = [...this.#waiters, { stored, refused }];
  }

  /** It is in the store now. */
  markStored(): void {
    this.#isStored = true;
    for (const { stored } of this.#takeWaiters()) stored();
  }

  /** It could not be stored, and is given up. */
  refuse(error: unknown): void {
    for (const { refused } of this.#takeWaiters()) refused(error);
  }

  #takeWaiters() {
    const waiters = this.#waiters;
    this.#waiters = NONE;
    return waiters;
  }

  /**
   * What the store is to know of it, if there is anything. `at` is the time of the clock on the
   * wall, which `toWall` gives for that of the engine.
   */
  change(
    isInFlight: boolean,
    at: number,
    toWall: (engine: number) => number,
  ): SessionChange | undefined {
    const { id, outcome, hasReceipt, isStored, packetId, isReleased, order } = this;
    if (outcome !== undefined) {
      if (!isStored && !hasReceipt) return undefined;
      const { topic } = this.packet;
      return { type: "settled", receipt: { id, topic, outcome, at }, hasReceipt };
    }
    if (!isStored) return { type: "message", message: this.stored(isInFlight, toWall) };
    if (isInFlight) return { type: "flight", id, packetId, isReleased, place: order };
    if (packetId === 0) return { type: "flight", id, packetId, isReleased: false, place: 0 };
    // It has been taken out of flight, and why is among the events that nobody has seen yet.
    return undefined;
  }

  /** Takes it out of a store where nobody knows whether it is there. */
  withdrawal(at: number): SessionChange {
    const { id, packet: { topic } } = this;
    const outcome: StoredOutcome = { kind: "cancelled" };
    return { type: "settled", receipt: { id, topic, outcome, at }, hasReceipt: false };
  }

  /** The message as it is to be stored. `toWall` gives the time of the clock on the wall. */
  stored(isInFlight: boolean, toWall: (engine: number) => number): StoredMessage {
    return {
      id: this.id,
      publish: encodeMessage(this.packet),
      expiresAt: toWall(this.expiresAt),
      hasReceipt: this.hasReceipt,
      packetId: isInFlight ? this.packetId : 0,
      isReleased: isInFlight && this.isReleased,
      place: isInFlight ? this.order : 0,
    };
  }

  /** The last acknowledgement has come. */
  settle(event: Pick<SettledEvent, "packet" | "isRecovery">): StoredOutcome {
    const result = resultOf(this, event);
    if (result === RESULT) return this.outcome = ACCEPTED;
    const { reasonCode, reasonString, userProperties } = result;
    return this.outcome = {
      kind: result instanceof RefusedError ? "refused" : "accepted",
      reasonCode,
      ...reasonString !== undefined && { reasonString },
      ...userProperties.length > 0 && { userProperties },
    };
  }

  /** The engine has given the message up. */
  discard({ cause }: Pick<DiscardedEvent, "cause">): StoredOutcome {
    switch (cause.kind) {
      case "expired":
        return this.outcome = { kind: "expired" };
      case "session lost":
        return this.outcome = { kind: "may have arrived" };
      case "not allowed":
        return this.outcome = { kind: "not allowed", why: textOf(cause.error) };
    }
  }
}

/**
 * What an outcome is to those who wait for the message: a result, or the error of which
 * `client.publish()` tells.
 */
export function resultFrom(outcome: StoredOutcome, topic: string): PublishResult | Error {
  if (outcome === ACCEPTED) return RESULT;
  const name = JSON.stringify(topic);
  switch (outcome.kind) {
    case "accepted": {
      const { reasonCode, reasonString, userProperties = [] } = outcome;
      return { reasonCode, reasonString, userProperties };
    }
    case "refused":
      return refusedError(topic, outcome, "puback");
    case "expired":
      return expiredError(topic);
    case "cancelled":
      return new NotSentError(`The message to ${name} was cancelled`, "cancelled");
    case "not allowed":
      return new NotSentError(
        `The message to ${name} cannot be sent: ${outcome.why}`,
        "not allowed",
      );
    case "may have arrived":
      return sessionLostError(topic);
  }
}
