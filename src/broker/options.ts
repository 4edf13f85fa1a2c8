// The options of a broker: what it offers to clients, its limits and its hooks.

import { checkOneOf, checkType } from "../session/option_checks.ts";
import {
  type ConnectPacket,
  encodePacket,
  type QoS,
  type ReasonCode,
  type ReasonCodeOf,
  type SubscriptionRequest,
} from "../packets/mod.ts";
import type { PeerCertificate } from "../session/peer.ts";

/** A client, as hooks see it. */
export interface ClientInfo {
  /** Its Client Identifier, or the one that the broker has assigned (§3.1.3.1). */
  readonly clientId: string;
  /**
   * The User Name of its CONNECT (§3.1.3.5), or the one taken from its certificate when the
   * listener
   * has `certificateUsername`.
   */
  readonly username: string | undefined;
  /**
   * The address it connects from, such as `"127.0.0.1:40000"`; `"unix"` for a Unix socket, and
   * `"memory"` for a connection within the process.
   */
  readonly address: string;
  /**
   * The URL of the listener it is connected to, such as `"mqtts://127.0.0.1:8883"`. This and the
   * following fields are `undefined` for a client that has not connected since the broker started.
   */
  readonly listener: string | undefined;
  /** Its verified client certificate, if it has sent one. */
  readonly certificate: PeerCertificate | undefined;
  /** The `Origin` header of its WebSocket, such as `"https://example.org"`. */
  readonly origin: string | undefined;
}

/** A message, as hooks see it. */
export interface BrokerMessage {
  /** The Topic Name. */
  readonly topic: string;
  /** The payload. Copy the bytes to keep them: the view is valid only during the call. */
  readonly payload: Uint8Array;
  /** The QoS at which it was published. */
  readonly qos: QoS;
  /** Whether it was published with RETAIN set. */
  readonly retain: boolean;
}

/** What a hook decides: allowed, not authorized (0x87), or a Reason Code of its own. */
export type Verdict<Code extends number> = boolean | Code;

/** A step of enhanced authentication (§4.12). */
export interface AuthenticationStep {
  /** The Authentication Method, the same in all steps of a connection. */
  readonly method: string;
  /** The Authentication Data that the client sent. */
  readonly data: Uint8Array | undefined;
  /** The number of the step, from 0. */
  readonly step: number;
  /** Whether an already connected client re-authenticates (§4.12.1). */
  readonly isReauthentication: boolean;
}

/**
 * The answer to a step of enhanced authentication: continue or succeed, each with Authentication
 * Data for the client, or refuse with a Reason Code, by default Not authorized (0x87).
 */
export type AuthenticationAnswer =
  | { readonly result: "continue"; readonly data?: Uint8Array | undefined }
  | { readonly result: "success"; readonly data?: Uint8Array | undefined }
  | {
    readonly result: "refuse";
    readonly reasonCode?:
      | typeof ReasonCode.notAuthorized
      | typeof ReasonCode.badAuthenticationMethod
      | undefined;
  };

/**
 * Why a message is dropped for a client: a limit on queued messages or memory is reached, or the
 * message exceeds the client's Maximum Packet Size (§3.1.2.11.4).
 */
export type DropReason = "no room" | "too large";

/** Where an error occurred. */
export interface ErrorContext {
  /** The name of the hook that failed, or a few words on what was being done. */
  readonly what: string;
  /** The client concerned, if the error concerns one. */
  readonly client?: ClientInfo | undefined;
}

