// The hooks, asked. An answer that is there at once is used at once; one that is not holds up the client in question and nobody
// else. A hook that throws says no, and so does one whose answer is none: who forgets to answer lets nobody in.

import {
  type ConnectPacket,
  type PublishPacket,
  reasonCodeName,
  type ReasonCodeOf,
  type SubscriptionRequest,
} from "../packets/mod.ts";
import type {
  AuthenticationAnswer,
  AuthenticationStep,
  BrokerHooks,
  BrokerMessage,
  ClientInfo,
  Verdict,
} from "./options.ts";

/** Not authorized. */
const NO = 0x87;

/** The hooks of a broker. */
export class Hooks {
  readonly #hooks: BrokerHooks;

  constructor(hooks: BrokerHooks) {
    this.#hooks = hooks;
  }

  /** Whether there is enhanced authentication. */
  get hasSteps(): boolean {
    return this.#hooks.authenticateStep !== undefined;
  }

  /** Whether a client may connect: 0x00, or the Reason Code to refuse it with. */
  authenticate(
    client: ClientInfo,
    packet: ConnectPacket,
    then: Then<ReasonCodeOf<"connack">>,
  ): Promise<void> | undefined {
    const { authenticate } = this.#hooks;
    if (authenticate === undefined) return then(0x00) ?? undefined;
    const { username } = client;
    const { password } = packet;
    return ask(
      () => authenticate.call(this.#hooks, client, { username, password }, packet),
      (verdict) => then(codeOf(verdict, "connack")),
      () => then(NO),
    );
  }

  /** What is said to a step of enhanced authentication. */
  authenticateStep(
    client: ClientInfo,
    step: AuthenticationStep,
    then: Then<AuthenticationAnswer>,
  ): Promise<void> | undefined {
    return ask(
      () => this.#hooks.authenticateStep!(client, step),
      (answer) => then(isAnswer(answer) ? answer : REFUSAL),
      () => then(REFUSAL),
    );
  }

  /** Whether a message may be published: 0x00, or the Reason Code to refuse it with. */
  authorizePublish(
    client: ClientInfo,
    message: BrokerMessage,
    then: Then<ReasonCodeOf<"puback">>,
  ): Promise<void> | undefined {
    const { authorizePublish } = this.#hooks;
    if (authorizePublish === undefined) return then(0x00) ?? undefined;
    return ask(
      () => authorizePublish.call(this.#hooks, client, message),
      (verdict) => then(codeOf(verdict, "puback")),
      () => then(NO),
    );
  }

  /** Whether a client may subscribe: for each request 0x00, or the Reason Code to refuse it with. */
  authorizeSubscribe(
    client: ClientInfo,
    requests: readonly SubscriptionRequest[],
    then: (codes: readonly ReasonCodeOf<"suback">[]) => void,
  ): Promise<void> | undefined {
    const { authorizeSubscribe } = this.#hooks;
    const answers = requests.map((request) => {
      if (authorizeSubscribe === undefined) return true;
      try {
        return authorizeSubscribe.call(this.#hooks, client, request);
      } catch {
        return NO;
      }
    });
    const codes = (verdicts: readonly Verdict<ReasonCodeOf<"suback">>[]) =>
      verdicts.map((verdict) => codeOf(verdict, "suback"));
    if (!answers.some(isPromise)) {
      then(codes(answers as Verdict<ReasonCodeOf<"suback">>[]));
      return undefined;
    }
    return Promise.all(answers.map((answer) => Promise.resolve(answer).catch((): typeof NO => NO)))
      .then((verdicts) => then(codes(verdicts)));
  }

  /** Tells that a client is connected. */
  onConnect(client: ClientInfo): void {
    tell(() => this.#hooks.onConnect?.(client));
  }

  /** Tells that a connection has ended. */
  onDisconnect(client: ClientInfo, why: string): void {
    tell(() => this.#hooks.onDisconnect?.(client, why));
  }

  /** Tells that a message has been taken. */
  onMessage(client: ClientInfo | undefined, packet: PublishPacket): void {
    if (this.#hooks.onMessage !== undefined) tell(() => this.#hooks.onMessage!(client, packet));
  }
}

/** What is done with an answer may take time, too. */
type Then<Answer> = (answer: Answer) => Promise<void> | undefined | void;

function ask<Answer>(
  hook: () => Answer | Promise<Answer>,
  then: Then<Answer>,
  otherwise: () => Promise<void> | undefined | void,
): Promise<void> | undefined {
  let answer: Answer | Promise<Answer>;
  try {
    answer = hook();
  } catch {
    return otherwise() ?? undefined;
  }
  if (!isPromise(answer)) return then(answer) ?? undefined;
  return Promise.resolve(answer).then(then, otherwise);
}

/** Who is only told cannot refuse anything: what goes wrong there is reported as any error that nobody catches. */
function tell(hook: () => void | Promise<void>): void {
  try {
    const told = hook();
    if (isPromise(told)) Promise.resolve(told).catch(reportError);
  } catch (error) {
    reportError(error);
  }
}

/** A promise of any make. */
function isPromise<Result>(value: Result | PromiseLike<Result>): value is PromiseLike<Result> {
  return typeof (value as Partial<PromiseLike<Result>> | undefined)?.then === "function";
}

function codeOf<Type extends "connack" | "puback" | "suback">(
  verdict: Verdict<ReasonCodeOf<Type>>,
  type: Type,
): ReasonCodeOf<Type> {
  if (verdict === true) return 0x00 as ReasonCodeOf<Type>;
  const isCode = typeof verdict === "number" && reasonCodeName(verdict, type) !== undefined;
  return isCode ? verdict : NO as ReasonCodeOf<Type>;
}

const REFUSAL: AuthenticationAnswer = { result: "refuse" };

function isAnswer(answer: AuthenticationAnswer | undefined): boolean {
  switch (answer?.result) {
    case "continue":
    case "success":
      return answer.data === undefined || answer.data instanceof Uint8Array;
    case "refuse":
      return answer.reasonCode === undefined || [0x87, 0x8c].includes(answer.reasonCode);
    default:
      return false;
  }
}
