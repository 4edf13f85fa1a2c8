// What a broker grants, what it bears, and whom it asks.

import {
  type ConnectPacket,
  encodePacket,
  type QoS,
  type ReasonCode,
  type ReasonCodeOf,
  type SubscriptionRequest,
} from "../packets/mod.ts";
import type { PeerCertificate } from "../session/peer.ts";

/** A client as the hooks see it. */
export interface ClientInfo {
  /** Names the session: the client's own name, or one that the broker has given it (§3.1.3.1). */
  readonly clientId: string;
  /** The User Name of its CONNECT (§3.1.3.5), or of its certificate where the listener says so. */
  readonly username: string | undefined;
  /**
   * Where it connects from, such as `"127.0.0.1:40000"`; `"unix"` for a Unix socket, `"memory"` for
   * a connection within the process.
   */
  readonly address: string;
  /**
   * The URL of the listener that it has reached, such as `"mqtts://127.0.0.1:8883"`. This and what
   * follows is unknown of a client that has not been here since the broker began.
   */
  readonly listener: string | undefined;
  /** Its certificate, which has been verified, if it has shown one. */
  readonly certificate: PeerCertificate | undefined;
  /**
   * The origin of the page that its WebSocket belongs to, as its browser says:
   * `"https://example.org"`.
   */
  readonly origin: string | undefined;
}

/** A message on its way through the broker. */
export interface BrokerMessage {
  /** The Topic Name. */
  readonly topic: string;
  /** The payload: a view, valid during the call. Who keeps it copies it. */
  readonly payload: Uint8Array;
  /** The QoS at which it was published. */
  readonly qos: QoS;
  /** Whether it is to be retained. */
  readonly retain: boolean;
}

/** What a hook says: yes, no, or no with a Reason Code of its own. */
export type Verdict<Code extends number> = boolean | Code;

/** A step of enhanced authentication (§4.12). */
export interface AuthenticationStep {
  /** The Authentication Method, which stays the same for the connection. */
  readonly method: string;
  /** What the client sent. */
  readonly data: Uint8Array | undefined;
  /** Which step it is, from 0. */
  readonly step: number;
  /** Whether the client authenticates again, on a connection that it has. */
  readonly isAgain: boolean;
}

/**
 * What enhanced authentication says to a step: go on, with data for the client; success; or a
 * refusal.
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
 * Why a message is dropped for one client: its session, or the broker, had no room for it, or it is
 * larger than the client takes (§3.1.2.11.4).
 */
export type DropReason = "no room" | "too large";

/** In what an error has happened. */
export interface ErrorContext {
  /** The name of the hook that has failed, or what else was being done, in a few words. */
  readonly what: string;
  /** The client that it was done for, if it was done for one. */
  readonly client?: ClientInfo | undefined;
}

/**
 * What the broker asks, and tells. Each may be async; the client in question waits, nobody else
 * does. A hook that throws, gives no answer that is one, or none within `limits.hookTimeout`,
 * refuses that one request, and `onError` is told.
 *
 * @example What is secret is read by the boss alone, whatever filter others subscribe to
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
 * @example A rule that is checked when somebody subscribes must know which filters overlap with it
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
  /** Whether a client may connect. Default: every client may. */
  authenticate?(
    client: ClientInfo,
    credentials: {
      readonly username: string | undefined;
      readonly password: Uint8Array | undefined;
    },
    packet: ConnectPacket,
  ): Verdict<ReasonCodeOf<"connack">> | Promise<Verdict<ReasonCodeOf<"connack">>>;
  /**
   * A step of enhanced authentication. Without this hook every Authentication Method is refused
   * with 0x8C.
   */
  authenticateStep?(
    client: ClientInfo,
    step: AuthenticationStep,
  ): AuthenticationAnswer | Promise<AuthenticationAnswer>;
  /**
   * Whose session a client begins, or asks for by its Client Identifier: a session of somebody else
   * is refused with 0x87, also with Clean Start 1, and neither taken over nor ended. `undefined` is
   * nobody in particular, whose session anybody may have. A session keeps its owner, also on disk.
   *
   * Default: of a client that is authenticated, by a hook or by `certificateUsername`, its User
   * Name; without one the subject of its certificate; all that have neither are one. Of a client
   * that nobody authenticates, nobody. Where enhanced authentication alone says who somebody is,
   * this hook has to say it, too.
   */
  sessionOwner?(client: ClientInfo): string | undefined;
  /**
   * Whether a client may publish to a topic; its Will counts as published when it connects.
   * Default: it may.
   */
  authorizePublish?(
    client: ClientInfo,
    message: BrokerMessage,
  ): Verdict<ReasonCodeOf<"puback">> | Promise<Verdict<ReasonCodeOf<"puback">>>;
  /** Whether a client may subscribe to a Topic Filter. Default: it may. */
  authorizeSubscribe?(
    client: ClientInfo,
    request: SubscriptionRequest,
  ): Verdict<ReasonCodeOf<"suback">> | Promise<Verdict<ReasonCodeOf<"suback">>>;
  /**
   * Whether a client may have messages of a topic that one of its subscriptions matches, be they
   * new, retained, waiting or for a group that it shares: what a rule about subscriptions cannot
   * say, as `#` matches `secret/plans`, too. Asked once for each session and topic, with the first
   * message, and remembered until the client connects again, or `broker.clearAuthorizations()` is
   * called; then what waits is asked about again. While it is async, the publisher waits. What is
   * not allowed is dropped; in a group, another member gets it. Default: it may.
   */
  authorizeDelivery?(client: ClientInfo, message: BrokerMessage): boolean | Promise<boolean>;
  /** A client is connected. */
  onConnect?(client: ClientInfo): void | Promise<void>;
  /** A connection has ended, and why. */
  onDisconnect?(client: ClientInfo, why: string): void | Promise<void>;
  /** A message has been taken, before it goes to its subscribers. */
  onMessage?(client: ClientInfo | undefined, message: BrokerMessage): void | Promise<void>;
  /**
   * A message does not reach a client that should have it. There may be very many of them, so be
   * quick, and write no line for each.
   */
  onDropped?(client: ClientInfo, message: BrokerMessage, why: DropReason): void | Promise<void>;
  /**
   * Something has failed that nobody else is told of: a hook, above all. Nothing but that one
   * request has suffered. Default: a line on the console, at most ten of them a minute; the others
   * are counted. What goes wrong in here is written there, too.
   */
  onError?(error: unknown, context: ErrorContext): void | Promise<void>;
}