/**
 * Functions that the broker calls to authenticate and authorize clients, and to tell what happens.
 * Each may be async: the client concerned waits for it, the others do not. A hook that throws,
 * returns an invalid value, or does not answer within `limits.hookTimeout` refuses the request in
 * question, and the error goes to `onError`.
 *
 * @example Only the boss receives secret messages, whatever filter others subscribe to
 * ```ts
 * import { connect, topicMatches } from "jsr:@mqtt5/mqtt5";
 * import { serve } from "jsr:@mqtt5/mqtt5/broker";
 * import { assertEquals } from "@std/assert";
 *
 * await using broker = await serve({
 *   listeners: [],
 *   authenticate: (_client, { username, password }) =>
 *     username !== undefined && new TextDecoder().decode(password) === `${username}'s password`,
 *   authorizeDelivery: ({ username }, { topic }) =>
 *     username === "boss" || !topicMatches("secret/#", topic),
 * });
 * const as = (username: string) => ({ username, password: `${username}'s password` });
 * await using boss = await connect(broker, as("boss"));
 * await using clerk = await connect(broker, as("clerk"));
 * const news = await clerk.subscribe("#");
 * await boss.publish("secret/plans", "world domination");
 * await boss.publish("public/plans", "lunch");
 * for await (const message of news) {
 *   assertEquals(message.topic, "public/plans");
 *   break;
 * }
 * ```
 *
 * @example A rule on subscriptions must cover every filter that overlaps the protected topics
 * ```ts
 * import { topicFiltersOverlap } from "jsr:@mqtt5/mqtt5/broker";
 * import { serve } from "jsr:@mqtt5/mqtt5/broker";
 *
 * await using broker = await serve({
 *   listeners: [],
 *   authorizeSubscribe: ({ username }, { topicFilter }) =>
 *     username === "boss" || !topicFiltersOverlap("secret/#", topicFilter),
 * });
 * ```
 */
export interface BrokerHooks {
  /** Decides whether a client may connect. Default: every client may. */
  authenticate?(
    client: ClientInfo,
    credentials: {
      readonly username: string | undefined;
      readonly password: Uint8Array | undefined;
    },
    packet: ConnectPacket,
  ): Verdict<ReasonCodeOf<"connack">> | Promise<Verdict<ReasonCodeOf<"connack">>>;
  /**
   * Answers a step of enhanced authentication (§4.12). Without this hook, every Authentication
   * Method is refused with Bad authentication method (0x8C).
   */
  authenticateStep?(
    client: ClientInfo,
    step: AuthenticationStep,
  ): AuthenticationAnswer | Promise<AuthenticationAnswer>;
  /**
   * Names the user who owns the session that a client begins or resumes. A client that uses the
   * Client Identifier of a session with another owner is refused with Not authorized (0x87), also
   * with Clean Start 1; the session stays as it is. A session whose owner is `undefined` is open to
   * every client. The owner is stored with the session.
   *
   * Default: for a client that is authenticated, by a hook or by `certificateUsername`, its User
   * Name, else the subject of its certificate; authenticated clients with neither count as one
   * user. For a client that is not authenticated, `undefined`. When only enhanced authentication
   * knows who the user is, provide this hook.
   */
  sessionOwner?(client: ClientInfo): string | undefined;
  /**
   * Decides whether a client may publish to a topic. It is called for a Will when the client
   * connects. Default: it may.
   */
  authorizePublish?(
    client: ClientInfo,
    message: BrokerMessage,
  ): Verdict<ReasonCodeOf<"puback">> | Promise<Verdict<ReasonCodeOf<"puback">>>;
  /** Decides whether a client may subscribe to a Topic Filter. Default: it may. */
  authorizeSubscribe?(
    client: ClientInfo,
    request: SubscriptionRequest,
  ): Verdict<ReasonCodeOf<"suback">> | Promise<Verdict<ReasonCodeOf<"suback">>>;
  /**
   * Decides whether a client may receive messages of a topic that one of its subscriptions matches:
   * new, retained and queued ones, and those of a shared subscription. A rule on subscriptions
   * alone cannot, since `#` matches `secret/plans`, too.
   *
   * It is called once per session and topic, with the first message. The result holds until the
   * client reconnects or `broker.clearAuthorizations()` is called; then it is called again, also
   * for the messages that are queued, but not for those in flight: the client may have them
   * already, and they must be sent again when it reconnects [MQTT-4.4.0-1]. The publisher waits for
   * an async result. A message that the client may not receive is dropped; in a shared subscription
   * it goes to another member of the group.
   * Default: it may.
   */
  authorizeDelivery?(client: ClientInfo, message: BrokerMessage): boolean | Promise<boolean>;
  /** Called when a client has connected. */
  onConnect?(client: ClientInfo): void | Promise<void>;
  /** Called when a connection has ended; `reason` says why. */
  onDisconnect?(client: ClientInfo, reason: string): void | Promise<void>;
  /** Called when a message has been accepted, before it is delivered to its subscribers. */
  onMessage?(client: ClientInfo | undefined, message: BrokerMessage): void | Promise<void>;
  /**
   * Called for each message that is dropped for a client. There may be very many of them, so return
   * quickly, and do not log each one.
   */
  onDropped?(client: ClientInfo, message: BrokerMessage, reason: DropReason): void | Promise<void>;
  /**
   * Called for errors that no caller can catch, above all those of hooks. Nothing but the request
   * in
   * question is affected. Default: a line on the console, at most ten a minute; further errors are
   * counted. Errors of this hook itself go to the console, too.
   */
  onError?(error: unknown, context: ErrorContext): void | Promise<void>;
}

