// A message that the application publishes, with the promise of its fate.

import { ConnectionClosedError, NotSentError, RefusedError } from "../errors.ts";
import { isFailure, type PublishInit, ReasonCode, reasonCodeName } from "../packets/mod.ts";
import type { DiscardedEvent, FinalAcknowledgement, SettledEvent } from "../session/events.ts";
import { OutgoingMessage } from "../session/outgoing_message.ts";

/** What has become of a message. */
export interface PublishResult {
  /**
   * 0x00, or 0x10 when nobody has subscribed to the topic (§3.4.2.1, §3.5.2.1). At QoS 0 nobody
   * answers: 0x00.
   */
  readonly reasonCode: number;
  /** What the server adds for people. */
  readonly reasonString: string | undefined;
  /** What the server adds for programs, in its order. */
  readonly userProperties: readonly (readonly [name: string, value: string])[];
}

/** The message has been taken to be sent, and nobody has said anything about it. */
export const ACCEPTED: PublishResult = Object.freeze({
  reasonCode: ReasonCode.success,
  reasonString: undefined,
  userProperties: Object.freeze([]),
});

/** The same promise for every message of QoS 0 that is sent at once. */
export const SENT: Promise<PublishResult> = Promise.resolve(ACCEPTED);

/** A message on its way out whose sender waits for its fate. */
export class Publication extends OutgoingMessage {
  readonly promise: Promise<PublishResult>;
  #resolve!: (result: PublishResult) => void;
  #reject!: (error: unknown) => void;
  /** What to do when the fate is known. */
  onSettled: (() => void) | undefined;
  /** Whether the fate is known. */
  isSettled = false;

  constructor(packet: PublishInit, expiresAt: number) {
    super(packet, expiresAt);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The message is through: whether it was taken is in the acknowledgement. */
  settle(event: Pick<SettledEvent, "packet" | "isRecovery">): void {
    this.isSettled = true;
    this.onSettled?.();
    const result = resultOf(this, event);
    if (result instanceof RefusedError) this.#reject(result);
    else this.#resolve(result);
  }

  /** The message will not be sent, or nobody will know whether it was. */
  fail(error: unknown): void {
    this.isSettled = true;
    this.onSettled?.();
    this.#reject(error);
  }
}

/** What an acknowledgement says of a message. */
export function resultOf(
  { packet: { topic }, pubrec }: OutgoingMessage,
  { packet, isRecovery }: Pick<SettledEvent, "packet" | "isRecovery">,
): PublishResult | RefusedError {
  if (packet === undefined) return ACCEPTED;
  // After a lost connection a PUBCOMP may say 0x92: the server had finished before. What counts
  // is its PUBREC.
  const isOld = packet.type === "pubcomp" &&
    (packet.reasonCode === ReasonCode.success || isRecovery);
  const told = isOld ? pubrec ?? { ...packet, reasonCode: ReasonCode.success } : packet;
  const { reasonCode, properties } = told;
  if (isFailure(reasonCode)) return refusedError(topic, { reasonCode, ...properties }, packet.type);
  const { reasonString, userProperties } = properties;
  return reasonCode === ReasonCode.success && reasonString === undefined &&
      (userProperties === undefined || userProperties.length === 0)
    ? ACCEPTED
    : { reasonCode, reasonString, userProperties: userProperties ?? [] };
}

/** The error for a message that the server has refused. */
export function refusedError(
  topic: string,
  said: {
    readonly reasonCode: number;
    readonly reasonString?: string | undefined;
    readonly userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
  },
  type: FinalAcknowledgement["type"],
): RefusedError {
  return new RefusedError(`The server refused to publish to ${JSON.stringify(topic)}`, {
    ...said,
    reason: reasonCodeName(said.reasonCode, type) ?? "",
  });
}

/** The error for a message that the engine has given up. */
export function discardError({ message, cause }: DiscardedEvent): unknown {
  const { topic } = message.packet;
  switch (cause.kind) {
    case "expired":
      return expiredError(topic);
    case "not allowed":
      return cause.error;
    case "session lost":
      return sessionLostError(topic);
    default:
      return cause satisfies never;
  }
}

/** The error for a message that has waited for too long. */
export function expiredError(topic: string): NotSentError {
  const name = JSON.stringify(topic);
  return new NotSentError(`The message to ${name} expired before it could be sent`, "expired");
}

/** The error for a message that was in flight in a session that the server has lost. */
export function sessionLostError(topic: string): ConnectionClosedError {
  return new ConnectionClosedError(
    `The server lost the session while the message to ${JSON.stringify(topic)} was in flight: ` +
      "it may or may not have arrived",
    { kind: "transient" },
  );
}
