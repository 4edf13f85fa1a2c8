// One end of a connection that does what a test says: expect this packet, answer that, send broken
// bytes, break off. It knows the codec and nothing of sessions, so that it can do what no real
// server or client would. It reads only while it expects something.

import { concat } from "jsr:@std/bytes@^1/concat";
import type { TransportSource } from "../client/servers.ts";
import { type Clock, systemClock } from "../io/clock.ts";
import { type ByteChannel, transportOf } from "../io/stream.ts";
import { connectionTransport } from "../io/tcp.ts";
import {
  encodePacket,
  explainPacket,
  type Explanation,
  type Packet,
  type PacketInit,
  type PacketType,
} from "../packets/mod.ts";
import { PacketCutter } from "../packets/packet_cutter.ts";
import { packetName } from "../packets/packet_types.ts";
import { checkKnown, checkPositive } from "../session/option_checks.ts";
import { type AnsweredType, type AnswerFields, answerTo } from "./answers.ts";
import { ExpectationError, packetText } from "./expectation_error.ts";
import { checkPattern, differenceOf, type PacketOf, type PacketPattern } from "./packet_pattern.ts";
import type { ResettableTransport } from "./scripted_link.ts";

/** How long a script waits for what it expects, in milliseconds. */
export const SCRIPT_TIMEOUT = 5000;

/** Options of a {@linkcode ScriptedPeer}. */
export interface ScriptOptions {
  /**
   * How long it waits for what it expects, in milliseconds. Default: 5000, and 60,000 as a server
   * of a virtual world.
   */
  readonly timeout?: number | undefined;
  /**
   * Whether it answers every PINGREQ by itself, unless it expects one. It does so only while it
   * expects something. Default: false.
   */
  readonly answerPings?: boolean | undefined;
  /** The clock of its timeouts, such as that of a virtual world. Default: that of this machine. */
  readonly clock?: Clock | undefined;
}

/** What is read next: a packet, the end of the connection, or nothing in time. */
type Read = Explanation | "the end of the connection" | "nothing";

/**
 * One end of a connection in the hands of a test, made of the codec alone: as a server it comes
 * from {@linkcode ScriptedServer.accept}, as a client from {@linkcode ScriptedPeer.connect}. Each
 * expectation is for the next packet that comes, and an {@linkcode ExpectationError} says what came
 * instead. It reads only while it expects something, so one that expects nothing is a peer that has
 * stopped reading.
 *
 * @example A client that sends what no client sends
 * ```ts
 * import { serve } from "jsr:@mqtt5/mqtt5/broker";
 * import { ScriptedPeer } from "jsr:@mqtt5/mqtt5/testing";
 *
 * await using broker = await serve({ listeners: [] });
 * using peer = await ScriptedPeer.connect(broker);
 * peer.send({ type: "connect", clientId: "odd" });
 * await peer.expect("connack", { reasonCode: 0x00 });
 * peer.sendBytes(new Uint8Array([0x36, 0x00])); // PUBLISH at QoS 3
 * await peer.expect("disconnect", { reasonCode: 0x81 });
 * await peer.expectEnd();
 * ```
 */
export class ScriptedPeer implements Disposable {
  readonly #transport: ResettableTransport;
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #answerPings: boolean;
  readonly #cutter = new PacketCutter((packet) => this.#packets.push(packet));
  /** What has come and was not expected yet. */
  readonly #packets: Explanation[] = [];
  #hasEnded = false;
  /** The read that is under way: it outlives an expectation that has given up. */
  #reading: Promise<void> | undefined;
  /** The expectation before the next. */
  #expected: Promise<unknown> = Promise.resolve();
  /** The write before the next. */
  #written: Promise<void> = Promise.resolve();

  /**
   * Takes over an open connection; it is yours no more.
   *
   * @throws {TypeError} when it is not a connection, or an option is wrong
   * @throws {RangeError} when `timeout` is not above 0
   */
  constructor(channel: ByteChannel, options: ScriptOptions = {}) {
    const { timeout = SCRIPT_TIMEOUT, answerPings = false, clock = systemClock } =
      checkScriptOptions(options);
    this.#transport = transportOf(channel, connectionTransport);
    this.#timeout = timeout;
    this.#answerPings = answerPings;
    this.#clock = clock;
  }