/**
 * Limits of a broker. What exceeds one is dropped or refused with the Reason Code of the standard:
 * 0x97 is Quota exceeded. Bytes are counted as they are in memory, including objects and tables
 * around the data, by measured figures.
 */
export interface BrokerLimits {
  /**
   * Bytes that the broker keeps for all clients together, including the platform's share of each
   * connection: 18 KiB, with TLS 64 KiB. Half of it is reserved for connections that keep less than
   * 512 KiB and sessions that keep less than 16 KiB. What exceeds the limit is refused with 0x97; a
   * connection for which there is no memory at all is closed. Since garbage is collected late, the
   * process takes up to three times as much. Default: 167,772,160, for a process of 512 MiB.
   */
  readonly memory: number;
  /** Simultaneous connections; further ones are refused with Server busy (0x89). Default: 6000. */
  readonly connections: number;
  /**
   * Bytes in a packet before CONNACK; a larger CONNECT is refused with Packet too large (0x95). A
   * Will has up to 65,535 bytes of payload, plus properties. Default: 262,144.
   */
  readonly connectBytes: number;
  /**
   * Sessions, connected or not; a CONNECT that would begin another one is refused with 0x97.
   * Default: 20,000.
   */
  readonly sessions: number;
  /**
   * Bytes of one session, including its subscriptions, its Will and its queued messages; what
   * exceeds them is refused with 0x97. Default: 33,554,432.
   */
  readonly sessionBytes: number;
  /**
   * Bytes of one session's subscriptions; a SUBSCRIBE that exceeds them is refused with 0x97.
   * Default: 16,777,216.
   */
  readonly subscriptionBytes: number;
  /**
   * Bytes of all retained messages; a PUBLISH that exceeds them is refused with 0x97. Default:
   * 67,108,864.
   */
  readonly retainedBytes: number;
  /** Bytes in one packet (Maximum Packet Size, §3.2.2.3.6). Default: 16,777,216. */
  readonly maximumPacketSize: number;
  /**
   * Seconds that a session outlives its connection, at most (§3.2.2.3.2). Default: 604,800, which
   * is
   * a week.
   */
  readonly sessionExpiryInterval: number;
  /**
   * Messages queued for one session. A PUBLISH that no subscriber has room for is refused with
   * 0x97.
   * Default: 10,000.
   */
  readonly queuedMessages: number;
  /**
   * Bytes of the topics, payloads and properties queued for one session, likewise. Default:
   * 16,777,216.
   */
  readonly queuedBytes: number;
  /** Retained messages. Default: 100,000. */
  readonly retainedMessages: number;
  /** Subscriptions of one session. Default: 10,000. */
  readonly subscriptionsPerSession: number;
  /**
   * Topic Filters in one SUBSCRIBE or UNSUBSCRIBE; a packet with more closes the connection with
   * 0x97. Default: 1000.
   */
  readonly filtersPerPacket: number;
  /**
   * User Properties in one packet, or in a Will; a packet with more closes the connection with
   * 0x97.
   * Default: 1000.
   */
  readonly userPropertiesPerPacket: number;
  /** Levels of a Topic Name or a Topic Filter. Default: 128. */
  readonly topicLevels: number;
  /** Milliseconds within which a new connection must send CONNECT. Default: 10,000. */
  readonly connectTimeout: number;
  /**
   * Milliseconds within which a hook must answer; after that the request is refused. Default:
   * 10,000.
   */
  readonly hookTimeout: number;
  /**
   * Unacknowledged QoS 1 and QoS 2 messages from one client (Receive Maximum, §3.2.2.3.3). Default:
   * 1000.
   */
  readonly receiveMaximum: number;
  /** Topic Aliases that one client may use (Topic Alias Maximum, §3.2.2.3.8). Default: 64. */
  readonly topicAliasMaximum: number;
}

