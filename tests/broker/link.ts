// A Network Connection between a client of a test and a hub, in memory: the test in place of `io/drive.ts`. After anything
// has happened it takes the connection's bytes, then its events, and hands these to the hub.

import { assert, assertStrictEquals } from "@std/assert";
import type { Guest } from "../../src/broker/guest.ts";
import type { Hub } from "../../src/broker/hub.ts";
import { type Packet, PacketDecoder } from "../../src/packets/mod.ts";
import type { PeerInfo } from "../../src/session/peer.ts";

/** One link. */
export class Link {
  /** The packets that have arrived and that nobody has expected yet. */
  readonly packets: Packet[] = [];
  readonly #hub: Hub;
  readonly #guest: Guest;
  readonly #now: () => number;
  #decoder = new PacketDecoder();
  /** What the hub has no time for yet. */
  readonly #unread: Uint8Array[] = [];
  #isStalled = false;
  #isPumping = false;
  #isAgain = false;

  constructor(hub: Hub, now: () => number, peer: PeerInfo) {
    this.#hub = hub;
    this.#now = now;
    this.#guest = hub.open(peer, () => this.pump());
  }

  /** Whether it is over: the hub has ended it, or the network. */
  get isOver(): boolean {
    return this.#guest.connection.isClosed;
  }

  /** How many chunks wait until the hub looks at them. */
  get unread(): number {
    return this.#unread.length;
  }

  /** When its server has something to do. */
  get deadline(): number {
    return this.#guest.connection.deadline;
  }

  /** From now on a packet with more bytes must not come. */
  set maximumPacketSize(maximumPacketSize: number | undefined) {
    this.#decoder = new PacketDecoder({ maximumPacketSize });
  }

  /** Sends bytes, all at once. */
  send(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.pump();
  }

  /** The network breaks down: what is on its way is lost. */
  cut(): void {
    this.#unread.length = 0;
    this.#guest.connection.receiveEnd(this.#now());
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
    if (this.isOver) this.#hub.close(this.#guest);
  }

  /** Whoever has something to send has been woken. */
  assertAwake(): void {
    const { connection } = this.#guest;
    if (!this.#isStalled) {
      assertStrictEquals(
        this.#hub.takeBytes(this.#guest),
        undefined,
        "a guest sleeps that has bytes to send",
      );
    }
    assertStrictEquals(connection.nextEvent(), undefined, "a guest sleeps that has an event");
    assert(this.isOver || this.deadline > this.#now(), "a deadline stays where it was");
  }

  #takeBytes(): void {
    const { connection } = this.#guest;
    connection.tick(this.#now());
    if (this.#isStalled) return;
    const take = () => this.#hub.takeBytes(this.#guest);
    for (let bytes = take(); bytes !== undefined; bytes = take()) {
      // A drive is woken when they are written.
      this.#isAgain = true;
      // Their memory is used again.
      this.#decoder.push(bytes.slice());
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        this.packets.push(packet);
      }
    }
  }

  #takeEvents(): void {
    const { connection } = this.#guest;
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
      this.#isAgain = true;
      this.#hub.handle(this.#guest, event);
    }
  }

  #giveBytes(): void {
    const { connection } = this.#guest;
    if (!connection.wantsBytes) return;
    const chunk = this.#unread.shift();
    if (chunk === undefined) return;
    this.#isAgain = true;
    if (!connection.isClosed) connection.receive(chunk, this.#now());
  }
}
