// §4.3 QoS delivery, receiving side; §4.6 Message ordering; §4.9 Flow control. Knows nothing of
// sockets or roles.
//
//   PUBLISH (QoS 1) ──▶ the application ──PUBACK──▶ forgotten
//   PUBLISH (QoS 2) ──▶ the application ──PUBREC──▶ received ──PUBREL, PUBCOMP──▶ forgotten
//
// The application may be done with messages in any order: their acknowledgements go out in the
// order of the messages.

import { isFailure, type PublishPacket, type PubrelPacket, ReasonCode } from "../packets/mod.ts";
import type { ProtocolError } from "../errors.ts";
import { protocolError } from "./protocol_errors.ts";
import type { WriteBuffer } from "./write_buffer.ts";
import { Queue } from "./queue.ts";
import {
  type AckProperties,
  type AckReasonCode,
  checkAcknowledgement,
  PendingAcknowledgement,
} from "./pending_acknowledgement.ts";
import type { ReceiveExcess } from "./receive_excess.ts";
import type { Session } from "./session.ts";

/** What a receiver goes by. */
export interface ReceiverOptions {
  /** What this end has said that it takes. */
  readonly receiveMaximum: number;
  /** Whether the peer wants more than Reason Codes. */
  readonly explains: boolean;
  /** Whether acknowledgements have Reason Codes: without, none of them refuses a message. */
  readonly hasReasonCodes: boolean;
  /** Takes messages beyond the Receive Maximum; without, there may be none. */
  readonly excess: ReceiveExcess | undefined;
}

/** The QoS 1 and 2 messages that one connection receives. */
export class Receiver {
  readonly #session: Session;
  readonly #writeBuffer: WriteBuffer;
  readonly #receiveMaximum: number;
  readonly #explains: boolean;
  readonly #hasReasonCodes: boolean;
  readonly #excess: ReceiveExcess | undefined;
  /** Messages whose PUBACK has not been sent. */
  readonly #pubacks = new Queue<PendingAcknowledgement>();
  /** Messages whose PUBREC has not been sent. */
  readonly #pubrecs = new Queue<PendingAcknowledgement>();
  #unacknowledged = 0;
  /** Whether the session is that of an earlier connection. */
  isResumed = false;

  constructor(
    session: Session,
    writeBuffer: WriteBuffer,
    { receiveMaximum, explains, hasReasonCodes, excess }: ReceiverOptions,
  ) {
    this.#session = session;
    this.#writeBuffer = writeBuffer;
    this.#receiveMaximum = receiveMaximum;
    this.#explains = explains;
    this.#hasReasonCodes = hasReasonCodes;
    this.#excess = excess;
  }

  /**
   * §3.3.4 PUBLISH actions. Returns the acknowledgement with which the message is to be delivered;
   * `undefined` when it has been delivered before.
   *
   * @throws {ProtocolError} when it is one message too many (0x93), or its Packet Identifier is in
   *   use and the peer cannot be told so
   */
  handlePublish(packet: PublishPacket): PendingAcknowledgement | undefined {
    const { packetId, qos } = packet;
    const known = this.#knownAs(packet);
    if (qos === 1) {
      if (known !== undefined && !this.#hasReasonCodes) throw inUse(packetId);
      const acknowledgement = new PendingAcknowledgement(packetId, 1);
      this.#take(acknowledgement, packet, this.#pubacks);
      if (known === undefined) return acknowledgement;
      acknowledgement.settle(ReasonCode.packetIdentifierInUse);
      this.#flush();
      return undefined;
    }
    if (known === undefined) {
      const acknowledgement = new PendingAcknowledgement(packetId, 2);
      this.#take(acknowledgement, packet, this.#pubrecs);
      this.#session.unreleased.set(packetId, acknowledgement);
      return acknowledgement;
    }
    // [MQTT-4.3.3-10]: PUBREC again, as soon as the application is done with the first.
    if (known.receivedOn !== this) this.#take(known, packet, this.#pubrecs);
    else if (known.isSent) this.#writeBuffer.write({ type: "pubrec", packetId });
    this.#flush();
    return undefined;
  }

  /** The QoS 2 message that has the identifier of a PUBLISH, and has not been released. */
  #knownAs({ packetId, dup }: PublishPacket): PendingAcknowledgement | undefined {
    const session = this.#session;
    const known = session.unreleased.get(packetId);
    if (known === undefined || !session.isDoubted(known)) return known;
    if (dup) {
      session.confirm(known);
      return known;
    }
    // [MQTT-3.3.1-1]: it is sent for the first time, so that the peer has forgotten the other one.
    session.unreleased.delete(packetId);
    session.onReleased?.(packetId);
    return undefined;
  }

