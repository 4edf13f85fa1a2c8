// §4.3 QoS delivery, sending side; §4.4 Message delivery retry; §4.9 Flow control. Knows nothing of
// sockets or roles.
//
//   waiting ──PUBLISH──▶ published ──PUBACK (QoS 1)──▶ settled
//   (sendQueue)                 └──PUBREC, PUBREL──▶ released ──PUBCOMP (QoS 2)──▶ settled

import { PacketTooLargeError } from "../errors.ts";
import {
  checkPacket,
  isFailure,
  type PubackPacket,
  type PubcompPacket,
  type PublishInit,
  type PubrecPacket,
  type QoS,
  ReasonCode,
} from "../packets/mod.ts";
import type { ConnectionEvent, DiscardedEvent, FinalAcknowledgement } from "./events.ts";
import { protocolError } from "./protocol_errors.ts";
import type { Capabilities } from "./capabilities.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import type { WriteBuffer } from "./write_buffer.ts";
import { Queue } from "./queue.ts";
import type { Session } from "./session.ts";
import { type OutgoingAliases, withoutAlias } from "./topic_alias.ts";

/** Above so many bytes that wait to be sent, messages wait in the sendQueue. */
const FULL = 262_144;

/** When there is no memory to send what waits, it is tried again so many milliseconds later. */
const RETRY = 200;

/** What a PUBLISH takes beside its topic and its payload, in most cases. */
const REST = 64;

/** What a sender works with. */
export interface SenderSetup {
  readonly session: Session;
  readonly writeBuffer: WriteBuffer;
  readonly events: Queue<ConnectionEvent>;
  /** What the peer takes. */
  readonly peer: Capabilities;
  readonly aliases: OutgoingAliases;
  /** Whether the peer takes Subscription Identifiers in a PUBLISH: a Client does. */
  readonly takesSubscriptionIdentifiers: boolean;
  /** Whether a Packet Identifier is in use for something else than a message. */
  readonly isInUse: (packetId: number) => boolean;
}

/** The messages that one connection sends. */
export class Sender {
  readonly #session: Session;
  readonly #writeBuffer: WriteBuffer;
  readonly #events: Queue<ConnectionEvent>;
  readonly #peer: Capabilities;
  readonly #aliases: OutgoingAliases;
  readonly #takesSubscriptionIdentifiers: boolean;
  readonly #isInUse: (packetId: number) => boolean;
  /** Messages in flight from an earlier connection, to be sent again. */
  readonly #again = new Queue<OutgoingMessage>();
  /**
   * Messages in flight on this connection. One whose PUBREL alone was sent again counts too: some
   * peers count it.
   */
  #quotaUsed = 0;
  #retryAt = Infinity;

  constructor(
    { session, writeBuffer, events, peer, aliases, takesSubscriptionIdentifiers, isInUse }:
      SenderSetup,
  ) {
    this.#session = session;
    this.#writeBuffer = writeBuffer;
    this.#events = events;
    this.#peer = peer;
    this.#aliases = aliases;
    this.#takesSubscriptionIdentifiers = takesSubscriptionIdentifiers;
    this.#isInUse = (packetId) => session.inFlight.isTaken(packetId) || isInUse(packetId);
  }

  /** When to try again what there was no memory for; `Infinity` for never. */
  get deadline(): number {
    return this.#retryAt;
  }

  /**
   * Goes on with the session: every PUBREL at once, then each PUBLISH in its old order
   * [MQTT-4.4.0-1] [MQTT-4.6.0-1].
   */
  resume(): void {
    for (const message of this.#session.inFlight.values()) {
      if (message.isReleased) {
        this.#countIn(message);
        message.isRecovered = true;
        this.#writeBuffer.write({ type: "pubrel", packetId: message.packetId });
      } else this.#again.push(message);
    }
  }

