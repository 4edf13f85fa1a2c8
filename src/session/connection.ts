// One Network Connection, in either role: framing, keep alive, faults, the messages of both directions. What differs between
// the roles, the two handshakes above all, is in client_connection.ts and server_connection.ts.
//
// Pure: bytes and the time go in, bytes, events and the next deadline come out. After any call take the bytes, take the
// events, read the deadline, in that order. Times are milliseconds of one clock that never goes back.

import { PacketError } from "../errors.ts";
import {
  type DisconnectInit,
  type DisconnectPacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PublishInit,
  type QoS,
  ReasonCode,
  writePacket,
  Writer,
} from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "./events.ts";
import type { Capabilities } from "./capabilities.ts";
import { type Memory, UNCOUNTED } from "./memory.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import { WriteBuffer } from "./write_buffer.ts";
import { Queue } from "./queue.ts";
import {
  type AckProperties,
  type AckReasonCode,
  checkAcknowledgement,
  type PendingAcknowledgement,
} from "./pending_acknowledgement.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";
import type { Session } from "./session.ts";
import {
  IncomingAliases,
  NO_ALIASES,
  OutgoingAliases,
  type TopicAliasMode,
} from "./topic_alias.ts";

/** So many bytes of answers may wait for a peer that does not read: far more than one that reads ever needs. */
const MOST_ANSWERS = 1_048_576;

const MORE: ConnectionEvent = { type: "more" };

/** So much of a packet that is not whole, and of aliases, is always kept. */
const FREE = 4096;

/** What a connection is made with, beside what its role needs. */
export interface ConnectionOptions {
  /** The most bytes in a packet that this end takes. */
  readonly maximumPacketSize?: number | undefined;
  /** Who gives out Topic Aliases for what this end sends; by default nobody. */
  readonly topicAliases?: TopicAliasMode | undefined;
  /** So many packets are looked at in one call; then the event `"more"` asks for `proceed()`. Default: all there are. */
  readonly packetsPerCall?: number | undefined;
  /** The most Topic Filters in one SUBSCRIBE or UNSUBSCRIBE that this end takes. Default: no limit. */
  readonly filtersPerPacket?: number | undefined;
  /** The most User Properties in one packet that this end takes. Default: no limit. */
  readonly userPropertiesPerPacket?: number | undefined;
  /** Where what this connection keeps is counted; by default nowhere. */
  readonly memory?: Memory | undefined;
}

/** What a handshake has settled. */
export interface Negotiated {
  /** What this end takes. */
  readonly own: Capabilities;
  /** What the peer takes. */
  readonly peer: Capabilities;
  /** Whether the peer takes Subscription Identifiers in a PUBLISH: a Client does. */
  readonly takesSubscriptionIdentifiers: boolean;
  /** Whether the peer wants Reason Strings and User Properties in acknowledgements. */
  readonly takesExplanations: boolean;
  /** Whether a Packet Identifier is in use for something else than a message. */
  readonly isInUse: (packetId: number) => boolean;
  /** Whether the session goes on. */
  readonly isResumed: boolean;
}

/** What is known once the handshake is over. */
interface Established {
  readonly session: Session;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly aliases: IncomingAliases;
  readonly outgoingAliases: OutgoingAliases;
}

/** One Network Connection. */
export abstract class Connection {
  /** The packets to send. */
  protected readonly writeBuffer: WriteBuffer;
  /** What has happened. */
  protected readonly events: Queue<ConnectionEvent> = new Queue();
  /** The time of the last call. */
  protected now: number;
  readonly #memory: Memory;
  /** What is counted of what was read: packets that are not whole, and aliases. */
  #held = 0;
  /** The buffer that the last chunk is a part of, which whoever reads goes on with. */
  #chunkBytes = 0;
  readonly #decoder: PacketDecoder;
  readonly #topicAliases: TopicAliasMode;
  readonly #packetsPerCall: number;
  /** Whether as many packets have been looked at as one call does, and `proceed()` is to follow. */
  #isToProceed = false;
  #established: Established | undefined;
  #isClosed = false;
  /** Whether messages wait until the end of the handshake was told: what depends on them, SUBSCRIBE above all, goes first. */
  #isHeld = false;
  /** How many bytes of answers wait among those to send. */
  #answers = 0;

