// The script of a server: expect this packet, reply that, fail here, after so long. It is made of the codec alone, so that it
// can do what no server would.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type ConnackInit,
  type ConnectPacket,
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PacketType,
  type PublishInit,
  type SubackInit,
  type SubscribePacket,
} from "../../src/packets/mod.ts";
import type { Destination } from "../../src/io/destination.ts";
import { concat } from "jsr:@std/bytes@^1/concat";
import { bytesOf } from "../hex.ts";
import type { MemoryTransport } from "../io/memory_transport.ts";
import { settle } from "../io/virtual_clock.ts";

/** A packet by its type. */
export type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>;

/** What a CONNACK says beside its type. */
export type Connack = Omit<ConnackInit, "type">;

/** The server's end of one connection. */
export class Peer {
  /** What the client has dialled. */
  readonly server: Destination;
  /** The client's end. */
  readonly near: MemoryTransport;
  /** This end. */
  readonly far: MemoryTransport;
  readonly #decoder = new PacketDecoder();

  constructor(server: Destination, near: MemoryTransport, far: MemoryTransport) {
    this.server = server;
    this.near = near;
    this.far = far;
  }

  /** The client has sent a packet of this type next. */
  async expect<Type extends PacketType>(type: Type): Promise<PacketOf<Type>> {
    await settle();
    const packet = this.#next();
    assertStrictEquals(packet?.type, type, Deno.inspect(packet));
    return packet as PacketOf<Type>;
  }

  /** The client has sent nothing more. */
  async expectNothing(): Promise<void> {
    assertEquals(await this.takePackets(), []);
  }

  /** All that the client has sent. */
  async takePackets(): Promise<Packet[]> {
    await settle();
    const packets: Packet[] = [];
    for (let packet = this.#next(); packet; packet = this.#next()) packets.push(packet);
    return packets;
  }

  /** The client has closed the connection, and said nothing more. */
  async expectClosed(): Promise<void> {
    await this.expectNothing();
    assert(this.near.isClosed, "the client has not closed the connection");
  }

  /** Answers the CONNECT. Returns it. */
  async accept(connack: Connack = {}): Promise<ConnectPacket> {
    const connect = await this.expect("connect");
    this.send({ type: "connack", ...connack });
    await settle();
    return connect;
  }

  /** Answers a SUBSCRIBE: grants what it asks for, or gives other Reason Codes. Returns it. */
  async grant(reasonCodes?: SubackInit["reasonCodes"]): Promise<SubscribePacket> {
    const subscribe = await this.expect("subscribe");
    const { packetId, subscriptions } = subscribe;
    const granted = reasonCodes ?? subscriptions.map(({ qos }) => qos);
    this.send({ type: "suback", packetId, reasonCodes: granted });
    await settle();
    return subscribe;
  }

  /** Answers an UNSUBSCRIBE. Returns its Topic Filters. */
  async release(reasonCode: 0x00 | 0x11 | 0x87 = 0x00): Promise<readonly string[]> {
    const { packetId, topicFilters } = await this.expect("unsubscribe");
    this.send({ type: "unsuback", packetId, reasonCodes: topicFilters.map(() => reasonCode) });
    await settle();
    return topicFilters;
  }

  /** Sends a message, to subscriptions by their identifiers. */
  publish(topic: string, identifiers?: readonly number[], more: Partial<PublishInit> = {}): void {
    this.send({
      type: "publish",
      topic,
      ...more,
      properties: { ...more.properties, subscriptionIdentifiers: identifiers },
    });
  }

  /** Sends packets, together. */
  send(...packets: readonly PacketInit[]): void {
    this.sendBytes(...packets.map((packet) => encodePacket(packet)));
  }

  /** Sends bytes, given in hexadecimal, together. */
  sendHex(...hex: readonly string[]): void {
    this.sendBytes(bytesOf(hex.join("")));
  }

  /** Sends bytes, together. */
  sendBytes(...parts: readonly Uint8Array[]): void {
    // A client that has closed the connection does not hear this.
    this.far.write(concat(parts)).catch(() => {});
  }

  /** Closes the connection, as a server does that goes away. */
  close(): void {
    this.far.close();
  }

  #next(): Packet | undefined {
    for (const chunk of this.far.takeIncoming()) this.#decoder.push(chunk);
    return this.#decoder.next();
  }
}
