// §3.3.2.3.4 Topic Alias: a number in place of a Topic Name. A mapping lives and dies with its
// connection [MQTT-3.3.2-7], so that each connection has new ones.

import { type PublishInit, type PublishPacket, ReasonCode } from "../packets/mod.ts";
import { AliasCandidates } from "./alias_candidates.ts";
import { protocolError } from "./protocol_errors.ts";
import { textBytes } from "./message_size.ts";

/** So many aliases at most are given out, for topics of so many characters at most. */
const MOST_GIVEN_OUT = 1024;
const LONGEST_TOPIC = 256;

/** What a mapping takes beside the characters of its topic. */
const MAPPING = 64;

/** Who gives out aliases for what is sent: nobody, the caller, or the connection. */
export type TopicAliasMode = "off" | "manual" | "automatic";

/** The aliases of the packets that a connection sends. */
export class OutgoingAliases {
  readonly #mode: TopicAliasMode;
  readonly #maximum: number;
  /** By Topic Name. */
  readonly #aliases = new Map<string, number>();
  /** By alias, what the peer knows. */
  readonly #topics = new Map<number, string>();
  /** By alias, what the caller has said: messages may wait before they are sent. */
  readonly #given = new Map<number, string>();
  readonly #candidates = new AliasCandidates();
  #bytes = 0;

  /** `maximum` is what the peer takes [MQTT-3.2.2-17]; 0 for none [MQTT-3.2.2-18]. */
  constructor(mode: TopicAliasMode, maximum: number) {
    this.#mode = mode;
    this.#maximum = maximum;
  }

  /** About how many bytes the mappings take, with the topics that may get one. */
  get bytes(): number {
    return this.#bytes + this.#candidates.bytes;
  }

  /** Whether messages get aliases of themselves. */
  get areGivenOut(): boolean {
    return this.#mode === "automatic" && this.#maximum > 0;
  }

  /**
   * The message with its full Topic Name, as it must be kept for another connection. Once it is
   * taken, say so with {@linkcode OutgoingAliases.taken}.
   *
   * @throws {TypeError} when it has an alias and no Topic Name, and the alias stands for none
   * @throws {RangeError} when its alias is greater than the peer takes
   */
  complete(packet: PublishInit): PublishInit {
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) return packet;
    if (this.#mode !== "manual") {
      throw new TypeError('properties.topicAlias needs the option topicAliases: "manual"');
    }
    if (alias > this.#maximum) {
      const limit = `the peer accepts at most ${this.#maximum} [MQTT-3.3.2-9]`;
      throw new RangeError(`properties.topicAlias is ${alias}, but ${limit}`);
    }
    if (packet.topic !== "") return packet;
    const topic = this.#given.get(alias);
    if (topic === undefined) {
      throw new TypeError(`properties.topicAlias is ${alias}, which is not assigned to a topic`);
    }
    return { ...packet, topic };
  }

  /**
   * Takes note of a complete message that has been taken: from now on the caller may leave its
   * topic out.
   */
  taken({ topic, properties }: PublishInit): void {
    const alias = properties?.topicAlias;
    if (alias !== undefined) this.#given.set(alias, topic);
  }

  /**
   * The message as it is sent, with or without its Topic Name. Once it is sent, say so with
   * {@linkcode OutgoingAliases.sent}.
   */
  apply(packet: PublishInit): PublishInit {
    if (this.#mode === "off" || this.#maximum === 0) return withoutAlias(packet);
    if (this.#mode === "automatic") return this.#automatic(packet);
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) return packet;
    if (alias > this.#maximum) return withoutAlias(packet);
    return this.#topics.get(alias) === packet.topic ? { ...packet, topic: "" } : packet;
  }

  /**
   * Takes note of a complete message that has been sent with an alias: from now on that stands for
   * its topic.
   */
  sent(topic: string, alias: number): void {
    this.#candidates.use(alias);
    const before = this.#topics.get(alias);
    if (before === topic) return;
    if (before !== undefined) {
      this.#aliases.delete(before);
      this.#bytes -= MAPPING + textBytes(before);
    }
    this.#bytes += MAPPING + textBytes(topic);
    this.#topics.set(alias, topic);
    this.#aliases.set(topic, alias);
  }

  #automatic(packet: PublishInit): PublishInit {
    const { topic } = packet;
    const known = this.#aliases.get(topic);
    if (known !== undefined) return withAlias(packet, "", known);
    const alias = topic.length > LONGEST_TOPIC ? undefined : this.#aliasFor(topic);
    return alias === undefined ? withoutAlias(packet) : withAlias(packet, topic, alias);
  }

  /** An alias not assigned yet, or one that gives way. */
  #aliasFor(topic: string): number | undefined {
    const { size } = this.#aliases;
    const most = Math.min(this.#maximum, MOST_GIVEN_OUT);
    return size < most ? size + 1 : this.#candidates.aliasFor(topic, most);
  }
}

/** For all connections that give out none: they have nothing to remember. */
export const NO_ALIASES: OutgoingAliases = new OutgoingAliases("off", 0);

function withAlias(packet: PublishInit, topic: string, topicAlias: number): PublishInit {
  return { ...packet, topic, properties: { ...packet.properties, topicAlias } };
}

/** The message without an alias: itself, when it has none. */
export function withoutAlias(packet: PublishInit): PublishInit {
  if (packet.properties?.topicAlias === undefined) return packet;
  return { ...packet, properties: { ...packet.properties, topicAlias: undefined } };
}

/** The aliases of the packets that a connection receives. */
export class IncomingAliases {
  readonly #maximum: number;
  readonly #topics: string[] = [];
  #bytes = 0;

  /** `maximum` is what this end has said that it takes [MQTT-3.3.2-10]. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** About how many bytes the mappings take. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The message with its Topic Name and without its alias: nobody after the connection knows of
   * either.
   *
   * @throws {ProtocolError} when the alias is greater than the maximum (0x94) or stands for no
   *   topic (0x82)
   */
  resolve(packet: PublishPacket): PublishPacket {
    const { topicAlias, ...properties } = packet.properties;
    if (topicAlias === undefined) return packet;
    if (topicAlias > this.#maximum) {
      throw protocolError(
        "publish",
        "Topic Alias",
        `is ${topicAlias}, above the Topic Alias Maximum of ${this.#maximum}`,
        "3.3.2.3.4",
        ReasonCode.topicAliasInvalid,
      );
    }
    if (packet.topic !== "") this.#set(topicAlias, packet.topic);
    const topic = this.#topics[topicAlias];
    if (topic === undefined) {
      throw protocolError(
        "publish",
        "Topic Alias",
        `is ${topicAlias}, which is not assigned, and the Topic Name is empty`,
        "3.3.4",
      );
    }
    return { ...packet, topic, properties };
  }

  #set(alias: number, topic: string): void {
    const before = this.#topics[alias];
    if (before !== undefined) this.#bytes -= MAPPING + textBytes(before);
    this.#topics[alias] = topic;
    this.#bytes += MAPPING + textBytes(topic);
  }
}
