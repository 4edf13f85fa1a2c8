// A client of a test, which does what the test says and nothing of itself: it acknowledges what it is told to acknowledge,
// and pings when it is told to ping.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type ConnackPacket,
  type ConnectInit,
  encodePacket,
  type Packet,
  type PacketInit,
  type PacketType,
  type PropertiesOf,
  type ProtocolVersion,
  type PublishInit,
  type PublishPacket,
  type SubscriptionRequestInit,
} from "../../src/packets/mod.ts";
import type { PacketOf } from "../session/scripted.ts";
import type { Link } from "./link.ts";

/** How a client connects: what it says in CONNECT beside its name. */
export type ConnectOptions = Partial<Omit<ConnectInit, "type" | "clientId">>;

/** How a client subscribes. */
export type SubscribeOptions =
  & Partial<Omit<SubscriptionRequestInit, "topicFilter">>
  & { readonly identifier?: number };

/** How a client publishes. */
export type PublishOptions = Partial<Omit<PublishInit, "type" | "topic" | "payload">>;

/** A client and its link. */
export class Client {
  readonly link: Link;
  readonly #settle: () => Promise<void>;
  #packetId = 0;
  #protocolVersion: ProtocolVersion = 5;

  constructor(link: Link, settle: () => Promise<void>) {
    this.link = link;
    this.#settle = settle;
  }

