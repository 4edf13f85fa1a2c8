// A Network Connection between a client of a test and a engine, in memory: the test in place of `io/drive.ts`. After anything
// has happened it takes the connection's bytes, then its events, and hands these to the engine.

import { assert, assertStrictEquals } from "@std/assert";
import type { BrokerConnection } from "../../src/broker/model.ts";
import type { BrokerEngine } from "../../src/broker/engine.ts";
import { type Packet, PacketDecoder, type ProtocolVersion } from "../../src/packets/mod.ts";
import type { PeerInfo } from "../../src/session/peer.ts";

/** One link. */
export class Link {
  /** The packets that have arrived and that nobody has expected yet. */
  readonly packets: Packet[] = [];
  readonly #engine: BrokerEngine;
  readonly #connection: BrokerConnection;
  readonly #now: () => number;
  #decoder = new PacketDecoder();
  #bytes: number[] | undefined;
  /** What the engine was given last. */
  #given = new Uint8Array(0);
  /** What the engine has no time for yet. */
  readonly #unread: Uint8Array[] = [];
  #isStalled = false;
  #isPumping = false;
  #isAgain = false;

  constructor(engine: BrokerEngine, now: () => number, peer: PeerInfo) {
    this.#engine = engine;
    this.#now = now;
    this.#connection = engine.open(peer, () => this.pump());
  }

  /** Whether it is over: the engine has ended it, or the network. */
  get isOver(): boolean {
    return this.#connection.protocol.isClosed;
  }

  /** How many chunks wait until the engine looks at them. */
  get unread(): number {
    return this.#unread.length;
  }

  /** When its server has something to do. */
  get deadline(): number {
    return this.#connection.protocol.deadline;
  }

  /** From now on packets of this version come, and none with more bytes. */
  expect(protocolVersion: ProtocolVersion, maximumPacketSize: number | undefined): void {
    this.#decoder = new PacketDecoder({ protocolVersion, maximumPacketSize });
  }

  /** From now on a packet with more bytes must not come. */
  set maximumPacketSize(maximumPacketSize: number | undefined) {
    this.expect(5, maximumPacketSize);
  }

  /** From now on bytes are kept as they come. */
  expectBytes(): void {
    this.#bytes = [];
  }

  /** The bytes that have come since. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes ?? []);
  }

  /** Sends bytes, all at once. */
  send(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.pump();
  }

  /** The network breaks down: what is on its way is lost. */
  cut(): void {
    this.#unread.length = 0;
    this.#connection.protocol.receiveEnd(this.#now());
    this.pump();
  }

  /** The client reads nothing any more. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The client reads again. */
  goOn(): void {
    this.#isStalled = false;
    this.pump();
  }

  /** Takes all that there is to take, as a drive does. */
  pump(): void {
    this.#isAgain = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#isAgain) {
      this.#isAgain = false;
      this.#takeBytes();
      this.#takeEvents();
      this.#giveBytes();
    }
    this.#isPumping = false;
    if (this.isOver) this.#engine.close(this.#connection);
  }

  /** Whoever has something to send has been woken. */
  assertAwake(): void {
    const { protocol } = this.#connection;
    if (!this.#isStalled) {
      assertStrictEquals(
        this.#engine.takeBytes(this.#connection),
        undefined,
        "a connection sleeps that has bytes to send",
      );
    }
    assertStrictEquals(protocol.nextEvent(), undefined, "a connection sleeps that has an event");
    assert(this.isOver || this.deadline > this.#now(), "a deadline stays where it was");
  }

  #takeBytes(): void {
    const { protocol } = this.#connection;
    protocol.tick(this.#now());
    if (this.#isStalled) return;
    const take = () => this.#engine.takeBytes(this.#connection);
    for (let bytes = take(); bytes !== undefined; bytes = take()) {
      // A drive is woken when they are written.
      this.#isAgain = true;
      if (this.#bytes !== undefined) {
        this.#bytes.push(...bytes);
        continue;
      }
      if (isRefusalOfMqtt3(bytes)) {
        const properties = {};
        this.packets.push({ type: "connack", sessionPresent: false, reasonCode: 0x84, properties });
        continue;
      }
      // Their memory is used again.
      this.#decoder.push(bytes.slice());
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        this.packets.push(packet);
      }
    }
  }

  #takeEvents(): void {
    const { protocol } = this.#connection;
    for (let event = protocol.nextEvent(); event; event = protocol.nextEvent()) {
      this.#isAgain = true;
      this.#engine.handle(this.#connection, event);
    }
  }

  #giveBytes(): void {
    const { protocol } = this.#connection;
    if (!protocol.wantsBytes) return;
    const chunk = this.#unread.shift()?.slice();
    if (chunk === undefined) return;
    // As the next bytes would lie there.
    if (this.#engine.isDoneWith(this.#connection)) this.#given.fill(0xee);
    this.#isAgain = true;
    if (protocol.isClosed) return;
    this.#given = chunk;
    protocol.receive(chunk, this.#now());
  }
}

/** Whether a client is refused in the form of MQTT 3.1.1, as its CONNECT was, or seemed to be. */
function isRefusalOfMqtt3(bytes: Uint8Array): boolean {
  return bytes.length === 4 && [0x20, 0x02, 0x00, 0x01].every((byte, at) => byte === bytes[at]);
}
