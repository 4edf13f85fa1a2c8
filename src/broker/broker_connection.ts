// A connection as the broker has it, from its first byte on. What its client sends is looked at in
// order: while a hook is asked about one thing, the next ones wait.

import type { ConnectPacket } from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import type { PeerInfo } from "../session/peer.ts";
import { Queue } from "../session/queue.ts";
import type { ServerConnection } from "../session/server_connection.ts";
import type { Account } from "./account.ts";
import type { BrokerSession } from "./broker_session.ts";
import type { ClientInfo } from "./options.ts";
import { Share } from "./turns.ts";

/** A connection with what is known of its client. */
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
  /** Whether it has been told that it is accepted. */
  isTold = false;
  /** What has ended its connection, though there may be more to look at before. */
  cause: CloseCause | undefined;
  /** Whether it has been told that it is gone. */
  hasLeft = false;
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
  /** What has happened in the meantime, and when. */
  readonly backlog: Queue<{ readonly event: ConnectionEvent; readonly at: number }> = new Queue();

  constructor(protocol: ServerConnection, account: Account, peer: PeerInfo, wake: () => void) {
    this.protocol = protocol;
    this.account = account;
    this.peer = peer;
    this.wake = wake;
  }
}
