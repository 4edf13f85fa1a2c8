// One Network Connection, in either role: framing, memory, faults, and what an application does
// with messages. What a role does with a packet, by its state, is in client_connection.ts and
// server_connection.ts.

import { PacketError } from "../errors.ts";
import {
  checkPacket,
  type DisconnectInit,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type ProtocolVersion,
  type PublishInit,
  type QoS,
  ReasonCode,
} from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "./events.ts";
import type { Memory } from "./memory.ts";
import { MessageExchange, type Negotiated } from "./message_exchange.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import {
  type AckProperties,
  type AckReasonCode,
  checkAcknowledgement,
  type PendingAcknowledgement,
} from "./pending_acknowledgement.ts";
import { Queue } from "./queue.ts";
import type { Session } from "./session.ts";
import type { TopicAliasMode } from "./topic_alias.ts";
import { WriteBuffer } from "./write_buffer.ts";

/**
 * So many bytes of answers may wait for a peer that does not read: far more than one that reads
 * ever needs.
 */
const MOST_ANSWERS = 1_048_576;

/** What a connection is made with, beside what its role needs. */
export interface ConnectionOptions {
  /** The most bytes in a packet that this end takes. */
  readonly maximumPacketSize?: number | undefined;
  /** Who assigns Topic Aliases to what this end sends. Default: `"off"`, nobody. */
  readonly topicAliases?: TopicAliasMode | undefined;
  /** The most Topic Filters in one SUBSCRIBE or UNSUBSCRIBE. Default: no limit. */
  readonly filtersPerPacket?: number | undefined;
  /** The most User Properties in one packet. Default: no limit. */
  readonly userPropertiesPerPacket?: number | undefined;
  /** Counts what this connection keeps. Default: nobody does. */
  readonly memory?: Memory | undefined;
  /** The versions of MQTT that a CONNECT may have. Default: 5 alone. */
  readonly acceptedVersions?: readonly ProtocolVersion[] | undefined;
}

const NEWEST: readonly ProtocolVersion[] = [5];

/**
 * What the states of both roles have: a name, and messages once the handshake is over.
 *
 * @internal
 */
export interface ConnectionState {
  readonly name: string;
  readonly exchange?: MessageExchange | undefined;
}

/**
 * The end of every connection, in either role.
 *
 * @internal
 */
export interface ClosedState {
  readonly name: "closed";
  /** Its messages, if the handshake had succeeded: what is in flight may go on elsewhere. */
  readonly exchange: MessageExchange | undefined;
}

/**
 * One Network Connection (§4), without the network: bytes and the time go in; bytes, events and the
 * time of the next call come out. It is a {@linkcode ClientConnection} or a
 * {@linkcode ServerConnection}, whose states and packets are tables there.
 *
 * After any call, in this order: 1. {@linkcode Connection.takeBytes}, and send them; again when
 * they are sent, until there are none; 2. {@linkcode Connection.nextEvent}, until there is none; 3.
 * {@linkcode Connection.deadline}: call {@linkcode Connection.tick} then.
 *
 * After the event `"closed"` send the last bytes, then close what carries them. Times are
 * milliseconds of one clock that never goes back.
 */
export abstract class Connection<State extends ConnectionState = ConnectionState> {
  /** What the connection is doing. */
  protected state: State | ClosedState;
  /** Packets on their way out. */
  protected readonly writeBuffer: WriteBuffer;
  /** What has happened, to be taken. */
  protected readonly events: Queue<ConnectionEvent> = new Queue();
  /** The time of the last call. */
  protected now: number;
  /** Makes packets of bytes. */
  protected readonly decoder: PacketDecoder;
  readonly #topicAliases: TopicAliasMode;
  /** How many bytes of answers wait among those to send. */
  #answers = 0;

  /** Begins in a state of the role; `passResponseTopics` as for a decoder. */
  constructor(
    now: number,
    options: ConnectionOptions,
    state: State,
    passResponseTopics = false,
  ) {
    this.state = state;
    this.now = now;
    this.writeBuffer = new WriteBuffer(options.memory);
    const { maximumPacketSize, filtersPerPacket, userPropertiesPerPacket } = options;
    const { acceptedVersions = NEWEST } = options;
    this.decoder = new PacketDecoder({
      acceptedVersions,
      maximumPacketSize,
      filtersPerPacket,
      userPropertiesPerPacket,
      passResponseTopics,
    });
    this.#topicAliases = options.topicAliases ?? "off";
  }

  /** Whether the handshake has succeeded and the connection has not ended. */
  get isOpen(): boolean {
    return this.state.name === "open";
  }

  /** Whether the connection has ended: send its last bytes, then close what carries them. */
  get isClosed(): boolean {
    return this.state.name === "closed";
  }

