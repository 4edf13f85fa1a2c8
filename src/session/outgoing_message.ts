// A message on its way out, from the moment somebody wants it sent to the moment its last
// acknowledgement has come.

import type { PublishInit, PubrecPacket, QoS } from "../packets/mod.ts";
import { messageSize } from "./message_size.ts";

/**
 * A message to be sent. Whoever sends it may extend this class with what is to happen afterwards.
 */
export class OutgoingMessage {
  /**
   * The message, with its full Topic Name, and without a Packet Identifier as long as it has none.
   */
  packet: PublishInit;
  /**
   * When its Message Expiry Interval is over, in milliseconds of the engine's clock; `Infinity` for
   * never.
   */
  expiresAt: number;
  /** Its Packet Identifier while it is in flight, else 0. */
  packetId = 0;
  /** Its place among those in flight: later ones have more. */
  order = 0;
  /**
   * Whether its PUBREC has come, and PUBREL gone, so that PUBLISH is not sent again [MQTT-4.3.3-6].
   */
  isReleased = false;
  /**
   * Whether its PUBREL was sent again on another connection than the first: what its PUBCOMP says
   * tells little then.
   */
  isRecovered = false;
  /** What its PUBREC said, if that has come in this process. */
  pubrec: PubrecPacket | undefined;
  /** Whether nobody wants it sent any more, though it waits. */
  isCancelled = false;
  /** The connection on which it was sent last: whose quota it uses. */
  sentOn: object | undefined;
  #size: number | undefined;

  /** `packet` must not change until the message has settled; nor must its payload. */
  constructor(packet: PublishInit, expiresAt = Infinity) {
    this.packet = packet;
    this.expiresAt = expiresAt;
  }

  /** The message's QoS. */
  get qos(): QoS {
    return this.packet.qos ?? 0;
  }

  /** About how many bytes it takes, with all properties. Stays as it was when first asked for. */
  get size(): number {
    return this.#size ??= messageSize(this.packet);
  }

  /** Counts the Message Expiry Interval down to what is left of it (§3.3.2.3.3). */
  countDown(now: number): void {
    const { packet } = this;
    const before = packet.properties?.messageExpiryInterval;
    if (this.expiresAt === Infinity || before === undefined) return;
    const left = Math.ceil((this.expiresAt - now) / 1000);
    // Never more than before: the clock may have been read before the message came.
    const messageExpiryInterval = Math.max(0, Math.min(left, before));
    if (messageExpiryInterval === before) return;
    this.packet = { ...packet, properties: { ...packet.properties, messageExpiryInterval } };
  }
}

/** When a message that is handed over now expires. */
export function expiryOf({ properties }: PublishInit, now: number): number {
  const seconds = properties?.messageExpiryInterval;
  return seconds === undefined ? Infinity : now + seconds * 1000;
}
