// When to try again, and whether to. A fault that another attempt cannot cure ends the client: to
// go on would do harm, and tell nobody.

import {
  type CloseKind,
  ConnectionClosedError,
  type PacketError,
  RefusedError,
} from "../errors.ts";
import { brokenText } from "../io/fault_texts.ts";
import type { ConnectionFault } from "../io/faults.ts";
import { type ConnackPacket, isFailure, ReasonCode, reasonCodeName } from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";

/** How to connect again after a lost connection. Durations in milliseconds. */
export interface ReconnectOptions {
  /** The wait before the first attempt is a random part of this (full jitter). Default: 1000. */
  readonly initialDelay: number;
  /** Before each further attempt the longest wait grows by this factor. Default: 2. */
  readonly factor: number;
  /** It grows to this, and no further. Default: 30,000. */
  readonly maximumDelay: number;
  /**
   * A connection that lasted so long, and twice the longest wait before it, was stable: the waits
   * begin anew. Default: 10,000.
   */
  readonly stableAfter: number;
  /** How many attempts are made in a row. Default: `Infinity`. */
  readonly maximumAttempts: number;
}

/** What holds where nothing else is said. */
export const DEFAULT_RECONNECT: ReconnectOptions = {
  initialDelay: 1000,
  factor: 2,
  maximumDelay: 30_000,
  stableAfter: 10_000,
  maximumAttempts: Infinity,
};

/** How long to wait before an attempt, from 1, in milliseconds. `random` is from 0 up to 1. */
export function delayBefore(attempt: number, options: ReconnectOptions, random: number): number {
  return random * longestDelay(attempt, options);
}

/** The longest wait before an attempt, from 1, in milliseconds; 0 before any. */
export function longestDelay(
  attempt: number,
  { initialDelay, factor, maximumDelay }: ReconnectOptions,
): number {
  return attempt === 0 ? 0 : Math.min(maximumDelay, initialDelay * factor ** (attempt - 1));
}

/**
 * What a Reason Code of CONNACK, SUBACK or DISCONNECT says about another attempt. What is not here
 * is transient.
 */
const KINDS: Partial<Record<CloseKind, readonly number[]>> = {
  protocol: [
    ReasonCode.malformedPacket,
    ReasonCode.protocolError,
    ReasonCode.receiveMaximumExceeded,
    ReasonCode.topicAliasInvalid,
  ],
  credentials: [
    ReasonCode.badUserNameOrPassword,
    ReasonCode.notAuthorized,
    ReasonCode.banned,
    ReasonCode.badAuthenticationMethod,
  ],
  "taken over": [ReasonCode.sessionTakenOver],
  configuration: [
    ReasonCode.unsupportedProtocolVersion,
    ReasonCode.clientIdentifierNotValid,
    ReasonCode.topicFilterInvalid,
    ReasonCode.topicNameInvalid,
    ReasonCode.packetTooLarge,
    ReasonCode.payloadFormatInvalid,
    ReasonCode.retainNotSupported,
    ReasonCode.qosNotSupported,
    ReasonCode.serverMoved,
    ReasonCode.sharedSubscriptionsNotSupported,
    ReasonCode.subscriptionIdentifiersNotSupported,
    ReasonCode.wildcardSubscriptionsNotSupported,
  ],
};

/**
 * What this end's own verdict on the server's packets says about another attempt. What is not here
 * is `"protocol"`.
 */
const FAULT_KINDS: Readonly<Record<number, CloseKind>> = {
  [ReasonCode.unsupportedProtocolVersion]: "configuration",
  // It comes of an application that is slower than the server sends: the next time it may not be.
  [ReasonCode.receiveMaximumExceeded]: "transient",
};

function kindOf(reasonCode: number): CloseKind {
  const kinds = Object.keys(KINDS) as CloseKind[];
  return kinds.find((kind) => KINDS[kind]!.includes(reasonCode)) ?? "transient";
}

/** Whether what a server refuses with this Reason Code it may take another time. */
export function mayPass(reasonCode: number): boolean {
  return isFailure(reasonCode) && kindOf(reasonCode) === "transient";
}

