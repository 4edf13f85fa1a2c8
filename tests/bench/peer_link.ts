// One connection of the benchmark's peer. It knows where packets begin and end and answers them, and no more than that, so
// that a packet costs it far less than it costs a client. Its rule: bytes are looked at where they are, and all answers to
// what one read brought leave in one write.

import {
  type ProtocolVersion,
  publishPacket,
  receiveMaximum,
  repeated,
  stringEnd,
  subscriptionIdentifier,
} from "./peer_bytes.ts";
import { PAYLOAD } from "./trial.ts";
import type { Wire } from "./wire.ts";

/** What one read takes at most. Every packet must be shorter. */
const INPUT_SIZE = 131_072;

/** Packets in the block that a source sends over and over. Their Packet Identifiers are 1 to this. */
const BLOCK = 4_096;

/** Packets in one write of a source. */
const MOST_IN_A_WRITE = 1_024;

/** Messages under way at QoS 1 and 2, whatever the Receive Maximum allows: no identifier may be used twice. */
const MOST_IN_FLIGHT = BLOCK / 2;

/** Messages to be sent. */
export interface Source {
  readonly qos: number;
  /** `BLOCK` packets, one after the other. */
  readonly block: Uint8Array;
  readonly packetSize: number;
  /** The packet of the block that is the next. */
  position: number;
  /** Messages that are still to be sent. */
  left: number;
  /** At QoS 1 and 2 so many go together, or all that are left. */
  together: number;
}

/** So many messages, all alike. The Subscription Identifier is encoded, or empty for none. */
export function source(
  topic: string,
  qos: number,
  identifier: Uint8Array,
  payload: Uint8Array,
  count: number,
  version: ProtocolVersion = 5,
): Source {
  const packet = publishPacket(topic, qos, identifier, payload, version);
  // Two bytes of fixed header, for the packet is short, and two of the topic's length.
  const identifierAt = qos === 0 ? undefined : 2 + 2 + topic.length;
  const block = repeated(packet, BLOCK, identifierAt);
  return { qos, block, packetSize: packet.length, position: 0, left: count, together: 1 };
}

/** What a link has done up to now. */
export interface Progress {
  /** Answers to CONNECT and SUBSCRIBE. */
  readonly agreed: number;
  /** Messages received. */
  readonly received: number;
  /** Messages of QoS 1 and 2 of which the sending is complete. */
  readonly acknowledged: number;
}

/** Serves one client. It can stand in for a client, too: what a client must answer, it answers. */
export class PeerLink {
  readonly #connection: Wire;
  readonly #onProgress: (progress: Progress) => void;
  readonly #input = new Uint8Array(INPUT_SIZE);
  #output = new Uint8Array(256);
  #outputLength = 0;
  #agreed = 0;
  #received = 0;
  #acknowledged = 0;
  #sendQuota: number;
  #echoIdentifier: Uint8Array = new Uint8Array(0);
  #source: Source | undefined;
  #written: Promise<void> = Promise.resolve();

  /** `sendQuota` holds until a CONNECT comes; `onProgress` is called whenever what was read has been answered. */
  constructor(
    connection: Wire,
    sendQuota = 0,
    onProgress: (progress: Progress) => void = () => {},
  ) {
    this.#connection = connection;
    this.#sendQuota = sendQuota;
    this.#onProgress = onProgress;
  }

  /** Reads and answers. Resolves when the other side has closed the connection. */
  async run(): Promise<void> {
    let held = 0;
    while (true) {
      const count = await this.#connection.read(this.#input.subarray(held));
      if (count === null) return;
      const end = held + count;
      const answered = this.#answerAll(end);
      const looked = this.look(this.#input.subarray(0, answered));
      if (looked !== undefined) await looked;
      this.#input.copyWithin(0, answered, end);
      held = end - answered;
      if (this.#outputLength > 0) await this.write(this.#output.subarray(0, this.#outputLength));
      this.#outputLength = 0;
      await this.#sendAllowed();
      this.#onProgress({
        agreed: this.#agreed,
        received: this.#received,
        acknowledged: this.#acknowledged,
      });
    }
  }

  /** Is shown the packets that one read has brought, before the answers leave. They are valid until this resolves. */
  protected look(_packets: Uint8Array): Promise<void> | undefined {
    return undefined;
  }

  /** Sends the messages as fast as the other side takes them. Resolves when all are sent, or no more may be for now. */
  send(source: Source): Promise<void> {
    if (source.qos === 0) return this.#sendUnlimited(source);
    this.#source = source;
    return this.#sendAllowed();
  }

