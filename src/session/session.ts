// §4.1 Session State: what outlives a Network Connection, and beside it the messages that were
// never sent. Either role has one for each session; a connection borrows it. Subscriptions, quotas,
// aliases and all else end with the connection. How it is saved is in snapshot.ts.

import { InFlight } from "./in_flight.ts";
import { checkKnown } from "./option_checks.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import { PacketIds } from "./packet_ids.ts";
import type { PendingAcknowledgement } from "./pending_acknowledgement.ts";
import { SendQueue, type SendQueueLimits } from "./send_queue.ts";

/** How much may wait to be sent where nothing else is said. */
export const DEFAULT_SEND_QUEUE_LIMITS: SendQueueLimits = {
  messages: 65_536,
  bytes: 67_108_864,
  whenFull: "drop newest",
};

const QUEUE_LIMITS: ReadonlySet<string> = new Set(Object.keys(DEFAULT_SEND_QUEUE_LIMITS));

/** One session. It is of one Client Identifier, in one role. */
export class Session {
  /** Names the session; `""` until the Server has assigned a name. */
  clientId: string;
  /** Whether there is Session State, be it empty: a session that has begun and not ended. */
  exists: boolean;
  /**
   * QoS 1 and 2 messages in flight, by Packet Identifier: in the order of sending, those released
   * in that of PUBREC.
   */
  readonly inFlight: InFlight = new InFlight();
  /** Called when the PUBREL of a received message has come: it is not in `unreleased` any more. */
  onReleased: ((packetId: number) => void) | undefined;
  /** Gives out our Packet Identifiers. */
  readonly packetIds: PacketIds = new PacketIds();
  /** Messages never sent. */
  readonly sendQueue: SendQueue;
  /** Made by the first: most sessions never have one. */
  #unreleased: Map<number, PendingAcknowledgement> | undefined;
  /** Those of them that may be of a session which the peer has no longer. */
  #doubted: Set<PendingAcknowledgement> | undefined;

  /** Begins without Session State. */
  constructor(clientId: string, limits: SendQueueLimits = DEFAULT_SEND_QUEUE_LIMITS) {
    checkKnown(limits, QUEUE_LIMITS, "the send queue");
    this.clientId = clientId;
    this.exists = false;
    this.sendQueue = new SendQueue(limits);
  }

  /** QoS 2 messages received whose PUBREL has not come, by Packet Identifier. */
  get unreleased(): Map<number, PendingAcknowledgement> {
    return this.#unreleased ??= new Map();
  }

  /**
   * Ends the Session State. Returns the messages that were in flight, whose fate nobody knows now.
   */
  end(): OutgoingMessage[] {
    const lost = this.inFlight.takeAll();
    this.#unreleased?.clear();
    this.#doubted = undefined;
    this.exists = false;
    return lost;
  }

  /**
   * The peer may have begun the session anew, and nobody has heard of it. What it has not released
   * may then never be released, and its identifier be given to another message.
   */
  doubt(): void {
    this.#doubted = new Set(this.#unreleased?.values());
  }

  /** Whether a received message may be one of which the peer has known nothing since then. */
  isDoubted(acknowledgement: PendingAcknowledgement): boolean {
    return this.#doubted?.has(acknowledgement) === true;
  }

  /** The peer has sent a received message again: it knows of it. */
  confirm(acknowledgement: PendingAcknowledgement): void {
    this.#doubted?.delete(acknowledgement);
  }

  /**
   * Whether the application still may acknowledge what the acknowledgement is for, in this
   * connection or in a later one.
   */
  holds(acknowledgement: PendingAcknowledgement): boolean {
    return acknowledgement.qos === 2 &&
      this.unreleased.get(acknowledgement.packetId) === acknowledgement;
  }
}
