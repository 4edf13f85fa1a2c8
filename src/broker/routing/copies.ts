// §3.3.4 One message for several subscribers: what can be shared between them is created only once.

import type { EncodeOptions, PublishPacket, QoS } from "../../packets/mod.ts";
import { writePacket } from "../../packets/codec.ts";
import { Writer } from "../../wire/writer.ts";
import { messageSize } from "../../session/message_size.ts";
import { expiryOf } from "../../session/outgoing_message.ts";
import type { SendQueue } from "../../session/send_queue.ts";
import type { Account } from "../account.ts";
import { messageBytes, PLACE } from "../sizes.ts";
import { PayloadPages, withOwnCorrelationData } from "./payload_pages.ts";
import { QueuedMessage, SharedContent } from "./queued_message.ts";

/** What is the same for all subscribers, but for the identifiers of their subscriptions. */
type Content = Pick<PublishPacket, "topic" | "properties" | "payload">;

/** The largest buffer that is kept from one message to the next, in bytes. */
const ROOM = 65_536;

/** What messages are encoded in and copied to. */
export class Workshop {
  readonly pages: PayloadPages = new PayloadPages();
  #writer = new Writer();

  /** The writer, with nothing in it: what was in it is over. */
  get writer(): Writer {
    if (this.#writer.length > ROOM) this.#writer = new Writer();
    this.#writer.clear();
    return this.#writer;
  }
}

/** A message that is being routed. Valid until the next message is routed. */
export class Copies {
  readonly packet: PublishPacket;
  readonly #now: () => number;
  readonly #writer: Writer;
  readonly #pages: PayloadPages;
  readonly #memory: Account;
  readonly #isShared: boolean;
  #bytes: number | undefined;
  #size: number | undefined;
  #content: SharedContent | undefined;
  #own: PublishPacket | undefined;
  #expiresAt: number | undefined;
  #encoded: Uint8Array | undefined;
  #encodedRetained: Uint8Array | undefined;
  /** Likewise, for clients of MQTT 3.1.1 and 3.1, in which a PUBLISH is the same. */
  #encodedOlder: Uint8Array | undefined;
  #encodedOlderRetained: Uint8Array | undefined;

  /**
   * `isShared` says whether several sessions may keep the message. `expiresAt` is given for one
   * that has waited already: its packet has whole seconds alone, rounded up.
   */
  constructor(
    packet: PublishPacket,
    isShared: boolean,
    { now, memory }: { readonly now: () => number; readonly memory: Account },
    { writer, pages }: Workshop,
    expiresAt?: number,
  ) {
    this.packet = packet;
    this.#expiresAt = expiresAt;
    this.#isShared = isShared;
    this.#now = now;
    this.#memory = memory;
    this.#writer = writer;
    this.#pages = pages;
  }

  /**
   * Whether a session with this account and queue has room for the message. Asked before the
   * message is copied: in a flood most messages are dropped.
   */
  hasRoom(account: Account, waiting: SendQueue): boolean {
    this.#size ??= messageSize(this.packet);
    if (!waiting.hasRoomFor(this.#size)) return false;
    this.#bytes ??= messageBytes(this.packet);
    if (!this.#isShared) return account.hasRoom(PLACE + this.#bytes);
    this.#content ??= new SharedContent(this.#memory, this.#bytes);
    return this.#content.hasRoom(account);
  }

  /** Keeps the message for a session with this account, which must have room for it. */
  charge(account: Account, message: QueuedMessage): void {
    if (this.#content === undefined) message.charge(account, this.#bytes!);
    else message.chargeShared(account, this.#content);
  }

  /** When the message expires. */
  get expiresAt(): number {
    return this.#expiresAt ??= this.packet.properties.messageExpiryInterval === undefined
      ? Infinity
      : expiryOf(this.packet, this.#now());
  }

  /** The packet for one subscriber, with the identifiers of its matching subscriptions. */
  of(
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    content: Content = this.packet,
  ): PublishPacket {
    const properties = subscriptionIdentifiers.length === 0
      ? content.properties
      : { ...content.properties, subscriptionIdentifiers };
    const { topic, payload } = content;
    return { type: "publish", dup: false, qos, retain, topic, packetId: 0, properties, payload };
  }

  /**
   * The message for one subscriber, to be queued. Its bytes are a copy, which all queued messages
   * share; most of them share the packet, too.
   */
  toKeep(qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]): QueuedMessage {
    const own = this.#own ??= this.#withOwnBytes(qos, retain);
    const isSame = own.qos === qos && own.retain === retain && subscriptionIdentifiers.length === 0;
    return new QueuedMessage(
      isSame ? own : this.of(qos, retain, subscriptionIdentifiers, own),
      this.expiresAt,
    );
  }

  /** The encoded packet at QoS 0. Valid until the next message is routed. */
  encoded(retain: boolean, isOlder = false): Uint8Array {
    if (isOlder) {
      if (retain) return this.#encodedOlderRetained ??= this.#encode(true, OLDER);
      return this.#encodedOlder ??= this.#encode(false, OLDER);
    }
    if (retain) return this.#encodedRetained ??= this.#encode(true);
    return this.#encoded ??= this.#encode(false);
  }

  #withOwnBytes(qos: QoS, retain: boolean): PublishPacket {
    const { topic } = this.packet;
    const properties = withOwnCorrelationData(this.packet.properties);
    const payload = this.#pages.copy(this.packet.payload);
    return this.of(qos, retain, NONE, { topic, properties, payload });
  }

  /** Appends to the writer: others of them may already be in it. */
  #encode(retain: boolean, options?: EncodeOptions): Uint8Array {
    const start = this.#writer.length;
    writePacket(this.#writer, this.of(0, retain, NONE), options);
    return this.#writer.bytes().subarray(start);
  }
}

const NONE: readonly number[] = [];

const OLDER: EncodeOptions = { protocolVersion: 4 };
