// What a connection reports. Events come in the order in which things happened; after "closed"
// there are no more.

import type { PacketError } from "../errors.ts";
import type {
  AuthPacket,
  ConnackInit,
  ConnackPacket,
  ConnectPacket,
  DisconnectInit,
  DisconnectPacket,
  PubackPacket,
  PubcompPacket,
  PublishPacket,
  PubrecPacket,
  SubackPacket,
  SubscribePacket,
  UnsubackPacket,
  UnsubscribePacket,
} from "../packets/mod.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import type { PendingAcknowledgement } from "./pending_acknowledgement.ts";

/** A message has come, with its Topic Name and without its alias. */
export interface MessageEvent {
  /** Tells the kinds of event apart. */
  readonly type: "message";
  /** What has come. */
  readonly packet: PublishPacket;
  /** What to give to `acknowledge()`; `undefined` at QoS 0. */
  readonly acknowledgement: PendingAcknowledgement | undefined;
}

/** An acknowledgement that settles a message. */
export type FinalAcknowledgement = PubackPacket | PubrecPacket | PubcompPacket;

/**
 * A message is through: at QoS 0 it has been encoded, at QoS 1 and 2 its last acknowledgement has
 * come.
 */
export interface SettledEvent {
  /** Tells the kinds of event apart. */
  readonly type: "settled";
  /** The message, as it was given to `publish()`. */
  readonly message: OutgoingMessage;
  /** What the peer said; `undefined` at QoS 0. */
  readonly packet: FinalAcknowledgement | undefined;
  /**
   * Whether the Reason Code of a PUBCOMP tells nothing, because its PUBREL had been sent before, on
   * another connection.
   */
  readonly isRecovery: boolean;
}

/** A message will not be sent, or nobody will ever know whether it was. */
export interface DiscardedEvent {
  /** Tells the kinds of event apart. */
  readonly type: "discarded";
  /** The message, as it was given to `publish()`. */
  readonly message: OutgoingMessage;
  /** Why. */
  readonly cause:
    | { readonly kind: "expired" }
    /** The peer had no room for such a message, or does not allow it. */
    | { readonly kind: "not allowed"; readonly error: unknown }
    /** The peer has ended the session in which it was in flight. */
    | { readonly kind: "session lost" };
}

/** The Client is connected. */
export interface ConnackEvent {
  /** Tells the kinds of event apart. */
  readonly type: "connack";
  /** What has come. */
  readonly packet: ConnackPacket;
}

/**
 * A CONNACK of success has come, and what it says of the Server is to be verified (§4.12):
 * `confirm()` it, or `failAuthentication()`.
 */
export interface VerifyEvent {
  /** Tells the kinds of event apart. */
  readonly type: "verify";
  /** What has come. */
  readonly packet: ConnackPacket;
}

/** A Client asks to be connected: `accept()` or `refuse()` it. */
export interface ConnectEvent {
  /** Tells the kinds of event apart. */
  readonly type: "connect";
  /** What has come. */
  readonly packet: ConnectPacket;
}

/**
 * The connection has ended. What it still has to send, the last DISCONNECT at least, is to be sent
 * before it is closed.
 */
export interface ClosedEvent {
  /** Tells the kinds of event apart. */
  readonly type: "closed";
  /** Why. */
  readonly cause: CloseCause;
}

/**
 * The peer has sent more messages of QoS 1 and 2 than this end takes at once, and they are taken
 * all the same. Comes once for each connection.
 */
export interface ReceiveMaximumExceededEvent {
  /** Tells the kinds of event apart. */
  readonly type: "receive maximum exceeded";
  /** How many unacknowledged messages this end takes, as it has said. */
  readonly receiveMaximum: number;
}

/** There may be more packets to look at than one call does: `proceed()` looks at the next ones. */
export interface MoreEvent {
  /** Tells the kinds of event apart. */
  readonly type: "more";
}

/** What ended a connection. */
export type CloseCause =
  /**
   * This end has said DISCONNECT, or, by the CONNACK `refusal`, that it does not take the Client.
   */
  | {
    readonly kind: "this end";
    readonly packet: DisconnectInit | undefined;
    readonly refusal?: ConnackInit | undefined;
  }
  /** The peer has said DISCONNECT. */
  | { readonly kind: "peer"; readonly packet: DisconnectPacket }
  /** The Server has refused the Client. */
  | { readonly kind: "refusal"; readonly packet: ConnackPacket }
  /** The peer has broken the standard. */
  | { readonly kind: "fault"; readonly error: PacketError }
  /** The peer did not do what it had to do in time, or does not read. */
  | { readonly kind: "silence"; readonly what: string }
  /** This end does not accept what the peer said in enhanced authentication (§4.12). */
  | { readonly kind: "authentication"; readonly error: unknown }
  /** The network has ended the connection. */
  | { readonly kind: "network" }
  /** An exception of this program, not of the peer's making. */
  | { readonly kind: "internal error"; readonly error: unknown };

/** What a connection reports. */
export type ConnectionEvent =
  | MessageEvent
  | SettledEvent
  | DiscardedEvent
  | ConnackEvent
  | VerifyEvent
  | ConnectEvent
  | ClosedEvent
  | MoreEvent
  | ReceiveMaximumExceededEvent
  | { readonly type: "suback"; readonly packet: SubackPacket }
  | { readonly type: "unsuback"; readonly packet: UnsubackPacket }
  | { readonly type: "subscribe"; readonly packet: SubscribePacket }
  | { readonly type: "unsubscribe"; readonly packet: UnsubscribePacket }
  | { readonly type: "auth"; readonly packet: AuthPacket };