  /**
   * Sends a message of QoS 0 if none waits before it and there is room; false, with nothing done,
   * when not.
   *
   * @throws {TypeError} when a field is wrong, or the peer takes no such message
   * @throws {RangeError} when a field is out of its range, or of that of the peer
   * @throws {PacketTooLargeError} when it is larger than the peer takes; then nothing has changed
   */
  trySend(packet: PublishInit): boolean {
    if (!this.#isNext() || !this.#writeBuffer.hasMemoryFor(roughSize(packet))) return false;
    this.#checkLimits(packet);
    const complete = this.#aliases.complete(packet);
    this.#write(complete, 0, false);
    this.#aliases.taken(complete);
    return true;
  }

  /**
   * Likewise, for a message that is encoded already, without a Topic Alias. False also when this
   * connection gives those out.
   */
  trySendEncoded(bytes: Uint8Array): boolean {
    if (!this.#isNext() || this.#aliases.areGivenOut) return false;
    const { maximumPacketSize } = this.#peer;
    if (bytes.length > maximumPacketSize) {
      const limit = `the receiver accepts at most ${maximumPacketSize}`;
      throw new PacketTooLargeError(`The packet has ${bytes.length} bytes, but ${limit}`);
    }
    if (!this.#writeBuffer.hasMemoryFor(bytes.length)) return false;
    this.#writeBuffer.writeEncoded(bytes);
    return true;
  }

  /** Whether a message of this QoS would be sent at once. */
  isReadyFor(qos: QoS): boolean {
    return this.#isNext() && (qos === 0 || this.#hasQuota());
  }

  /**
   * Sends a message if none waits before it and everything is there for it; else puts it to those
   * that wait. Returns the messages that had to give way, as `SendQueue.add()` does.
   *
   * @throws {TypeError} as {@linkcode Sender.trySend} does
   * @throws {RangeError} as {@linkcode Sender.trySend} does
   * @throws {PacketTooLargeError} as {@linkcode Sender.trySend} does
   */
  publish(message: OutgoingMessage): readonly OutgoingMessage[] {
    this.#checkLimits(message.packet);
    message.packet = this.#aliases.complete(message.packet);
    const isNow = this.#isNext() && (message.qos === 0 || this.#hasQuota()) &&
      this.#writeBuffer.hasMemoryFor(roughSize(message.packet));
    if (isNow && this.#send(message)) {
      this.#aliases.taken(message.packet);
      return NONE;
    }
    return this.keep(message);
  }

  /**
   * Puts a message to those that wait, be it for another connection. Returns those that had to give
   * way.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   */
  keep(message: OutgoingMessage): readonly OutgoingMessage[] {
    message.packet = this.#aliases.complete(message.packet);
    checkPublish(message.packet);
    this.#aliases.taken(message.packet);
    return this.#session.sendQueue.add(message);
  }

  /** Sends what waits, as far as room, quota and identifiers go [MQTT-4.9.0-2]. */
  pump(now: number): void {
    this.#retryAt = Infinity;
    while (this.#again.length > 0 && this.#hasRoom() && this.#hasQuota()) {
      if (!this.#hasMemoryFor(this.#again.first!, now)) return;
      this.#sendAgain(now);
    }
    const { sendQueue } = this.#session;
    for (const message of sendQueue.takeExpired(now)) this.#discard(message, { kind: "expired" });
    if (this.#again.length > 0) return;
    for (let message = sendQueue.first; message !== undefined; message = sendQueue.first) {
      if (!this.#hasRoom() || message.qos > 0 && !this.#hasQuota()) return;
      if (!this.#hasMemoryFor(message, now)) return;
      message.countDown(now);
      const fault = this.#limitFault(message.packet);
      try {
        if (fault !== undefined) this.#discard(message, { kind: "not allowed", error: fault });
        else if (!this.#send(message)) return;
      } catch (error) {
        sendQueue.shift();
        this.#discardIfTooLarge(message, error);
        continue;
      }
      sendQueue.shift();
    }
  }

  /** §3.4 PUBACK. One for an unknown identifier says nothing. */
  handlePuback(packet: PubackPacket): void {
    const message = this.#session.inFlight.get(packet.packetId);
    if (message === undefined) return;
    if (message.qos !== 1) throw wrongAck(packet, "belongs to a message of QoS 2");
    this.#settle(message, packet, false);
  }

  /**
   * §3.5 PUBREC: the answer is PUBREL, whatever came before it, unless it refuses the message
   * [MQTT-4.3.3-4].
   */
  handlePubrec(packet: PubrecPacket): void {
    const { packetId, reasonCode } = packet;
    const message = this.#session.inFlight.get(packetId);
    if (message === undefined) {
      if (!isFailure(reasonCode)) {
        this.#writeBuffer.write({
          type: "pubrel",
          packetId,
          reasonCode: ReasonCode.packetIdentifierNotFound,
        });
      }
      return;
    }
    if (message.qos !== 2) throw wrongAck(packet, "belongs to a message of QoS 1");
    if (isFailure(reasonCode)) {
      // Once released, the message is the peer's, whatever it says to a repetition.
      if (!message.isReleased) this.#settle(message, packet, false);
      return;
    }
    this.#writeBuffer.write({ type: "pubrel", packetId });
    if (message.isReleased) return;
    message.isReleased = true;
    message.pubrec = packet;
    // To the end: among themselves those released are in the order of their PUBREC [MQTT-4.6.0-4].
    this.#session.inFlight.moveToEnd(message);
  }

  /** §3.7 PUBCOMP. One for an unknown identifier says nothing. */
  handlePubcomp(packet: PubcompPacket): void {
    const message = this.#session.inFlight.get(packet.packetId);
    if (message === undefined) return;
    if (message.qos !== 2 || !message.isReleased) throw wrongAck(packet, "has not been released");
    this.#settle(message, packet, message.isRecovered);
  }

  /** Whether a message may go now as far as order and room are concerned. */
  #isNext(): boolean {
    return this.#hasRoom() && this.#again.length === 0 && this.#session.sendQueue.length === 0;
  }

  #hasRoom(): boolean {
    return this.#writeBuffer.length < FULL;
  }

  /** Whether there is memory to send what waits; if not, it is to be tried again. */
  #hasMemoryFor({ size }: OutgoingMessage, now: number): boolean {
    if (this.#writeBuffer.hasMemoryFor(REST + size)) return true;
    this.#retryAt = now + RETRY;
    return false;
  }

  #hasQuota(): boolean {
    return this.#quotaUsed < this.#peer.receiveMaximum;
  }

  #checkLimits(packet: PublishInit): void {
    const fault = this.#limitFault(packet);
    if (fault !== undefined) throw fault;
  }

  /** What the peer has said that it does not take, and the message has. */
  #limitFault({ qos = 0, retain = false, properties }: PublishInit): Error | undefined {
    const { maximumQoS, retainAvailable } = this.#peer;
    if (qos > maximumQoS) {
      return new RangeError(
        `qos is ${qos}, but the peer accepts at most ${maximumQoS} [MQTT-3.2.2-11]`,
      );
    }
    if (retain && !retainAvailable) {
      return new TypeError(
        "retain is true, but the peer does not support retained messages [MQTT-3.2.2-14]",
      );
    }
    if (!this.#takesSubscriptionIdentifiers && properties?.subscriptionIdentifiers !== undefined) {
      return new TypeError(
        "properties.subscriptionIdentifiers may only be set by a server [MQTT-3.3.4-6]",
      );
    }
    return undefined;
  }

  /** False when no Packet Identifier is free. */
  #send(message: OutgoingMessage): boolean {
    if (message.qos === 0) {
      this.#write(message.packet, 0, false);
      this.#events.push({ type: "settled", message, packet: undefined, isRecovery: false });
      return true;
    }
    this.#session.inFlight.reserve();
    const packetId = this.#session.packetIds.next(this.#isInUse);
    if (packetId === 0) return false;
    this.#write(message.packet, packetId, false);
    message.packetId = packetId;
    // It may have been in flight before, in a session that was lost.
    message.isReleased = false;
    message.pubrec = undefined;
    this.#session.inFlight.add(message);
    this.#countIn(message);
    return true;
  }