/** Options of a broker, apart from where it listens. */
export interface BrokerOptions extends BrokerHooks {
  /** Limits on what clients may use. */
  readonly limits?: Partial<BrokerLimits> | undefined;
  /** The highest QoS that clients may publish at (§3.2.2.3.4). Default: 2. */
  readonly maximumQoS?: QoS | undefined;
  /** Whether messages may be retained (§3.2.2.3.5). Default: true. */
  readonly retainAvailable?: boolean | undefined;
  /** Whether Topic Filters may have wildcards (§3.2.2.3.11). Default: true. */
  readonly wildcardSubscriptionAvailable?: boolean | undefined;
  /** Whether Subscription Identifiers are supported (§3.2.2.3.12). Default: true. */
  readonly subscriptionIdentifierAvailable?: boolean | undefined;
  /** Whether Shared Subscriptions are supported (§3.2.2.3.13). Default: true. */
  readonly sharedSubscriptionAvailable?: boolean | undefined;
  /**
   * The Server Keep Alive, in seconds: replaces the Keep Alive of every client, be it longer or
   * shorter (§3.2.2.3.14).
   */
  readonly serverKeepAlive?: number | undefined;
  /**
   * The longest Keep Alive, in seconds. A client that asks for a longer one, or for none, gets this
   * one as its Server Keep Alive (§3.2.2.3.14); shorter ones are left as they are. Cannot be
   * combined with {@linkcode BrokerOptions.serverKeepAlive}.
   */
  readonly maximumKeepAlive?: number | undefined;
  /**
   * Whether clients may publish to `$SYS` and below, for a program that provides such topics
   * (§4.7.2). Otherwise this is refused with Not authorized (0x87), as publishing to `$share/…`
   * always is. Default: false.
   */
  readonly allowPublishToSys?: boolean | undefined;
  /** The Response Information for clients that request it (§3.2.2.3.15). */
  readonly responseInformation?: string | undefined;
  /**
   * How a message that matches several subscriptions of a client is delivered (§3.3.4): once, with
   * all their Subscription Identifiers, or once per subscription. Default: `"one copy"`.
   */
  readonly overlapping?: "one copy" | "several copies" | undefined;
  /**
   * Whether the broker uses Topic Aliases for messages to clients that accept them (§3.3.2.3.4).
   * Default: `"off"`.
   */
  readonly topicAliases?: "off" | "automatic" | undefined;
}

const DEFAULT_LIMITS: BrokerLimits = {
  memory: 167_772_160,
  connections: 6000,
  connectBytes: 262_144,
  sessions: 20_000,
  sessionBytes: 33_554_432,
  subscriptionBytes: 16_777_216,
  retainedBytes: 67_108_864,
  maximumPacketSize: 16_777_216,
  sessionExpiryInterval: 604_800,
  queuedMessages: 10_000,
  queuedBytes: 16_777_216,
  retainedMessages: 100_000,
  subscriptionsPerSession: 10_000,
  filtersPerPacket: 1000,
  userPropertiesPerPacket: 1000,
  topicLevels: 128,
  connectTimeout: 10_000,
  hookTimeout: 10_000,
  receiveMaximum: 1000,
  topicAliasMaximum: 64,
};

