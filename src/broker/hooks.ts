// The hooks, asked. An answer that is there at once is used at once; one that is not holds up the
// client in question and nobody else, and not for ever. A hook that throws says no, and so does one
// whose answer is none or does not come in time: who forgets to answer lets nobody in. Each such
// fault is reported.

import {
  type ConnectPacket,
  type PublishPacket,
  ReasonCode,
  reasonCodeName,
  type ReasonCodeOf,
  type SubscriptionRequest,
} from "../packets/mod.ts";
import type { ErrorReporter } from "./error_reporter.ts";
import { isPromise } from "./is_promise.ts";
import type {
  AuthenticationAnswer,
  AuthenticationStep,
  BrokerHooks,
  BrokerMessage,
  ClientInfo,
  DropReason,
  Verdict,
} from "./options.ts";
import type { Timers } from "./timers.ts";

/** Not authorized. */
const NO = ReasonCode.notAuthorized;

/** What the hooks are asked with. */
export interface HooksSetup {
  readonly hooks: BrokerHooks;
  readonly timers: Timers;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  /** How long an answer may take, in milliseconds. */
  readonly timeout: number;
  readonly report: ErrorReporter["report"];
}

/** The hooks of a broker. */
export class Hooks {
  readonly #setup: HooksSetup;
  readonly #hooks: BrokerHooks;

  constructor(setup: HooksSetup) {
    this.#setup = setup;
    this.#hooks = setup.hooks;
  }

  /** Whether there is a hook that says who may connect without enhanced authentication. */
  get hasAuthenticate(): boolean {
    return this.#hooks.authenticate !== undefined;
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
    if (authenticate === undefined) return then(ReasonCode.success) ?? undefined;
    const { username } = client;
    const { password } = packet;
    return this.#ask(
      { name: "authenticate", client },
      () => authenticate.call(this.#hooks, client, { username, password }, packet),
      (verdict) => isVerdict(verdict, "connack"),
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
    return this.#ask(
      { name: "authenticateStep", client },
      () => this.#hooks.authenticateStep!(client, step),
      isAnswer,
      then,
      () => then(REFUSAL),
    );
  }

  /**
   * Whose session a client may have; `undefined` is nobody in particular. `otherwise` says so when
   * there is no hook. False when the hook fails.
   */
  sessionOwner(client: ClientInfo, otherwise: string | undefined): string | undefined | false {
    if (this.#hooks.sessionOwner === undefined) return otherwise;
    const question = { name: "sessionOwner", client } as const;
    try {
      const owner: unknown = this.#hooks.sessionOwner(client);
      if (owner === undefined || typeof owner === "string") return owner;
      this.#report(new TypeError(`The answer is none: ${nameOf(owner)}`), question);
    } catch (error) {
      this.#report(error, question);
    }
    return false;
  }

  /** Whether a message may be published: 0x00, or the Reason Code to refuse it with. */
  authorizePublish(
    client: ClientInfo,
    message: BrokerMessage,
    then: Then<ReasonCodeOf<"puback">>,
  ): Promise<void> | undefined {
    const { authorizePublish } = this.#hooks;
    if (authorizePublish === undefined) return then(ReasonCode.success) ?? undefined;
    return this.#ask(
      { name: "authorizePublish", client },
      () => authorizePublish.call(this.#hooks, client, message),
      (verdict) => isVerdict(verdict, "puback"),
      (verdict) => then(codeOf(verdict, "puback")),
      () => then(NO),
    );
  }

  /**
   * Whether a client may subscribe: for each request 0x00, or the Reason Code to refuse it with.
   */
  authorizeSubscribe(
    client: ClientInfo,
    requests: readonly SubscriptionRequest[],
    then: Then<readonly ReasonCodeOf<"suback">[]>,
  ): Promise<void> | undefined {
    const { authorizeSubscribe } = this.#hooks;
    const codes: ReasonCodeOf<"suback">[] = requests.map(() => ReasonCode.success);
    if (authorizeSubscribe === undefined) return then(codes) ?? undefined;
    const waiting: Promise<void>[] = [];
    for (const [index, request] of requests.entries()) {
      const asked = this.#ask(
        { name: "authorizeSubscribe", client },
        () => authorizeSubscribe.call(this.#hooks, client, request),
        (verdict) => isVerdict(verdict, "suback"),
        (verdict) => void (codes[index] = codeOf(verdict, "suback")),
        () => void (codes[index] = NO),
      );
      if (asked !== undefined) waiting.push(asked);
    }
    if (waiting.length > 0) return Promise.all(waiting).then(() => then(codes));
    return then(codes) ?? undefined;
  }

  /** Whether there is a hook about deliveries. */
  get authorizesDelivery(): boolean {
    return this.#hooks.authorizeDelivery !== undefined;
  }

  /**
   * Whether a client may have messages of this topic. When the hook fails it may not, and
   * `onFailed` is called before that is known.
   */
  authorizeDelivery(
    client: ClientInfo,
    message: BrokerMessage,
    onFailed: () => void,
  ): boolean | Promise<boolean> {
    let isAllowed = false;
    const asked = this.#ask(
      { name: "authorizeDelivery", client },
      () => this.#hooks.authorizeDelivery!(client, message),
      (verdict) => typeof verdict === "boolean",
      (verdict) => void (isAllowed = verdict),
      onFailed,
    );
    return asked === undefined ? isAllowed : asked.then(() => isAllowed);
  }

