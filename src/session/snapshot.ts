// The one saved form of Session State (§4.1): what `client.save()` gives, and what the broker's
// file keeps of a session. A message is its PUBLISH, encoded, without what belongs to a connection.

import {
  decodePacket,
  encodePacket,
  type PublishInit,
  type PublishPacket,
  ReasonCode,
} from "../packets/mod.ts";
import { fromBase64, toBase64 } from "../wire/base64.ts";
import { OutgoingMessage } from "./outgoing_message.ts";
import { MAXIMUM_PACKET_ID } from "./packet_ids.ts";
import { PendingAcknowledgement } from "./pending_acknowledgement.ts";
import type { SendQueueLimits } from "./send_queue.ts";
import { Session } from "./session.ts";

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
  /**
   * The messages in flight: first those without PUBREC, in the order of their sending, then the
   * others.
   */
  readonly inFlight: readonly SavedMessage[];
  /** Packet Identifiers of QoS 2 messages that were received and whose PUBREL has not come. */
  readonly unreleased: readonly number[];
  /**
   * The messages that were never sent, in order, with what is left of their Message Expiry
   * Interval.
   */
  readonly queued: readonly SavedMessage[];
}

/**
 * A session as plain data. A message that the application has not acknowledged is left out: the
 * peer sends it again.
 */
export function saveSession(session: Session, now: number): SavedSession {
  return {
    clientId: session.clientId,
    inFlight: session.inFlight.values().map(({ packetId, isReleased, packet }) => ({
      packetId,
      ...!isReleased && { publish: toBase64(encodeMessage(packet)) },
    })),
    unreleased: [...session.unreleased.values()]
      .filter(({ isTaken }) => isTaken)
      .map(({ packetId }) => packetId),
    queued: Array.from(session.sendQueue, (message) => {
      message.countDown(now);
      return { publish: toBase64(encodeMessage(message.packet)) };
    }),
  };
}

/**
 * The session that was saved. Its messages begin to expire anew at `now`.
 *
 * @throws {TypeError} when it is not a saved session
 */
export function restoreSession(
  saved: SavedSession,
  now: number,
  limits?: SendQueueLimits,
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
    restoreUnreleased(session, packetId);
  }
  for (const { publish } of saved.queued) {
    const packet = restored(publish);
    const seconds = packet.properties.messageExpiryInterval ?? Infinity;
    session.sendQueue.add(new OutgoingMessage(packet, now + seconds * 1000));
  }
  return session;
}

/** The PUBLISH that is kept of a message: with neither its Packet Identifier nor DUP. */
export function encodeMessage(packet: PublishInit): Uint8Array<ArrayBuffer> {
  const { qos = 0 } = packet;
  return encodePacket({ ...packet, packetId: qos === 0 ? 0 : 1, dup: false });
}

/**
 * The message of which a PUBLISH was kept.
 *
 * @throws {TypeError} when it is another packet
 * @throws {PacketError} when it is not a packet
 */
export function decodeMessage(bytes: Uint8Array): PublishPacket {
  const packet = decodePacket(bytes);
  if (packet.type !== "publish") throw new TypeError("The packet is not a PUBLISH");
  return { ...packet, packetId: 0 };
}

/** A QoS 2 message that the application had taken, and whose PUBREL had not come. */
export function restoreUnreleased(session: Session, packetId: number): PendingAcknowledgement {
  const acknowledgement = new PendingAcknowledgement(packetId, 2);
  acknowledgement.settle(ReasonCode.success);
  session.unreleased.set(packetId, acknowledgement);
  return acknowledgement;
}

/** What is left of a message whose PUBREC has come. */
const RELEASED: PublishInit = { type: "publish", topic: "", qos: 2 };

function restored(publish = ""): PublishPacket {
  try {
    return decodeMessage(fromBase64(publish));
  } catch (cause) {
    throw new TypeError("The saved session has an invalid message", { cause });
  }
}

function checkPacketId(packetId: number | undefined): asserts packetId is number {
  if (Number.isInteger(packetId) && packetId! >= 1 && packetId! <= MAXIMUM_PACKET_ID) return;
  throw new TypeError(`The saved session has an invalid Packet Identifier: ${packetId}`);
}
