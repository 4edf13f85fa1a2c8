// Calls the application's hooks. A synchronous result is used at once; a promise holds up only the
// client it concerns, and for no longer than `limits.hookTimeout`. A hook that throws, returns an
// invalid value or times out counts as a refusal, so that a faulty hook lets nobody in; each such
// failure is reported.

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
  Refusal,
  Verdict,
  WillMoment,
} from "./options.ts";
import type { Timers } from "./timers.ts";

/** Dependencies of {@linkcode Hooks}. */
export interface HooksSetup {
  readonly hooks: BrokerHooks;
  readonly timers: Timers;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  /** How long a hook may take, in milliseconds. */
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

  /** Whether clients are authenticated without enhanced authentication. */
  get hasAuthenticate(): boolean {
    return this.#hooks.authenticate !== undefined;
  }

  /** Whether enhanced authentication is supported. */
  get hasAuthenticateStep(): boolean {
    return this.#hooks.authenticateStep !== undefined;
  }

  /** Decides whether a client may connect: Success, or the Reason Code to refuse it with. */
  authenticate(
    client: ClientInfo,
    packet: ConnectPacket,
    then: Then<ReasonCodeOf<"connack">>,
  ): Promise<void> | undefined {
    const { authenticate } = this.#hooks;
    if (authenticate === undefined) return then(ReasonCode.success) ?? undefined;
    const { username } = client;
    const { password } = packet;
    return this.#call(
      { name: "authenticate", client },
      () => authenticate.call(this.#hooks, client, { username, password }, packet),
      (verdict) => isVerdict(verdict, "connack"),
      (verdict) => then(codeOf(verdict, "connack")),
      () => then(ReasonCode.notAuthorized),
    );
  }

