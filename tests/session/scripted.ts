// One connection under test, and the test in place of its peer, its network and its clock: expect these bytes, answer that,
// end here, let so much time pass. After every call it does what every user of a connection must: take the bytes, take the
// events, and read the deadline once there are none, in that order. On the way it holds what must be true of any connection at any time.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  decodePacket,
  encodePacket,
  type Packet,
  type PacketInit,
  type PacketType,
} from "../../src/packets/mod.ts";
import type { Connection } from "../../src/session/connection.ts";
import type { CloseCause, ConnectionEvent } from "../../src/session/events.ts";
import type { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../../src/session/pending_acknowledgement.ts";
import { bytesOf, hexOf } from "../hex.ts";

/** When the clock of a test begins: not at 0, which something might take for "never". */
export const START = 1_000_000;

type EventOf<Type extends ConnectionEvent["type"]> = Extract<
  ConnectionEvent,
  { readonly type: Type }
>;

/** A packet by its type. */
export type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>;

/** A cause of an end by its kind. */
export type CauseOf<Kind extends CloseCause["kind"]> = Extract<CloseCause, { readonly kind: Kind }>;

/** A connection and the script of its peer. */
export class Script<Subject extends Connection> {
  readonly connection: Subject;
  /** The time, in milliseconds. */
  now: number;
  /** What the connection has sent and nobody has expected yet, in hexadecimal. */
  #sent = "";
  readonly #events: ConnectionEvent[] = [];
  #hasClosed = false;

  /** Makes the connection by `make`, at the time `now`. */
  constructor(make: (now: number) => Subject, now = START) {
    this.now = now;
    this.connection = make(now);
    this.collect();
  }

  /** Calls the connection, and takes what comes of it. */
  call<Result>(what: (connection: Subject) => Result): Result {
    const result = what(this.connection);
    this.collect();
    return result;
  }

  /** Hands a message over to be sent. Returns what had to give way. */
  publish(message: OutgoingMessage): readonly OutgoingMessage[] {
    return this.call((connection) => connection.publish(message));
  }

  /** The application is done with a message. Returns whether it was in time. */
  acknowledge(
    acknowledgement: PendingAcknowledgement | undefined,
    reasonCode: 0x00 | 0x10 | 0x87 = 0x00,
  ): boolean {
    if (acknowledgement === undefined) throw new Error("There is no acknowledgement");
    return this.call((connection) => connection.acknowledge(acknowledgement, reasonCode));
  }

  /** The peer sends bytes. */
  send(...hex: string[]): void {
    this.call((connection) => connection.receive(bytesOf(hex.join("")), this.now));
  }

  /** The peer sends a packet. */
  sendPacket(packet: PacketInit): void {
    this.send(hexOf(encodePacket(packet)));
  }

  /** The network ends the connection. */
  end(): void {
    this.call((connection) => connection.receiveEnd(this.now));
  }

  /** Time passes, with a tick at every deadline on the way. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (let { deadline } = this.connection; deadline <= until; { deadline } = this.connection) {
      this.now = Math.max(this.now, deadline);
      this.tick();
    }
    this.now = until;
  }

  /** The machine sleeps: time passes, and nobody looks at it before it is over. */
  sleep(milliseconds: number): void {
    this.now += milliseconds;
    this.tick();
  }

  /** Somebody looks at the clock. What was due is done then. */
  tick(): void {
    this.call((connection) => connection.tick(this.now));
    assert(this.connection.deadline > this.now, "the deadline stays where it was");
  }

  /** The connection has sent these bytes next. */
  expect(...hex: string[]): void {
    const expected = hexOf(bytesOf(hex.join("")));
    assertStrictEquals(this.#sent.slice(0, expected.length), expected);
    this.#sent = this.#sent.slice(expected.length);
  }

  /** The connection has sent a packet of this type next. */
  expectPacket<Type extends PacketType>(type: Type): PacketOf<Type> {
    const packet = this.#nextPacket();
    assertStrictEquals(packet?.type, type);
    return packet as PacketOf<Type>;
  }

  /** All that the connection has sent. */
  takePackets(): Packet[] {
    const packets: Packet[] = [];
    for (let packet = this.#nextPacket(); packet; packet = this.#nextPacket()) packets.push(packet);
    return packets;
  }

  /** The connection has sent nothing more. */
  expectNothing(): void {
    assertStrictEquals(this.#sent, "");
  }

  /** An event of this type comes next. */
  expectEvent<Type extends ConnectionEvent["type"]>(type: Type): EventOf<Type> {
    const event = this.#events.shift();
    assertStrictEquals(event?.type, type, Deno.inspect(event));
    return event as EventOf<Type>;
  }

  /** A message has come; returns its acknowledgement. */
  expectMessage(topic: string): PendingAcknowledgement | undefined {
    const { packet, acknowledgement } = this.expectEvent("message");
    assertStrictEquals(packet.topic, topic);
    return acknowledgement;
  }

  /** There are no more events. */
  expectNoEvent(): void {
    assertEquals(this.#events, []);
  }

  /** Takes an event of this type out, wherever it is. */
  takeEvent<Type extends ConnectionEvent["type"]>(type: Type): EventOf<Type> {
    const at = this.#events.findIndex((event) => event.type === type);
    assert(at >= 0, `there is no event "${type}"`);
    return this.#events.splice(at, 1)[0] as EventOf<Type>;
  }

  /** The connection is over, nothing more has been sent, and the last event says by whom it was ended. */
  expectClosed<Kind extends CloseCause["kind"]>(kind: Kind): CauseOf<Kind> {
    assert(this.connection.isClosed, "the connection goes on");
    const { cause } = this.expectEvent("closed");
    this.expectNoEvent();
    this.expectNothing();
    assertStrictEquals(cause.kind, kind, Deno.inspect(cause));
    this.#assertSilence();
    return cause as CauseOf<Kind>;
  }

  /** The connection has ended for a fault: DISCONNECT said so, and nothing came after it. */
  expectFault(reasonCode: number, errorCode = reasonCode): void {
    const packet = this.expectPacket("disconnect");
    assertStrictEquals(packet.reasonCode, reasonCode);
    const { error } = this.expectClosed("fault");
    assertStrictEquals(error.reasonCode, errorCode);
    assertStrictEquals(packet.properties.reasonString, error.message);
    assert(!/\b([a-z]+) \1\b/i.test(error.message), `a word twice: ${error.message}`);
  }

  /** The connection goes on, and has neither sent nor reported anything more. */
  expectQuiet(): void {
    assert(!this.connection.isClosed, "the connection is over");
    this.expectNothing();
    this.expectNoEvent();
  }

  /** Says what time it is, takes bytes, then events, until there are none; then the deadline may be read. */
  collect(): void {
    const { connection } = this;
    connection.tick(this.now);
    while (this.#takeBytes() + this.#takeEvents() > 0);
    assertStrictEquals(connection.isClosed, this.#hasClosed, 'an end comes with an event "closed"');
    if (connection.isClosed) assertStrictEquals(connection.deadline, Infinity);
  }

  /** Takes all bytes. Returns how often there were some. */
  #takeBytes(): number {
    const { connection } = this;
    let count = 0;
    for (let bytes = connection.takeBytes(); bytes; bytes = connection.takeBytes()) {
      assert(!this.#hasClosed, `sent after the end: ${hexOf(bytes)}`);
      this.#sent += hexOf(bytes);
      count++;
    }
    return count;
  }

  /** Takes all events. Returns how many there were. */
  #takeEvents(): number {
    const { connection } = this;
    let count = 0;
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) {
      assert(!this.#hasClosed, `reported after the end: ${event.type}`);
      this.#events.push(event);
      this.#hasClosed = event.type === "closed";
      count++;
    }
    return count;
  }

  /** Whatever happens to a connection that is over, it neither says nor reports anything. */
  #assertSilence(): void {
    this.send("C0 00 D0 00 30 04 0001 61 00");
    this.tick();
    this.end();
    this.call((connection) => connection.disconnect({ type: "disconnect" }));
    this.call((connection) => connection.trySend({ type: "publish", topic: "a" }));
    this.expectNothing();
    this.expectNoEvent();
  }

  #nextPacket(): Packet | undefined {
    if (this.#sent === "") return undefined;
    const digits = 2 * packetLength(bytesOf(this.#sent.slice(0, 10)));
    const packet = decodePacket(bytesOf(this.#sent.slice(0, digits)));
    this.#sent = this.#sent.slice(digits);
    return packet;
  }
}

/** How many bytes the first packet has, by its fixed header (§2.1.4). */
export function packetLength(bytes: Uint8Array): number {
  let length = 0;
  for (let at = 1;; at++) {
    const byte = bytes[at];
    if (byte === undefined || at > 4) throw new Error("There is no whole packet");
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return 1 + at + length;
  }
}
