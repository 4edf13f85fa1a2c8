// A client of a test that sends what it is told to, right or wrong, and reads only when it is asked to: so it may also be
// one that never reads.

import { assert, assertStrictEquals } from "@std/assert";
import {
  type ConnackPacket,
  type ConnectInit,
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PacketType,
} from "../../mod.ts";
import { connectTcp } from "../../src/io/tcp.ts";
import type { Transport } from "../../src/io/transport.ts";
import { bytesOf } from "../hex.ts";
import type { PacketOf } from "../session/scripted.ts";

/** One end of a connection. Disposing it closes it, without a word. */
export class Peer implements Disposable {
  readonly #transport: Transport;
  readonly #decoder = new PacketDecoder();

  /** Sends and reads over a transport. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A connection over TCP to a broker, on which nothing has been said. */
  static async dial({ port }: { readonly port: number }): Promise<Peer> {
    const { signal } = new AbortController();
    return new Peer(await connectTcp({ hostname: "127.0.0.1", port, signal }));
  }

  /** A connection over TCP that the broker has accepted. */
  static async connect(
    broker: { readonly port: number },
    options: Partial<ConnectInit> = {},
  ): Promise<Peer> {
    const peer = await Peer.dial(broker);
    await peer.open(options);
    return peer;
  }

  /** Sends CONNECT and waits for a CONNACK that accepts it. */
  async open(options: Partial<ConnectInit> = {}): Promise<ConnackPacket> {
    await this.send({ type: "connect", ...options });
    const connack = await this.expect("connack");
    assertStrictEquals(connack.reasonCode, 0x00);
    return connack;
  }

  /** Sends packets, or bytes as hexadecimal digits, all in one. Resolves when they are written. */
  async send(...parts: readonly (PacketInit | string)[]): Promise<void> {
    const bytes = parts.map((part) =>
      typeof part === "string" ? bytesOf(part) : encodePacket(part)
    );
    await this.write(await new Blob(bytes as Uint8Array<ArrayBuffer>[]).bytes());
  }

  /** Sends bytes. Resolves when they are written. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#transport.write(bytes);
  }

  /** The next packet; `undefined` once the broker has closed the connection. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== undefined) return packet;
      const chunk = await this.#transport.read().catch(() => undefined);
      if (chunk === undefined) return undefined;
      this.#decoder.push(chunk);
    }
  }

  /** A packet of this type comes next. */
  async expect<Type extends PacketType>(type: Type): Promise<PacketOf<Type>> {
    const packet = await this.next();
    assert(packet?.type === type, `${type} was expected, and there is ${Deno.inspect(packet)}`);
    return packet as PacketOf<Type>;
  }

  /** The broker says DISCONNECT, and closes the connection. */
  async expectDisconnect(reasonCode: number): Promise<void> {
    assertStrictEquals((await this.expect("disconnect")).reasonCode, reasonCode);
    await this.expectEnd();
  }

  /** The broker closes the connection, and says nothing more. */
  async expectEnd(): Promise<void> {
    assertStrictEquals(await this.next(), undefined);
  }

  /** Waits until the broker has closed the connection, whatever it says before. */
  async ended(): Promise<void> {
    while (await this.#transport.read().catch(() => undefined) !== undefined);
  }

  [Symbol.dispose](): void {
    this.#transport.close();
  }
}