  /** Sends packets, all at once. */
  async send(...packets: readonly PacketInit[]): Promise<void> {
    const options = { protocolVersion: this.#protocolVersion };
    await this.sendBytes(...packets.map((packet) => encodePacket(packet, options)));
  }

  /** Sends bytes, all at once. */
  async sendBytes(...parts: readonly Uint8Array[]): Promise<void> {
    this.link.send(Uint8Array.from(parts.flatMap((part) => [...part])));
    await this.#settle();
  }

  /** Sends CONNECT, and says nothing to what comes. */
  async sendConnect(clientId: string, options: ConnectOptions = {}): Promise<void> {
    this.#protocolVersion = options.protocolVersion ?? 5;
    this.link.expect(this.#protocolVersion, options.properties?.maximumPacketSize);
    await this.send({ type: "connect", clientId, ...options });
  }

  /** The network is gone. */
  async cut(): Promise<void> {
    this.link.cut();
    await this.#settle();
  }

  /** Says DISCONNECT. */
  async disconnect(
    reasonCode: 0x00 | 0x04 | 0x80 = 0x00,
    properties: PropertiesOf<"disconnect"> = {},
  ): Promise<void> {
    await this.send({ type: "disconnect", reasonCode, properties });
    assert(this.link.isOver, "the link goes on");
  }

  /** Subscribes to one Topic Filter. Returns the Reason Code. */
  async subscribe(topicFilter: string, options: SubscribeOptions = {}): Promise<number> {
    const { identifier, ...request } = options;
    const [reasonCode] = await this.subscribeAll([{ topicFilter, ...request }], identifier);
    return reasonCode!;
  }

  /** Subscribes to some Topic Filters with one SUBSCRIBE. Returns the Reason Codes. */
  async subscribeAll(
    subscriptions: readonly SubscriptionRequestInit[],
    identifier?: number,
  ): Promise<readonly number[]> {
    const packetId = this.nextPacketId();
    const properties = identifier === undefined ? {} : { subscriptionIdentifiers: [identifier] };
    await this.send({ type: "subscribe", packetId, subscriptions, properties });
    const suback = this.take("suback");
    assertStrictEquals(suback.packetId, packetId);
    return suback.reasonCodes;
  }

  /** Unsubscribes. Returns the Reason Codes. */
  async unsubscribe(...topicFilters: readonly string[]): Promise<readonly number[]> {
    const packetId = this.nextPacketId();
    await this.send({ type: "unsubscribe", packetId, topicFilters });
    const unsuback = this.take("unsuback");
    assertStrictEquals(unsuback.packetId, packetId);
    return unsuback.reasonCodes;
  }

  /** Publishes and sees it through. Returns the Reason Code of what acknowledges it, 0x00 at QoS 0. */
  async publish(topic: string, payload = "", options: PublishOptions = {}): Promise<number> {
    const { qos = 0 } = options;
    const packetId = qos === 0 ? 0 : this.nextPacketId();
    await this.send(publishOf(topic, payload, { packetId, ...options }));
    if (qos === 0) return 0x00;
    const { reasonCode } = this.take(qos === 1 ? "puback" : "pubrec");
    if (qos === 1 || reasonCode >= 0x80) return reasonCode;
    await this.send({ type: "pubrel", packetId });
    assertStrictEquals(this.take("pubcomp").packetId, packetId);
    return reasonCode;
  }

  /** A Packet Identifier that is not in use. */
  nextPacketId(): number {
    return ++this.#packetId;
  }

  /** A packet of this type comes next. */
  expect<Type extends PacketType>(type: Type): PacketOf<Type> {
    const packet = this.link.packets.shift();
    assertStrictEquals(packet?.type, type, Deno.inspect(packet));
    return packet as PacketOf<Type>;
  }

  /** A message comes next. */
  expectMessage(topic: string, payload?: string): PublishPacket {
    const packet = this.expect("publish");
    assertStrictEquals(packet.topic, topic);
    if (payload !== undefined) assertStrictEquals(textOf(packet), payload);
    return packet;
  }

  /** Nothing more comes, and the link goes on. */
  expectNothing(): void {
    assertEquals(this.link.packets, []);
    assert(!this.link.isOver, "the link is over");
  }

  /** The link is over, and nothing has come before its end. */
  expectClosed(): void {
    assertEquals(this.link.packets, []);
    assert(this.link.isOver, "the link goes on");
  }

  /** The link is over, and DISCONNECT said so. */
  expectDisconnect(reasonCode: number): PacketOf<"disconnect"> {
    const packet = this.expect("disconnect");
    assertStrictEquals(packet.reasonCode, reasonCode);
    this.expectClosed();
    return packet;
  }

  /** The link is over, and CONNACK said so. */
  expectRefusal(reasonCode: number): ConnackPacket {
    const packet = this.expect("connack");
    assertStrictEquals(packet.reasonCode, reasonCode);
    assertStrictEquals(packet.sessionPresent, false);
    this.expectClosed();
    return packet;
  }

  /** Takes the first packet of this type out, whatever came before it. */
  take<Type extends PacketType>(type: Type): PacketOf<Type> {
    const at = this.link.packets.findIndex((packet) => packet.type === type);
    assert(at >= 0, `there is no ${type} among ${Deno.inspect(this.link.packets)}`);
    return this.link.packets.splice(at, 1)[0] as PacketOf<Type>;
  }

  /** Takes all messages that have come, and sees them through. */
  async receive(): Promise<PublishPacket[]> {
    const messages: PublishPacket[] = [];
    for (let packet = this.#next(); packet !== undefined; packet = this.#next()) {
      messages.push(packet);
      await this.finish(packet);
    }
    return messages;
  }

  /** The same, as text. */
  async receiveTexts(): Promise<string[]> {
    return (await this.receive()).map(textOf);
  }

  /** Sees a message through. */
  async finish({ qos, packetId }: PublishPacket): Promise<void> {
    if (qos === 1) await this.send({ type: "puback", packetId });
    if (qos !== 2) return;
    await this.send({ type: "pubrec", packetId });
    assertStrictEquals(this.take("pubrel").packetId, packetId);
    await this.send({ type: "pubcomp", packetId });
  }

  #next(): PublishPacket | undefined {
    const isMessage = (packet: Packet) => packet.type === "publish";
    return this.link.packets.some(isMessage) ? this.take("publish") : undefined;
  }
}

/** A PUBLISH as a client sends it. */
export function publishOf(
  topic: string,
  payload: string,
  options: PublishOptions = {},
): PublishInit {
  return { type: "publish", topic, payload: bytesOfText(payload), ...options };
}

/** A text as a payload. */
export function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A payload as text. */
export function textOf({ payload }: PublishPacket): string {
  return new TextDecoder().decode(payload);
}
