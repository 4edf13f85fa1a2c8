// A client that does one thing at a time, when a lesson says so: it sends this packet, it waits for
// that one. The client of the library would do all of an exchange by itself, and at once.

import { openTcp, TcpTransport } from "../../io/tcp.ts";
import {
  type ConnackPacket,
  type ConnectInit,
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PacketType,
  type PublishInit,
  type QoS,
} from "../../packets/mod.ts";
import { packetName } from "../../packets/packet_types.ts";
import { Failure } from "../failure.ts";

/** A packet of one type. */
type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>;

/** Where the broker is. */
export interface BrokerPlace {
  readonly hostname: string;
  readonly port: number;
  /** Ends all that waits, and all connections. */
  readonly signal: AbortSignal;
}

/**
 * The Keep Alive of the clients, in seconds: somebody reads between two steps, perhaps for long.
 */
export const KEEP_ALIVE = 3600;

/** A client of a lesson. It has one connection at a time. */
export class LessonClient {
  /** Its name, and its Client Identifier. */
  readonly name: string;
  readonly #place: BrokerPlace;
  #connection: Connection | undefined;

  constructor(name: string, place: BrokerPlace) {
    this.name = name;
    this.#place = place;
  }

  /** What has become of its connection so far; `undefined` before the first. */
  get progress(): ConnectionProgress | undefined {
    return this.#connection;
  }

  /** Opens a connection and sends CONNECT. */
  async open(connect: Omit<ConnectInit, "type"> = {}): Promise<void> {
    const { hostname, port, signal } = this.#place;
    const socket = await openTcp({ hostname, port, signal });
    this.#connection = new Connection(this.name, socket, signal);
    await this.send({
      type: "connect",
      clientId: this.name,
      cleanStart: true,
      keepAlive: KEEP_ALIVE,
      ...connect,
    });
  }

  /** The same; resolves when the broker has accepted it. */
  async connect(connect: Omit<ConnectInit, "type"> = {}): Promise<ConnackPacket> {
    await this.open(connect);
    return await this.receive("connack");
  }

  /** Subscribes to one Topic Filter; resolves when the broker has granted it. */
  async subscribe(topicFilter: string, qos: QoS, packetId = 1): Promise<void> {
    await this.send({ type: "subscribe", packetId, subscriptions: [{ topicFilter, qos }] });
    await this.receive("suback");
  }

  /** Publishes a text; what follows at QoS 1 and 2 is up to the lesson. */
  async publish(topic: string, payload: string, how: Partial<PublishInit> = {}): Promise<void> {
    const bytes = new TextEncoder().encode(payload);
    await this.send({ type: "publish", topic, payload: bytes, ...how });
  }

  /** Sends a packet. */
  async send(packet: PacketInit): Promise<void> {
    await this.#open.send(packet);
  }

  /**
   * The next packet, which is of this type.
   *
   * @throws {Failure} when another one comes, or the connection ends
   */
  async receive<Type extends PacketType>(type: Type): Promise<PacketOf<Type>> {
    const packet = await this.#open.receive(packetName(type));
    if (packet.type === type) return packet as PacketOf<Type>;
    throw new Failure(
      `${this.name} expected ${packetName(type)}, but got ${packetName(packet.type)}`,
    );
  }

  /** Says goodbye and closes the connection, as §3.14 has it. */
  async disconnect(): Promise<void> {
    await this.send({ type: "disconnect" });
    this.breakOff();
  }

  /** Closes the connection without a word. */
  breakOff(): void {
    this.#connection?.close();
  }

  /** Waits until the broker has closed the connection. */
  async ended(): Promise<void> {
    await this.#open.ended();
    this.breakOff();
  }

  get #open(): Connection {
    if (this.#connection === undefined) throw new Error(`${this.name} has no connection yet`);
    return this.#connection;
  }
}

/** How far a connection has come. */
export interface ConnectionProgress {
  /** The client's address, as the broker sees it. */
  readonly address: string;
  /** How many packets the client has sent. */
  readonly sent: number;
  /** How many packets it has taken. */
  readonly received: number;
  /** Whether it has closed the connection. */
  readonly isClosed: boolean;
}

/** One connection. */
class Connection implements ConnectionProgress {
  readonly address: string;
  readonly #name: string;
  readonly #transport: TcpTransport;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.close();
  readonly #decoder = new PacketDecoder();
  sent = 0;
  received = 0;
  isClosed = false;

  constructor(name: string, socket: Deno.TcpConn, signal: AbortSignal) {
    const { hostname, port } = socket.localAddr;
    this.address = `${hostname}:${port}`;
    this.#name = name;
    this.#transport = new TcpTransport(socket);
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  async send(packet: PacketInit): Promise<void> {
    this.sent++;
    await this.#transport.write(encodePacket(packet));
  }

  /** The next packet; `expected` is the name of the one that is awaited. */
  async receive(expected: string): Promise<Packet> {
    const packet = await this.#next();
    if (packet !== undefined) return packet;
    throw new Failure(`${this.#name} expected ${expected}, but the connection was closed`);
  }

  async ended(): Promise<void> {
    const packet = await this.#next();
    if (packet === undefined) return;
    const name = packetName(packet.type);
    throw new Failure(`${this.#name} expected the end of its connection, but got ${name}`);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#transport.close();
  }

  /** The next packet; `undefined` at the end of the connection. */
  async #next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== undefined) {
        this.received++;
        return packet;
      }
      const chunk = await this.#read();
      if (chunk === undefined) return undefined;
      this.#decoder.push(chunk);
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      return await this.#transport.read();
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new Failure(
        `The connection of ${this.#name} broke: ${(error as Error).message}`,
      );
    }
  }
}
