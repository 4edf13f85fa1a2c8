// What the broker knows of each connection and of each session, as plain data: who does something
// with it is in a file of its own.

import type { ConnectPacket, Will } from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import { textBytes } from "../session/message_size.ts";
import type { PeerInfo } from "../session/peer.ts";
import { Queue } from "../session/queue.ts";
import type { ServerConnection } from "../session/server_connection.ts";
import type { Session } from "../session/session.ts";
import type { Account } from "./account.ts";
import type { ClientInfo } from "./options.ts";
import type { Retained } from "./retained/messages.ts";
import type { Subscription } from "./routing/subscriptions.ts";
import type { NameSearch } from "./routing/name_search.ts";
import { sessionBytes, UNRELEASED } from "./sizes.ts";
import type { Timer } from "./timers.ts";
import { Share } from "./turns.ts";
import type { Verdicts } from "./verdicts.ts";

/**
 * A connection with what is known of its client, from its first byte on. What its client sends is
 * looked at in order: while a hook is asked about one thing, the next ones wait.
 */
export class BrokerConnection {
  readonly protocol: ServerConnection;
  /** What the connection keeps, and the platform for it. */
  readonly account: Account;
  /** What is at the other end of it. */
  readonly peer: PeerInfo;
  /** To be called after any call of the connection that is not an answer to one of its events. */
  readonly wake: () => void;
  /** What it asked for. */
  connect: ConnectPacket | undefined;
  /** Who it is. */
  client: ClientInfo | undefined;
  /** Its session, once it has been accepted. */
  session: BrokerSession | undefined;
  /** Whether its CONNACK has been written. */
  isConnackWritten = false;
  /** What has ended its connection, though there may be more to look at before. */
  cause: CloseCause | undefined;
  /** Whether it has been told that it is gone. */
  hasLeft = false;
  /** Whether a hook was shown bytes of what was read last that it may keep. */
  hasShownBytes = false;
  /** Steps of enhanced authentication taken. */
  steps = 0;
  /** Whether a hook is being asked. */
  isBusy = false;
  /** Since when, on the engine's clock. */
  busySince = 0;
  /** What is done for it. */
  readonly share: Share = new Share();
  /** Whether it is to be woken soon. */
  isToBeWoken = false;
  /** What has happened in the meantime, and when, if that matters. */
  readonly backlog: Queue<
    { readonly event: ConnectionEvent; readonly at: number | undefined }
  > = new Queue();

  constructor(protocol: ServerConnection, account: Account, peer: PeerInfo, wake: () => void) {
    this.protocol = protocol;
    this.account = account;
    this.peer = peer;
    this.wake = wake;
  }
}

/** A session with its subscriptions and its Will, whether its client is there or not (§4.1). */
export class BrokerSession {
  readonly state: Session;
  /** What it keeps, all together. */
  readonly account: Account;
  /** Its subscriptions. */
  readonly subscriptionAccount: Account;
  /** What is counted of the session itself, and of what it has received. */
  #baseBytes = 0;
  #receivedBytes = 0;
  /** As it was when the client connected last. */
  client: ClientInfo;
  /** Whose session it is; `undefined` for nobody in particular. */
  owner: string | undefined;
  /** Its connection, if its client is there. */
  connection: BrokerConnection | undefined;
  /** How long the session outlives its connection, in milliseconds; `Infinity` for ever. */
  lifetime = 0;
  /** What is published when the connection is lost, and how long after, in milliseconds. */
  will: Will | undefined;
  /** By Topic Filter, as it was asked for. */
  readonly subscriptions: Map<string, Subscription<BrokerSession>> = new Map();
  /** What is known of the topics that its client may have messages of, if somebody is asked. */
  verdicts: Verdicts | undefined;
  /** The retained messages that it is still to get, by Topic Filter. */
  retainedCursors: Map<string, RetainedCursor> | undefined;
  /** Whether more of them are to be sent in another turn. */
  isFeedDue = false;
  /** What is done to send them. */
  readonly feeding: Share = new Share();
  /** Whether the session has ended: what is left of it is taken out, in turns. */
  hasEnded = false;
  /** When the session is to end, while its client is away. */
  ending: Timer | undefined;
  /** When the Will is due, while its client is away. */
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

  /** Counts who the session is for, and its Will: to be called when either has changed. */
  countBase(): void {
    const bytes = sessionBytes(this.client, this.will) + textBytes(this.owner ?? "");
    this.account.charge(bytes - this.#baseBytes);
    this.#baseBytes = bytes;
  }

  /**
   * Counts the messages of QoS 2 that it has received and that are not released. False when they
   * are too many.
   */
  countReceived(): boolean {
    const bytes = this.state.unreleased.size * UNRELEASED;
    const more = bytes - this.#receivedBytes;
    const hasRoom = more <= 0 || bytes <= FREE || this.account.hasRoom(more);
    if (!hasRoom) return false;
    this.account.charge(more);
    this.#receivedBytes = bytes;
    return true;
  }
}

/** The retained messages that are still to be sent for one subscription. */
export interface RetainedCursor {
  readonly subscription: Subscription<BrokerSession>;
  /** What matches, found as it goes; `undefined` before anybody has looked. */
  search: NameSearch<Retained> | undefined;
  /** What was retained later has reached the subscription as it was published. */
  readonly upTo: number;
  /** What has been sent, if anything has. */
  sent: Set<Retained> | undefined;
  /** The next one, which has no room yet. */
  held: Retained | undefined;
}

/** So many bytes of Packet Identifiers a session always has room for. */
const FREE = 4096;