/**
 * How much the broker bears. What is more is refused with the standard's Reason Code, or dropped.
 * Bytes are counted as they are in memory, with the objects and tables around them, by figures that
 * were measured.
 */
export interface BrokerLimits {
  /**
   * Bytes that clients make the broker keep, all of them together, with what the platform keeps for
   * each connection: 18 KiB, with TLS 64 KiB. Half of it is left to connections that keep less than
   * 512 KiB and sessions that keep less than 16. What is more is refused with 0x97; a connection of
   * which nothing can be kept is closed. The process takes up to three times as much, as garbage is
   * collected late. Default: 167,772,160, for a process of 512 MiB.
   */
  readonly memory: number;
  /** Connections at the same time; one more is refused with 0x89. Default: 6000. */
  readonly connections: number;
  /**
   * Bytes in a packet before CONNACK; a larger CONNECT is refused with 0x95. A Will has up to
   * 65,535 bytes of payload, and properties. Default: 262,144.
   */
  readonly connectBytes: number;
  /**
   * Sessions, with a connection or without; a CONNECT that would begin one more is refused with
   * 0x97. Default: 20,000.
   */
  readonly sessions: number;
  /**
   * Bytes of one session with its subscriptions, its Will and what waits for it: 0x97. Default:
   * 33,554,432.
   */
  readonly sessionBytes: number;
  /**
   * Bytes of the subscriptions of one session; a SUBSCRIBE for more gets 0x97. Default: 16,777,216.
   */
  readonly subscriptionBytes: number;
  /** Bytes of all retained messages; a PUBLISH for more gets 0x97. Default: 67,108,864. */
  readonly retainedBytes: number;
  /** Bytes in one packet (§3.2.2.3.6). Default: 16,777,216. */
  readonly maximumPacketSize: number;
  /**
   * Seconds that a session outlives its connection, whatever the client asks for. Default: 604,800,
   * a week.
   */
  readonly sessionExpiryInterval: number;
  /**
   * Messages that wait for one session. A PUBLISH for which no subscriber has room gets 0x97.
   * Default: 10,000.
   */
  readonly queuedMessages: number;
  /**
   * Bytes of topics, payloads and properties that wait for one session, likewise. Default:
   * 16,777,216.
   */
  readonly queuedBytes: number;
  /** Retained messages. Default: 100,000. */
  readonly retainedMessages: number;
  /** Subscriptions of one session. Default: 10,000. */
  readonly subscriptionsPerSession: number;
  /**
   * Topic Filters in one SUBSCRIBE or UNSUBSCRIBE; more end the connection with 0x97. Default:
   * 1000.
   */
  readonly filtersPerPacket: number;
  /**
   * User Properties in one packet, or in a Will; more end the connection with 0x97. Default: 1000.
   */
  readonly userPropertiesPerPacket: number;
  /** Levels of a Topic Name or a Topic Filter. Default: 128. */
  readonly topicLevels: number;
  /** Milliseconds until the CONNECT must be there. Default: 10,000. */
  readonly connectTimeout: number;
  /**
   * Milliseconds until a hook must have answered; else what it was asked about is refused. Default:
   * 10,000.
   */
  readonly hookTimeout: number;
  /** Unacknowledged messages of QoS 1 and 2 from one client (§3.2.2.3.3). Default: 1000. */
  readonly receiveMaximum: number;
  /** Topic Aliases of one client (§3.2.2.3.8). Default: 64. */
  readonly topicAliasMaximum: number;
}