  /** Answers a step of enhanced authentication. */
  authenticateStep(
    client: ClientInfo,
    step: AuthenticationStep,
    then: Then<AuthenticationAnswer>,
  ): Promise<void> | undefined {
    return this.#call(
      { name: "authenticateStep", client },
      () => this.#hooks.authenticateStep!(client, step),
      isAnswer,
      then,
      () => then(REFUSAL),
    );
  }

  /**
   * The owner of the client's session; `undefined` when it has none. Returns `byDefault` without a
   * hook, and false when the hook fails.
   */
  sessionOwner(client: ClientInfo, byDefault: string | undefined): string | undefined | false {
    if (this.#hooks.sessionOwner === undefined) return byDefault;
    const call = { name: "sessionOwner", client } as const;
    try {
      const owner: unknown = this.#hooks.sessionOwner(client);
      if (owner === undefined || typeof owner === "string") return owner;
      this.#report(wrongResult(call, owner), call);
    } catch (error) {
      this.#report(error, call);
    }
    return false;
  }

  /** Whether there is a hook about what is published. */
  get authorizesPublish(): boolean {
    return this.#hooks.authorizePublish !== undefined;
  }

  /** Decides whether a message may be published: Success, or the Reason Code to refuse it with. */
  authorizePublish(
    client: ClientInfo,
    message: BrokerMessage,
    then: Then<ReasonCodeOf<"puback">>,
  ): Promise<void> | undefined {
    const { authorizePublish } = this.#hooks;
    if (authorizePublish === undefined) return then(ReasonCode.success) ?? undefined;
    return this.#call(
      { name: "authorizePublish", client },
      () => authorizePublish.call(this.#hooks, client, message),
      (verdict) => isVerdict(verdict, "puback"),
      (verdict) => then(codeOf(verdict, "puback")),
      () => then(ReasonCode.notAuthorized),
    );
  }

  /** Decides about a Will: Success, or the Reason Code to refuse it with. */
  authorizeWill(
    client: ClientInfo,
    message: BrokerMessage,
    moment: WillMoment,
    then: Then<ReasonCodeOf<"puback">>,
  ): Promise<void> | undefined {
    const { authorizeWill } = this.#hooks;
    if (authorizeWill === undefined) {
      return moment === "connect"
        ? this.authorizePublish(client, message, then)
        : then(ReasonCode.success) ?? undefined;
    }
    return this.#call(
      { name: "authorizeWill", client },
      () => authorizeWill.call(this.#hooks, client, message, moment),
      (verdict) => isVerdict(verdict, "puback"),
      (verdict) => then(codeOf(verdict, "puback")),
      () => then(ReasonCode.notAuthorized),
    );
  }

  /**
   * Decides for each request whether the client may subscribe: Success, or the Reason Code to
   * refuse it with.
   */
  authorizeSubscribe(
    client: ClientInfo,
    requests: readonly SubscriptionRequest[],
    then: Then<readonly ReasonCodeOf<"suback">[]>,
  ): Promise<void> | undefined {
    const { authorizeSubscribe } = this.#hooks;
    const codes: ReasonCodeOf<"suback">[] = requests.map(() => ReasonCode.success);
    if (authorizeSubscribe === undefined) return then(codes) ?? undefined;
    const pending: Promise<void>[] = [];
    for (const [index, request] of requests.entries()) {
      const call = this.#call(
        { name: "authorizeSubscribe", client },
        () => authorizeSubscribe.call(this.#hooks, client, request),
        (verdict) => isVerdict(verdict, "suback"),
        (verdict) => void (codes[index] = codeOf(verdict, "suback")),
        () => void (codes[index] = ReasonCode.notAuthorized),
      );
      if (call !== undefined) pending.push(call);
    }
    if (pending.length > 0) return Promise.all(pending).then(() => then(codes));
    return then(codes) ?? undefined;
  }

  /** Whether deliveries need authorization. */
  get authorizesDelivery(): boolean {
    return this.#hooks.authorizeDelivery !== undefined;
  }

  /**
   * Decides whether a client may receive messages of this topic. When the hook fails the client may
   * not, and `onFailed` is called before the result is known.
   */
  authorizeDelivery(
    client: ClientInfo,
    message: BrokerMessage,
    onFailed: () => void,
  ): boolean | Promise<boolean> {
    let isAllowed = false;
    const call = this.#call(
      { name: "authorizeDelivery", client },
      () => this.#hooks.authorizeDelivery!(client, message),
      (verdict) => typeof verdict === "boolean",
      (verdict) => void (isAllowed = verdict),
      onFailed,
    );
    return call === undefined ? isAllowed : call.then(() => isAllowed);
  }

  /** Tells the application that a client has connected. */
  onConnect(client: ClientInfo): void {
    this.#notify({ name: "onConnect", client }, () => this.#hooks.onConnect?.(client));
  }

  /** Whether the application is told of refused connections. */
  get hasOnRefused(): boolean {
    return this.#hooks.onRefused !== undefined;
  }

  /** Tells the application that a connection has been refused. */
  onRefused(refusal: Refusal): void {
    const { client } = refusal;
    this.#notify({ name: "onRefused", client }, () => this.#hooks.onRefused?.(refusal));
  }

  /** Tells the application that a connection has ended. */
  onDisconnect(client: ClientInfo, reason: string): void {
    this.#notify(
      { name: "onDisconnect", client },
      () => this.#hooks.onDisconnect?.(client, reason),
    );
  }

  /** Tells the application that a client has subscribed. */
  onSubscribe(client: ClientInfo, request: SubscriptionRequest): void {
    if (this.#hooks.onSubscribe === undefined) return;
    this.#notify({ name: "onSubscribe", client }, () => this.#hooks.onSubscribe!(client, request));
  }

  /** Tells the application that a client has ended a subscription. */
  onUnsubscribe(client: ClientInfo, topicFilter: string): void {
    if (this.#hooks.onUnsubscribe === undefined) return;
    this.#notify(
      { name: "onUnsubscribe", client },
      () => this.#hooks.onUnsubscribe!(client, topicFilter),
    );
  }

  /** Tells the application that a message has been accepted. */
  onMessage(client: ClientInfo | undefined, packet: PublishPacket): void {
    if (this.#hooks.onMessage === undefined) return;
    this.#notify({ name: "onMessage", client }, () => this.#hooks.onMessage!(client, packet));
  }

  /** Tells the application that a message is dropped for a client. */
  onDropped(client: ClientInfo, packet: PublishPacket, reason: DropReason): void {
    if (this.#hooks.onDropped === undefined) return;
    this.#notify(
      { name: "onDropped", client },
      () => this.#hooks.onDropped!(client, packet, reason),
    );
  }

  /** Calls a hook whose result matters; `onFailed` runs in place of `then` when it fails. */
  #call<Result>(
    call: HookCall,
    hook: () => Result | PromiseLike<Result>,
    isValid: (result: Result) => boolean,
    then: Then<Result>,
    onFailed: () => Promise<void> | undefined | void,
  ): Promise<void> | undefined {
    const use = (result: Result) => {
      if (isValid(result)) return then(result);
      this.#report(wrongResult(call, result), call);
      return onFailed();
    };
    let result: Result | PromiseLike<Result>;
    try {
      result = hook();
      if (isPromise(result)) {
        return this.#withTimeout(call, result).then(use, (error) => {
          this.#report(error, call);
          return onFailed();
        });
      }
    } catch (error) {
      this.#report(error, call);
      return onFailed() ?? undefined;
    }
    return use(result) ?? undefined;
  }

  /** Rejects when the hook takes too long. A late result is ignored; a late error is reported. */
  #withTimeout<Result>(call: HookCall, result: PromiseLike<Result>): Promise<Result> {
    const { timers, now, timeout } = this.#setup;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = timers.add(now() + timeout, () => {
        isLate = true;
        const message = `${call.name}() did not answer within ${timeout} ms`;
        reject(new DOMException(message, "TimeoutError"));
      });
      result.then((result) => {
        timer.isCancelled = true;
        resolve(result);
      }, (error) => {
        timer.isCancelled = true;
        if (isLate) this.#report(error, call);
        else reject(error);
      });
    });
  }

  /** Calls a hook without a result; the broker does not wait for it. */
  #notify(call: HookCall, hook: () => void | Promise<void>): void {
    try {
      const result = hook();
      if (isPromise(result)) result.then(undefined, (error) => this.#report(error, call));
    } catch (error) {
      this.#report(error, call);
    }
  }

  #report(error: unknown, { name, client }: HookCall): void {
    this.#setup.report(error, name, client);
  }
}

