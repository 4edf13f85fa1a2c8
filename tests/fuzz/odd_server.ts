// A server that answers as the standard says, or late, or wrongly, or with broken bytes, or never:
// on top of what a scripted server of a world is.

import { encodePacket, type Packet, type PacketInit, type QoS } from "../../src/packets/mod.ts";
import type { Random } from "../../src/testing/random.ts";
import {
  type AnsweredType,
  ExpectationError,
  type PacketOf,
  type ScriptedPeer,
  type ScriptedServer,
  type World,
} from "../../src/testing/mod.ts";
import { count, type Counts } from "./faults.ts";
import { mutated } from "./fuzz.ts";

/** What the server of one run works with. */
export interface OddServerSetup {
  readonly world: World;
  readonly server: ScriptedServer;
  readonly random: Random;
  /** Packets of every kind, as bytes. */
  readonly corpus: readonly Uint8Array[];
  readonly counts: Counts;
}

const ANSWERED: ReadonlySet<string> = new Set<AnsweredType>([
  ...["connect", "publish", "pubrec", "pubrel", "subscribe", "unsubscribe", "pingreq"] as const,
]);

export const TOPICS = ["t", "a/b", "a/b/c", "$s/t", "r/1"];

/** The server. */
export class OddServer {
  readonly #setup: OddServerSetup;
  #peers: ScriptedPeer[] = [];
  /** Whether it does all as it should. */
  isSane = false;

  constructor(setup: OddServerSetup) {
    this.#setup = setup;
    void this.#acceptAll();
  }

  /** Does something that nobody has asked for. */
  act(): void {
    const { random } = this.#setup;
    const peer = this.#peers.at(-1);
    if (peer === undefined) return;
    const chance = random.below(100);
    if (chance < 50) this.#send(peer, this.#publish());
    else if (chance < 65) this.#send(peer, this.#acknowledgement());
    else if (chance < 70) this.#send(peer, this.#disconnect());
    else this.#odd(peer);
  }

