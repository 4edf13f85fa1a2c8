// The limits of a broker: what each of them bounds, its default and its range.

import { checkType } from "../session/option_checks.ts";
import { SECURE_CONNECTION } from "./sizes.ts";

/**
 * Limits of a broker. What exceeds one is dropped or refused with the Reason Code of the standard:
 * 0x97 is Quota exceeded. Bytes are counted as they are in memory, including objects and tables
 * around the data, by measured figures.
 */
export interface BrokerLimits {
  /**
   * Bytes that the broker keeps for all clients together, including the platform's share of each
   * connection: 18 KiB, with TLS 64 KiB. Half of it is reserved for connections that keep less than
   * 128 KiB and sessions that keep less than 16 KiB. What exceeds the limit is refused with 0x97; a
   * connection for which there is no memory at all is closed. New connections and sessions may not
   * use the last eighth, so that clients already connected are served. Garbage is collected late
   * and what was freed is not given back at once, so the process takes several times as much: when
   * its heap and buffers exceed three times `memory`, connections that send much are read slowly
   * until less is used, but for at most a second. Default: 67,108,864, for a process of 512 MiB.
   */
  readonly memory: number;
  /** Simultaneous connections; further ones are refused with Server busy (0x89). Default: 3000. */
  readonly connections: number;
  /**
   * Simultaneous connections from one address, with IPv6 from one network of 64 bits; further ones
   * are refused with Quota exceeded (0x97). Unix sockets and connections within the process are not
   * counted. Default: `Infinity`.
   */
  readonly connectionsPerAddress: number;
  /**
   * Milliseconds that a login from an address is delayed, at most, after several have failed there;
   * 0: none is. The sixth failure delays the next login by a quarter of a second, each further one
   * doubles that; a failure is forgiven after a minute. When several wait already, a CONNECT is
   * refused with Connection rate exceeded (0x9F). Default: 4000.
   */
  readonly loginDelay: number;
  /**
   * Messages a second from one connection, for which those of a second can be saved up. Whoever
   * publishes more is read later, and nothing is dropped; what has been read when the connection
   * ends, up to 64 messages, is published at once. Default: `Infinity`.
   */
  readonly messagesPerSecond: number;
  /**
   * Bytes a second in topics and payloads from one connection, likewise. After a message of more
   * the next one waits, and what follows that: PINGREQ, too. Default: `Infinity`.
   */
  readonly bytesPerSecond: number;
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
   * 33,554,432.
   */
  readonly retainedBytes: number;
  /** Bytes in one packet (Maximum Packet Size, §3.2.2.3.6). Default: 16,777,216. */
  readonly maximumPacketSize: number;
  /**
   * Seconds that a session outlives its connection, at most (§3.2.2.3.2). Default: 604,800, which
   * is a week.
   */
  readonly sessionExpiryInterval: number;
  /**
   * Messages queued for one session. A PUBLISH that no subscriber has room for is refused with
   * 0x97. Default: 10,000.
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
   * 0x97. Default: 1000.
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

const DEFAULT_LIMITS: BrokerLimits = {
  memory: 67_108_864,
  connections: 3000,
  connectionsPerAddress: Infinity,
  loginDelay: 4000,
  messagesPerSecond: Infinity,
  bytesPerSecond: Infinity,
  connectBytes: 262_144,
  sessions: 20_000,
  sessionBytes: 33_554_432,
  subscriptionBytes: 16_777_216,
  retainedBytes: 33_554_432,
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

/** Limits that may be 0. */
const MAY_BE_0: readonly (keyof BrokerLimits)[] = [
  "topicAliasMaximum",
  "sessionExpiryInterval",
  "loginDelay",
];

/** The highest values that fit into the properties of CONNACK; these are integers, too. */
const CONNACK_MAXIMA: Partial<BrokerLimits> = {
  maximumPacketSize: 0xffff_ffff,
  sessionExpiryInterval: Infinity,
  receiveMaximum: 0xffff,
  topicAliasMaximum: 0xffff,
};

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
    const least = MAY_BE_0.includes(name) ? 0 : 1;
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
 * The maximum number of simultaneous TLS handshakes: these take an eighth of the memory at most, as
 * it is not known yet who the clients are.
 */
export function handshakesWith({ memory, connections }: BrokerLimits): number {
  return Math.min(connections, Math.max(1, Math.floor(memory / 8 / SECURE_CONNECTION)));
}
