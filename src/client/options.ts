// The options of `connect()`, what they are by default, and the CONNECT that they make.

import {
  checkPacket,
  type ConnectInit,
  type PropertiesOf,
  type QoS,
  type WillInit,
} from "../packets/mod.ts";
import { pickProperties, propertyNames } from "../packets/properties.ts";
import { bytesOf } from "../session/publish_packet.ts";
import { DEFAULT_SEND_QUEUE_LIMITS } from "../session/session.ts";
import type { SavedSession } from "../session/snapshot.ts";
import type { SessionStore } from "../session/session_store.ts";
import {
  checkCount,
  checkKnown,
  checkNotNegative,
  checkOneOf,
  checkPositive,
  checkType,
} from "../session/option_checks.ts";
import type { SendQueueLimits } from "../session/send_queue.ts";
import type { TopicAliasMode } from "../session/topic_alias.ts";
import type { AuthenticatorFactory } from "./authentication.ts";
import { validateTopicName } from "../topics.ts";
import { ACK_MODES, type AckMode, type ReceiveQueueLimits } from "./message_queue.ts";
import { DEFAULT_RECONNECT, type ReconnectOptions } from "./reconnect.ts";
import type { RedirectPolicy } from "./redirect.ts";
import type { Server, ServerOptions } from "./servers.ts";

/** A user and how it proves to be one (§3.1.3.5, §3.1.3.6). */
export interface Credentials {
  /** The User Name. */
  readonly username?: string | undefined;
  /** The Password: text, or at most 65,535 bytes. */
  readonly password?: string | Uint8Array | undefined;
}

/** What the server publishes when the client is gone (§3.1.2.5), its properties flat. */
export interface WillOptions extends PropertiesOf<"will"> {
  /** The Topic Name to publish to. */
  readonly topic: string;
  /** The message: text, or at most 65,535 bytes. Default: nothing. */
  readonly payload?: string | Uint8Array | undefined;
  /** The QoS to publish with. Default: 0. */
  readonly qos?: QoS | undefined;
  /** Whether the server retains the message. Default: false. */
  readonly retain?: boolean | undefined;
}

/**
 * Options of {@linkcode connect}: every field and property of CONNECT (§3.1), and how the client
 * goes about it. Names with `Interval` and `keepAlive` are in seconds, as in the standard; all
 * other durations in milliseconds.
 */