  /** Whether to go on reading. What is read while it is false must be kept, and given later. */
  get wantsBytes(): boolean {
    return this.isClosed || !this.isPaused;
  }

  /**
   * When to call {@linkcode Connection.tick} if nothing else happens before; `Infinity` for never.
   * Read it after the bytes and the events have been taken.
   */
  get deadline(): number {
    if (this.isClosed) return Infinity;
    return Math.min(this.roleDeadline, this.state.exchange?.deadline ?? Infinity);
  }

  /**
   * Takes bytes from the peer, any number. They must not change as long as messages that are views
   * of them are kept. Never throws for what they are: a fault is answered and ends the connection.
   * Afterwards take the bytes, then the events, then read the deadline.
   */
  receive(chunk: Uint8Array, now: number): void {
    if (this.isClosed) return;
    this.now = now;
    this.decoder.push(chunk);
    this.decode();
  }

  /** The peer, or the network, has ended the stream. Afterwards take the events. */
  receiveEnd(now: number): void {
    this.now = now;
    this.close({ kind: "network" });
  }

  /**
   * The deadline has come, or time has passed. Afterwards take the bytes, then the events, then
   * read the deadline.
   */
  tick(now: number): void {
    if (this.isClosed) return;
    this.now = now;
    this.checkTime();
    this.#pump();
  }

  /**
   * The machine may have slept: asks the peer whether it is still there, if the role can ask.
   * Afterwards take the bytes and read the deadline.
   */
  probe(_now: number): void {}

