// The options of a broker: what it offers to clients, its limits and its hooks.

import { checkOneOf, checkType } from "../session/option_checks.ts";
import {
  type ConnectPacket,
  encodePacket,
  type ProtocolVersion,
  type QoS,
  type ReasonCode,
  type ReasonCodeOf,
  type SubscriptionRequest,
} from "../packets/mod.ts";
import { checkProtocolVersion } from "../wire/protocol_version.ts";
import type { PeerCertificate } from "../session/peer.ts";
import type { BrokerLimits } from "./limits.ts";

/** A client, as hooks see it. */
export interface ClientInfo {
  /** Its Client Identifier, or the one that the broker has assigned (§3.1.3.1). */
  readonly clientId: string;
  /**
   * The user: as enhanced authentication has told it, or taken from its certificate when the
   * listener has `certificateUsername`, else the User Name of its CONNECT (§3.1.3.5).
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
  /** The version of MQTT that it speaks: 5, 4 for MQTT 3.1.1 or 3 for MQTT 3.1. */
  readonly protocolVersion?: ProtocolVersion | undefined;
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

/** When a hook decides about a Will: when its client connects, and when it is due (§3.1.2.5). */
export type WillMoment = "connect" | "publish";

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
 * Data for the client, or refuse with a Reason Code, by default Not authorized (0x87). A success
 * can tell who the user is: its `username` takes the place of that of CONNECT. A client that
 * authenticates again as another user is refused, and so is one whose certificate names another.
 */
export type AuthenticationAnswer =
  | { readonly result: "continue"; readonly data?: Uint8Array | undefined }
  | {
    readonly result: "success";
    readonly data?: Uint8Array | undefined;
    readonly username?: string | undefined;
  }
  | {
    readonly result: "refuse";
    readonly reasonCode?:
      | typeof ReasonCode.notAuthorized
      | typeof ReasonCode.badAuthenticationMethod
      | undefined;
    /** What the client is told beside the Reason Code. */
    readonly reasonString?: string | undefined;
  };

/**
 * Why a message is dropped for a client: a limit on queued messages or memory is reached, or the
 * message exceeds the client's Maximum Packet Size (§3.1.2.11.4).
 */
export type DropReason = "no room" | "too large";

/**
 * Why a connection was refused:
 *
 * - `"version"`: the client speaks a version of MQTT that is not accepted
 * - `"credentials"`: who the client is, or what it may do: wrong credentials, not authorized
 * - `"limit"`: a limit of the broker or of the client is reached
 * - `"not supported"`: the client's Will needs what the broker does not offer
 * - `"malformed"`: a packet breaks the standard
 * - `"not MQTT"`: the client speaks another protocol, such as HTTP or TLS
 * - `"handshake"`: the handshake of TLS or WebSocket failed
 * - `"timeout"`: the client did not send its CONNECT or AUTH in time
 * - `"unavailable"`: the broker cannot serve the client now
 */
export type RefusalReason =
  | "version"
  | "credentials"
  | "limit"
  | "not supported"
  | "malformed"
  | "not MQTT"
  | "handshake"
  | "timeout"
  | "unavailable";

/** A connection that was refused. */
export interface Refusal {
  /** Why, for programs. */
  readonly why: RefusalReason;
  /** Why, for people: one sentence, such as `"the client speaks MQTT 3.1.1, …"`. */
  readonly message: string;
  /**
   * The Reason Code for the client (§3.2.2.2); `undefined` for one that could not be told, above
   * all because it has sent no CONNECT.
   */
  readonly reasonCode: number | undefined;
  /** As in {@linkcode ClientInfo.address}. */
  readonly address: string;
  /** As in {@linkcode ClientInfo.listener}. */
  readonly listener: string | undefined;
  /** The client as it has introduced itself, which may be untrue; `undefined` without CONNECT. */
  readonly client: ClientInfo | undefined;
}

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
   * user. For a client that is not authenticated, `undefined`. When enhanced authentication does
   * not tell who the user is, provide this hook.
   */
  sessionOwner?(client: ClientInfo): string | undefined;
  /**
   * Decides whether a client may publish to a topic. It is called for a Will, too, when the client
   * connects, unless there is `authorizeWill`. Default: it may.
   */
  authorizePublish?(
    client: ClientInfo,
    message: BrokerMessage,
  ): Verdict<ReasonCodeOf<"puback">> | Promise<Verdict<ReasonCodeOf<"puback">>>;
  /**
   * Decides about the Will of a client at two moments: at `"connect"`, whether the client may
   * connect with it, and at `"publish"`, when it is due, whether it is still to be published; a
   * Will that is not is dropped. Default: at `"connect"`, what `authorizePublish` decides; then it
   * is published.
   */
  authorizeWill?(
    client: ClientInfo,
    message: BrokerMessage,
    moment: WillMoment,
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
  /**
   * Called when a connection has been refused: it has ended before its client was accepted, and not
   * because the client went away. There may be very many of them, so return quickly, and do not log
   * each one without a bound.
   *
   * @example Telling who cannot connect, and why
   * ```ts
   * import { serve } from "jsr:@mqtt5/mqtt5/broker";
   *
   * await using broker = await serve({
   *   listeners: [],
   *   onRefused: ({ address, why, message }) => console.log(address, why, message),
   * });
   * ```
   */
  onRefused?(refusal: Refusal): void | Promise<void>;
  /** Called when a connection of an accepted client has ended; `reason` says why. */
  onDisconnect?(client: ClientInfo, reason: string): void | Promise<void>;
  /**
   * Called for each subscription that a client has been granted, new or with other options, after
   * SUBACK (§3.8.4). It tells of requests: not of subscriptions that a session has had before.
   */
  onSubscribe?(client: ClientInfo, subscription: SubscriptionRequest): void | Promise<void>;
  /**
   * Called for each subscription that a client has ended, after UNSUBACK (§3.10.4). Those that end
   * with their session are not told.
   */
  onUnsubscribe?(client: ClientInfo, topicFilter: string): void | Promise<void>;
  /** Called when a message has been accepted, before it is delivered to its subscribers. */
  onMessage?(client: ClientInfo | undefined, message: BrokerMessage): void | Promise<void>;
  /**
   * Called for each message that is dropped for a client. There may be very many of them, so return
   * quickly, and do not log each one.
   */
  onDropped?(client: ClientInfo, message: BrokerMessage, reason: DropReason): void | Promise<void>;
  /**
   * Called for errors that no caller can catch, above all those of hooks. Nothing but the request
   * in question is affected. Default: a line on the console, at most ten a minute; further errors
   * are counted. Errors of this hook itself go to the console, too.
   */
  onError?(error: unknown, context: ErrorContext): void | Promise<void>;
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
  /**
   * The versions of MQTT that clients may speak: 5, 4 for MQTT 3.1.1 and 3 for MQTT 3.1. Others are
   * refused. A listener may have its own. Default: `[5, 4, 3]`.
   */
  readonly versions?: readonly ProtocolVersion[] | undefined;
}

/**
 * Checks versions of MQTT.
 *
 * @throws {TypeError} when they are not an array
 * @throws {RangeError} when there is none, or one is unknown
 */
export function checkVersions(versions: readonly ProtocolVersion[] | undefined): void {
  if (versions === undefined) return;
  if (!Array.isArray(versions)) throw new TypeError("versions must be an array, such as [5, 4]");
  if (versions.length === 0) throw new RangeError("versions must have one of 5, 4 and 3, got none");
  for (const version of versions) checkProtocolVersion(version, "versions[]");
}

const HOOKS = Object.keys(
  {
    authenticate: true,
    authenticateStep: true,
    sessionOwner: true,
    authorizePublish: true,
    authorizeWill: true,
    authorizeSubscribe: true,
    authorizeDelivery: true,
    onConnect: true,
    onRefused: true,
    onDisconnect: true,
    onSubscribe: true,
    onUnsubscribe: true,
    onMessage: true,
    onDropped: true,
    onError: true,
  } satisfies Record<keyof BrokerHooks, true>,
) as (keyof BrokerHooks)[];

/** The names of all options of a broker. */
export const BROKER_OPTIONS: readonly string[] = [
  ...HOOKS,
  ...Object.keys(
    {
      limits: true,
      maximumQoS: true,
      retainAvailable: true,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifierAvailable: true,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: true,
      maximumKeepAlive: true,
      allowPublishToSys: true,
      responseInformation: true,
      overlapping: true,
      topicAliases: true,
      versions: true,
    } satisfies Record<Exclude<keyof BrokerOptions, keyof BrokerHooks>, true>,
  ),
];

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
  checkVersions(options.versions);
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