export interface ConnectOptions extends PropertiesOf<"connect">, Credentials, ServerOptions {
  /**
   * The most messages of QoS 1 and 2 that may be unacknowledged, and so wait unread. Some servers
   * send more when it is small and the application slow; see `receiveExcess`. Default: 65,535, as
   * in the standard (§3.1.2.11.3).
   */
  readonly receiveMaximum?: number | undefined;
  /**
   * How many bytes of unread messages are kept that the server sends beyond `receiveMaximum`, as
   * Mosquitto 2.0.11 does with a small one; the event `exceeded` tells of it. Beyond this the
   * connection is closed with 0x93 and made again. 0 closes it at the first message too many.
   * Default: 16,777,216.
   */
  readonly receiveExcess?: number | undefined;
  /**
   * Names the session; `""` asks the server for a name, which is kept. Default: `""`, or that of
   * `session`.
   */
  readonly clientId?: string | undefined;
  /**
   * Whether the first connection begins a new session. `false` goes on with the one that the server
   * has, whose state this client vouches for: it is in `session`, or nothing was in flight.
   * Default: true, without `session`.
   */
  readonly cleanStart?: boolean | undefined;
  /** The most seconds between two packets from the client; 0 for no limit. Default: 60. */
  readonly keepAlive?: number | undefined;
  /** What the server publishes when the client is gone. */
  readonly will?: WillOptions | undefined;
  /** User and password, asked for anew at each attempt; instead of `username` and `password`. */
  readonly credentials?: (() => Credentials | Promise<Credentials>) | undefined;
  /**
   * Enhanced authentication (§4.12): makes what authenticates the client, anew for each attempt to
   * connect and each {@linkcode Client.reauthenticate}; {@linkcode scramSha256}, {@linkcode
   * scramSha512} and {@linkcode tokenAuthentication} give such functions. Instead of
   * `authenticationMethod` and `authenticationData`, which do for a method of one step.
   */
  readonly authentication?: AuthenticatorFactory | undefined;
  /** A session that was saved by `client.save()`, to go on with. */
  readonly session?: SavedSession | undefined;
  /**
   * Where the session is kept, so that it outlives the process: needs a `clientId`, and a
   * `sessionExpiryInterval` that is long enough for it to be back. Without `cleanStart` the first
   * connection goes on with the session that is there.
   */
  readonly store?: SessionStore | undefined;
  /**
   * What becomes of messages in flight when the server has lost the session, for a client with a
   * `store`: they are sent again, though the server may have had them, or their promises are
   * rejected. Default: `"reject"`.
   */
  readonly onSessionLost?: "resend" | "reject" | undefined;
  /** How long an attempt may take in all: credentials, dialling, CONNACK. Default: 30,000. */
  readonly connectTimeout?: number | undefined;
  /** How long a PINGRESP may take. Default: half the Keep Alive, at most 10,000. */
  readonly pingTimeout?: number | undefined;
  /**
   * How to connect again after a lost connection, and how to ask again for a subscription that the
   * server refuses then for a reason that may pass; `false` for not at all.
   */
  readonly reconnect?: false | Partial<ReconnectOptions> | undefined;
  /**
   * Whether the first connection, too, is tried until it succeeds, with the delays of `reconnect`.
   * What another attempt cannot cure, and `signal`, end it all the same. Default: false, the
   * servers are tried once.
   */
  readonly waitForServer?: boolean | undefined;
  /**
   * What to do when a server points to another one (Server Reference, §4.11): `"never"` follow it;
   * follow it by the `"same scheme"`, with the same options and credentials; or a function that is
   * given the Server Reference and gives the URL, or nothing. From TLS it never leads to a
   * connection without, and at most five in a row are followed. A server that has moved (0x9D) is
   * not asked again; one that sends elsewhere for now (0x9C) is, the next time. Default: `"never"`.
   */
  readonly redirect?: RedirectPolicy | undefined;
  /**
   * Whether to ask the server for Response Information (§3.1.2.11.6): a topic below which it lets
   * this client receive responses. What it says is in `client.server.responseInformation`, and
   * `client.request()` follows it. Default: false.
   */
  readonly requestResponseInformation?: boolean | undefined;
  /**
   * The topic below which responses to `client.request()` go, where the server has not said
   * another (`requestResponseInformation`). Default: `"mqtt5/responses"`.
   */
  readonly responseTopicPrefix?: string | undefined;
  /** Who gives out Topic Aliases for what is published (§3.3.2.3.4). Default: `"off"`. */
  readonly topicAliases?: TopicAliasMode | undefined;
  /**
   * When the application is done with a message of QoS 1 or 2. Default: `"auto"`, when it asks for
   * the next one.
   */
  readonly ack?: AckMode | undefined;
  /** How much may wait to be sent. Default: 65,536 messages, 67,108,864 bytes, `"drop newest"`. */
  readonly sendQueue?: Partial<SendQueueLimits> | undefined;
  /**
   * Whether messages of QoS 0 wait for a connection, too, or are refused without one. Default:
   * true.
   */
  readonly queueQoS0?: boolean | undefined;
  /** How many messages of QoS 0 may wait to be read, for each subscription. */
  readonly receiveQueue?: Partial<ReceiveQueueLimits> | undefined;
  /**
   * The most Topic Filters in one SUBSCRIBE or UNSUBSCRIBE: more are sent in several, one right
   * after the other. Some servers close the connection of a client that sends more than they take.
   * Default: 8, as many as AWS IoT Core takes.
   */
  readonly filtersPerPacket?: number | undefined;
  /** Gives up connecting. Once connected it does nothing more. */
  readonly signal?: AbortSignal | undefined;
}

