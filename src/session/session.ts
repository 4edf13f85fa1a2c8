// §4.1 Session State: what outlives a Network Connection, and beside it the messages that were never sent. Either role has
// one for each session; a connection borrows it. Subscriptions, quotas, aliases and all else die with the connection.

import {
  decodePacket,
  encodePacket,
  type Packet,
  type PublishInit,
  type PublishPacket,
} from "../packets/mod.ts";
import { fromBase64, toBase64 } from "../wire/base64.ts";
import { Outbox, type OutboxLimits } from "./outbox.ts";
import { InFlight } from "./in_flight.ts";
import { Outgoing } from "./outgoing.ts";
import { MAXIMUM_PACKET_ID, PacketIds } from "./packet_ids.ts";
import { Receipt } from "./receipt.ts";

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
  readonly outgoing: readonly SavedMessage[];
  /** Packet Identifiers of QoS 2 messages that were received and whose PUBREL has not come. */
  readonly received: readonly number[];
  /** The messages that were never sent, in order, with what is left of their Message Expiry Interval. */
  readonly waiting: readonly SavedMessage[];
}

/** How much may wait to be sent where nothing else is said. */
export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = {
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
  readonly outgoing: InFlight = new InFlight();
  /** QoS 2 messages received whose PUBREL has not come, by Packet Identifier. */
  readonly received: Map<number, Receipt> = new Map();
  /** Gives out our Packet Identifiers. */
  readonly packetIds: PacketIds = new PacketIds();
  /** Messages never sent. */
  readonly outbox: Outbox;

  /** Begins without Session State. */
  constructor(clientId: string, limits: OutboxLimits = DEFAULT_OUTBOX_LIMITS) {
    this.clientId = clientId;
    this.exists = false;
    this.outbox = new Outbox(limits);
  }

  /**
   * The session that was saved. Its messages begin to expire anew at `now`.
   *
   * @throws {TypeError} when it is none
   */
  static from(
    saved: SavedSession,
    now: number,
    limits: OutboxLimits = DEFAULT_OUTBOX_LIMITS,
  ): Session {
    const session = new Session(saved.clientId, limits);
    session.exists = true;
    for (const { packetId, publish } of saved.outgoing) {
      checkPacketId(packetId);
      if (session.outgoing.get(packetId) !== undefined) {
        throw new TypeError(`The saved session has the Packet Identifier ${packetId} twice`);
      }
      const message = new Outgoing(publish === undefined ? RELEASED : restored(publish));
      message.packetId = packetId;
      message.isReleased = publish === undefined;
      session.outgoing.add(message);
    }
    for (const packetId of saved.received) {
      checkPacketId(packetId);
      const receipt = new Receipt(packetId, 2);
      receipt.reasonCode = 0x00;
      session.received.set(packetId, receipt);
    }
    for (const { publish } of saved.waiting) {
      const packet = restored(publish);
      const seconds = packet.properties.messageExpiryInterval ?? Infinity;
      session.outbox.add(new Outgoing(packet, now + seconds * 1000));
    }
    return session;
  }

  /** The session as plain data. A message that the application has not acknowledged is left out: it is to come again. */
  save(now: number): SavedSession {
    return {
      clientId: this.clientId,
      outgoing: this.outgoing.values().map((message) => ({
        packetId: message.packetId,
        ...!message.isReleased && { publish: saved(message) },
      })),
      received: [...this.received.values()].filter(isTaken)
        .map(({ packetId }) => packetId),
      waiting: Array.from(this.outbox, (message) => {
        message.countDown(now);
        return { publish: saved(message) };
      }),
    };
  }

  /** Ends the Session State. Returns the messages that were in flight, whose fate nobody knows now. */
  end(): Outgoing[] {
    const lost = this.outgoing.takeAll();
    this.received.clear();
    this.exists = false;
    return lost;
  }

  /** Whether the application still may acknowledge what the receipt is for, in this connection or in a later one. */
  holds(receipt: Receipt): boolean {
    return receipt.qos === 2 && this.received.get(receipt.packetId) === receipt;
  }
}

/** Whether the application has taken a message: it is not to be delivered again. */
function isTaken({ reasonCode }: Receipt): boolean {
  return reasonCode !== undefined && reasonCode < 0x80;
}

/** What is left of a message whose PUBREC has come. */
const RELEASED: PublishInit = { type: "publish", topic: "", qos: 2 };

function saved({ packet, qos }: Outgoing): string {
  return toBase64(encodePacket({ ...packet, packetId: qos === 0 ? 0 : 1, dup: false }));
}

function restored(publish = ""): PublishPacket {
  let packet: Packet;
  try {
    packet = decodePacket(fromBase64(publish));
  } catch (cause) {
    throw new TypeError("The saved session has a message that is none", { cause });
  }
  if (packet.type !== "publish") throw new TypeError("A saved session holds messages, not others");
  return { ...packet, packetId: 0 };
}

function checkPacketId(packetId: number | undefined): asserts packetId is number {
  if (Number.isInteger(packetId) && packetId! >= 1 && packetId! <= MAXIMUM_PACKET_ID) return;
  throw new TypeError(`The saved session has a Packet Identifier of ${packetId}`);
}