  #sendAgain(now: number): void {
    const message = this.#again.shift()!;
    const { packetId } = message;
    // Its acknowledgement may have come in the meantime.
    if (message.isReleased || this.#session.inFlight.get(packetId) !== message) return;
    message.countDown(now);
    const fault = this.#limitFault(message.packet);
    if (fault !== undefined) {
      this.#session.inFlight.remove(message);
      return this.#discard(message, { kind: "not allowed", error: fault });
    }
    try {
      this.#write(message.packet, packetId, true);
    } catch (error) {
      this.#session.inFlight.remove(message);
      return this.#discardIfTooLarge(message, error);
    }
    this.#countIn(message);
  }

  /** A complete message. When it throws, nothing has been written, and no alias has changed. */
  #write(packet: PublishInit, packetId: number, dup: boolean): void {
    const { type, topic, payload, qos, retain, properties } = this.#aliases.apply(packet);
    const sent = { type, topic, payload, qos, retain, properties, packetId, dup };
    const alias = properties?.topicAlias;
    if (alias === undefined) return this.#writeBuffer.write(sent);
    try {
      this.#writeBuffer.write(sent);
    } catch (error) {
      if (!(error instanceof PacketTooLargeError)) throw error;
      // An alias takes three bytes, which a new one adds, and an old one saves only if the topic
      // has more.
      const plain = withoutAlias(packet);
      return this.#writeBuffer.write({ ...sent, topic: plain.topic, properties: plain.properties });
    }
    this.#aliases.sent(packet.topic, alias);
  }

  #countIn(message: OutgoingMessage): void {
    message.sentOn = this;
    this.#quotaUsed++;
  }

  #settle(
    message: OutgoingMessage,
    packet: FinalAcknowledgement,
    isRecovery: boolean,
  ): void {
    this.#session.inFlight.remove(message);
    if (message.sentOn === this) this.#quotaUsed--;
    this.#events.push({ type: "settled", message, packet, isRecovery });
  }

  /**
   * The message cannot be sent [MQTT-3.1.2-25]. Another error than that ends the connection, and
   * the message all the same.
   */
  #discardIfTooLarge(message: OutgoingMessage, error: unknown): void {
    this.#discard(message, { kind: "not allowed", error });
    if (!(error instanceof PacketTooLargeError)) throw error;
  }

  #discard(message: OutgoingMessage, cause: DiscardedEvent["cause"]): void {
    this.#events.push({ type: "discarded", message, cause });
  }
}

const NONE: readonly OutgoingMessage[] = [];

/**
 * Refuses a message that could be sent to nobody. Its payload may be large, and is only looked at.
 *
 * @throws {TypeError} when a field is wrong
 * @throws {RangeError} when a field is out of its range
 */
export function checkPublish(packet: PublishInit): void {
  const { qos = 0, topic, payload } = packet;
  if (topic === "") throw new TypeError("topic is empty, and there is no Topic Alias for it");
  if (payload !== undefined && !(payload instanceof Uint8Array)) {
    throw new TypeError(`payload must be a Uint8Array, got ${typeof payload}`);
  }
  checkPacket({ ...packet, payload: undefined, packetId: qos === 0 ? 0 : 1 });
}

/**
 * About how many bytes a PUBLISH takes, told at once: what properties take is counted when it has
 * been written.
 */
function roughSize({ topic, payload }: PublishInit): number {
  return REST + topic.length + (payload?.length ?? 0);
}

function wrongAck(packet: FinalAcknowledgement, rule: string) {
  const { type, packetId } = packet;
  return protocolError(type, "Packet Identifier", `is ${packetId}, which ${rule}`, "4.3");
}
