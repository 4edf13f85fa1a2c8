// §3.3.2.3.4 Topic Alias, of one direction of one link [MQTT-3.3.2-7].

import type { PublishPacket } from "../packets/mod.ts";
import { type Judge, nameOf, peerOf, type Side } from "./findings.ts";
import type { Limits } from "./limits.ts";

/** Aliases that are not taken at all, and those above the maximum, by who sends them. */
const NONE = { client: "MQTT-3.2.2-18", server: "MQTT-3.1.2-27" } as const;
const ABOVE = { client: "MQTT-3.3.2-9", server: "MQTT-3.3.2-11" } as const;

/** Aliases that have to be taken, by who gets them. */
const TAKEN = { client: "MQTT-3.3.2-10", server: "MQTT-3.3.2-12" } as const;

/** More characters than this in topics with an alias are not remembered, but are allowed. */
const MOST_CHARACTERS = 1_000_000;

/** The aliases that one end has given. */
export class Aliases {
  readonly #from: Side;
  readonly #judge: Judge;
  readonly #topics = new Map<number, string>();
  #characters = 0;
  #isComplete = true;
  /** Whether the receiver has a reason to complain. */
  #isWrong = false;
  /** What the receiver takes; `undefined` as long as the sender may not know it. */
  limits: Limits | undefined;

  /** Those of a connection that begins. */
  constructor(from: Side, judge: Judge) {
    this.#from = from;
    this.#judge = judge;
  }

  /** The topic of a PUBLISH; `undefined` when it cannot be told. */
  topicOf({ topic, properties }: PublishPacket): string | undefined {
    const judge = this.#judge;
    const alias = properties.topicAlias;
    if (alias === undefined) {
      if (this.limits?.topicAliasMaximum === 0) judge.count(NONE[this.#from]);
      return topic;
    }
    judge.count("MQTT-3.3.2-8");
    if (this.limits !== undefined) this.#judgeRange(alias, this.limits.topicAliasMaximum);
    if (topic !== "") {
      this.#keep(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known === undefined && !this.#isComplete) return undefined;
    const isKnown = judge.holds(
      "MQTT-3.3.2-7",
      known !== undefined,
      () => `sends Topic Alias ${alias} without a topic, but has given it none on this connection`,
    );
    if (!isKnown) this.#isWrong = true;
    return known;
  }

  #judgeRange(alias: number, maximum: number): void {
    const judge = this.#judge;
    const receiver = peerOf(this.#from);
    if (alias > maximum) this.#isWrong = true;
    else judge.count(TAKEN[receiver]);
    judge.holds(
      (maximum === 0 ? NONE : ABOVE)[this.#from],
      alias <= maximum,
      () =>
        `sends Topic Alias ${alias}, but ${nameOf(receiver)} takes ${
          maximum === 0 ? "none" : `at most ${maximum}`
        }`,
    );
  }

  /** The receiver ends the connection because of an alias. */
  refused(): void {
    if (this.limits === undefined) return;
    this.#judge.holds(
      TAKEN[peerOf(this.#from)],
      this.#isWrong,
      () => "ends the connection for a Topic Alias, but has been sent none that it does not take",
    );
  }

  #keep(alias: number, topic: string): void {
    this.#characters += topic.length - (this.#topics.get(alias)?.length ?? 0);
    if (this.#characters > MOST_CHARACTERS) {
      this.#isComplete = false;
      this.#characters -= topic.length;
      this.#topics.delete(alias);
    } else this.#topics.set(alias, topic);
  }
}