  /** §3.6 PUBREL: PUBCOMP, whether the message is known or not. */
  handlePubrel({ packetId }: PubrelPacket): void {
    const acknowledgement = this.#session.unreleased.get(packetId);
    if (acknowledgement === undefined) {
      // Sent again because its PUBCOMP was lost with an earlier connection: there is no fault, and
      // widely used clients report 0x92 as one. [MQTT-4.3.3-11] demands only the identifier.
      const reasonCode = this.isResumed ? ReasonCode.success : ReasonCode.packetIdentifierNotFound;
      this.#writeBuffer.write({ type: "pubcomp", packetId, reasonCode });
      return;
    }
    if (
      acknowledgement.reasonCode === undefined ||
      acknowledgement.receivedOn === this && !acknowledgement.isSent
    ) {
      throw protocolError(
        "pubrel",
        "Packet Identifier",
        `is ${packetId}, whose PUBREC has not been sent`,
        "4.3.3",
      );
    }
    this.#writeBuffer.write({ type: "pubcomp", packetId });
    this.#session.unreleased.delete(packetId);
    this.#session.onReleased?.(packetId);
    this.#release(acknowledgement);
  }

  /**
   * The application is done with a message. False when it is too late: the connection on which the
   * message came, or the session, has ended, and the peer is to send it again.
   *
   * @throws {TypeError} when a property is wrong; then nothing has changed
   * @throws {RangeError} when the Reason Code is wrong; then nothing has changed
   */
  acknowledge(
    acknowledgement: PendingAcknowledgement,
    reasonCode: AckReasonCode,
    properties?: AckProperties,
  ): boolean {
    const queue = acknowledgement.qos === 1 ? this.#pubacks : this.#pubrecs;
    // What is sent at once is checked as it is encoded; what has to wait is encoded later.
    const isSentNow = queue.first === acknowledgement && this.#explains;
    if (!isSentNow) checkAcknowledgement(reasonCode, properties);
    if (!this.awaits(acknowledgement) || !acknowledgement.settle(reasonCode, properties)) {
      return false;
    }
    try {
      this.#flush();
    } catch (error) {
      if (!acknowledgement.isSent) acknowledgement.unsettle();
      throw error;
    }
    return true;
  }

  /** Whether an acknowledgement is not too late. */
  awaits(acknowledgement: PendingAcknowledgement): boolean {
    return acknowledgement.receivedOn === this || this.#session.holds(acknowledgement);
  }

  #take(
    acknowledgement: PendingAcknowledgement,
    packet: PublishPacket,
    queue: Queue<PendingAcknowledgement>,
  ): void {
    const isExcess = ++this.#unacknowledged > this.#receiveMaximum;
    if (isExcess && this.#excess?.take(acknowledgement, packet) !== true) {
      throw protocolError(
        "publish",
        "packet",
        `exceeds the Receive Maximum of ${this.#receiveMaximum}`,
        "3.3.4",
        ReasonCode.receiveMaximumExceeded,
      );
    }
    acknowledgement.receivedOn = this;
    acknowledgement.isSent = false;
    queue.push(acknowledgement);
  }

  /**
   * Sends the acknowledgements that are due, none before its turn [MQTT-4.6.0-2] [MQTT-4.6.0-3].
   */
  #flush(): void {
    for (
      let acknowledgement = this.#pubacks.first;
      acknowledgement?.reasonCode !== undefined;
      acknowledgement = this.#pubacks.first
    ) {
      this.#send("puback", acknowledgement);
      this.#pubacks.shift();
      this.#release(acknowledgement);
    }
    for (
      let acknowledgement = this.#pubrecs.first;
      acknowledgement?.reasonCode !== undefined;
      acknowledgement = this.#pubrecs.first
    ) {
      this.#send("pubrec", acknowledgement);
      this.#pubrecs.shift();
      if (!isFailure(acknowledgement.reasonCode) || !this.#hasReasonCodes) continue;
      this.#session.unreleased.delete(acknowledgement.packetId);
      this.#release(acknowledgement);
    }
  }

  #send(type: "puback" | "pubrec", acknowledgement: PendingAcknowledgement): void {
    const { packetId, reasonCode } = acknowledgement;
    // [MQTT-3.1.2-29]
    const properties = this.#explains ? acknowledgement.properties : undefined;
    this.#writeBuffer.write({ type, packetId, reasonCode, properties });
    acknowledgement.isSent = true;
  }

  #release(acknowledgement: PendingAcknowledgement): void {
    if (acknowledgement.receivedOn === this) {
      this.#unacknowledged--;
      this.#excess?.release(acknowledgement);
    }
    acknowledgement.receivedOn = undefined;
  }
}

function inUse(packetId: number): ProtocolError {
  const rule = `is ${packetId}, that of a message of QoS 2 which has not been released`;
  return protocolError("publish", "Packet Identifier", rule, "2.2.1");
}