/** Options of a broker, wherever it listens. */
export interface BrokerOptions extends BrokerHooks {
  /** How much it bears. */
  readonly limits?: Partial<BrokerLimits> | undefined;
  /** The highest QoS that clients may publish at (§3.2.2.3.4). Default: 2. */
  readonly maximumQoS?: QoS | undefined;
  /** Whether messages may be retained (§3.2.2.3.5). Default: true. */
  readonly retainAvailable?: boolean | undefined;
  /** Whether Topic Filters may have wildcards (§3.2.2.3.11). Default: true. */
  readonly wildcardSubscriptionAvailable?: boolean | undefined;
  /** Whether subscriptions may have an identifier (§3.2.2.3.12). Default: true. */
  readonly subscriptionIdentifierAvailable?: boolean | undefined;
  /** Whether there are Shared Subscriptions (§3.2.2.3.13). Default: true. */
  readonly sharedSubscriptionAvailable?: boolean | undefined;
  /**
   * A Keep Alive in place of the clients' own, be those longer or shorter, in seconds
   * (§3.2.2.3.14).
   */
  readonly serverKeepAlive?: number | undefined;
  /**
   * The longest Keep Alive, in seconds: a client that asks for a longer one, or for none, is told
   * this one by Server Keep Alive (§3.2.2.3.14); shorter ones stay as they are. Not together with
   * {@linkcode BrokerOptions.serverKeepAlive}.
   */
  readonly maximumKeepAlive?: number | undefined;
  /**
   * Whether clients may publish to `$SYS` and below, as a program that makes such topics up does
   * (§4.7.2). Otherwise that is refused with 0x87, as publishing to `$share/…` always is. Default:
   * false.
   */
  readonly allowPublishToSys?: boolean | undefined;
  /** What clients that ask for Response Information are told (§3.2.2.3.15). */
  readonly responseInformation?: string | undefined;
  /**
   * Whether a message that several subscriptions of a client match comes once, with all
   * identifiers, or once for each.
   */
  readonly overlapping?: "one copy" | "several copies" | undefined;
  /** Who gives out Topic Aliases for what clients that take them are sent. Default: `"off"`. */
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

/** What clients are told is whole, and no more than fits into its place in CONNACK. */
const MOST_TOLD: Partial<BrokerLimits> = {
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
 * The limits, with defaults where nothing was said.
 *
 * @throws {TypeError} when there is no such limit, or one is no number
 * @throws {RangeError} when a limit is out of its range
 */
export function limitsWith(given: Partial<BrokerLimits> = {}): BrokerLimits {
  checkType("limits", given, "object");
  const limits: Record<keyof BrokerLimits, number> = { ...DEFAULT_LIMITS };
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, key)) throw new TypeError(`limits.${key} is no limit`);
    if (value === undefined) continue;
    const name = key as keyof BrokerLimits;
    checkType(`limits.${name}`, value, "number");
    const least = name === "topicAliasMaximum" || name === "sessionExpiryInterval" ? 0 : 1;
    if (!(value >= least)) {
      throw new RangeError(`limits.${name} must be at least ${least}, got ${value}`);
    }
    const most = MOST_TOLD[name];
    const isWhole = Number.isInteger(value) || value === Infinity;
    if (most !== undefined && !(isWhole && value <= most)) {
      throw new RangeError(`limits.${name} must be a whole number up to ${most}, got ${value}`);
    }
    limits[name] = value;
  }
  return limits;
}

/**
 * Refuses options that are none.
 *
 * @throws {TypeError} when an option has the wrong type
 * @throws {RangeError} when an option is out of its range
 */
export function checkOptions(options: BrokerOptions): void {
  const { maximumQoS, overlapping, topicAliases } = options;
  // What clients are told must be what CONNACK may say; QoS 2 it need not say.
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
    throw new TypeError("maximumKeepAlive bounds what serverKeepAlive replaces: give one of them");
  }
}

function checkType(
  name: string,
  value: unknown,
  type: "object" | "number" | "function" | "boolean",
): void {
  const found = value === null ? "null" : typeof value;
  if (found !== type) throw new TypeError(`${name} must be of type ${type}, got ${found}`);
}

function checkOneOf(name: string, value: string | undefined, values: readonly string[]): void {
  if (value === undefined || values.includes(value)) return;
  const all = values.map((each) => `"${each}"`).join(" or ");
  throw new TypeError(`${name} must be ${all}, got ${JSON.stringify(value)}`);
}