/**
 * The error for a connection that has ended. `address` names the server; `network` is what the
 * network said; `authenticationMethod` is that of CONNECT.
 */
export function closedError(
  cause: CloseCause,
  address: string,
  network: unknown,
  authenticationMethod?: string,
): ConnectionClosedError {
  switch (cause.kind) {
    case "this end":
      return new ConnectionClosedError("The client has disconnected", { kind: "closed" });
    case "peer": {
      const { reasonCode, properties } = cause.packet;
      const reason = reasonCodeName(reasonCode, "disconnect") ?? "";
      const refusal = { reasonCode, reason, ...properties };
      const kind = kindOf(reasonCode);
      const error = new RefusedError(`${address} closed the connection`, refusal);
      return new ConnectionClosedError(error.message, { kind, reasonCode, cause: error });
    }
    case "refusal": {
      const error = refusedError(cause.packet, address, authenticationMethod);
      const { message, reasonCode } = error;
      return new ConnectionClosedError(message, {
        kind: kindOf(reasonCode),
        reasonCode,
        cause: error,
      });
    }
    case "fault": {
      const { error } = cause;
      const { reasonCode } = error;
      const kind = FAULT_KINDS[reasonCode] ?? "protocol";
      const message = olderVersionText(error, address) ??
        `${address} violated the MQTT protocol: ${error.message}`;
      return new ConnectionClosedError(message, { kind, reasonCode, cause: error });
    }
    case "silence":
      return new ConnectionClosedError(`${address} ${cause.what}`, { kind: "transient" });
    case "authentication": {
      const { error } = cause;
      if (error instanceof ConnectionClosedError) return error;
      const message = `${address} did not pass authentication: ${textOf(error)}`;
      return new ConnectionClosedError(message, { kind: "credentials", cause: error });
    }
    case "network":
      return new ConnectionClosedError(
        network === undefined
          ? `${address} closed the connection without a DISCONNECT`
          : `The connection to ${address} was lost: ${brokenText(network)}`,
        { kind: "transient", cause: network },
      );
    case "internal error":
      return internalError(cause.error);
    default:
      return cause satisfies never;
  }
}

/** What to say of a server that answers as those of an older version do; `undefined` if not. */
export function olderVersionText(
  { reasonCode, packetType, field, rule }: PacketError,
  address: string,
): string | undefined {
  if (reasonCode !== ReasonCode.unsupportedProtocolVersion || packetType !== "CONNACK") {
    return undefined;
  }
  return `${address} speaks an older version of MQTT, not 5.0: its ${packetType} ${field} ${rule}`;
}

/** The error for an exception that nobody expected: another attempt would only hide it. */
export function internalError(cause: unknown): ConnectionClosedError {
  const message = `Internal error: ${textOf(cause)}`;
  return new ConnectionClosedError(message, { kind: "internal", cause });
}

/**
 * The error for a connection that could not be made. What the server would have to change, it may
 * well change when it had taken the client before: certificates are renewed.
 */
export function faultError(fault: ConnectionFault, wasConnected: boolean): ConnectionClosedError {
  const { message, cure, code, cause } = fault;
  const isTransient = cure === "time" || cure === "server" && wasConnected;
  const kind = isTransient ? "transient" : "configuration";
  return new ConnectionClosedError(message, { kind, code, cause });
}

/** The error for a refused CONNECT. */
export function refusedError(
  { reasonCode, properties }: ConnackPacket,
  address: string,
  authenticationMethod: string | undefined,
): RefusedError {
  const reason = reasonCodeName(reasonCode, "connack") ?? "";
  const isMethod = reasonCode === ReasonCode.badAuthenticationMethod &&
    authenticationMethod !== undefined;
  const what = isMethod
    ? `the Authentication Method ${JSON.stringify(authenticationMethod)}`
    : "the connection";
  return new RefusedError(`${address} refused ${what}`, {
    reasonCode,
    reason,
    ...properties,
  });
}

/** What an error says. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