/** Which hook is called, and about which client. */
interface HookCall {
  readonly name: keyof BrokerHooks;
  readonly client: ClientInfo | undefined;
}

/** Goes on with the result of a hook, which may take time, too. */
type Then<Result> = (result: Result) => Promise<void> | undefined | void;

/** What each hook with a result has to return, for the error message. */
const EXPECTED: Partial<Record<keyof BrokerHooks, string>> = {
  authenticate: "a boolean or a Reason Code of CONNACK",
  authenticateStep: 'an object whose result is "continue", "success" or "refuse"',
  sessionOwner: "a string or undefined",
  authorizePublish: "a boolean or a Reason Code of PUBACK",
  authorizeWill: "a boolean or a Reason Code of PUBACK",
  authorizeSubscribe: "a boolean or a Reason Code of SUBACK",
  authorizeDelivery: "a boolean",
};

function wrongResult({ name }: HookCall, result: unknown): TypeError {
  const found = typeof result === "number" || result === null ? String(result) : typeof result;
  return new TypeError(`${name}() returned ${found}; expected ${EXPECTED[name]}`);
}

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
  return (verdict ? ReasonCode.success : ReasonCode.notAuthorized) as ReasonCodeOf<Type>;
}

const REFUSAL: AuthenticationAnswer = { result: "refuse" };

function isAnswer(answer: AuthenticationAnswer | undefined): boolean {
  switch (answer?.result) {
    case "success":
      if (!["string", "undefined"].includes(typeof answer.username)) return false;
      return answer.data === undefined || answer.data instanceof Uint8Array;
    case "continue":
      return answer.data === undefined || answer.data instanceof Uint8Array;
    case "refuse":
      if (!["string", "undefined"].includes(typeof answer.reasonString)) return false;
      return answer.reasonCode === undefined ||
        [ReasonCode.notAuthorized, ReasonCode.badAuthenticationMethod].includes(answer.reasonCode);
    default:
      return false;
  }
}
