// The messages of both directions on one open connection, as the handshake has settled them. It
// ends with the connection; what outlives it is in the session.

import type { PublishPacket } from "../packets/mod.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ConnectionEvent } from "./events.ts";
import type { Queue } from "./queue.ts";
import { ReceiveExcess } from "./receive_excess.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";
import type { Session } from "./session.ts";
import {
  IncomingAliases,
  NO_ALIASES,
  OutgoingAliases,
  type TopicAliasMode,
} from "./topic_alias.ts";
import type { WriteBuffer } from "./write_buffer.ts";

/**
 * What a handshake has settled.
 *
 * @internal
 */
export interface Negotiated {
  /** What this end takes. */
  readonly own: Capabilities;
  /** What the peer takes. */
  readonly peer: Capabilities;
  /** Whether the peer takes Subscription Identifiers in a PUBLISH: a Client does. */
  readonly takesSubscriptionIdentifiers: boolean;
  /** Whether the peer wants Reason Strings and User Properties in acknowledgements. */
  readonly takesExplanations: boolean;
  /**
   * How many bytes of messages beyond the own Receive Maximum are taken. Without, such a message is
   * a fault.
   */
  readonly receiveExcess?: number | undefined;
  /** Whether acknowledgements have Reason Codes: they have since MQTT 5.0. */
  readonly hasReasonCodes: boolean;
  /** Whether a Packet Identifier is in use for something else than a message. */
  readonly isInUse: (packetId: number) => boolean;
}

/** What an exchange writes to and reports to. */
export interface MessageExchangeSetup {
  readonly session: Session;
  readonly writeBuffer: WriteBuffer;
  readonly events: Queue<ConnectionEvent>;
  readonly topicAliases: TopicAliasMode;
}

/**
 * The messages that one connection sends and receives.
 *
 * @internal
 */
export class MessageExchange {
  readonly session: Session;
  readonly sender: Sender;
  readonly receiver: Receiver;
  /**
   * Whether messages wait until the application has seen the end of the handshake: what it sends
   * then, SUBSCRIBE above all, goes first.
   */
  isHeld = true;
  readonly #events: Queue<ConnectionEvent>;
  readonly #incoming: IncomingAliases;
  readonly #outgoing: OutgoingAliases;

  constructor(setup: MessageExchangeSetup, negotiated: Negotiated) {
    const { session, writeBuffer, topicAliases } = setup;
    const { own: { receiveMaximum, topicAliasMaximum }, peer, takesExplanations } = negotiated;
    const { receiveExcess = 0 } = negotiated;
    this.session = session;
    this.#events = setup.events;
    this.#incoming = new IncomingAliases(topicAliasMaximum);
    this.#outgoing = topicAliases === "off"
      ? NO_ALIASES
      : new OutgoingAliases(topicAliases, peer.topicAliasMaximum);
    const excess = receiveExcess === 0 ? undefined : new ReceiveExcess(
      receiveExcess,
      () => setup.events.push({ type: "receive maximum exceeded", receiveMaximum }),
    );
    this.receiver = new Receiver(session, writeBuffer, {
      receiveMaximum,
      explains: takesExplanations,
      hasReasonCodes: negotiated.hasReasonCodes,
      excess,
    });
    this.sender = new Sender({ ...setup, ...negotiated, aliases: this.#outgoing });
  }

  /** Continues the session of an earlier connection. */
  resume(): void {
    this.receiver.isResumed = true;
    this.sender.resume();
  }

  /** About how many bytes the Topic Aliases of both directions take. */
  get aliasBytes(): number {
    return this.#incoming.bytes + this.#outgoing.bytes;
  }

  /** When there is something to do for messages that wait. */
  get deadline(): number {
    return Math.min(this.session.sendQueue.deadline, this.sender.deadline);
  }

  /** Sends what waits, as far as it may go. */
  pump(now: number): void {
    if (!this.isHeld) this.sender.pump(now);
  }

  /**
   * Reports a message, unless it is one of QoS 2 that has been reported before.
   *
   * @throws {ProtocolError} when it is one too many, or its Topic Alias stands for nothing
   */
  handlePublish(packet: PublishPacket): void {
    const resolved = packet.properties.topicAlias === undefined
      ? packet
      : this.#incoming.resolve(packet);
    const acknowledgement = packet.qos === 0 ? undefined : this.receiver.handlePublish(packet);
    if (packet.qos !== 0 && acknowledgement === undefined) return;
    this.#events.push({ type: "message", packet: resolved, acknowledgement });
  }
}
