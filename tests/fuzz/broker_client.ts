// A client that sends whatever a client may send, in any order, and now and then what none may. It
// looks at all that comes: whether the broker may send it to this client, and whether it has
// answered everything.

import { assert } from "@std/assert";
import {
  type ConnectInit,
  encodePacket,
  type Packet,
  type PacketInit,
  type PublishPacket,
  type QoS,
  type ReasonCodeOf,
} from "../../src/packets/mod.ts";
import type { Random } from "../../src/testing/random.ts";

const NAMES = ["a", "b", "c", "d", "", "long-client-identifier-".repeat(3)];
export const TOPICS = ["t", "a/b", "a/b/c", "$s/t", "a//", "/", "e/".repeat(9), "long/".repeat(8)];
const FILTERS = ["t", "#", "+", "a/+", "a/#", "+/+/c", "$s/#", "$share/g/t", "$share/g/#", "e/#"];
/** Every broker takes packets of this size. */
export const LEAST_PACKET_SIZE = 300;
const SIZES = [0, 1, 5, 20, 100, 400];

/** A connection as these clients see it. */
export interface FuzzLink {
  /** The packets that have come and were not looked at. */
  readonly packets: Packet[];
  /** Whether it is over, or the server has said that it is. */
  readonly isOver: boolean;
  /** From now on a packet with more bytes must not come. */
  set maximumPacketSize(bytes: number | undefined);
  /** Sends bytes. */
  send(bytes: Uint8Array): void;
}