/** The highest values that fit into the properties of CONNACK; these are integers, too. */
const CONNACK_MAXIMA: Partial<BrokerLimits> = {
  maximumPacketSize: 0xffff_ffff,
  sessionExpiryInterval: Infinity,
  receiveMaximum: 0xffff,
  topicAliasMaximum: 0xffff,
};

const HOOKS = [
  "authenticate",
  "authenticateStep",
  "sessionOwner",
  "authorizePublish",
  "authorizeSubscribe",
  "authorizeDelivery",
  "onConnect",
  "onDisconnect",
  "onMessage",
  "onDropped",
  "onError",
] as const satisfies readonly (keyof BrokerHooks)[];

/**
 * The limits given, and defaults for the others.
 *
 * @throws {TypeError} when a limit is unknown or not a number
 * @throws {RangeError} when a limit is out of range
 */
export function limitsWith(given: Partial<BrokerLimits> = {}): BrokerLimits {
  checkType("limits", given, "object");
  const limits: Record<keyof BrokerLimits, number> = { ...DEFAULT_LIMITS };
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, key)) throw new TypeError(`Unknown limit "${key}"`);
    if (value === undefined) continue;
    const name = key as keyof BrokerLimits;
    checkType(`limits.${name}`, value, "number");
    const least = name === "topicAliasMaximum" || name === "sessionExpiryInterval" ? 0 : 1;
    if (!(value >= least)) {
      throw new RangeError(`limits.${name} must be at least ${least}, got ${value}`);
    }
    const maximum = CONNACK_MAXIMA[name];
    const isInteger = Number.isInteger(value) || value === Infinity;
    if (maximum !== undefined && !(isInteger && value <= maximum)) {
      throw new RangeError(`limits.${name} must be an integer up to ${maximum}, got ${value}`);
    }
    limits[name] = value;
  }
  return limits;
}

/**
 * Checks the options.
 *
 * @throws {TypeError} when an option has the wrong type
 * @throws {RangeError} when an option is out of range
 */
export function checkOptions(options: BrokerOptions): void {
  const { maximumQoS, overlapping, topicAliases } = options;
  // The encoder checks what goes into CONNACK; there QoS 2 is expressed by leaving Maximum QoS out.
  encodePacket({
    type: "connack",
    properties: {
      maximumQoS: maximumQoS === 2 ? undefined : maximumQoS,
      retainAvailable: options.retainAvailable,
      wildcardSubscriptionAvailable: options.wildcardSubscriptionAvailable,
      subscriptionIdentifierAvailable: options.subscriptionIdentifierAvailable,
      sharedSubscriptionAvailable: options.sharedSubscriptionAvailable,
      serverKeepAlive: options.serverKeepAlive,
      responseInformation: options.responseInformation,
    },
  });
  checkKeepAlive(options);
  if (options.allowPublishToSys !== undefined) {
    checkType("allowPublishToSys", options.allowPublishToSys, "boolean");
  }
  checkOneOf("overlapping", overlapping, ["one copy", "several copies"]);
  checkOneOf("topicAliases", topicAliases, ["off", "automatic"]);
  for (const name of HOOKS) {
    if (options[name] !== undefined) checkType(name, options[name], "function");
  }
}

function checkKeepAlive({ serverKeepAlive, maximumKeepAlive }: BrokerOptions): void {
  if (maximumKeepAlive === undefined) return;
  checkType("maximumKeepAlive", maximumKeepAlive, "number");
  if (!Number.isInteger(maximumKeepAlive) || maximumKeepAlive < 1 || maximumKeepAlive > 0xffff) {
    throw new RangeError(`maximumKeepAlive must be from 1 to 65535, got ${maximumKeepAlive}`);
  }
  if (serverKeepAlive !== undefined) {
    throw new TypeError("maximumKeepAlive cannot be combined with serverKeepAlive");
  }
}