  /** Writes all of it, after all that was to be written before. */
  write(bytes: Uint8Array): Promise<void> {
    this.#written = this.#written.then(async () => {
      for (let start = 0; start < bytes.length;) {
        start += await this.#connection.write(bytes.subarray(start));
      }
    });
    return this.#written;
  }

  /** Answers the whole packets before `end` and returns where the last of them ends. */
  #answerAll(end: number): number {
    const input = this.#input;
    let start = 0;
    while (start + 2 <= end) {
      let body = start + 2;
      let length = input[start + 1]! & 0x7f;
      for (let shift = 7; input[body - 1]! >= 0x80; shift += 7) {
        if (body === end) return start;
        length |= (input[body++]! & 0x7f) << shift;
      }
      const next = body + length;
      if (next > end) return start;
      this.#answer(input[start]!, body, next);
      start = next;
    }
    return start;
  }

  #answer(firstByte: number, body: number, end: number): void {
    switch (firstByte >> 4) {
      case 1: // CONNECT
        this.#sendQuota = Math.min(receiveMaximum(this.#input.slice(body, end)), MOST_IN_FLIGHT);
        return this.#put([0x20, 3, 0, 0, 0]);
      case 2: // CONNACK
      case 9: // SUBACK
        this.#agreed++;
        return;
      case 3: // PUBLISH
        return this.#answerPublish(firstByte, body, end);
      case 4: // PUBACK
      case 7: // PUBCOMP
        this.#sendQuota++;
        this.#acknowledged++;
        return;
      case 5: // PUBREC, answered by PUBREL
        return this.#putAcknowledgement(0x62, body);
      case 6: // PUBREL, by PUBCOMP
        return this.#putAcknowledgement(0x70, body);
      case 8: // SUBSCRIBE
        return this.#answerSubscribe(this.#input.slice(body, end));
      case 10: // UNSUBSCRIBE
        return this.#answerUnsubscribe(this.#input.slice(body, end));
      case 12: // PINGREQ
        return this.#put([0xd0, 0]);
    }
  }

  #answerPublish(firstByte: number, body: number, end: number): void {
    const topicEnd = stringEnd(this.#input, body);
    this.#received++;
    switch (firstByte & 6) {
      case 2:
        return this.#putAcknowledgement(0x40, topicEnd);
      case 4:
        return this.#putAcknowledgement(0x50, topicEnd);
    }
    // No other topic is as short as "echo".
    if (topicEnd - body !== 6) return;
    const payload = this.#input.subarray(topicEnd + 1 + this.#input[topicEnd]!, end);
    this.#put(publishPacket("echo", 0, this.#echoIdentifier, payload));
  }

  #answerSubscribe(bytes: Uint8Array): void {
    const identifier = subscriptionIdentifier(bytes);
    const reasonCodes: number[] = [];
    for (let start = 3 + bytes[2]!; start < bytes.length;) {
      const end = stringEnd(bytes, start);
      const topicFilter = new TextDecoder().decode(bytes.subarray(start + 2, end));
      if (topicFilter === "echo") this.#echoIdentifier = identifier;
      if (topicFilter.startsWith("source/")) this.#source = subscribed(topicFilter, identifier);
      reasonCodes.push(bytes[end]! & 3);
      start = end + 1;
    }
    this.#put([0x90, 3 + reasonCodes.length, bytes[0]!, bytes[1]!, 0, ...reasonCodes]);
  }

  #answerUnsubscribe(bytes: Uint8Array): void {
    const reasonCodes: number[] = [];
    for (let at = 3 + bytes[2]!; at < bytes.length; at = stringEnd(bytes, at)) reasonCodes.push(0);
    this.#put([0xb0, 3 + reasonCodes.length, bytes[0]!, bytes[1]!, 0, ...reasonCodes]);
  }

  /** Sends what may be sent now. */
  async #sendAllowed(): Promise<void> {
    const source = this.#source;
    if (source === undefined) return;
    if (source.qos > 0) {
      while (source.left > 0 && this.#sendQuota >= Math.min(source.together, source.left)) {
        await this.#sendSome(source, this.#sendQuota);
      }
      return;
    }
    this.#source = undefined;
    // Not awaited, so that the client is heard all the while. If it goes, the reading ends, too.
    this.#sendUnlimited(source).catch(() => {});
  }

  async #sendUnlimited(source: Source): Promise<void> {
    while (source.left > 0) await this.#sendSome(source, MOST_IN_A_WRITE);
  }

  /** Sends `most` messages or fewer. */
  async #sendSome(source: Source, most: number): Promise<void> {
    const { block, qos, packetSize, position } = source;
    const count = Math.min(most, source.left, BLOCK - position, MOST_IN_A_WRITE);
    source.position = (position + count) % BLOCK;
    source.left -= count;
    if (qos > 0) this.#sendQuota -= count;
    await this.write(block.subarray(position * packetSize, (position + count) * packetSize));
  }

  /** Answers with the Packet Identifier found at `at`. */
  #putAcknowledgement(firstByte: number, at: number): void {
    this.#reserve(4);
    this.#output[this.#outputLength++] = firstByte;
    this.#output[this.#outputLength++] = 2;
    this.#output[this.#outputLength++] = this.#input[at]!;
    this.#output[this.#outputLength++] = this.#input[at + 1]!;
  }

  #put(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length);
    this.#output.set(bytes, this.#outputLength);
    this.#outputLength += bytes.length;
  }

  #reserve(size: number): void {
    if (this.#outputLength + size <= this.#output.length) return;
    const output = new Uint8Array(2 * (this.#outputLength + size));
    output.set(this.#output);
    this.#output = output;
  }
}

/** What a subscription to "source/QOS/COUNT/#" brings: so many messages of that QoS, to a topic of 36 bytes. */
function subscribed(topicFilter: string, identifier: Uint8Array): Source {
  const [, qos, count] = topicFilter.split("/").map(Number);
  const topic = topicFilter.replace("#", "").padEnd(36, "x");
  return source(topic, qos!, identifier, PAYLOAD, count!);
}