/** Options with the defaults in the place of what was left out. */
export interface Settings {
  readonly options: ConnectOptions;
  readonly keepAlive: number;
  readonly properties: PropertiesOf<"connect">;
  readonly will: WillInit | undefined;
  readonly connectTimeout: number;
  readonly reconnect: ReconnectOptions | undefined;
  readonly waitForServer: boolean;
  readonly redirect: RedirectPolicy;
  readonly ack: AckMode;
  readonly sendQueue: SendQueueLimits;
  readonly queueQoS0: boolean;
  readonly receiveQueue: ReceiveQueueLimits;
  readonly receiveExcess: number;
  readonly filtersPerPacket: number;
  readonly responseTopicPrefix: string;
}

/** The least that a server of wide use takes: AWS IoT Core. */
const DEFAULT_FILTERS_PER_PACKET = 8;

const DEFAULT_RECEIVE_QUEUE: ReceiveQueueLimits = {
  messages: 10_000,
  bytes: 16_777_216,
  whenFull: "drop oldest",
};

/**
 * Fills the defaults in and refuses what is wrong, before anything is sent.
 *
 * @throws {TypeError} when an option has the wrong type, or is none
 * @throws {RangeError} when a number is out of its range
 */
export function settingsOf(options: ConnectOptions): Settings {
  const settings: Settings = {
    options,
    keepAlive: options.keepAlive ?? 60,
    properties: connectProperties(options),
    will: options.will === undefined ? undefined : willInit(options.will),
    connectTimeout: checkPositive("connectTimeout", options.connectTimeout ?? 30_000),
    reconnect: options.reconnect === false ? undefined : reconnectOptions(options.reconnect),
    waitForServer: options.waitForServer ?? false,
    redirect: options.redirect ?? "never",
    ack: options.ack ?? "auto",
    sendQueue: queueLimits("sendQueue", { ...DEFAULT_SEND_QUEUE_LIMITS, ...options.sendQueue }),
    queueQoS0: options.queueQoS0 ?? true,
    receiveQueue: receiveQueue(options.receiveQueue),
    receiveExcess: checkNotNegative("receiveExcess", options.receiveExcess ?? 16_777_216),
    filtersPerPacket: checkCount(
      "filtersPerPacket",
      options.filtersPerPacket ?? DEFAULT_FILTERS_PER_PACKET,
      1,
    ),
    responseTopicPrefix: options.responseTopicPrefix ?? "mqtt5/responses",
  };
  validateTopicName(settings.responseTopicPrefix);
  checkPositive("pingTimeout", options.pingTimeout ?? 1);
  checkOneOf("ack", options.ack, ACK_MODES);
  if (typeof settings.redirect !== "function") {
    checkOneOf("redirect", settings.redirect, ["never", "same scheme"]);
  }
  checkAuthentication(options);
  checkOneOf("topicAliases", options.topicAliases, ["off", "manual", "automatic"]);
  checkKnown(options, KNOWN, "connect()");
  const { session, clientId = session?.clientId ?? "" } = options;
  if (session !== undefined && clientId !== session.clientId) {
    throw new TypeError(
      `clientId is ${JSON.stringify(clientId)}, but the saved session is that of ${
        JSON.stringify(session.clientId)
      }`,
    );
  }
  checkStore(options);
  const connect = connectInit(settings, { ...options, clientId });
  checkPacket(connect);
  return settings;
}

/** Refuses a store that could keep nothing, or not alone. */
function checkStore(
  { store, clientId = "", sessionExpiryInterval = 0, session, onSessionLost }: ConnectOptions,
): void {
  checkOneOf("onSessionLost", onSessionLost, ["resend", "reject"]);
  if (store === undefined) {
    if (onSessionLost === undefined) return;
    throw new TypeError("onSessionLost is for a client with a store");
  }
  if (clientId === "") {
    throw new TypeError("A store needs a clientId: it is what the session is found by again");
  }
  if (sessionExpiryInterval === 0) {
    throw new TypeError(
      "A store needs a sessionExpiryInterval: with 0 the session ends with the connection",
    );
  }
  if (session !== undefined) {
    throw new TypeError("session and store cannot be combined: the store has the session");
  }
}

/** The limits of a queue of received messages: what is given, over what holds else. */
export function receiveQueue(
  given: Partial<ReceiveQueueLimits> | undefined,
  otherwise: ReceiveQueueLimits = DEFAULT_RECEIVE_QUEUE,
): ReceiveQueueLimits {
  return queueLimits("receiveQueue", { ...otherwise, ...given });
}

