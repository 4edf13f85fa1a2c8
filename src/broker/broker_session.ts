// A session as the broker has it, whether its client is there or not: what the engine keeps of it,
// its subscriptions, its Will.

import type { Will } from "../packets/mod.ts";
import { textBytes } from "../session/message_size.ts";
import type { Session } from "../session/session.ts";
import type { Timer } from "./timers.ts";
import type { Account } from "./account.ts";
import type { BrokerConnection } from "./broker_connection.ts";
import type { ClientInfo } from "./options.ts";
import { sessionBytes, UNRELEASED } from "./sizes.ts";
import type { RetainedCursor } from "./retained/delivery.ts";
import type { Subscription } from "./routing/subscriptions.ts";
import { Share } from "./turns.ts";
import type { Verdicts } from "./verdicts.ts";

/** So many bytes of Packet Identifiers a session always has room for. */
const FREE = 4096;

/** A session with all that belongs to it. */
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
