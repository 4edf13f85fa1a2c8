// One connection of an attacker: it sends what it is told to, reads if it is to, and counts what the broker says against it.
// Whatever the broker does, nothing here throws: the attack goes on.

import {
  type ConnectInit,
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
} from "../../mod.ts";

/** Where an attack takes place, and how long. */
export interface Field {
  /** Where the broker listens on 127.0.0.1 without TLS. */
  readonly port: number;
  /** Where it does with TLS. */
  readonly tlsPort: number;
  /** Ends the attack. */
  readonly signal: AbortSignal;
  /** What the broker has said, and how often. */
  readonly tally: Map<string, number>;
}

/** Counts something once more. */
export function count({ tally }: Field, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

/** Waits for so many milliseconds, or for the end of the attack. */
export function rest({ signal }: Field, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

/** A connection over TCP on which nothing has been said; `undefined` if there is none to be had. */
export async function dial(field: Field, port = field.port): Promise<Deno.TcpConn | undefined> {
  try {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    return connection;
  } catch {
    count(field, "no connection");
    return undefined;
  }
}

/** Writes all of the bytes. Resolves to whether it could. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<boolean> {
  try {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    return true;
  } catch {
    return false;
  }
}

/** How a link reads. */
export interface LinkOptions {
  /** Whether it reads after CONNACK. */
  readonly reads?: boolean;
  /** Whether it acknowledges messages of QoS 1. */
  readonly acknowledges?: boolean;
}

/** A connection that the broker has accepted. Disposing it closes it without a word. */
export class AttackLink implements Disposable {
  /** Packets sent that are to be answered, and how many of them are. */
  asked = 0;
  answered = 0;
  readonly #connection: Deno.Conn;
  readonly #field: Field;
  readonly #decoder = new PacketDecoder({ maximumPacketSize: 268_435_460 });
  readonly #acknowledges: boolean;
  readonly #close = () => this[Symbol.dispose]();
  #isClosed = false;
  #wake = () => {};

  private constructor(connection: Deno.Conn, field: Field, acknowledges: boolean) {
    this.#connection = connection;
    this.#field = field;
    this.#acknowledges = acknowledges;
    field.signal.addEventListener("abort", this.#close);
    if (field.signal.aborted) this.#close();
  }

  /** Connects; `undefined` if the broker does not want that. */
  static async open(
    field: Field,
    init: Partial<ConnectInit> = {},
    { reads = true, acknowledges = false }: LinkOptions = {},
  ): Promise<AttackLink | undefined> {
    const connection = await dial(field);
    if (connection === undefined) return undefined;
    const link = new AttackLink(connection, field, acknowledges);
    await link.send({ type: "connect", ...init });
    const packet = await link.#next();
    if (packet?.type === "connack" && packet.reasonCode === 0) {
      if (reads) void link.#read();
      return link;
    }
    if (packet === undefined) count(field, "closed before CONNACK");
    else link.#take(packet);
    link[Symbol.dispose]();
    return undefined;
  }

  /** Whether it has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends bytes, or a packet. Resolves to whether it could. */
  async send(what: Uint8Array | PacketInit): Promise<boolean> {
    if (this.#isClosed) return false;
    const bytes = what instanceof Uint8Array ? what : encodePacket(what);
    const isSent = await writeAll(this.#connection, bytes);
    if (!isSent) this[Symbol.dispose]();
    return isSent;
  }

  /** Sends what will be answered, when no more than so many answers are to come. */
  async ask(what: Uint8Array | PacketInit, window = 1): Promise<boolean> {
    while (this.asked - this.answered >= window && !this.#isClosed) await this.#progress();
    this.asked++;
    return await this.send(what);
  }

  /** Waits until all is answered, or the link has ended. Resolves to whether it has not. */
  async settled(): Promise<boolean> {
    while (this.answered < this.asked && !this.#isClosed) await this.#progress();
    return !this.#isClosed;
  }

  /** Waits until it has ended. */
  async ended(): Promise<void> {
    while (!this.#isClosed) await this.#progress();
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#field.signal.removeEventListener("abort", this.#close);
    this.#connection.close();
    this.#wake();
  }

  #progress(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  async #read(): Promise<void> {
    for (;;) {
      const packet = await this.#next();
      if (packet === undefined) break;
      this.#take(packet);
    }
    if (!this.#field.signal.aborted && !this.#isClosed) count(this.#field, "closed");
    this[Symbol.dispose]();
  }

  async #next(): Promise<Packet | undefined> {
    try {
      for (;;) {
        const packet = this.#decoder.next();
        if (packet !== undefined) return packet;
        const buffer = new Uint8Array(65_536);
        const length = await this.#connection.read(buffer);
        if (length === null) return undefined;
        this.#decoder.push(buffer.subarray(0, length));
      }
    } catch {
      return undefined;
    }
  }

  #take(packet: Packet): void {
    switch (packet.type) {
      case "publish":
        if (packet.qos === 1 && this.#acknowledges) {
          void this.send({ type: "puback", packetId: packet.packetId });
        }
        return;
      case "puback":
      case "suback":
      case "pingresp":
        this.answered++;
        this.#wake();
    }
    const codes = "reasonCodes" in packet
      ? [...new Set(packet.reasonCodes)]
      : "reasonCode" in packet
      ? [packet.reasonCode]
      : [];
    for (const code of codes) {
      if (code < 0x80) continue;
      count(this.#field, `${packet.type} 0x${code.toString(16).toUpperCase()}`);
    }
  }
}
