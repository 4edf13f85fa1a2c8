// What can go wrong, as a tree:
//
//   TypeError, RangeError      a caller's mistake: built in, thrown before anything is sent
//   └── PacketTooLargeError    larger than its receiver takes
//   Error
//   ├── PacketError            a peer's mistake: where it stands and which rule it breaks
//   │   ├── MalformedPacketError   the bytes cannot be parsed            0x81
//   │   └── ProtocolError          parsed, and not allowed               0x82 and others
//   ├── RefusedError           a peer's no to one packet, which it was free to say
//   ├── ConnectionClosedError  a connection that is gone, with what ended it as its cause
//   ├── NotSentError           a message that was given up before any of it was sent
//   ├── RequestTimeoutError    a request without a response in time
//   ├── NoSubscriberError      a request that nobody has subscribed to
//   └── NoResponseTopicError   a message that does not say where a response is to go
//
// A message is one sentence: what, where, which rule, which section of the standard.

/** Where a packet breaks a rule of the standard, and which. */
export interface PacketFault {
  /** The packet's name in the standard, such as `"PUBLISH"`. */
  readonly packetType: string;
  /** The field's name in the standard, such as `"Topic Name"`. */
  readonly field: string;
  /**
   * Where the field begins, in bytes from the first byte of the packet. `undefined` when nothing is
   * wrong with the bytes as such: the packet may not be sent at this time, or not to this end.
   */
  readonly offset: number | undefined;
  /** What is wrong, as the rest of a sentence that begins with the field's name. */
  readonly rule: string;
  /** The section of the standard that says so, such as `"3.3.2.1"`. */
  readonly section: string;
  /**
   * The Protocol Version of a CONNECT (§3.1.2.2) that is of a version which is not accepted, such
   * as 4 for MQTT 3.1.1; `undefined` for every other fault.
   */
  readonly protocolVersion?: number | undefined;
  /** The standard that has the section, such as `"MQTT 3.1.1"`; `undefined` for MQTT 5.0. */
  readonly edition?: string | undefined;
}

/**
 * A packet that breaks the standard. Either a {@linkcode MalformedPacketError} or a {@linkcode
 * ProtocolError}; both say where the fault is and which Reason Code answers it.
 */
export abstract class PacketError extends Error implements PacketFault {
  /** The Reason Code to close the Network Connection with (§4.13). */
  readonly reasonCode: number;
  readonly packetType!: string;
  readonly field!: string;
  readonly offset: number | undefined;
  readonly rule!: string;
  readonly section!: string;
  readonly protocolVersion!: number | undefined;
  readonly edition!: string | undefined;

  /** Makes the message from the fault. */
  constructor(reasonCode: number, fault: PacketFault) {
    const { offset, rule, section, edition } = fault;
    const place = offset === undefined ? "" : ` at byte ${offset}`;
    super(
      `${subjectOf(fault)}${place} ${rule} (${
        edition === undefined ? "" : `${edition} `
      }§${section})`,
    );
    this.reasonCode = reasonCode;
    Object.assign(this, fault);
  }
}

/** The packet and its field; some fields have the packet's name in theirs: "PUBACK Reason Code". */
function subjectOf({ packetType, field }: PacketFault): string {
  const isNamed = field.toLowerCase().split(" ").includes(packetType.toLowerCase());
  return isNamed ? field : `${packetType} ${field}`;
}

/**
 * Bytes that cannot be parsed as a packet of MQTT 5.0 (§1.2, §4.13.1). Its {@linkcode
 * PacketError.reasonCode} is always 0x81, Malformed Packet.
 *
 * @example What is wrong, and where
 * ```ts
 * import { decodePacket, MalformedPacketError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(
 *   () => decodePacket(new Uint8Array([0x36, 0x00])),
 *   MalformedPacketError,
 * );
 * assertEquals(error.reasonCode, 0x81);
 * assertEquals(error.section, "3.3.1.2");
 * ```
 */
export class MalformedPacketError extends PacketError {
  /** Tells the errors apart in logs. */
  override readonly name = "MalformedPacketError";