  /**
   * Connects to a server, such as a broker of this program or `world.server()`, in whose time it
   * waits. Nothing is sent yet.
   *
   * Rejects as the server does, and with `TypeError` or `RangeError` when an option is wrong.
   */
  static async connect(
    server: TransportSource,
    options: ScriptOptions = {},
  ): Promise<ScriptedPeer> {
    checkScriptOptions(options);
    const channel = await server.connect({ signal: new AbortController().signal });
    return new ScriptedPeer(channel, { clock: server.clock, ...options });
  }

  /**
   * The next packet, which is of this type and has these fields; those that are not named may have
   * any value. Bytes may be given as text. Several expectations are met one after the other.
   *
   * Rejects with {@linkcode ExpectationError} when another packet comes, or malformed bytes, the
   * end of the connection, or nothing in time; with `TypeError` when no packet can be so.
   *
   * @example
   * ```ts
   * import type { ScriptedPeer } from "jsr:@mqtt5/mqtt5/testing";
   *
   * async function server(peer: ScriptedPeer) {
   *   const { packetId } = await peer.expect("publish", {
   *     topic: "lamp/set",
   *     payload: "on",
   *     properties: { messageExpiryInterval: 60 },
   *   });
   *   peer.send({ type: "puback", packetId, reasonCode: 0x97 });
   * }
   * ```
   */
  async expect<Type extends PacketType>(
    type: Type,
    fields: PacketPattern<Type> = {} as PacketPattern<Type>,
  ): Promise<PacketOf<Type>> {
    checkPattern(type, fields);
    const name = packetName(type);
    return await this.#inTurn(async () => {
      const read = await this.#next(this.#timeout, type);
      if (typeof read === "string") {
        const within = read === "nothing" ? ` within ${this.#timeout} ms` : "";
        throw new ExpectationError(name + within, read);
      }
      const { packet } = read;
      if (packet?.type !== type) {
        throw new ExpectationError(name, packetText(read), read);
      }
      const difference = differenceOf(fields, packet);
      if (difference === undefined) return packet as PacketOf<Type>;
      const { path, expected, actual } = difference;
      const got = `${path} ${actual} in ${packetText(read)}`;
      throw new ExpectationError(`${name} with ${path} ${expected}`, got, read);
    });
  }

  /**
   * The next packet, whatever it is.
   *
   * Rejects with {@linkcode ExpectationError} when malformed bytes come, the end of the connection,
   * or nothing in time.
   */
  async next(): Promise<Packet> {
    return await this.#inTurn(async () => {
      const read = await this.#next(this.#timeout);
      if (typeof read !== "string" && read.packet !== undefined) return read.packet;
      const within = read === "nothing" ? ` within ${this.#timeout} ms` : "";
      throw unexpected(`a packet${within}`, read);
    });
  }

  /**
   * Nothing comes for so many milliseconds.
   *
   * Rejects with {@linkcode ExpectationError} when something does, even the end of the connection.
   */
  async expectSilence(milliseconds: number): Promise<void> {
    checkPositive("milliseconds", milliseconds);
    await this.#inTurn(async () => {
      const read = await this.#next(milliseconds);
      if (read !== "nothing") throw unexpected(`silence for ${milliseconds} ms`, read);
    });
  }

  /**
   * The other end closes the connection, in whatever way, and sends nothing before.
   *
   * Rejects with {@linkcode ExpectationError} when a packet comes first, or nothing in time.
   */
  async expectEnd(): Promise<void> {
    await this.#inTurn(async () => {
      const read = await this.#next(this.#timeout);
      if (read === "the end of the connection") return;
      const within = read === "nothing" ? ` within ${this.#timeout} ms` : "";
      throw unexpected(`the end of the connection${within}`, read);
    });
  }

  /**
   * Sends packets, together. They may come at any time, but each must be one that can be encoded:
   * for others there is {@linkcode ScriptedPeer.sendBytes}. They are of the version of MQTT that
   * the last CONNECT, sent or received, had. Resolves when they are sent.
   *
   * Rejects when the other end has closed the connection; nobody needs to look at that.
   *
   * @throws {TypeError} when a packet cannot be encoded
   * @throws {RangeError} when a value of it is out of range
   */
  send(...packets: readonly PacketInit[]): Promise<void> {
    const cutter = this.#cutter;
    return this.sendBytes(...packets.map((packet) => {
      const bytes = encodePacket(packet, { protocolVersion: cutter.protocolVersion });
      if (packet.type === "connect") cutter.protocolVersion = packet.protocolVersion ?? 5;
      return bytes;
    }));
  }

  /**
   * Sends bytes, whatever they are, together. Resolves and rejects as
   * {@linkcode ScriptedPeer.send}.
   */
  sendBytes(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = concat(parts);
    return this.#afterWrites(() => this.#transport.write(bytes));
  }

  /**
   * Answers a packet as the standard does where all is well: CONNECT with a CONNACK, PUBLISH with
   * PUBACK or PUBREC, SUBSCRIBE with a SUBACK that grants all, and so on. `fields` are what the
   * answer is to say instead. Resolves and rejects as {@linkcode ScriptedPeer.send}.
   *
   * @throws {TypeError} when such a packet is not answered
   *
   * @example A server that allows little
   * ```ts
   * import type { ScriptedPeer } from "jsr:@mqtt5/mqtt5/testing";
   *
   * async function server(peer: ScriptedPeer) {
   *   const connect = await peer.expect("connect");
   *   peer.answer(connect, { properties: { receiveMaximum: 1, maximumQoS: 0 } });
   *   peer.answer(await peer.expect("subscribe"), { reasonCodes: [0x87] });
   * }
   * ```
   */
  answer<Type extends AnsweredType>(
    packet: PacketOf<Type>,
    fields: AnswerFields<Type> = {},
  ): Promise<void> {
    return this.send({ ...answerTo(packet), ...fields });
  }

  /** Sends nothing more, after all that was sent; it may still expect packets. */
  endSending(): Promise<void> {
    return this.#afterWrites(() => this.#transport.closeWrite());
  }

  /** Closes the connection, after all that was sent. */
  close(): void {
    void this.#written.then(() => this.#transport.close());
  }

  /**
   * Breaks the connection: the other end's reads and writes fail. One that cannot be broken is
   * closed.
   */
  reset(): void {
    if (this.#transport.reset === undefined) this.#transport.close();
    else this.#transport.reset();
  }

  /** Closes the connection at once. */
  [Symbol.dispose](): void {
    this.#transport.close();
  }

  /** One write after the other. What fails need not be looked at. */
  #afterWrites(work: () => Promise<void>): Promise<void> {
    const done = this.#written.then(work);
    this.#written = done.catch(() => {});
    return done;
  }

  /** One expectation after the other. */
  #inTurn<Value>(expectation: () => Promise<Value>): Promise<Value> {
    const result = this.#expected.then(expectation);
    this.#expected = result.catch(() => {});
    return result;
  }

  /** What comes next within a time, in milliseconds. A PINGREQ may be answered on the way. */
  async #next(timeout: number, type?: PacketType): Promise<Read> {
    const late = Promise.withResolvers<"nothing">();
    const cancel = this.#clock.at(this.#clock.now() + timeout, () => late.resolve("nothing"));
    try {
      for (;;) {
        const packet = this.#packets.shift();
        if (packet === undefined) {
          if (this.#hasEnded) return "the end of the connection";
          this.#reading ??= this.#read();
          if (await Promise.race([this.#reading, late.promise]) === "nothing") return "nothing";
        } else if (this.#answerPings && packet.packet?.type === "pingreq" && type !== "pingreq") {
          void this.send({ type: "pingresp" });
        } else return packet;
      }
    } finally {
      cancel();
    }
  }

  /** Reads once. Malformed bytes, and a packet that the end cuts off, count as packets. */
  async #read(): Promise<void> {
    try {
      const chunk = await this.#transport.read();
      if (chunk === undefined) this.#hasEnded = true;
      else this.#cutter.push(chunk);
    } catch {
      this.#hasEnded = true;
    }
    // After a malformed fixed header nobody knows where the next packet begins.
    this.#hasEnded ||= this.#cutter.hasStopped;
    const { rest } = this.#cutter;
    if (this.#hasEnded && rest.length > 0) this.#packets.push(explainPacket(rest));
    this.#transport.release?.();
    this.#reading = undefined;
  }
}

/**
 * Refuses wrong options.
 *
 * @throws {TypeError} when one is unknown
 * @throws {RangeError} when `timeout` is not above 0
 */
export function checkScriptOptions(options: ScriptOptions): ScriptOptions {
  checkKnown(options, OPTIONS, "a script");
  if (options.timeout !== undefined) checkPositive("timeout", options.timeout);
  return options;
}

const OPTIONS: ReadonlySet<keyof ScriptOptions> = new Set<keyof ScriptOptions>([
  "timeout",
  "answerPings",
  "clock",
]);

function unexpected(expected: string, read: Read): ExpectationError {
  return typeof read === "string"
    ? new ExpectationError(expected, read)
    : new ExpectationError(expected, packetText(read), read);
}