  /**
   * The bytes to send, which are valid until the next call of this method: make it when they have
   * been sent. `undefined` when there are none.
   */
  takeBytes(): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.writeBuffer.take();
    if (bytes === undefined) return undefined;
    this.#answers = 0;
    this.hasSent();
    this.#pump();
    return bytes;
  }

  /**
   * What has happened, one event after the other; `undefined` when there are no more. Whatever is
   * called on an event may lead to bytes and to events.
   */
  nextEvent(): ConnectionEvent | undefined {
    const event = this.events.shift();
    if (event !== undefined) return event;
    const { exchange } = this.state;
    if (exchange === undefined || !exchange.isHeld) return undefined;
    exchange.isHeld = false;
    this.#pump();
    return this.events.shift();
  }

  /**
   * Sends a message of QoS 0 at once. False, with nothing done, when it would have to wait: then
   * use {@linkcode Connection.publish}.
   *
   * @throws {TypeError} when a field is wrong, or the peer takes no such message
   * @throws {RangeError} when a field is out of its range, or of the peer's
   * @throws {PacketTooLargeError} when it is larger than the peer takes; then nothing has changed
   */
  trySend(packet: PublishInit): boolean {
    const { state } = this;
    return state.name === "open" && state.exchange!.sender.trySend(packet);
  }

  /**
   * Likewise, for a PUBLISH that is encoded already, without Topic Alias: several connections may
   * send the same bytes.
   *
   * @throws {PacketTooLargeError} when it is larger than the peer takes
   */
  trySendEncoded(bytes: Uint8Array): boolean {
    const { state } = this;
    return state.name === "open" && state.exchange!.sender.trySendEncoded(bytes);
  }

  /** Whether a message of this QoS would be sent at once. */
  isReadyFor(qos: QoS): boolean {
    const { state } = this;
    return state.name === "open" && state.exchange!.sender.isReadyFor(qos);
  }

  /**
   * Sends a message as soon as its turn comes, which is on the next connection when this one has
   * ended. An event tells its fate. Returns the messages that were dropped for it, or it itself,
   * when too many wait.
   *
   * @throws {TypeError} when a field is wrong, or the peer takes no such message
   * @throws {RangeError} when a field is out of its range, or of the peer's
   * @throws {PacketTooLargeError} when it is larger than the peer takes; then nothing has changed
   */
  publish(message: OutgoingMessage): readonly OutgoingMessage[] {
    const { exchange } = this.state;
    if (exchange === undefined) throw new TypeError("The connection is not open yet");
    return this.isClosed ? exchange.sender.keep(message) : exchange.sender.publish(message);
  }

  /**
   * Acknowledges a message when its turn comes [MQTT-4.6.0-2]. False when it is too late, or was
   * done before.
   *
   * @throws {TypeError} when a property is wrong
   * @throws {RangeError} when the Reason Code may not stand in an acknowledgement
   */
  acknowledge(
    acknowledgement: PendingAcknowledgement,
    reasonCode: AckReasonCode,
    properties?: AckProperties,
  ): boolean {
    const { state } = this;
    if (state.name === "open") {
      const before = this.writeBuffer.length;
      const isInTime = state.exchange!.receiver.acknowledge(
        acknowledgement,
        reasonCode,
        properties,
      );
      this.#countAnswers(before);
      return isInTime;
    }
    checkAcknowledgement(reasonCode, properties);
    return this.awaits(acknowledgement) && acknowledgement.settle(reasonCode, properties);
  }

  /**
   * Whether it is not too late for an acknowledgement. At QoS 1 it is too late when the connection
   * has ended on which the message came, at QoS 2 when the session has: the peer sends it again.
   */
  awaits(acknowledgement: PendingAcknowledgement): boolean {
    const { exchange } = this.state;
    if (exchange === undefined) return false;
    const { session, receiver } = exchange;
    return this.isClosed ? session.holds(acknowledgement) : receiver.awaits(acknowledgement);
  }

  /**
   * Sends DISCONNECT and ends the connection (§3.14).
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range, or this end may not give the Reason Code
   */
  disconnect(packet: DisconnectInit): void {
    this.checkDisconnect(packet);
    if (this.isClosed) return;
    if (this.mayDisconnect) this.writeBuffer.write(packet);
    this.close({ kind: "this end", packet });
  }

  /**
   * Ends the connection because of an exception in this program: sends DISCONNECT with 0x83,
   * Implementation specific error, if it is open. The event `"closed"` carries the exception. The
   * connection has ended even when this throws.
   */
  abort(error: unknown): void {
    try {
      const reasonCode = ReasonCode.implementationSpecificError;
      if (this.isOpen && this.mayDisconnect) {
        this.writeBuffer.writeIfItFits({ type: "disconnect", reasonCode });
      }
    } finally {
      this.close({ kind: "internal error", error });
    }
  }

  /**
   * Refuses a DISCONNECT that this end may not send, and does nothing else.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range, or this end may not give the Reason Code
   */
  checkDisconnect(packet: DisconnectInit): void {
    checkPacket(packet);
  }

  /** Does what the state says about a packet. Throws the peer's faults. */
  protected abstract handle(packet: Packet): void;
  /** When the role has something to do. */
  protected abstract readonly roleDeadline: number;
  /** Does what the role has to do by now. */
  protected abstract checkTime(): void;
  /** So many packets have been handled of the bytes that have come. */
  protected abstract hasReceived(packets: number): void;
  /** Something has been sent. */
  protected abstract hasSent(): void;
  /** Tells the peer of its fault, if the role may. */
  protected abstract report(error: PacketError): void;
  /** Whether this end may send DISCONNECT. */
  protected get mayDisconnect(): boolean {
    return true;
  }

  /** Whether packets are to wait. */
  protected get isPaused(): boolean {
    return false;
  }

  /** Whether one more packet may be handled now, after so many in this call. */
  protected mayHandle(_packets: number): boolean {
    return true;
  }

  /** Handles the packets that have come. */
  protected decode(): void {
    const before = this.writeBuffer.length;
    let packets = 0;
    // While it is open, mayHandle() says whether packets wait: nothing more is to be asked.
    let isGoing = this.isOpen || !this.isClosed && !this.isPaused;
    try {
      while (isGoing && this.mayHandle(packets)) {
        const { state } = this;
        const packet = this.decoder.next();
        if (packet === undefined) break;
        packets++;
        this.handle(packet);
        // To compare is cheaper than to look into each: most packets change nothing.
        if (this.state !== state) isGoing = !this.isClosed && !this.isPaused;
      }
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.report(error);
      this.close({ kind: "fault", error });
    }
    this.hasReceived(packets);
    this.#countAnswers(before);
    this.#pump();
  }

  /** The handshake has succeeded. Gives the messages of the state that follows. */
  protected negotiated(session: Session, negotiated: Negotiated): MessageExchange {
    const { writeBuffer, events } = this;
    writeBuffer.maximumPacketSize = negotiated.peer.maximumPacketSize;
    const topicAliases = this.#topicAliases;
    return new MessageExchange({ session, writeBuffer, events, topicAliases }, negotiated);
  }

  /** Ends the connection. Nothing is sent after what has been written [MQTT-3.14.4-1]. */
  protected close(cause: CloseCause): void {
    if (this.isClosed) return;
    this.state = { name: "closed", exchange: this.state.exchange };
    this.events.push({ type: "closed", cause });
  }

  /** Sends what the application answers to a packet. */
  protected answer(packet: PacketInit): void {
    const before = this.writeBuffer.length;
    this.writeBuffer.write(packet);
    this.#countAnswers(before);
  }

  /** A peer that sends and does not read is closed before its answers have filled the memory. */
  #countAnswers(before: number): void {
    this.#answers += this.writeBuffer.length - before;
    if (this.#answers <= MOST_ANSWERS) return;
    this.close({ kind: "silence", what: "does not read the answers to what it sends" });
  }

  #pump(): void {
    const { state } = this;
    if (state.name === "open") state.exchange!.pump(this.now);
  }
}