  /** Makes the error for a fault. */
  constructor(fault: PacketFault) {
    super(MALFORMED_PACKET, fault);
  }
}

/**
 * A packet that can be parsed and is not allowed (§1.2, §4.13.1). Its {@linkcode
 * PacketError.reasonCode} is 0x82, Protocol Error, unless the standard names another, such as 0x95,
 * Packet too large.
 *
 * @example A packet over the announced limit is refused as soon as its fixed header is read
 * ```ts
 * import { PacketDecoder, ProtocolError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new PacketDecoder({ maximumPacketSize: 1024 });
 * decoder.push(new Uint8Array([0x30, 0xFF, 0xFF, 0xFF, 0x7F]));
 * const error = assertThrows(() => decoder.next(), ProtocolError);
 * assertEquals(error.reasonCode, 0x95);
 * ```
 */
export class ProtocolError extends PacketError {
  /** Tells the errors apart in logs. */
  override readonly name = "ProtocolError";

  /** Makes the error for a fault that the standard answers with `reasonCode`. */
  constructor(fault: PacketFault, reasonCode: number = PROTOCOL_ERROR) {
    super(reasonCode, fault);
  }
}

/**
 * A packet is larger than its receiver takes (§3.1.2.11.4, §3.2.2.3.6), or than any packet may be
 * (§2.1.4). Nothing of it has been sent.
 *
 * @example A message for a server that takes no more than 20 bytes
 * ```ts
 * import { encodePacket, PacketTooLargeError } from "jsr:@mqtt5/mqtt5";
 * import { assertThrows } from "@std/assert";
 *
 * const packet = { type: "publish", topic: "a", payload: new Uint8Array(100) } as const;
 * assertThrows(() => encodePacket(packet, { maximumPacketSize: 20 }), PacketTooLargeError);
 * ```
 */
export class PacketTooLargeError extends RangeError {
  /** Tells the errors apart in logs. */
  override readonly name = "PacketTooLargeError";
}

/** What a peer says in a packet that refuses another. */
export interface RefusedErrorOptions {
  /** The Reason Code, 0x80 or above. */
  readonly reasonCode: number;
  /** Its name in the standard, such as `"Not authorized"`. */
  readonly reason: string;
  /** The Reason String, for people. */
  readonly reasonString?: string | undefined;
  /** The User Properties, in their order. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Where the peer points to instead (§4.11). */
  readonly serverReference?: string | undefined;
  /** One Reason Code for each Topic Filter, when a SUBSCRIBE or an UNSUBSCRIBE was refused. */
  readonly reasonCodes?: readonly number[];
}

/**
 * A peer said no: to a CONNECT, a PUBLISH, a SUBSCRIBE or an UNSUBSCRIBE, with a Reason Code of
 * 0x80 or above (§2.4). Only a refused CONNECT ends the connection.
 *
 * @example A refusal as it is shown
 * ```ts
 * import { RefusedError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new RefusedError("The server refused to publish to \"a\"", {
 *   reasonCode: 0x87,
 *   reason: "Not authorized",
 * });
 * assertEquals(error.message, 'The server refused to publish to "a": 0x87 Not authorized');
 * ```
 */
export class RefusedError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "RefusedError";
  /** The Reason Code, 0x80 or above. */
  readonly reasonCode: number;
  /** What the peer adds for people. */
  readonly reasonString: string | undefined;
  /** What the peer adds for programs, in its order. */
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /** Where the peer points to instead (§4.11), with 0x9C and 0x9D. */
  readonly serverReference: string | undefined;
  /**
   * One Reason Code for each Topic Filter asked for, in the same order; `[reasonCode]` for other
   * packets.
   */
  readonly reasonCodes: readonly number[];

  /** Makes the error; `what` begins the sentence. */
  constructor(what: string, refusal: RefusedErrorOptions) {
    const { reasonCode, reason, reasonString, serverReference, userProperties = [] } = refusal;
    const code = `0x${reasonCode.toString(16).toUpperCase()}`;
    const more = reasonString === undefined ? "" : ` (${JSON.stringify(reasonString)})`;
    const where = serverReference === undefined
      ? ""
      : `; it points to ${JSON.stringify(serverReference)}`;
    super(`${what}: ${code} ${reason}${more}${where}`);
    this.reasonCode = reasonCode;
    this.reasonString = reasonString;
    this.userProperties = userProperties;
    this.serverReference = serverReference;
    this.reasonCodes = refusal.reasonCodes ?? [reasonCode];
  }
}

