// A client of a test that keeps its own side of a session as the standard has it, through as many connections as it takes:
// what it was promised, what it has got, and what it still owes.

import {
  type ConnackPacket,
  type ConnectInit,
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PublishInit,
} from "../../mod.ts";
import type { Broker } from "../../src/broker/serve.ts";
import type { Transport } from "../../src/io/transport.ts";

/** A message that was published, and what became of it. */
export interface Published {
  readonly text: string;
  readonly qos: 1 | 2;
  readonly packet: PublishInit & { readonly packetId: number };
  /** The first acknowledgement. */
  reasonCode: number | undefined;
  /** Whether its last acknowledgement has come. */
  isThrough: boolean;
}

/** One client. */
export class SessionClient {
  readonly #options: Partial<ConnectInit>;
  /** All that it has published at QoS 1 and 2, in order. */
  readonly published: Published[] = [];
  /** The texts that it has got. */
  readonly received: string[] = [];
  /** Topic Filters that it was granted. */
  readonly granted: Set<string> = new Set();
  /** What it was told last that ended its connection. */
  refusal: number | undefined;
  connack: ConnackPacket | undefined;
  /** Reason Codes of the acknowledgements of SUBSCRIBE and UNSUBSCRIBE. */
  readonly answers: number[] = [];
  /** Whether it acknowledges what it receives. */
  acknowledges = true;
  /** How often a session was not there that was promised. */
  lost = 0;
  #transport: Transport | undefined;
  readonly #unreleased = new Set<number>();
  #lastId = 0;
  #asked: readonly string[] = [];
  #isPromised = false;

  constructor(options: Partial<ConnectInit>) {
    this.#options = options;
  }

  /** Whether it was accepted and has not been closed since. */
  get isConnected(): boolean {
    return this.#transport !== undefined && this.connack !== undefined;
  }

  /** Sends CONNECT. */
  connect(broker: Broker): void {
    this.cut();
    const transport = this.#transport = broker.connect();
    this.connack = undefined;
    this.#send({ type: "connect", ...this.#options });
    void this.#read(transport);
  }

  subscribe(topicFilter: string, qos: 0 | 1 | 2): void {
    if (!this.isConnected) return;
    this.#asked = [topicFilter];
    this.#send({
      type: "subscribe",
      packetId: this.#nextId(),
      subscriptions: [{ topicFilter, qos }],
    });
  }

  unsubscribe(topicFilter: string): void {
    if (!this.isConnected) return;
    this.#asked = [topicFilter];
    this.#send({ type: "unsubscribe", packetId: this.#nextId(), topicFilters: [topicFilter] });
  }

  publish(
    topic: string,
    text: string,
    qos: 0 | 1 | 2,
    more: Pick<PublishInit, "retain" | "properties"> = {},
  ): void {
    if (!this.isConnected) return;
    const payload = new TextEncoder().encode(text);
    const packetId = qos === 0 ? 0 : this.#nextId();
    const packet = { type: "publish", topic, payload, qos, packetId, ...more } as const;
    if (qos > 0) {
      const state = { text, qos: qos as 1 | 2, packet, reasonCode: undefined, isThrough: false };
      this.published.push(state);
    }
    this.#send(packet);
  }

  /** Sends a packet as it is. */
  send(packet: PacketInit): void {
    this.#send(packet);
  }

  /** Says DISCONNECT. */
  disconnect(): void {
    if (this.isConnected) this.#send({ type: "disconnect" });
    this.#transport = undefined;
  }

  /** The network breaks down. */
  cut(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }

  #nextId(): number {
    return ++this.#lastId;
  }

  #send(packet: PacketInit): void {
    this.#transport?.write(encodePacket(packet)).catch(() => {});
  }

  async #read(transport: Transport): Promise<void> {
    const decoder = new PacketDecoder();
    for (;;) {
      const chunk = await transport.read();
      if (chunk === undefined || this.#transport !== transport) break;
      decoder.push(chunk);
      for (let packet = decoder.next(); packet; packet = decoder.next()) this.#handle(packet);
    }
    transport.close();
    if (this.#transport === transport) this.#transport = undefined;
  }

  #handle(packet: Packet): void {
    switch (packet.type) {
      case "connack":
        return this.#accepted(packet);
      case "disconnect":
        this.refusal = packet.reasonCode;
        return;
      case "suback":
        this.answers.push(...packet.reasonCodes);
        if (packet.reasonCodes[0]! < 0x80) this.granted.add(this.#asked[0]!);
        return;
      case "unsuback":
        this.answers.push(...packet.reasonCodes);
        if (packet.reasonCodes[0]! < 0x80) this.granted.delete(this.#asked[0]!);
        return;
      case "publish":
        return this.#take(packet.qos, packet.packetId, packet.payload);
      case "puback":
      case "pubrec":
      case "pubcomp":
        return this.#acknowledged(packet.type, packet.packetId, packet.reasonCode);
      case "pubrel":
        this.#unreleased.delete(packet.packetId);
        return this.#send({ type: "pubcomp", packetId: packet.packetId });
    }
  }

  #accepted(packet: ConnackPacket): void {
    if (packet.reasonCode >= 0x80) {
      this.refusal = packet.reasonCode;
      return;
    }
    this.connack = packet;
    if (this.#isPromised && !packet.sessionPresent) this.lost++;
    if (!packet.sessionPresent) {
      this.granted.clear();
      this.#unreleased.clear();
      for (const message of this.published) message.isThrough = true;
    }
    this.#isPromised = (this.#options.properties?.sessionExpiryInterval ?? 0) > 0;
    for (const { packet, qos, reasonCode, isThrough } of this.published) {
      if (isThrough) continue;
      if (qos === 2 && reasonCode !== undefined) {
        this.#send({ type: "pubrel", packetId: packet.packetId });
      } else this.#send({ ...packet, dup: true });
    }
  }

  #take(qos: number, packetId: number, payload: Uint8Array): void {
    if (qos < 2 || !this.#unreleased.has(packetId)) {
      this.received.push(new TextDecoder().decode(payload));
    }
    if (!this.acknowledges) return;
    if (qos === 1) this.#send({ type: "puback", packetId });
    if (qos < 2) return;
    this.#unreleased.add(packetId);
    this.#send({ type: "pubrec", packetId });
  }

  #acknowledged(type: "puback" | "pubrec" | "pubcomp", packetId: number, code: number): void {
    const message = this.published.find(({ packet }) => packet.packetId === packetId);
    if (message === undefined || message.isThrough) return;
    if (type !== "pubcomp") message.reasonCode ??= code;
    message.isThrough = type !== "pubrec" || code >= 0x80;
    if (!message.isThrough) this.#send({ type: "pubrel", packetId });
  }
}
