// What is needed of every PUBLISH that passes, though it be one of a million a second: its topic,
// and where its payload begins. Found along the lengths alone, in every version of MQTT; a Topic
// Alias is resolved as its receiver does (§3.3.2.3.4).

import type { Side } from "../../monitor/mod.ts";
import { PROPERTIES } from "../../packets/properties.ts";
import type { Utf8Decoder } from "../../wire/utf8.ts";
import { Lost, Walk } from "./walk.ts";

/** A PUBLISH in outline. */
export interface PublishOutline {
  /** The Topic Name; by its alias, if it has only that. */
  readonly topic: string;
  /** The Topic Alias, if it has one. */
  readonly alias: number | undefined;
  /** Where the payload begins, in bytes from the first of the packet. */
  readonly payloadAt: number;
}

/** The bits for the QoS in the first byte. */
const QOS = 0x06;

/** The most aliases that are known of an end, and how long their topics are in all, at most. */
const MOST_ALIASES = 65_535;
const MOST_CHARACTERS = 1_048_576;

/** The topics behind the aliases of one end. */
class Aliases {
  readonly #topics = new Map<number, string>();
  #length = 0;

  /** A topic has got an alias. What is beyond the limits is forgotten. */
  set(alias: number, topic: string): void {
    this.#length += topic.length - (this.#topics.get(alias)?.length ?? 0);
    this.#topics.set(alias, topic);
    if (this.#length <= MOST_CHARACTERS && this.#topics.size <= MOST_ALIASES) return;
    this.#topics.clear();
    this.#length = 0;
  }

  get(alias: number): string | undefined {
    return this.#topics.get(alias);
  }
}

/** Finds the outlines of what is published on one connection. */
export class PublishReader {
  readonly #text: Utf8Decoder;
  readonly #aliases: { readonly [From in Side]: Aliases } = {
    client: new Aliases(),
    server: new Aliases(),
  };

  /** `text` may be that of other connections, too. */
  constructor(text: Utf8Decoder) {
    this.#text = text;
  }

  /**
   * The outline of a PUBLISH, of which the beginning is enough; `undefined` for one whose topic
   * cannot be told.
   */
  read(from: Side, packet: Uint8Array, hasProperties: boolean): PublishOutline | undefined {
    const walk = new Walk(packet);
    let alias: number | undefined;
    try {
      walk.variableByteInteger(1);
      const length = walk.fieldLength();
      const name = this.#text.decode(packet, walk.at - length, walk.at);
      if ((packet[0]! & QOS) !== 0) walk.skip(2);
      if (hasProperties) {
        walk.properties((id, at) => {
          if (id === PROPERTIES.topicAlias.id) alias = packet[at]! << 8 | packet[at + 1]!;
        });
      }
      const topic = this.#named(from, name, alias);
      return topic === "" ? undefined : { topic, alias, payloadAt: walk.at };
    } catch (error) {
      if (error instanceof Lost) return undefined;
      throw error;
    }
  }

  /** The topic, by its name or its alias; `""` if it is not known. */
  #named(from: Side, name: string | undefined, alias: number | undefined): string {
    if (alias === undefined || name === undefined) return name ?? "";
    if (name === "") return this.#aliases[from].get(alias) ?? "";
    this.#aliases[from].set(alias, name);
    return name;
  }
}