  /** Tells that a client is connected. */
  onConnect(client: ClientInfo): void {
    this.#tell({ name: "onConnect", client }, () => this.#hooks.onConnect?.(client));
  }

  /** Tells that a connection has ended. */
  onDisconnect(client: ClientInfo, why: string): void {
    this.#tell({ name: "onDisconnect", client }, () => this.#hooks.onDisconnect?.(client, why));
  }

  /** Tells that a message has been taken. */
  onMessage(client: ClientInfo | undefined, packet: PublishPacket): void {
    if (this.#hooks.onMessage === undefined) return;
    this.#tell({ name: "onMessage", client }, () => this.#hooks.onMessage!(client, packet));
  }

  /** Tells that a message does not reach a client. */
  onDropped(client: ClientInfo, packet: PublishPacket, why: DropReason): void {
    if (this.#hooks.onDropped === undefined) return;
    this.#tell({ name: "onDropped", client }, () => this.#hooks.onDropped!(client, packet, why));
  }

  #ask<Answer>(
    question: Question,
    hook: () => Answer | PromiseLike<Answer>,
    isAnswer: (answer: Answer) => boolean,
    then: Then<Answer>,
    otherwise: () => Promise<void> | undefined | void,
  ): Promise<void> | undefined {
    const use = (answer: Answer) => {
      if (isAnswer(answer)) return then(answer);
      this.#report(new TypeError(`The answer is none: ${nameOf(answer)}`), question);
      return otherwise();
    };
    let answer: Answer | PromiseLike<Answer>;
    try {
      answer = hook();
      if (isPromise(answer)) {
        return this.#inTime(question, answer).then(use, (error) => {
          this.#report(error, question);
          return otherwise();
        });
      }
    } catch (error) {
      this.#report(error, question);
      return otherwise() ?? undefined;
    }
    return use(answer) ?? undefined;
  }

  /**
   * What a hook answers, or a failure when it takes too long. What it says then is heard no more,
   * unless it is a failure, too.
   */
  #inTime<Answer>(question: Question, answer: PromiseLike<Answer>): Promise<Answer> {
    const { timers, now, timeout } = this.#setup;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const end = timers.add(now() + timeout, () => {
        isLate = true;
        reject(new DOMException(`There was no answer for ${timeout} ms`, "TimeoutError"));
      });
      answer.then((answer) => {
        end.isCancelled = true;
        resolve(answer);
      }, (error) => {
        end.isCancelled = true;
        if (isLate) this.#report(error, question);
        else reject(error);
      });
    });
  }

  /** Who is only told cannot refuse anything, and nothing waits for it. */
  #tell(question: Question, hook: () => void | Promise<void>): void {
    try {
      const told = hook();
      if (isPromise(told)) told.then(undefined, (error) => this.#report(error, question));
    } catch (error) {
      this.#report(error, question);
    }
  }

  #report(error: unknown, { name, client }: Question): void {
    this.#setup.report(error, name, client);
  }
}

/** Which hook is asked about whom. */
interface Question {
  readonly name: keyof BrokerHooks;
  readonly client: ClientInfo | undefined;
}

/** What is done with an answer may take time, too. */
type Then<Answer> = (answer: Answer) => Promise<void> | undefined | void;

function isVerdict<Type extends "connack" | "puback" | "suback">(
  verdict: Verdict<ReasonCodeOf<Type>>,
  type: Type,
): boolean {
  if (typeof verdict === "boolean") return true;
  return typeof verdict === "number" && reasonCodeName(verdict, type) !== undefined;
}

function codeOf<Type extends "connack" | "puback" | "suback">(
  verdict: Verdict<ReasonCodeOf<Type>>,
  _type: Type,
): ReasonCodeOf<Type> {
  if (typeof verdict === "number") return verdict;
  return (verdict ? ReasonCode.success : NO) as ReasonCodeOf<Type>;
}

/** A value that is no answer, in short. */
function nameOf(value: unknown): string {
  return typeof value === "number" || value === null ? String(value) : typeof value;
}

const REFUSAL: AuthenticationAnswer = { result: "refuse" };

function isAnswer(answer: AuthenticationAnswer | undefined): boolean {
  switch (answer?.result) {
    case "continue":
    case "success":
      return answer.data === undefined || answer.data instanceof Uint8Array;
    case "refuse":
      return answer.reasonCode === undefined ||
        [ReasonCode.notAuthorized, ReasonCode.badAuthenticationMethod].includes(answer.reasonCode);
    default:
      return false;
  }
}