/** What a client has said in CONNECT that it takes, and how it stands with what it got. */
export class FuzzClient<Ends extends FuzzLink> {
  readonly link: Ends;
  /** Whether CONNACK has come, and has not refused. */
  isConnected = false;
  /** Whether it has sent bytes that may mean anything. */
  isBroken = false;
  /** What it waits for, by type and Packet Identifier. */
  readonly expected: Set<string> = new Set();
  readonly #random: Random;
  readonly #count: (packet: Packet | PacketInit, way: "sent" | "received") => void;
  #connect: ConnectInit | undefined;
  #receiveMaximum = 65_535;
  #topicAliasMaximum = 0;
  #serverTakes: { receiveMaximum: number; qos: number; retain: boolean; aliases: number } = {
    ...{ receiveMaximum: 1, qos: 0, retain: false, aliases: 0 },
  };
  /** Of what has come: by Packet Identifier the QoS, until this client has acknowledged it. */
  readonly #unacknowledged = new Map<number, 1 | 2>();
  readonly #released: number[] = [];
  readonly #aliases = new Map<number, string>();
  /** Of what was sent: identifiers of QoS 1 and 2 that are in flight. */
  readonly #inFlight = new Map<number, "puback" | "pubrec" | "pubrel" | "pubcomp">();
  #isAuthenticating = false;
  /**
   * Whether it has acknowledged what it had not got: then it does not know how many messages wait
   * for that.
   */
  #hasGuessed = false;

  constructor(
    link: Ends,
    random: Random,
    count: (packet: Packet | PacketInit, way: "sent" | "received") => void,
  ) {
    this.link = link;
    this.#random = random;
    this.#count = count;
  }

  /** Does something, anything. */
  act(): void {
    const random = this.#random;
    const packets: PacketInit[] = [];
    if (this.#connect === undefined && !random.onceIn(60)) packets.push(this.#makeConnect());
    while (packets.length === 0 || random.onceIn(3)) packets.push(this.#any());
    let bytes: Uint8Array = Uint8Array.from(packets.flatMap((packet) => [...encodePacket(packet)]));
    for (const packet of packets) this.#sent(packet);
    if (random.onceIn(150)) bytes = this.#broken(bytes);
    if (random.onceIn(4)) {
      const middle = random.below(bytes.length);
      this.link.send(bytes.slice(0, middle));
      bytes = bytes.slice(middle);
    }
    this.link.send(bytes);
  }

  /** Sends bytes that may mean anything. */
  sendAnything(bytes: Uint8Array): void {
    this.isBroken = true;
    this.#hasGuessed = true;
    this.link.maximumPacketSize = undefined;
    this.link.send(bytes);
  }

  /** Says goodbye to what was retained. */
  clear(): void {
    const connect = { type: "connect", clientId: "janitor", cleanStart: true } as const;
    this.#connect = connect;
    const empty = TOPICS.map((topic) => ({ type: "publish", topic, retain: true }) as const);
    for (const packet of [connect, ...empty]) this.link.send(encodePacket(packet));
  }

  /** Looks at what has come. */
  look(): void {
    for (const packet of this.link.packets.splice(0)) {
      this.#count(packet, "received");
      this.#received(packet);
    }
  }

  #received(packet: Packet): void {
    assert(
      this.isConnected || ["connack", "auth"].includes(packet.type),
      `${packet.type} was sent before CONNACK`,
    );
    switch (packet.type) {
      case "connack": {
        const { properties } = packet;
        assert(!this.isConnected, "CONNACK comes twice");
        this.expected.delete("connack");
        if (packet.reasonCode >= 0x80) return;
        this.isConnected = true;
        this.#isAuthenticating = false;
        this.#serverTakes = {
          receiveMaximum: properties.receiveMaximum ?? 65_535,
          qos: properties.maximumQoS ?? 2,
          retain: properties.retainAvailable ?? true,
          aliases: properties.topicAliasMaximum ?? 0,
        };
        return;
      }
      case "auth":
        this.expected.delete(this.isConnected ? "auth" : "connack");
        this.#isAuthenticating = packet.reasonCode === 0x18;
        return;
      case "publish":
        return this.#published(packet);
      case "puback":
      case "pubcomp":
        this.#inFlight.delete(packet.packetId);
        this.expected.delete(`${packet.type} ${packet.packetId}`);
        return;
      case "pubrec":
        this.expected.delete(`pubrec ${packet.packetId}`);
        if (packet.reasonCode >= 0x80) this.#inFlight.delete(packet.packetId);
        else if (this.#inFlight.has(packet.packetId)) this.#inFlight.set(packet.packetId, "pubrel");
        return;
      case "pubrel":
        this.#released.push(packet.packetId);
        return;
      case "suback":
      case "unsuback":
        this.expected.delete(`${packet.type} ${packet.packetId}`);
        return;
      case "pingresp":
        this.expected.delete("pingresp");
        return;
      case "disconnect":
        assert(this.link.isOver, "DISCONNECT comes, and the link goes on");
        return;
      default:
        throw new Error(`A server sends ${packet.type}`);
    }
  }

  #published({ qos, packetId, topic, properties: { topicAlias } }: PublishPacket): void {
    if (this.isBroken) return;
    if (topicAlias !== undefined) {
      assert(topicAlias <= this.#topicAliasMaximum, `alias ${topicAlias} is too great`);
      if (topic === "") assert(this.#aliases.has(topicAlias), `alias ${topicAlias} is unknown`);
      else this.#aliases.set(topicAlias, topic);
    } else assert(topic !== "", "a message has neither topic nor alias");
    if (qos === 0 || this.#hasGuessed) return;
    assert(!this.#unacknowledged.has(packetId), `${packetId} is used while it is in flight`);
    this.#unacknowledged.set(packetId, qos);
    assert(
      this.#unacknowledged.size <= this.#receiveMaximum,
      `${this.#unacknowledged.size} unacknowledged, ${this.#receiveMaximum} allowed`,
    );
  }

  /** Takes note of what the broker owes for a packet. */
  #sent(packet: PacketInit): void {
    this.#count(packet, "sent");
    switch (packet.type) {
      case "connect":
        this.expected.add("connack");
        return;
      case "publish":
        if (packet.qos === 1) this.expected.add(`puback ${packet.packetId}`);
        if (packet.qos === 2) this.expected.add(`pubrec ${packet.packetId}`);
        return;
      case "puback":
      case "pubcomp":
        this.#unacknowledged.delete(packet.packetId);
        return;
      case "pubrec":
        if ((packet.reasonCode ?? 0) >= 0x80) this.#unacknowledged.delete(packet.packetId);
        return;
      case "pubrel":
        this.expected.add(`pubcomp ${packet.packetId}`);
        return;
      case "subscribe":
        this.expected.add(`suback ${packet.packetId}`);
        return;
      case "unsubscribe":
        this.expected.add(`unsuback ${packet.packetId}`);
        return;
      case "pingreq":
        this.expected.add("pingresp");
        return;
      case "auth":
        this.expected.add(this.isConnected ? "auth" : "connack");
        return;
    }
  }

  #makeConnect(): PacketInit {
    const random = this.#random;
    const maybe = <Value>(values: readonly Value[], times = 2) =>
      random.onceIn(times) ? values[random.below(values.length)] : undefined;
    const maximumPacketSize = maybe([1, 4, 5, 8, 12, 20, 30, 60, 150, 1000]);
    const method = maybe(["m"], 5);
    const properties = {
      sessionExpiryInterval: maybe([0, 1, 5, 3600, 0xffff_ffff]),
      receiveMaximum: maybe([1, 2, 3, 100]),
      maximumPacketSize,
      topicAliasMaximum: maybe([1, 2, 10]),
      requestProblemInformation: maybe([true, false]),
      requestResponseInformation: maybe([true, false]),
      authenticationMethod: method,
      authenticationData: method === undefined ? undefined : maybe([new Uint8Array(3)]),
    };
    const will = maybe([{
      topic: this.#topic(),
      payload: this.#payload(),
      qos: random.below(3) as QoS,
      retain: random.onceIn(2),
      properties: { willDelayInterval: maybe([0, 1, 100]) },
    }]);
    const connect: ConnectInit = {
      type: "connect",
      clientId: NAMES[random.below(NAMES.length)]!,
      cleanStart: random.onceIn(4),
      keepAlive: maybe([1, 5, 60]) ?? 0,
      ...will !== undefined && { will },
      ...random.onceIn(4) && { username: "u", password: new Uint8Array(4) },
      properties,
    };
    // A second one changes nothing: it is a fault.
    if (this.#connect !== undefined) return connect;
    this.#connect = connect;
    this.#receiveMaximum = properties.receiveMaximum ?? 65_535;
    this.#topicAliasMaximum = properties.topicAliasMaximum ?? 0;
    // Of one that is too large the broker reads no field.
    const isRead = encodePacket(connect).length <= LEAST_PACKET_SIZE;
    this.link.maximumPacketSize = isRead ? maximumPacketSize : undefined;
    return connect;
  }

  #any(): PacketInit {
    const random = this.#random;
    if (this.#isAuthenticating && random.onceIn(2)) return this.#auth(0x18);
    const chance = random.below(100);
    if (chance < 30) return this.#publish();
    if (chance < 42) return this.#subscribe();
    if (chance < 46) {
      const topicFilters = this.#some(FILTERS);
      return { type: "unsubscribe", packetId: 1 + random.below(9), topicFilters };
    }
    if (chance < 80) return this.#acknowledge();
    if (chance < 90) return this.#release();
    if (chance < 94) return { type: "pingreq" };
    if (chance < 96) return this.#auth(0x19);
    if (chance < 97 && random.onceIn(3)) return this.#makeConnect();
    if (chance < 99) return this.#disconnect();
    // An acknowledgement of something else, or of what is on its way and has not come.
    this.#hasGuessed = true;
    const types = ["puback", "pubrec", "pubrel", "pubcomp"] as const;
    return { type: types[random.below(4)]!, packetId: 1 + random.below(9) };
  }

  #publish(): PacketInit {
    const random = this.#random;
    const { qos: most, retain, aliases, receiveMaximum } = this.#serverTakes;
    const isWrong = random.onceIn(60);
    const packetId = 1 + random.below(20);
    const isFree = !this.#inFlight.has(packetId) && this.#inFlight.size < receiveMaximum;
    const qos = (isWrong || isFree ? Math.min(random.below(3), isWrong ? 2 : most) : 0) as QoS;
    if (qos > 0) this.#inFlight.set(packetId, qos === 1 ? "puback" : "pubrec");
    const topicAlias = random.onceIn(6) && (isWrong || aliases > 0)
      ? 1 + random.below(isWrong ? 99 : Math.min(aliases, 9))
      : undefined;
    return {
      type: "publish",
      topic: topicAlias !== undefined && random.onceIn(8) ? "" : this.#topic(),
      payload: this.#payload(),
      qos,
      packetId: qos === 0 ? 0 : packetId,
      dup: qos > 0 && random.onceIn(4),
      retain: (isWrong || retain) && random.onceIn(3),
      properties: {
        topicAlias,
        messageExpiryInterval: random.onceIn(4) ? random.below(4) : undefined,
        userProperties: random.onceIn(6) ? [["name", "value"]] : undefined,
      },
    };
  }

  #subscribe(): PacketInit {
    const random = this.#random;
    const subscriptions = this.#some(FILTERS).map((topicFilter) => ({
      topicFilter,
      qos: random.below(3) as QoS,
      noLocal: random.onceIn(3) && !topicFilter.startsWith("$share"),
      retainAsPublished: random.onceIn(2),
      retainHandling: random.below(3) as 0 | 1 | 2,
    }));
    const subscriptionIdentifiers = random.onceIn(3) ? [1 + random.below(20_000)] : undefined;
    const packetId = 1 + random.below(9);
    return { type: "subscribe", packetId, subscriptions, properties: { subscriptionIdentifiers } };
  }

  /** The next step with a message that has come. */
  #acknowledge(): PacketInit {
    const random = this.#random;
    const released = random.onceIn(2) ? random.takeFrom(this.#released) : undefined;
    if (released !== undefined) return { type: "pubcomp", packetId: released };
    const ids = [...this.#unacknowledged];
    if (ids.length === 0) return { type: "pingreq" };
    const [packetId, qos] = ids[random.below(ids.length)]!;
    const reasonCode = random.onceIn(8) ? 0x83 : 0x00;
    return { type: qos === 1 ? "puback" : "pubrec", packetId, reasonCode };
  }

  /** PUBREL for a message that was sent, if one waits for it. */
  #release(): PacketInit {
    const released = [...this.#inFlight].find(([, waitsFor]) => waitsFor === "pubrel");
    if (released === undefined) return { type: "pingreq" };
    this.#inFlight.set(released[0], "pubcomp");
    return { type: "pubrel", packetId: released[0] };
  }

  #auth(reasonCode: 0x18 | 0x19): PacketInit {
    if (this.#connect?.properties?.authenticationMethod === undefined) return { type: "pingreq" };
    this.#isAuthenticating = false;
    return { type: "auth", reasonCode, properties: { authenticationMethod: "m" } };
  }

  #disconnect(): PacketInit {
    const random = this.#random;
    const codes = [0x00, 0x04, 0x80] as readonly ReasonCodeOf<"disconnect">[];
    const sessionExpiryInterval = random.onceIn(3) ? random.below(100) : undefined;
    return {
      type: "disconnect",
      reasonCode: codes[random.below(3)]!,
      properties: { sessionExpiryInterval },
    };
  }

  #some<Item>(items: readonly Item[]): Item[] {
    const some = [items[this.#random.below(items.length)]!];
    while (this.#random.onceIn(3)) some.push(items[this.#random.below(items.length)]!);
    return some;
  }

  #topic(): string {
    return TOPICS[this.#random.below(TOPICS.length)]!;
  }

  #payload(): Uint8Array {
    return new Uint8Array(SIZES[this.#random.below(SIZES.length)]!);
  }

  #broken(bytes: Uint8Array): Uint8Array {
    const broken = bytes.slice();
    broken[this.#random.below(broken.length)] = this.#random.below(256);
    // What it may be sent, and is to be answered, nobody knows now.
    this.isBroken = true;
    this.link.maximumPacketSize = undefined;
    return broken;
  }
}
