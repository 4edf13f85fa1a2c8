// A server that takes everything, or says what it is told to, and writes down what it has heard: it
// knows each packet of a command to the last property.

import { concat } from "jsr:@std/bytes@^1/concat";
import {
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
  type PacketType,
  type PublishPacket,
} from "../../mod.ts";
import { withinPatience } from "../interop/interop.ts";
import type { PacketOf } from "../session/scripted.ts";

/** What a server says to a packet: packets, nothing, or the end of the connection. */
type Answer = PacketInit | readonly PacketInit[] | "close" | undefined;

/** What a server says to packets. */
export type Answers = {
  readonly [Type in PacketType]?: (packet: PacketOf<Type>) => Answer;
};

/** What a server says that takes everything. */
const POLITE: Answers = {
  connect: ({ properties: { authenticationMethod } }) => ({
    type: "connack",
    properties: { topicAliasMaximum: 10, authenticationMethod },
  }),
  subscribe: (packet) => granted(packet),
  unsubscribe: ({ packetId, topicFilters }) => ({
    type: "unsuback",
    packetId,
    reasonCodes: topicFilters.map(() => 0x00 as const),
  }),
  publish: ({ packetId, qos }) =>
    qos === 0 ? undefined : { type: qos === 1 ? "puback" : "pubrec", packetId },
  pubrel: ({ packetId }) => ({ type: "pubcomp", packetId }),
  pingreq: () => ({ type: "pingresp" }),
};

/** Grants what is asked for. */
export function granted(
  { packetId, subscriptions }: PacketOf<"subscribe">,
): PacketInit & { readonly type: "suback" } {
  return { type: "suback", packetId, reasonCodes: subscriptions.map(({ qos }) => qos) };
}

/** Answers a request with its payload. */
export function echo({ properties, payload, qos, packetId }: PublishPacket): Answer {
  const { responseTopic = "", correlationData } = properties;
  const answer = { type: "publish", topic: responseTopic, payload: payload.slice() } as const;
  return [
    ...qos === 1 ? [{ type: "puback", packetId } as const] : [],
    { ...answer, properties: { correlationData } },
  ];
}

/** A server that writes down what it is told. */
export class Recorder implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #answers: Answers;
  readonly #packets: Packet[] = [];
  readonly #serving: Promise<void>;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #ended = Promise.withResolvers<void>();
  #isAsked = Promise.withResolvers<void>();

  /** Takes everything, but for what `answers` say else. */
  constructor(answers: Answers = {}) {
    this.#answers = { ...POLITE, ...answers };
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** All that the first client has said, once it is gone. */
  async conversation(): Promise<readonly Packet[]> {
    await withinPatience(this.#ended.promise);
    return this.#packets;
  }

  /** The first packet of a type. Waits for it. */
  async first<Type extends PacketType>(type: Type): Promise<PacketOf<Type>> {
    for (;;) {
      const packet = this.#packets.find((packet) => packet.type === type);
      if (packet !== undefined) return packet as PacketOf<Type>;
      await withinPatience(this.#isAsked.promise);
    }
  }

  /** All packets of a type that the first client has said, once it is gone. */
  async all<Type extends PacketType>(type: Type): Promise<readonly PacketOf<Type>[]> {
    const packets = await this.conversation();
    return packets.filter((packet) => packet.type === type) as PacketOf<Type>[];
  }

  /** Sends packets to the clients that are there. */
  async say(...packets: readonly PacketInit[]): Promise<void> {
    const bytes = concat(packets.map((packet) => encodePacket(packet)));
    for (const connection of this.#connections) await write(connection, bytes);
  }

  /** Nothing listens from now on. */
  close(): void {
    close(this.#listener);
    for (const connection of this.#connections) close(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const conversations: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) conversations.push(this.#hear(connection));
    } catch {
      // The listener was closed.
    }
    await Promise.all(conversations);
  }

  async #hear(connection: Deno.TcpConn): Promise<void> {
    this.#connections.add(connection);
    const decoder = new PacketDecoder();
    try {
      for await (const chunk of connection.readable) {
        decoder.push(chunk);
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          this.#packets.push(packet);
          this.#isAsked.resolve();
          this.#isAsked = Promise.withResolvers();
          const answer = (this.#answers[packet.type] as ((packet: Packet) => Answer) | undefined)?.(
            packet,
          );
          if (answer === "close") return;
          const replies = [answer ?? []].flat().map((reply) => encodePacket(reply));
          await write(connection, concat(replies));
        }
      }
    } catch {
      // The connection has broken, or the test is over.
    } finally {
      close(connection);
      this.#ended.resolve();
    }
  }
}

/** Writes all of it. */
export async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Closes what is not closed yet. */
export function close(resource: Deno.TcpConn | Deno.TcpListener): void {
  try {
    resource.close();
  } catch {
    // It is closed.
  }
}
