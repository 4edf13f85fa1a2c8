// Makes the parts of the broker and connects each with those that it calls: who knows whom is
// written here, and nowhere else.

import type { CloseCause } from "../session/events.ts";
import { Account } from "./account.ts";
import { Allowances } from "./allowance.ts";
import { ConnectHandler } from "./connecting.ts";
import { DeliveryAuthorizer } from "./delivery_authorizer.ts";
import { CommitBeforeWrite } from "./durability/commit_before_write.ts";
import type { Store } from "./durability/store.ts";
import { ErrorReporter } from "./error_reporter.ts";
import { Hooks } from "./hooks.ts";
import { type BrokerLimits, limitsWith } from "./limits.ts";
import { LocalPublisher } from "./local_publisher.ts";
import type { BrokerConnection } from "./model.ts";
import { type BrokerOptions, checkOptions } from "./options.ts";
import { PublishHandler } from "./publishing.ts";
import { dropQueued, releaseMessage } from "./releasing.ts";
import { RetainedDelivery } from "./retained/delivery.ts";
import { RetainedMessages } from "./retained/messages.ts";
import { Router } from "./routing/router.ts";
import { Sessions } from "./sessions.ts";
import { SubscribeHandler } from "./subscribing.ts";
import { Timers } from "./timers.ts";
import { Turns } from "./turns.ts";
import { WakeQueue } from "./wake_queue.ts";
import { Wills } from "./wills.ts";

/** What the engine needs from outside. */
export interface EngineTools {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Makes a Client Identifier that cannot be guessed. */
  readonly newClientId: () => string;
  /** Calls back after sockets and timers had their turn. Default: `queueMicrotask`. */
  readonly onNextTurn?: ((callback: () => void) => void) | undefined;
  /** Writes a line to the console, for errors when there is no `onError`. */
  readonly warn: (line: string) => void;
  /** Whether a listener takes User Names from certificates. */
  readonly hasCertificateUsernames?: boolean | undefined;
  /**
   * The network that an address belongs to, for limits per address; `undefined` when there is none.
   * Default: none has one.
   */
  readonly networkOf?: ((address: string) => string | undefined) | undefined;
  /** Calls back at the end of the event loop's turn. Default: `queueMicrotask`. */
  readonly atEndOfTurn?: (callback: () => void) => void;
}

/** What the parts tell the engine. */
export interface EngineCallbacks {
  /** A connection cannot be served. */
  readonly onFailed: (connection: BrokerConnection, error: unknown) => void;
  /** The session of a connection goes on with another one [MQTT-3.1.4-3]. */
  readonly onTakenOver: (connection: BrokerConnection, cause: CloseCause) => void;
  /** A client has been accepted. */
  readonly onAccepted: (connection: BrokerConnection) => void;
}

/** The parts of the broker. */
export interface Parts {
  readonly limits: BrokerLimits;
  /** The memory used for all clients. */
  readonly memory: Account;
  /** What connections keep whose handshake of TLS goes on: they may use what is in reserve. */
  readonly handshakes: Account;
  readonly allowances: Allowances;
  readonly timers: Timers;
  readonly turns: Turns;
  readonly wakeQueue: WakeQueue;
  readonly errors: ErrorReporter;
  readonly hooks: Hooks;
  readonly deliveries: DeliveryAuthorizer;
  /** Holds back packets until what they promise is committed; `undefined` without a store. */
  readonly commits: CommitBeforeWrite | undefined;
  readonly router: Router;
  readonly retained: RetainedMessages;
  readonly retainedDelivery: RetainedDelivery;
  readonly sessions: Sessions;
  readonly connectHandler: ConnectHandler;
  readonly publishHandler: PublishHandler;
  readonly subscribeHandler: SubscribeHandler;
  readonly localPublisher: LocalPublisher;
}

/**
 * Makes the parts of a broker. Without a `store` nothing is persisted.
 *
 * @throws {TypeError} when an option is wrong
 * @throws {RangeError} when an option is out of its range
 */