/** What a CONNECT has beside what is the same at each attempt. */
interface OfOneAttempt extends Credentials {
  readonly clientId: string;
  readonly cleanStart?: boolean | undefined;
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
}

/** The CONNECT of one attempt. */
export function connectInit(
  { keepAlive, properties, will }: Settings,
  attempt: OfOneAttempt,
): ConnectInit {
  const { clientId, cleanStart = true, username, password } = attempt;
  const { authenticationMethod, authenticationData } = attempt;
  return {
    type: "connect",
    clientId,
    cleanStart,
    keepAlive,
    properties: { ...properties, authenticationMethod, authenticationData },
    will,
    username,
    password: password === undefined ? undefined : bytesOf("password", password),
  };
}

/** The credentials for one attempt: those of the options, else those of the URL. */
export async function credentialsFor(
  { username, password, credentials }: ConnectOptions,
  server: Server,
): Promise<Credentials> {
  if (credentials !== undefined) {
    const given = await credentials();
    checkKnown(given, CREDENTIALS, "credentials()");
    return given;
  }
  return { username: username ?? server.username, password: password ?? server.password };
}

const KNOWN: ReadonlySet<string> = new Set<keyof ConnectOptions>([
  ...propertyNames("connect"),
  ...["clientId", "cleanStart", "keepAlive", "will", "username", "password"] as const,
  ...["credentials", "session", "connectTimeout", "pingTimeout", "reconnect"] as const,
  ...["topicAliases", "ack", "sendQueue", "queueQoS0", "receiveQueue", "signal"] as const,
  ...["tls", "headers", "proxy", "waitForServer", "redirect", "receiveExcess"] as const,
  "authentication",
  "filtersPerPacket",
  "responseTopicPrefix",
  "store",
  "onSessionLost",
]);

/**
 * What the standard takes silence for (§3.1.2.11.3). It is said aloud: some servers take silence
 * for much less.
 */
const RECEIVE_MAXIMUM = 65_535;

function checkAuthentication(options: ConnectOptions): void {
  const { authentication, authenticationMethod, authenticationData } = options;
  if (authentication === undefined) return;
  checkType("authentication", authentication, "function");
  if (authenticationMethod !== undefined || authenticationData !== undefined) {
    throw new TypeError(
      "authentication cannot be combined with authenticationMethod and authenticationData",
    );
  }
}

function connectProperties(options: ConnectOptions): PropertiesOf<"connect"> {
  const properties = pickProperties("connect", options);
  return { ...properties, receiveMaximum: properties.receiveMaximum ?? RECEIVE_MAXIMUM };
}

/** The Will as it stands in a CONNECT. */
export function willInit(
  { topic, payload = "", qos, retain, ...properties }: WillOptions,
): WillInit {
  return { topic, payload: bytesOf("will.payload", payload), qos, retain, properties };
}

function reconnectOptions(given: Partial<ReconnectOptions> | undefined): ReconnectOptions {
  const options = { ...DEFAULT_RECONNECT, ...given };
  checkKnown(options, new Set(Object.keys(DEFAULT_RECONNECT)), "reconnect");
  for (const [name, value] of Object.entries(options)) checkPositive(`reconnect.${name}`, value);
  return options;
}

const QUEUE_LIMITS: ReadonlySet<string> = new Set<keyof ReceiveQueueLimits>([
  "messages",
  "bytes",
  "whenFull",
]);

const CREDENTIALS: ReadonlySet<string> = new Set<keyof Credentials>(["username", "password"]);

function queueLimits<
  Limits extends { readonly messages: number; readonly bytes: number; readonly whenFull: string },
>(
  name: string,
  limits: Limits,
): Limits {
  checkKnown(limits, QUEUE_LIMITS, name);
  checkPositive(`${name}.messages`, limits.messages);
  checkPositive(`${name}.bytes`, limits.bytes);
  checkOneOf(`${name}.whenFull`, limits.whenFull, ["drop newest", "drop oldest"]);
  return limits;
}
