// The topics that messages have passed on, each with how many there were and the last of them:
// counted exactly, however fast they come, and bounded, however many topics there are.

import type { Side } from "../../monitor/mod.ts";
import { ChangingTable, type TableReader } from "./changing_table.ts";
import type { ObservedPublish } from "./link_observer.ts";

/** The last message on a topic. */
export interface LastMessage {
  /** The number of its entry. */
  readonly n: number;
  /** The number of its connection. */
  readonly connection: number;
  readonly time: number;
  readonly from: Side;
  readonly qos: number;
  readonly retain: boolean;
  /** The beginning of its payload. */
  readonly payload: Uint8Array;
  /** How many bytes its payload has. */
  readonly size: number;
}

/** A topic. */
export interface TopicRow {
  /** The Topic Name. */
  readonly key: string;
  version: number;
  /** How many messages clients have published. */
  published: number;
  /** How many messages servers have delivered. */
  delivered: number;
  /** How many bytes their payloads had. */
  bytes: number;
  /** Whether there is a retained message, as far as that has been seen. */
  retained?: boolean;
  last: LastMessage;
}

/** How much is kept. */
export interface TopicLimits {
  /** The most topics. */
  readonly topics: number;
  /** How many characters their names have in all, at most. */
  readonly characters: number;
}

const LIMITS: TopicLimits = { topics: 10_000, characters: 4_194_304 };

/** How many bytes of a payload are shown. */
export const SHOWN_PAYLOAD = 1024;

/** Of a larger packet the payload is copied, so that the rest of it need not be kept. */
const LARGEST_KEPT = 2048;

/** Counts the messages of each topic. The topics that have been silent longest are forgotten. */
export class TopicTable {
  readonly #limits: TopicLimits;
  readonly #table = new ChangingTable<TopicRow>();
  #characters = 0;

  constructor(limits: TopicLimits = LIMITS) {
    this.#limits = limits;
  }

  /** A message has passed, as entry `n`. */
  add(n: number, packet: ObservedPublish, connection: number, time: number): void {
    const { from, publish: { topic, payloadAt }, bytes } = packet;
    const size = Math.max(0, packet.size - payloadAt);
    const shown = bytes.subarray(payloadAt, payloadAt + SHOWN_PAYLOAD);
    const last: LastMessage = {
      n,
      connection,
      time,
      from,
      qos: bytes[0]! >> 1 & 0x03,
      retain: (bytes[0]! & 0x01) !== 0,
      payload: bytes.length > LARGEST_KEPT ? shown.slice() : shown,
      size,
    };
    let row = this.#table.get(topic);
    if (row === undefined) {
      row = { key: topic, version: 0, published: 0, delivered: 0, bytes: 0, last };
      this.#characters += topic.length;
    }
    if (from === "client") row.published++;
    else row.delivered++;
    row.bytes += size;
    // An empty one removes what is retained. §3.3.1.3
    if (last.retain) row.retained = size > 0;
    row.last = last;
    this.#table.changed(row);
    while (this.#isFull) this.#forget();
  }

  /** Begins to read. */
  read(): TableReader<TopicRow> {
    return this.#table.read();
  }

  get #isFull(): boolean {
    const { size } = this.#table;
    const { topics, characters } = this.#limits;
    return size > topics || size > 1 && this.#characters > characters;
  }

  #forget(): void {
    const row = this.#table.oldest!;
    this.#characters -= row.key.length;
    this.#table.delete(row);
  }
}