  async #acceptAll(): Promise<void> {
    for (;;) {
      const peer = await this.#setup.server.accept();
      void this.#serve(peer);
    }
  }

  async #serve(peer: ScriptedPeer): Promise<void> {
    try {
      const first = await peer.next();
      this.#peers.push(peer);
      this.#heard(peer, first);
      for (;;) this.#heard(peer, await peer.next());
    } catch (error) {
      if (!(error instanceof ExpectationError)) throw error;
      peer.close();
      this.#peers = this.#peers.filter((other) => other !== peer);
    }
  }

  #heard(peer: ScriptedPeer, packet: Packet): void {
    const { random, counts, world } = this.#setup;
    count(counts, `${packet.type} sent by the client`);
    if (!ANSWERED.has(packet.type) || packet.type === "publish" && packet.qos === 0) return;
    // Without a connection there is little to see.
    const isRight = this.isSane || packet.type === "connect" && !random.onceIn(8);
    const chance = isRight ? 0 : random.below(100);
    if (chance < 75) this.#answer(peer, packet as PacketOf<AnsweredType>);
    else if (chance < 85) {
      const { clock } = world.process("chance");
      clock.at(clock.now() + random.below(20_000), () => {
        this.#answer(peer, packet as PacketOf<AnsweredType>);
      });
    } else if (chance < 95) this.#odd(peer);
    else count(counts, "not answered");
  }

  #answer(peer: ScriptedPeer, packet: PacketOf<AnsweredType>): void {
    const { random } = this.#setup;
    const isNo = !this.isSane && random.onceIn(10);
    switch (packet.type) {
      case "connect":
        if (isNo) return void peer.answer(packet, { reasonCode: random.onceIn(2) ? 0x88 : 0x97 });
        return void peer.answer(packet, this.#connack(packet));
      case "publish":
        return void peer.answer(packet, { reasonCode: isNo ? 0x97 : random.onceIn(5) ? 0x10 : 0 });
      case "subscribe":
        if (!isNo) break;
        return void peer.answer(packet, { reasonCodes: packet.subscriptions.map(() => 0x87) });
      case "unsubscribe":
        if (!isNo) break;
        return void peer.answer(packet, { reasonCodes: packet.topicFilters.map(() => 0x11) });
      case "pubrel":
        return void peer.answer(packet, { reasonCode: isNo ? 0x92 : 0 });
    }
    void peer.answer(packet);
  }

  #connack(
    { clientId, cleanStart }: PacketOf<"connect">,
  ): Partial<Omit<PacketOf<"connack">, "type">> {
    const { random } = this.#setup;
    const maybe = <Value>(...values: Value[]) =>
      !this.isSane && random.onceIn(3) ? values[random.below(values.length)] : undefined;
    return {
      sessionPresent: !this.isSane && (random.onceIn(20) || !cleanStart && random.onceIn(2)),
      properties: {
        userProperties: [],
        receiveMaximum: maybe(1, 2, 10),
        maximumQoS: maybe<0 | 1>(0, 1),
        retainAvailable: maybe(false),
        maximumPacketSize: maybe(20, 100, 1000),
        topicAliasMaximum: maybe(1, 5),
        serverKeepAlive: maybe(0, 1, 10),
        sessionExpiryInterval: maybe(0, 10),
        subscriptionIdentifierAvailable: maybe(false),
        sharedSubscriptionAvailable: maybe(false),
        wildcardSubscriptionAvailable: maybe(false),
        responseInformation: maybe("r"),
        assignedClientIdentifier: clientId === "" ? "given" : maybe("other"),
      } as PacketOf<"connack">["properties"],
    };
  }

  #publish(): PacketInit {
    const { random } = this.#setup;
    const qos = random.below(3) as QoS;
    const topicAlias = random.onceIn(5) ? 1 + random.below(6) : undefined;
    return {
      type: "publish",
      topic: topicAlias !== undefined && random.onceIn(2)
        ? ""
        : TOPICS[random.below(TOPICS.length)]!,
      payload: new Uint8Array([0, 5, 50, 500][random.below(4)]!),
      qos,
      packetId: qos === 0 ? 0 : 1 + random.below(6),
      dup: qos > 0 && random.onceIn(3),
      retain: random.onceIn(3),
      properties: {
        topicAlias,
        subscriptionIdentifiers: random.onceIn(2) ? [1 + random.below(5)] : undefined,
        responseTopic: random.onceIn(5) ? "r/1" : undefined,
        correlationData: random.onceIn(5) ? new Uint8Array(2) : undefined,
      },
    };
  }

  #acknowledgement(): PacketInit {
    const { random } = this.#setup;
    const packetId = 1 + random.below(6);
    const types = ["puback", "pubrec", "pubrel", "pubcomp"] as const;
    const chance = random.below(6);
    if (chance < 4) return { type: types[chance]!, packetId };
    return chance === 4
      ? { type: "suback", packetId, reasonCodes: [0] }
      : { type: "unsuback", packetId, reasonCodes: [0] };
  }

  #disconnect(): PacketInit {
    const codes = [0x00, 0x81, 0x87, 0x8b, 0x8d, 0x8e, 0x93, 0x97, 0x98, 0x9c] as const;
    return { type: "disconnect", reasonCode: codes[this.#setup.random.below(codes.length)]! };
  }

  /** Valid packets at the wrong time, broken ones, and ends of all kinds. */
  #odd(peer: ScriptedPeer): void {
    const { random, corpus, counts } = this.#setup;
    const chance = random.below(100);
    const bytes = corpus[random.below(corpus.length)]!;
    if (chance < 45) {
      count(counts, "any packet");
      void peer.sendBytes(bytes);
    } else if (chance < 70) {
      count(counts, "broken bytes");
      void peer.sendBytes(mutated(random, bytes, corpus));
    } else if (chance < 80) peer.reset();
    else if (chance < 90) peer.close();
    else if (chance < 95) void peer.endSending();
    else {
      count(counts, "half a packet");
      void peer.sendBytes(bytes.subarray(0, 1 + random.below(bytes.length)));
    }
  }

  #send(peer: ScriptedPeer, packet: PacketInit): void {
    count(this.#setup.counts, `${packet.type} sent by the server`);
    void peer.sendBytes(encodePacket(packet));
  }
}
