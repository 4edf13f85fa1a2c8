// §4.1 Session State: what outlives a Network Connection, and beside it the messages that were never sent. Either role has
// one for each session; a connection borrows it. Subscriptions, quotas, aliases and all else die with the connection.

import {
  decodePacket,
  encodePacket,
  isFailure,
  type Packet,
  type PublishInit,
  type PublishPacket,
  ReasonCode,
} from "../packets/mod.ts";
import { fromBase64, toBase64 } from "../wire/base64.ts";
import { SendQueue, type SendQueueLimits } from "./send_queue.ts";
import { InFlight } from "./in_flight.ts";
import { OutgoingMessage } from "./outgoing_message.ts";
import { MAXIMUM_PACKET_ID, PacketIds } from "./packet_ids.ts";
import { PendingAcknowledgement } from "./pending_acknowledgement.ts";

/** A message as it is saved. */
export interface SavedMessage {
  /** Its PUBLISH, encoded, in Base64; `undefined` once its PUBREC has come. */
  readonly publish?: string;
  /** Its Packet Identifier, if it is in flight. */
  readonly packetId?: number;
}

/** A session as it is saved: plain data, for JSON or structured clone. */
export interface SavedSession {
  /** Whose session it is [MQTT-3.1.3-2]. */
  readonly clientId: string;
  /** The messages in flight: first those without PUBREC, in the order of their sending, then the others. */
  readonly inFlight: readonly SavedMessage[];
  /** Packet Identifiers of QoS 2 messages that were received and whose PUBREL has not come. */
  readonly unreleased: readonly number[];
  /** The messages that were never sent, in order, with what is left of their Message Expiry Interval. */
  readonly queued: readonly SavedMessage[];
}

/** How much may wait to be sent where nothing else is said. */
export const DEFAULT_SEND_QUEUE_LIMITS: SendQueueLimits = {
  messages: 65_536,
  bytes: 67_108_864,
  whenFull: "drop newest",
};

/** One session. It is of one Client Identifier, in one role. */
export class Session {
  /** Names the session; `""` until the Server has assigned a name. */
  clientId: string;
  /** Whether there is Session State, be it empty: a session that has begun and not ended. */
  exists: boolean;
  /** QoS 1 and 2 messages in flight, by Packet Identifier: in the order of sending, those released in that of PUBREC. */
  readonly inFlight: InFlight = new InFlight();
  /** QoS 2 messages received whose PUBREL has not come, by Packet Identifier. */
  readonly unreleased: Map<number, PendingAcknowledgement> = new Map();
  /** Gives out our Packet Identifiers. */
  readonly packetIds: PacketIds = new PacketIds();
  /** Messages never sent. */
  readonly sendQueue: SendQueue;

  /** Begins without Session State. */
  constructor(clientId: string, limits: SendQueueLimits = DEFAULT_SEND_QUEUE_LIMITS) {
    this.clientId = clientId;
    this.exists = false;
    this.sendQueue = new SendQueue(limits);
  }

  /**
   * The session that was saved. Its messages begin to expire anew at `now`.
   *
   * @throws {TypeError} when it is none
   */
  static from(
    saved: SavedSession,
    now: number,
    limits: SendQueueLimits = DEFAULT_SEND_QUEUE_LIMITS,
  ): Session {
    const session = new Session(saved.clientId, limits);
    session.exists = true;
    for (const { packetId, publish } of saved.inFlight) {
      checkPacketId(packetId);
      if (session.inFlight.get(packetId) !== undefined) {
        throw new TypeError(`The saved session has the Packet Identifier ${packetId} twice`);
      }
      const message = new OutgoingMessage(publish === undefined ? RELEASED : restored(publish));
      message.packetId = packetId;
      message.isReleased = publish === undefined;
      session.inFlight.add(message);
    }
    for (const packetId of saved.unreleased) {
      checkPacketId(packetId);
      const acknowledgement = new PendingAcknowledgement(packetId, 2);
      acknowledgement.reasonCode = ReasonCode.success;
      session.unreleased.set(packetId, acknowledgement);
    }
    for (const { publish } of saved.queued) {
      const packet = restored(publish);
      const seconds = packet.properties.messageExpiryInterval ?? Infinity;
      session.sendQueue.add(new OutgoingMessage(packet, now + seconds * 1000));
    }
    return session;
  }

  /** The session as plain data. A message that the application has not acknowledged is left out: it is to come again. */
  save(now: number): SavedSession {
    return {
      clientId: this.clientId,
      inFlight: this.inFlight.values().map((message) => ({
        packetId: message.packetId,
        ...!message.isReleased && { publish: saved(message) },
      })),
      unreleased: [...this.unreleased.values()].filter(isTaken)
        .map(({ packetId }) => packetId),
      queued: Array.from(this.sendQueue, (message) => {
        message.countDown(now);
        return { publish: saved(message) };
      }),
    };
  }

  /** Ends the Session State. Returns the messages that were in flight, whose fate nobody knows now. */
  end(): OutgoingMessage[] {
    const lost = this.inFlight.takeAll();
    this.unreleased.clear();
    this.exists = false;
    return lost;
  }

  /** Whether the application still may acknowledge what the acknowledgement is for, in this connection or in a later one. */
  holds(acknowledgement: PendingAcknowledgement): boolean {
    return acknowledgement.qos === 2 &&
      this.unreleased.get(acknowledgement.packetId) === acknowledgement;
  }
}

/** Whether the application has taken a message: it is not to be delivered again. */
function isTaken({ reasonCode }: PendingAcknowledgement): boolean {
  return reasonCode !== undefined && !isFailure(reasonCode);
}

/** What is left of a message whose PUBREC has come. */
const RELEASED: PublishInit = { type: "publish", topic: "", qos: 2 };

function saved({ packet, qos }: OutgoingMessage): string {
  return toBase64(encodePacket({ ...packet, packetId: qos === 0 ? 0 : 1, dup: false }));
}

function restored(publish = ""): PublishPacket {
  let packet: Packet;
  try {
    packet = decodePacket(fromBase64(publish));
  } catch (cause) {
    throw new TypeError("The saved session has an invalid message", { cause });
  }
  if (packet.type !== "publish") throw new TypeError("The saved session has an invalid message");
  return { ...packet, packetId: 0 };
}

function checkPacketId(packetId: number | undefined): asserts packetId is number {
  if (Number.isInteger(packetId) && packetId! >= 1 && packetId! <= MAXIMUM_PACKET_ID) return;
  throw new TypeError(`The saved session has an invalid Packet Identifier: ${packetId}`);
}