/**
 * Why a connection ended, and whether another attempt can help:
 *
 * - `"transient"`: the network, or a server that is busy or shutting down. Another attempt may
 *   succeed.
 * - `"closed"`: this end closed it.
 * - `"credentials"`: the server does not take this user.
 * - `"configuration"`: the server does not take what is asked for, such as this Client Identifier
 *   or MQTT 5.0; or its
 * certificate, the permissions of this program or the URL must be changed before there can be a
 * connection.
 * - `"taken over"`: another client has connected with the same Client Identifier.
 * - `"protocol"`: one end broke the standard.
 * - `"internal"`: an exception that nobody expected was thrown within this program while the
 *   connection was served: the error's cause. It is to be reported as a bug.
 */
export type CloseKind =
  | "transient"
  | "closed"
  | "credentials"
  | "configuration"
  | "taken over"
  | "protocol"
  | "internal";

/**
 * What kept a connection from being made:
 *
 * - `"refused"`, `"unreachable"`, `"host not found"`: nothing listens there, there is no way there,
 *   or no such host.
 * - `"closed"`: the other end closed the connection before it was of use.
 * - `"timeout"`: there was no connection in time.
 * - `"permission"`: the runtime does not allow this program to connect there.
 * - `"unsupported"`: this runtime cannot do what is asked for, such as TCP in a browser.
 * - `"certificate"`: the server's certificate is not to be trusted.
 * - `"client certificate"`: the server requires one, or does not take the one it was given.
 * - `"tls"`: the two ends have no version, cipher or application protocol (ALPN) in common.
 * - `"wrong protocol"`: the server speaks something else on this port, such as TLS or HTTP.
 * - `"websocket"`: the server does not grant the WebSocket.
 * - `"proxy"`: the proxy does not make the connection.
 * - `"other"`: anything else; the cause says what.
 */
export type FaultCode =
  | "refused"
  | "unreachable"
  | "host not found"
  | "closed"
  | "timeout"
  | "permission"
  | "unsupported"
  | "certificate"
  | "client certificate"
  | "tls"
  | "wrong protocol"
  | "websocket"
  | "proxy"
  | "other";

/**
 * A connection that could not be made, or is gone. Its `cause` is what ended it: a {@linkcode
 * RefusedError}, a {@linkcode PacketError} or an error of the network.
 *
 * @example
 * ```ts
 * import { connect, ConnectionClosedError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const error = await assertRejects(
 *   () => connect({ connect: () => Promise.reject(new Error("no carrier")) }),
 *   ConnectionClosedError,
 * );
 * assertEquals(error.kind, "transient");
 * assertEquals(error.message, "Cannot connect: no carrier");
 * ```
 */
export class ConnectionClosedError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "ConnectionClosedError";
  /** Whether another attempt can help. */
  readonly kind: CloseKind;
  /**
   * The Reason Code that the peer gave, or that this end gave to the peer; `undefined` when there
   * was none.
   */
  readonly reasonCode: number | undefined;
  /** What kept the connection from being made; `undefined` when there was one, and MQTT on it. */
  readonly code: FaultCode | undefined;

  /** Makes the error. */
  constructor(
    message: string,
    { kind, reasonCode, code, cause }: {
      readonly kind: CloseKind;
      readonly reasonCode?: number | undefined;
      readonly code?: FaultCode | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.reasonCode = reasonCode;
    this.code = code;
  }
}

/** What kept a message from being sent. */
export type NotSentKind = "expired" | "queue full" | "offline" | "cancelled" | "not allowed";

/**
 * A message that was given up before it was sent: it expired while it waited, the queue was full,
 * it was not to wait for a connection, it was cancelled, or it waited for a connection to a server
 * that does not allow it. The server has not seen it.
 *
 * @example
 * ```ts
 * import { NotSentError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new NotSentError("The message expired", "expired").kind, "expired");
 * ```
 */