export function wire(
  options: BrokerOptions,
  tools: EngineTools,
  store: Store | undefined,
  callbacks: EngineCallbacks,
): Parts {
  checkOptions(options);
  const limits = limitsWith(options.limits);
  const { now, warn, newClientId } = tools;
  const memory = memoryWith(limits);
  const timers = new Timers();
  const errors = new ErrorReporter({ hooks: options, timers, now, warn });
  const { report } = errors;
  const hooks = new Hooks({ hooks: options, timers, now, timeout: limits.hookTimeout, report });
  const turns = new Turns(
    tools.onNextTurn ?? queueMicrotask,
    (error) => report(error, "a turn"),
  );
  const wakeQueue = new WakeQueue(turns);
  const wakeLater = (connection: BrokerConnection) => wakeQueue.add(connection);
  const deliveries = new DeliveryAuthorizer({ hooks, timers, turns, now });
  const retained = new RetainedMessages(
    timers,
    limits.retainedMessages,
    store,
    new Account(memory, { limit: limits.retainedBytes }),
  );
  const commits = store && new CommitBeforeWrite({
    store,
    restoreRetained: (topic, before) => retained.restore(topic, before),
    refuse: (connection) => sessions.refuse(connection),
    wakeLater,
    acknowledge: (connection, acknowledgement, answer) =>
      publishHandler.acknowledgeLater(connection, acknowledgement, answer),
    atEndOfTurn: tools.atEndOfTurn ?? queueMicrotask,
  });
  const router: Router = new Router({
    now,
    overlapping: options.overlapping ?? "one copy",
    turns,
    onSending: wakeLater,
    onFailed: callbacks.onFailed,
    canQueue: (session) => commits?.canQueue(session) ?? true,
    onQueued: (session, message) => commits?.save(session, message),
    onExpired: (message) => releaseMessage(message, store),
    memory,
    together: () => commits?.together() ?? atOnce,
    sendFirst: (older, subscriptions) => retainedDelivery.sendFirst(older, subscriptions),
    onDropped: ({ client }, message, why) => hooks.onDropped(client, message, why),
  });
  const retainedDelivery = new RetainedDelivery({ retained, router, deliveries, turns });
  const publishHandler: PublishHandler = new PublishHandler({
    options,
    topicLevels: limits.topicLevels,
    now,
    hooks,
    deliveries,
    router,
    retained,
    retainedDelivery,
    commits,
    turns,
    report,
    onFailed: callbacks.onFailed,
    wakeLater,
  });
  const { table } = router;
  const subscribeHandler = new SubscribeHandler({
    ...{ limits, hooks, table, retainedDelivery, turns, store, commits },
  });
  const wills = new Wills({
    timers,
    store,
    publish: (will, session) => publishHandler.publishWill(will, session),
  });
  const sessions = new Sessions({
    ...{ now, timers, limits, memory, table, turns, store, wills },
    onEnded: (session) => {
      retainedDelivery.stopAll(session);
      publishHandler.redistribute(session);
    },
  });
  const connectHandler = new ConnectHandler({
    options,
    limits,
    hooks,
    sessions,
    hasOwners: hooks.hasAuthenticate || hooks.hasAuthenticateStep ||
      options.sessionOwner !== undefined ||
      tools.hasCertificateUsernames === true,
    newClientId,
    timers,
    now,
    canStoreSessions: () => commits?.canStoreSessions ?? true,
    onTakenOver: callbacks.onTakenOver,
    deliveries,
    dropQueued: (session, topics) => dropQueued(session, topics, store),
    onAccepted: callbacks.onAccepted,
  });
  return {
    ...{ limits, memory, handshakes: new Account(memory, { small: Infinity }) },
    allowances: new Allowances({ limits, timers, now }),
    ...{ timers, turns, wakeQueue, errors, hooks, deliveries, commits },
    ...{ router, retained, retainedDelivery, sessions },
    ...{ connectHandler, publishHandler, subscribeHandler },
    localPublisher: new LocalPublisher({ limits, now, turns, publishHandler }),
  };
}

function memoryWith({ memory }: BrokerLimits): Account {
  if (memory === Infinity) return new Account(undefined, { limit: memory });
  const shares = { reserve: memory * RESERVED, left: memory * LEFT };
  return new Account(undefined, { limit: memory, ...shares });
}

function atOnce(work: () => void): void {
  work();
}

/** The part of the memory that is reserved for small connections and sessions. */
const RESERVED = 1 / 2;

/** The part of the memory that no new connection or session may use. */
const LEFT = 1 / 8;
