// §3.3.2.3.4 Topic Alias, of one direction of one link [MQTT-3.3.2-7].

import type { PublishPacket } from "../packets/mod.ts";
import { type Judge, nameOf, peerOf, type Side, subject } from "./findings.ts";
import type { Limits } from "./limits.ts";

/** More characters than this in topics with an alias are not remembered, but are allowed. */
const MOST_CHARACTERS = 1_000_000;

/** The aliases that one end has given. */
export class Aliases {
  readonly #from: Side;
  readonly #judge: Judge;
  readonly #topics = new Map<number, string>();
  #characters = 0;
  #isComplete = true;
  /** What the receiver takes; `undefined` as long as the sender may not know it. */
  limits: Limits | undefined;

  /** Those of a connection that begins. */
  constructor(from: Side, judge: Judge) {
    this.#from = from;
    this.#judge = judge;
  }

  /** The topic of a PUBLISH; `undefined` when it cannot be told. */
  topicOf({ topic, properties }: PublishPacket): string | undefined {
    const alias = properties.topicAlias;
    if (alias === undefined) return topic;
    this.#judge.count("MQTT-3.3.2-8");
    if (this.limits !== undefined) this.#judgeRange(alias, this.limits.topicAliasMaximum);
    if (topic !== "") {
      this.#keep(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known === undefined && !this.#isComplete) return undefined;
    this.#judge.holds(
      "MQTT-3.3.2-7",
      known !== undefined,
      () =>
        `${subject(this.#from)} sends Topic Alias ${alias} without a topic, ` +
        "but has given it none on this connection",
    );
    return known;
  }

  #keep(alias: number, topic: string): void {
    this.#characters += topic.length - (this.#topics.get(alias)?.length ?? 0);
    if (this.#characters > MOST_CHARACTERS) {
      this.#isComplete = false;
      this.#characters -= topic.length;
      this.#topics.delete(alias);
    } else this.#topics.set(alias, topic);
  }

  #judgeRange(alias: number, maximum: number): void {
    const isClient = this.#from === "client";
    const receiver = nameOf(peerOf(this.#from));
    if (maximum === 0) {
      this.#judge.holds(
        isClient ? "MQTT-3.2.2-18" : "MQTT-3.1.2-27",
        false,
        () => `${subject(this.#from)} sends Topic Alias ${alias}, but ${receiver} takes none`,
      );
      return;
    }
    this.#judge.holds(
      isClient ? "MQTT-3.3.2-9" : "MQTT-3.3.2-11",
      alias <= maximum,
      () =>
        `${
          subject(this.#from)
        } sends Topic Alias ${alias}, but ${receiver} takes at most ${maximum}`,
    );
  }
}