export class NotSentError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "NotSentError";
  /** What kept it from being sent. */
  readonly kind: NotSentKind;

  /** Makes the error. */
  constructor(message: string, kind: NotSentKind) {
    super(message);
    this.kind = kind;
  }
}

/**
 * What may have happened to a request or its response while nobody responded:
 *
 * - `"none"`: nothing; nobody has responded.
 * - `"connection lost"`: the connection was lost and made again. A request or a response of QoS 0
 *   may have been lost with it.
 * - `"session lost"`: the server has also lost the session, and with it perhaps the response.
 */
export type RequestInterruption = "none" | "connection lost" | "session lost";

/**
 * Nobody has responded to a request in time (§4.10).
 *
 * @example What the error says
 * ```ts
 * import { RequestTimeoutError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const sent = { wasSent: true, interruption: "none" } as const;
 * const error = new RequestTimeoutError("clock/now", 5000, sent);
 * assertEquals(error.message, 'No response to the request to "clock/now" within 5000 ms');
 * ```
 */
export class RequestTimeoutError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "RequestTimeoutError";
  /**
   * Whether the request was sent. If not, for want of a connection, it never will be: to ask again
   * cannot ask twice.
   */
  readonly wasSent: boolean;
  /** What happened meanwhile, so that nobody can know whether there was a response. */
  readonly interruption: RequestInterruption;

  /** Makes the error; `timeout` is in milliseconds. */
  constructor(
    topic: string,
    timeout: number,
    { wasSent, interruption }: {
      readonly wasSent: boolean;
      readonly interruption: RequestInterruption;
    },
  ) {
    const request = `the request to ${JSON.stringify(topic)}`;
    super(
      wasSent
        ? `No response to ${request} within ${timeout} ms${INTERRUPTIONS[interruption]}`
        : `Cannot send ${request} within ${timeout} ms`,
    );
    this.wasSent = wasSent;
    this.interruption = interruption;
  }
}

const INTERRUPTIONS: Readonly<Record<RequestInterruption, string>> = {
  "none": "",
  "connection lost":
    "; the connection was lost meanwhile, so a request or a response at QoS 0 may have been lost",
  "session lost": "; the server lost the session meanwhile, so the response may have been lost",
};

/**
 * Nobody has subscribed to the topic of a request, as the server says with Reason Code 0x10, No
 * matching subscribers (§3.4.2.1, §3.5.2.1).
 *
 * @example
 * ```ts
 * import { NoSubscriberError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new NoSubscriberError("clock/now");
 * assertEquals(error.message, 'Nobody has subscribed to "clock/now", so nobody can respond');
 * ```
 */
export class NoSubscriberError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "NoSubscriberError";

  /** Makes the error for a request to `topic`. */
  constructor(topic: string) {
    super(`Nobody has subscribed to ${JSON.stringify(topic)}, so nobody can respond`);
  }
}

/**
 * A message cannot be responded to: it has no Response Topic, or one that is not a Topic Name
 * (§3.3.2.3.5).
 *
 * @example
 * ```ts
 * import { NoResponseTopicError } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new NoResponseTopicError("clock/now", undefined);
 * const says = 'Cannot respond to the message on "clock/now": it has no Response Topic';
 * assertEquals(error.message, says);
 * ```
 */
export class NoResponseTopicError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "NoResponseTopicError";

  /** Makes the error for a message on `topic` with that Response Topic. */
  constructor(topic: string, responseTopic: string | undefined) {
    const why = responseTopic === undefined
      ? "it has no Response Topic"
      : responseTopic === ""
      ? "its Response Topic is empty"
      : `its Response Topic ${JSON.stringify(responseTopic)} has a wildcard`;
    super(`Cannot respond to the message on ${JSON.stringify(topic)}: ${why}`);
  }
}

/**
 * The Reason Codes of the two classes of faults. They are told again here, because the table of
 * Reason Codes is in a layer above this file.
 */
const MALFORMED_PACKET = 0x81;
const PROTOCOL_ERROR = 0x82;
