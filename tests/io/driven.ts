// A client's connection with its drive, and a test at the other end of its transport and at its clock.

import { assert, assertStrictEquals } from "@std/assert";
import { Drive } from "../../src/io/drive.ts";
import { type Packet, PacketDecoder } from "../../src/packets/mod.ts";
import { ClientConnection } from "../../src/session/client_connection.ts";
import type { ConnectionEvent } from "../../src/session/events.ts";
import { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { Session } from "../../src/session/session.ts";
import { bytesOf } from "../hex.ts";
import { MemoryTransport } from "./memory_transport.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const CONNACK = "20 03 00 00 00";

/** A client's connection with its drive, and the other end of its transport. */
export class Driven {
  readonly clock = new VirtualClock();
  readonly near: MemoryTransport;
  readonly far: MemoryTransport;
  readonly connection: ClientConnection;
  readonly drive: Drive;
  readonly events: ConnectionEvent[] = [];
  onEvent: (event: ConnectionEvent) => void = () => {};
  onInternalError: (error: unknown) => void = rethrow;
  readonly #decoder = new PacketDecoder();

  constructor(keepAlive = 0) {
    [this.near, this.far] = MemoryTransport.pair();
    const connect = { type: "connect", clientId: "c", keepAlive } as const;
    this.connection = new ClientConnection(this.clock.now(), {
      connect,
      session: new Session("c"),
    });
    this.drive = new Drive(this.near, this.connection, this.clock, (event) => {
      this.events.push(event);
      this.onEvent(event);
    }, (error) => this.onInternalError(error));
  }

  /** A connection that is past its handshake. */
  static async connected(keepAlive?: number): Promise<Driven> {
    const setup = new Driven(keepAlive);
    await setup.send(CONNACK);
    setup.packets();
    setup.events.length = 0;
    return setup;
  }

  /** The other end sends bytes, together. */
  async send(...hex: readonly string[]): Promise<void> {
    this.far.write(bytesOf(hex.join(""))).catch(() => {});
    await settle();
  }

  /** What has come to the other end. */
  packets(): Packet[] {
    const packets: Packet[] = [];
    for (const chunk of this.far.takeIncoming()) this.#decoder.push(chunk);
    for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
      packets.push(packet);
    }
    return packets;
  }

  publish(topic: string): void {
    this.connection.publish(new OutgoingMessage({ type: "publish", topic }));
    this.drive.wake();
  }

  /** The drive is at its end, and has left nothing. */
  async assertFinished(): Promise<void> {
    await this.drive.finished;
    assert(this.near.isClosed);
    assertStrictEquals(this.clock.timers, 0);
    assertStrictEquals(this.events.at(-1)?.type, "closed");
  }
}

/** The types of packets or events, in order. */
export function typesOf(items: readonly { readonly type: string }[]): string[] {
  return items.map(({ type }) => type);
}

/** What nobody expects fails the test. */
export function rethrow(error: unknown): never {
  throw error;
}
