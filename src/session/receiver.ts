// §4.3 QoS delivery, receiving side; §4.6 Message ordering; §4.9 Flow control. Knows nothing of sockets or roles.
//
//   PUBLISH (QoS 1) ──▶ the application ──PUBACK──▶ forgotten
//   PUBLISH (QoS 2) ──▶ the application ──PUBREC──▶ received ──PUBREL, PUBCOMP──▶ forgotten
//
// The application may be done with messages in any order: their acknowledgements go out in the order of the messages.

import type { PublishPacket, PubrelPacket } from "../packets/mod.ts";
import { conductFault } from "./faults.ts";
import type { Output } from "./output.ts";
import { Queue } from "./queue.ts";
import { type AckProperties, type AckReasonCode, Receipt } from "./receipt.ts";
import type { Session } from "./session.ts";

/** The QoS 1 and 2 messages that one connection receives. */
export class Receiver {
  readonly #session: Session;
  readonly #output: Output;
  readonly #receiveMaximum: number;
  readonly #explains: boolean;
  /** Messages whose PUBACK has not been sent. */
  readonly #pubacks = new Queue<Receipt>();
  /** Messages whose PUBREC has not been sent. */
  readonly #pubrecs = new Queue<Receipt>();
  #unacknowledged = 0;

  /** `receiveMaximum` is what this end has said that it takes; `explains`, whether the peer wants more than Reason Codes. */
  constructor(session: Session, output: Output, receiveMaximum: number, explains: boolean) {
    this.#session = session;
    this.#output = output;
    this.#receiveMaximum = receiveMaximum;
    this.#explains = explains;
  }

  /**
   * §3.3.4 PUBLISH actions. Returns the receipt with which the message is to be delivered; `undefined` when it has been
   * delivered before.
   *
   * @throws {ProtocolError} when it is one message too many (0x93)
   */
  handlePublish({ packetId, qos }: PublishPacket): Receipt | undefined {
    const known = this.#session.received.get(packetId);
    if (qos === 1) {
      const receipt = this.#take(new Receipt(packetId, 1), this.#pubacks);
      if (known === undefined) return receipt;
      receipt.settle(0x91);
      this.#flush();
      return undefined;
    }
    if (known === undefined) {
      const receipt = this.#take(new Receipt(packetId, 2), this.#pubrecs);
      this.#session.received.set(packetId, receipt);
      return receipt;
    }
    // [MQTT-4.3.3-10]: PUBREC again, as soon as the application is done with the first.
    if (known.receivedOn !== this) this.#take(known, this.#pubrecs);
    else if (known.isSent) this.#output.write({ type: "pubrec", packetId });
    this.#flush();
    return undefined;
  }

  /** §3.6 PUBREL: PUBCOMP, whether the message is known or not. */
  handlePubrel({ packetId }: PubrelPacket): void {
    const receipt = this.#session.received.get(packetId);
    if (receipt === undefined) {
      this.#output.write({ type: "pubcomp", packetId, reasonCode: 0x92 });
      return;
    }
    if (receipt.reasonCode === undefined || receipt.receivedOn === this && !receipt.isSent) {
      throw conductFault(
        "pubrel",
        "Packet Identifier",
        `is ${packetId}, whose PUBREC has not been sent`,
        "4.3.3",
      );
    }
    this.#output.write({ type: "pubcomp", packetId });
    this.#session.received.delete(packetId);
    this.#release(receipt);
  }

  /**
   * The application is done with a message. False when it is too late: the connection on which the message came, or the
   * session, has ended, and the peer is to send it again.
   */
  acknowledge(receipt: Receipt, reasonCode: AckReasonCode, properties?: AckProperties): boolean {
    if (!this.awaits(receipt) || !receipt.settle(reasonCode, properties)) {
      return false;
    }
    this.#flush();
    return true;
  }

  /** Whether an acknowledgement is not too late. */
  awaits(receipt: Receipt): boolean {
    return receipt.receivedOn === this || this.#session.holds(receipt);
  }

  #take(receipt: Receipt, queue: Queue<Receipt>): Receipt {
    if (++this.#unacknowledged > this.#receiveMaximum) {
      throw conductFault(
        "publish",
        "packet",
        `is one more than the Receive Maximum of ${this.#receiveMaximum}`,
        "3.3.4",
        0x93,
      );
    }
    receipt.receivedOn = this;
    receipt.isSent = false;
    queue.push(receipt);
    return receipt;
  }

  /** Sends the acknowledgements that are due, none before its turn [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
  #flush(): void {
    for (
      let receipt = this.#pubacks.first;
      receipt?.reasonCode !== undefined;
      receipt = this.#pubacks.first
    ) {
      this.#send("puback", receipt);
      this.#pubacks.shift();
      this.#release(receipt);
    }
    for (
      let receipt = this.#pubrecs.first;
      receipt?.reasonCode !== undefined;
      receipt = this.#pubrecs.first
    ) {
      this.#send("pubrec", receipt);
      this.#pubrecs.shift();
      if (receipt.reasonCode < 0x80) continue;
      this.#session.received.delete(receipt.packetId);
      this.#release(receipt);
    }
  }

  #send(type: "puback" | "pubrec", receipt: Receipt): void {
    const { packetId, reasonCode } = receipt;
    // [MQTT-3.1.2-29]
    const properties = this.#explains ? receipt.properties : undefined;
    this.#output.write({ type, packetId, reasonCode, properties });
    receipt.isSent = true;
  }

  #release(receipt: Receipt): void {
    if (receipt.receivedOn === this) this.#unacknowledged--;
    receipt.receivedOn = undefined;
  }
}