  constructor(now: number, options: ConnectionOptions) {
    const { memory = UNCOUNTED } = options;
    this.now = now;
    this.#memory = memory;
    this.writeBuffer = new WriteBuffer(memory);
    this.#decoder = new PacketDecoder(options);
    this.#topicAliases = options.topicAliases ?? "off";
    this.#packetsPerCall = options.packetsPerCall ?? Infinity;
  }

  /** Whether the handshake is over and the connection is not. */
  get isOpen(): boolean {
    return this.#established !== undefined && !this.#isClosed;
  }

  /** Whether the connection is over: take its last bytes, then close what carries it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether to go on reading: what is read while it is false has to be kept unseen. */
  get wantsBytes(): boolean {
    return this.#isClosed || !this.isPaused && !this.#isToProceed;
  }

  /** How many bytes have come that have not been looked at. */
  get unread(): number {
    return this.#decoder.unread;
  }

  /** Whether `takeBytes()` would give any. */
  get hasBytes(): boolean {
    return this.writeBuffer.length > 0;
  }

  /** When to call `tick()`, if nothing else happens before; `Infinity` for never. */
  get deadline(): number {
    if (this.#isClosed) return Infinity;
    if (this.#established === undefined) return this.roleDeadline;
    const { session, sender } = this.#established;
    return Math.min(this.roleDeadline, session.sendQueue.deadline, sender.deadline);
  }

  /** Takes bytes from the peer. Never throws for what they are. They must not change as long as messages are kept. */
  receive(chunk: Uint8Array, now: number): void {
    if (this.#isClosed) return;
    this.now = now;
    this.#decoder.push(chunk);
    this.decode();
    this.#countHeld(chunk.buffer.byteLength);
  }

  /** Looks at the next packets, after the event `"more"`. */
  proceed(now: number): void {
    if (this.#isClosed) return;
    this.now = now;
    this.#isToProceed = false;
    this.decode();
    this.#countHeld(this.#chunkBytes);
  }

  /** The peer, or the network, has ended the stream. */
  receiveEnd(now: number): void {
    this.now = now;
    this.close({ by: "network" });
  }

  /** Time has passed. */
  tick(now: number): void {
    if (this.#isClosed) return;
    this.now = now;
    this.checkTime();
    this.#pump();
  }

  /** The machine has slept, perhaps: asks the peer whether it is still there, if the role can ask. */
  probe(_now: number): void {}

  /** The bytes to send, valid until the next call of this, for which the bytes must have been sent. */
  takeBytes(): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.writeBuffer.take();
    if (bytes === undefined) return undefined;
    this.#answers = 0;
    this.hasSent();
    this.#pump();
    return bytes;
  }

  /** What has happened, one after the other. */
  nextEvent(): ConnectionEvent | undefined {
    const event = this.events.shift();
    if (event !== undefined || !this.#isHeld) return event;
    this.#isHeld = false;
    this.#pump();
    return this.events.shift();
  }

  /**
   * Sends a message of QoS 0 at once. False, with nothing done, when it would have to wait: then use
   * {@linkcode Connection.publish}.
   *
   * @throws {TypeError} when a field is wrong, or the peer takes no such message
   * @throws {RangeError} when a field is out of its range, or of that of the peer
   * @throws {PacketTooLargeError} when it is larger than the peer takes; then nothing has changed
   */
  trySend(packet: PublishInit): boolean {
    return this.isOpen && this.#established!.sender.trySend(packet);
  }

  /**
   * Likewise, for a PUBLISH that is encoded already, without Topic Alias: several connections may send the same.
   *
   * @throws {PacketTooLargeError} when it is larger than the peer takes
   */
  trySendEncoded(bytes: Uint8Array): boolean {
    return this.isOpen && this.#established!.sender.trySendEncoded(bytes);
  }

  /** Whether a message of this QoS would be sent at once. */
  isReadyFor(qos: QoS): boolean {
    return this.isOpen && this.#established!.sender.isReadyFor(qos);
  }

  /**
   * Sends a message as soon as its turn comes, which is on the next connection when this one is over. An event tells its
   * fate. Returns the messages that had to give way to it, or it itself, when too many wait.
   *
   * @throws {TypeError} when a field is wrong, or the peer takes no such message
   * @throws {RangeError} when a field is out of its range, or of that of the peer
   * @throws {PacketTooLargeError} when it is larger than the peer takes; then nothing has changed
   */
  publish(message: OutgoingMessage): readonly OutgoingMessage[] {
    const { sender } = this.#require();
    return this.#isClosed ? sender.keep(message) : sender.publish(message);
  }

  /**
   * The application is done with a message. False when it is too late, or was done before.
   *
   * @throws {TypeError} when a property is wrong
   * @throws {RangeError} when the Reason Code is none for an acknowledgement
   */
  acknowledge(
    acknowledgement: PendingAcknowledgement,
    reasonCode: AckReasonCode,
    properties?: AckProperties,
  ): boolean {
    checkAcknowledgement(reasonCode, properties);
    if (this.isOpen) {
      const before = this.writeBuffer.length;
      const isInTime = this.#established!.receiver.acknowledge(
        acknowledgement,
        reasonCode,
        properties,
      );
      this.#countAnswers(before);
      return isInTime;
    }
    return this.awaits(acknowledgement) && acknowledgement.settle(reasonCode, properties);
  }

  /**
   * Whether an acknowledgement of a message is not too late. At QoS 1 it is when the connection has ended on which the
   * message came, at QoS 2 when the session has: the peer is to send the message again.
   */
  awaits(acknowledgement: PendingAcknowledgement): boolean {
    if (this.#established === undefined) return false;
    const { session, receiver } = this.#established;
    return this.#isClosed ? session.holds(acknowledgement) : receiver.awaits(acknowledgement);
  }

  /**
   * Says DISCONNECT and ends the connection (§3.14).
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range, or this end may not give the Reason Code
   */
  disconnect(packet: DisconnectInit): void {
    this.checkDisconnect(packet);
    if (this.#isClosed) return;
    this.writeBuffer.write(packet);
    this.close({ by: "this end", packet });
  }

  /**
   * Ends the connection because something of this end has thrown what nobody expected: says
   * DISCONNECT with 0x83, Implementation specific error, if it is open. The event says what it was.
   * It is over even when this throws, because it cannot say anything any more.
   */
  abort(error: unknown): void {
    try {
      if (this.isOpen) {
        this.writeBuffer.writeIfItFits({
          type: "disconnect",
          reasonCode: ReasonCode.implementationSpecificError,
        });
      }
    } finally {
      this.close({ by: "internal error", error });
    }
  }

  /**
   * Refuses a DISCONNECT that this end may not send.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range, or this end may not give the Reason Code
   */
  checkDisconnect(packet: DisconnectInit): void {
    writePacket(new Writer(), packet);
  }

  /** What the role does with a packet, faults thrown. */
  protected abstract handlePacket(packet: Packet): void;
  /** When the role has something to do. */
  protected abstract readonly roleDeadline: number;
  /** Does what the role has to do by now. */
  protected abstract checkTime(): void;
  /** Something has been sent. */
  protected abstract hasSent(): void;
  /** Packets have been received, and handled. */
  protected hasReceived(): void {}
  /** Tells the peer of its fault, if the role may. */
  protected abstract report(error: PacketError): void;
  /** Whether packets are not to be looked at for now. */
  protected get isPaused(): boolean {
    return false;
  }

  /** Looks at the packets that have come. */
  protected decode(): void {
    const before = this.writeBuffer.length;
    let left = this.#packetsPerCall;
    let hasReceived = false;
    try {
      while (!this.#isClosed && !this.isPaused && !this.#isToProceed) {
        if (left-- === 0) {
          this.#isToProceed = true;
          this.events.push(MORE);
          break;
        }
        const packet = this.#decoder.next();
        if (packet === undefined) break;
        hasReceived = true;
        this.handlePacket(packet);
      }
      if (hasReceived) this.hasReceived();
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.fail(error);
    }
    this.#countAnswers(before);
    this.#pump();
  }

  /** The handshake has succeeded: this end has said what it takes, and so has the peer. */
  protected establish(session: Session, negotiated: Negotiated): void {
    const { writeBuffer, events } = this;
    const { own, peer, takesSubscriptionIdentifiers, takesExplanations, isInUse } = negotiated;
    writeBuffer.maximumPacketSize = peer.maximumPacketSize;
    const aliases = this.#topicAliases === "off"
      ? NO_ALIASES
      : new OutgoingAliases(this.#topicAliases, peer.topicAliasMaximum);
    const sender = new Sender({
      ...{ session, writeBuffer, events, limits: peer, aliases },
      ...{ takesSubscriptionIdentifiers, isInUse },
    });
    this.#established = {
      session,
      sender,
      receiver: new Receiver(session, writeBuffer, own.receiveMaximum, takesExplanations),
      aliases: new IncomingAliases(own.topicAliasMaximum),
      outgoingAliases: aliases,
    };
    this.#isHeld = true;
    if (negotiated.isResumed) sender.resume();
  }

  /** How many bytes a packet may have from now on. */
  protected set maximumPacketSize(bytes: number) {
    this.#decoder.maximumPacketSize = bytes;
  }

  /** There is no memory for what the peer sends: ends the connection, and says why if the role may. */
  protected refuseForMemory(): void {
    this.close({ by: "this end", packet: undefined });
  }

  /** Handles what both roles handle alike; false when it is something else. */
  protected handleShared(packet: Packet): boolean {
    const { sender, receiver, aliases } = this.#require();
    switch (packet.type) {
      case "publish": {
        const resolved = packet.properties.topicAlias === undefined
          ? packet
          : aliases.resolve(packet);
        const acknowledgement = packet.qos === 0 ? undefined : receiver.handlePublish(packet);
        if (packet.qos === 0 || acknowledgement !== undefined) {
          this.events.push({ type: "message", packet: resolved, acknowledgement });
        }
        return true;
      }
      case "puback":
        sender.handlePuback(packet);
        return true;
      case "pubrec":
        sender.handlePubrec(packet);
        return true;
      case "pubrel":
        receiver.handlePubrel(packet);
        return true;
      case "pubcomp":
        sender.handlePubcomp(packet);
        return true;
      default:
        return false;
    }
  }

  /** The peer has said DISCONNECT. */
  protected disconnected(packet: DisconnectPacket): void {
    this.close({ by: "peer", packet });
  }

  /** Ends the connection for a fault of the peer, and tells it. */
  protected fail(error: PacketError): void {
    this.report(error);
    this.close({ by: "fault", error });
  }

  /** Ends the connection. Nothing is sent after what has been written [MQTT-3.14.4-1]. */
  protected close(cause: CloseCause): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.events.push({ type: "closed", cause });
  }

  /** Sends what the application answers to a packet. */
  protected answer(packet: PacketInit): void {
    const before = this.writeBuffer.length;
    this.writeBuffer.write(packet);
    this.#countAnswers(before);
  }

  /** A peer that sends and does not read is given up before its answers have filled the memory. */
  #countAnswers(before: number): void {
    this.#answers += this.writeBuffer.length - before;
    if (this.#answers <= MOST_ANSWERS) return;
    this.close({ by: "silence", what: "reads none of the answers to what it sends" });
  }

  /** Counts what is kept of what was read. Who makes this end keep more than there is room for is given up. */
  #countHeld(chunkBytes: number): void {
    let held = this.#decoder.heldBytes;
    if (this.#established !== undefined) {
      held += this.#established.aliases.bytes + this.#established.outgoingAliases.bytes;
    }
    const more = held - this.#held;
    const isTooMuch = more > 0 && held > FREE && !this.#memory.hasRoom(more);
    if (more !== 0 || chunkBytes !== this.#chunkBytes) {
      this.#memory.add(more + chunkBytes - this.#chunkBytes);
      this.#held = held;
      this.#chunkBytes = chunkBytes;
    }
    if (isTooMuch && !this.#isClosed) this.refuseForMemory();
  }

  #pump(): void {
    if (!this.#isClosed && !this.#isHeld) this.#established?.sender.pump(this.now);
  }

  #require(): Established {
    if (this.#established === undefined) throw new TypeError("There is no connection yet");
    return this.#established;
  }
}
