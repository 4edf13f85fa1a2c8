// What the broker knows about each connection and each session, as plain data. The files that work
// with it are named after the packets they handle.

import type { ConnectPacket, ProtocolVersion, PublishPacket, Will } from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import { textBytes } from "../session/message_size.ts";
import type { PeerInfo } from "../session/peer.ts";
import { Queue } from "../session/queue.ts";
import type { ServerConnection } from "../session/server_connection.ts";
import type { Session } from "../session/session.ts";
import type { Account } from "./account.ts";
import type { Allowance } from "./allowance.ts";
import type { ClientInfo } from "./options.ts";
import type { Retained } from "./retained/messages.ts";
import type { Subscription } from "./routing/subscriptions.ts";
import type { NameSearch } from "./routing/name_search.ts";
import { sessionBytes, UNRELEASED } from "./sizes.ts";
import type { Timer, Wait } from "./timers.ts";
import { Share } from "./turns.ts";
import type { Verdicts } from "./verdicts.ts";

/**
 * A connection and what is known about its client. Events are handled in order: while a hook is
 * running for one of them, the next ones wait in the backlog.
 */
export class BrokerConnection {
  readonly protocol: ServerConnection;
  /** The memory that the connection uses, including the platform's share. */
  readonly account: Account;
  /** The other end of the connection. */
  readonly peer: PeerInfo;
  /** The network it comes from, for limits per address; `undefined` when it is not known. */
  readonly network: string | undefined;
  /** What it may publish; `undefined` when there is no limit. */
  readonly allowance: Allowance | undefined;
  /** What it waits for: its login, or its next message. */
  wait: Wait | undefined;
  /** The versions of MQTT that its client may speak. */
  readonly versions: readonly ProtocolVersion[];
  /** To be called after any call of the connection that is not an answer to one of its events. */
  readonly wake: () => void;
  /** Its CONNECT, until it is accepted. */
  connect: ConnectPacket | undefined;
  /** Its client, once CONNECT has been received. */
  client: ClientInfo | undefined;
  /** Its session, once it has been accepted. */
  session: BrokerSession | undefined;
  /** Whether its session has begun with it. */
  hasNewSession = false;
  /** When its client was accepted, on the engine's clock. */
  acceptedAt = 0;
  /** Whether its CONNACK has been written. */
  isConnackWritten = false;
  /** Why the connection has ended, though there may still be events in the backlog. */
  cause: CloseCause | undefined;
  /** Whether `onDisconnect` has been called. */
  isDisconnectReported = false;
  /** Whether a hook was shown bytes of what was read last that it may keep. */
  hasShownBytes = false;
  /** The number of steps of enhanced authentication so far. */
  steps = 0;
  /** Whether a hook is running, or the connection waits for its turn. */
  isBusy = false;
  /** Since when, on the engine's clock. */
  busySince = 0;
  /** Counts the work done for it. */
  readonly share: Share = new Share();
  /** Whether it is in the wake queue. */
  isToBeWoken = false;
  /** What has happened in the meantime, and when, if that matters. */
  readonly backlog: Queue<
    { readonly event: ConnectionEvent; readonly at: number | undefined }
  > = new Queue();

  constructor(
    protocol: ServerConnection,
    account: Account,
    peer: PeerInfo,
    wake: () => void,
    versions: readonly ProtocolVersion[],
    network?: string,
    allowance?: Allowance,
  ) {
    this.protocol = protocol;
    this.versions = versions;
    this.account = account;
    this.peer = peer;
    this.wake = wake;
    this.network = network;
    this.allowance = allowance;
  }
}

/** A session with its subscriptions and its Will, connected or not (§4.1). */
export class BrokerSession {
  readonly state: Session;
  /** The memory that it uses. */
  readonly account: Account;
  /** The part of it that its subscriptions use. */
  readonly subscriptionAccount: Account;
  /** The bytes charged for the session itself, and for the messages it has received. */
  #baseBytes = 0;
  #receivedBytes = 0;
  /**
   * Packet Identifiers of QoS 2 messages that were refused when some had been sent them already, as
   * they could not be stored for others. Whoever has not heard of that sends them again.
   */
  #withdrawn: Set<number> | undefined;
  /** The client, as of its last connection. */
  client: ClientInfo;
  /** The user it belongs to; `undefined` when any client may use it. */
  owner: string | undefined;
  /** Its connection, while its client is connected. */
  connection: BrokerConnection | undefined;
  /** The Session Expiry Interval, in milliseconds; `Infinity` when it does not expire. */
  lifetime = 0;
  /** The Will, until it is published or discarded. */
  will: Will | undefined;
  /** Its subscriptions, by Topic Filter. */
  readonly subscriptions: Map<string, Subscription<BrokerSession>> = new Map();
  /** What `authorizeDelivery` returned, by topic, if there is such a hook. */
  verdicts: Verdicts | undefined;
  /** Deliveries of retained messages that are under way, by Topic Filter. */
  retainedCursors: Map<string, RetainedCursor> | undefined;
  /** Whether their delivery goes on in another turn, or after a hook. */
  isDeliveryDue = false;
  /** Counts the work of delivering them. */
  readonly deliveryShare: Share = new Share();
  /** Whether the session has ended; its subscriptions are then removed, in turns. */
  hasEnded = false;
  /** The timer for the end of the session, while its client is not connected. */
  ending: Timer | undefined;
  /** The timer for the Will, while its client is not connected. */
  willDue: Timer | undefined;

  constructor(
    client: ClientInfo,
    state: Session,
    account: Account,
    subscriptionAccount: Account,
  ) {
    this.client = client;
    this.state = state;
    this.account = account;
    this.subscriptionAccount = subscriptionAccount;
  }

  /** Charges for the client, the owner and the Will. Call it when one of them has changed. */
  countBase(): void {
    const bytes = sessionBytes(this.client, this.will) + textBytes(this.owner ?? "");
    this.account.charge(bytes - this.#baseBytes);
    this.#baseBytes = bytes;
  }

  /** A QoS 2 message of this client is refused, though it may have been sent to some. */
  withdraw(packetId: number): void {
    (this.#withdrawn ??= new Set()).add(packetId);
  }

  /** Whether a QoS 2 message is one of those, sent again. Else its identifier is free for it. */
  hasWithdrawn({ packetId, dup }: PublishPacket): boolean {
    if (this.#withdrawn === undefined) return false;
    if (dup) return this.#withdrawn.has(packetId);
    this.#withdrawn.delete(packetId);
    return false;
  }

  /** Charges for received QoS 2 messages that are not released. False when they are too many. */
  countReceived(): boolean {
    const count = this.state.unreleased.size + (this.#withdrawn?.size ?? 0);
    const bytes = count * UNRELEASED;
    const more = bytes - this.#receivedBytes;
    const hasRoom = more <= 0 || bytes <= FREE || this.account.hasRoom(more);
    if (!hasRoom) return false;
    this.account.charge(more);
    this.#receivedBytes = bytes;
    return true;
  }
}

/** The delivery of retained messages for one subscription. */
export interface RetainedCursor {
  readonly subscription: Subscription<BrokerSession>;
  /** Finds the messages that match, step by step; `undefined` before the first step. */
  search: NameSearch<Retained> | undefined;
  /** The last message to be delivered; later ones were delivered when they were published. */
  readonly upTo: number;
  /** The messages that have been sent, so that none is sent twice. */
  sent: Set<Retained> | undefined;
  /** The next message, for which there was no room yet. */
  held: Retained | undefined;
}

/** Bytes of received Packet Identifiers that every session has room for. */
const FREE = 4096;
