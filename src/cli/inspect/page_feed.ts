// What one viewer of a page is sent: server-sent events. The next ones are made when the last have
// been taken, so nothing is queued for a viewer that is slow: what it has no time for is counted.

import type { ConnectionRow, ConnectionTable } from "./connection_table.ts";
import type { ChangingRow, TableReader } from "./changing_table.ts";
import type { RingCursor } from "./entry_ring.ts";
import type { Entry } from "./link_observer.ts";
import type { Observer } from "./observer.ts";
import type { FeedEvents, Hello, LessonState } from "./page/events.ts";
import { connectionOf, entryOf, topicOf } from "./page_entries.ts";
import type { TopicRow, TopicTable } from "./topic_table.ts";

/** What the feeds of all viewers have in common. */
export interface FeedSource {
  readonly observer: Observer;
  readonly connections: ConnectionTable;
  readonly topics: TopicTable;
  /** What is said first. */
  readonly hello: () => Hello;
  /** What a lesson has come to; the same object as long as nothing has changed. */
  readonly lesson?: (() => LessonState) | undefined;
}

/** How many entries a second are sent, once those are that were kept; so many may come at once. */
const RATE = 500;

/** How many characters of JSON are sent in one event, about. */
const MOST_TEXT = 262_144;

/** How many rows of a table are sent in one event. */
const MOST_ROWS = 1000;

/** Tables and counts are sent so often, in milliseconds. */
const PERIOD = 500;

/**
 * After so many milliseconds of silence something is sent, so that both ends know of each other.
 */
const HEARTBEAT = 15_000;

/** Makes the events for a viewer. Times are in milliseconds and never go back. */
export class PageFeed {
  readonly #source: FeedSource;
  readonly #entries: RingCursor<Entry>;
  readonly #connections: TableReader<ConnectionRow>;
  readonly #topics: TableReader<TopicRow>;
  /** How many entries may be sent now. All that are kept go at once. */
  #allowance: number;
  #sentAt = -Infinity;
  #filledAt: number | undefined;
  #tablesAt = -Infinity;
  #counts = "";
  #lesson: LessonState | undefined;
  #hasSaidHello = false;
  #mustGoOn = true;

  constructor(source: FeedSource) {
    this.#source = source;
    this.#entries = source.observer.follow();
    this.#connections = source.connections.read();
    this.#topics = source.topics.read();
    this.#allowance = this.#entries.behind + RATE;
  }

  /** Whether there is more to send at once. */
  get mustGoOn(): boolean {
    return this.#mustGoOn;
  }

  /** The events that are due; `""` if there are none. */
  next(now: number): string {
    const events: string[] = [];
    this.#mustGoOn = false;
    if (!this.#hasSaidHello) events.push(eventOf("hello", this.#source.hello()));
    this.#hasSaidHello = true;
    if (now - this.#tablesAt >= PERIOD) {
      this.#tablesAt = now;
      events.push(...this.#rows());
    }
    const lesson = this.#source.lesson?.();
    if (lesson !== undefined && lesson !== this.#lesson) events.push(eventOf("lesson", lesson));
    this.#lesson = lesson;
    events.push(...this.#newEntries(now));
    if (events.length === 0 && now - this.#sentAt >= HEARTBEAT) events.push(": still here\n\n");
    if (events.length > 0) this.#sentAt = now;
    return events.join("");
  }

  /** Nothing more is sent. */
  close(): void {
    this.#connections.close();
    this.#topics.close();
  }

  #rows(): string[] {
    const { observer } = this.#source;
    const events: string[] = [];
    const connections = rowsOf(this.#connections, connectionOf);
    if (connections.length > 0) events.push(`event: connections\ndata: [${connections}]\n\n`);
    const forgotten = this.#topics.forgotten();
    if (forgotten.length > 0) events.push(eventOf("topicsForgotten", { forgotten }));
    const topics = rowsOf(this.#topics, topicOf);
    if (topics.length > 0) events.push(`event: topics\ndata: [${topics}]\n\n`);
    const counts = eventOf("counts", observer.counts);
    if (counts !== this.#counts) events.push(counts);
    this.#counts = counts;
    this.#connections.forgotten();
    return events;
  }

  #newEntries(now: number): string[] {
    const elapsed = now - (this.#filledAt ?? now);
    this.#filledAt = now;
    if (this.#allowance < RATE) {
      this.#allowance = Math.min(RATE, this.#allowance + elapsed * RATE / 1000);
    }
    const allowed = Math.floor(this.#allowance);
    let omitted = Math.max(0, this.#entries.behind - allowed);
    this.#entries.skip(omitted);
    const texts: string[] = [];
    for (let length = 0; length < MOST_TEXT;) {
      const { missed, first, entries: [entry] } = this.#entries.take(1);
      omitted += missed;
      if (entry === undefined) break;
      const text = JSON.stringify(entryOf(first, entry));
      length += text.length;
      texts.push(text);
    }
    this.#allowance -= texts.length;
    this.#mustGoOn = this.#entries.behind > 0 && this.#allowance >= 1;
    const events = omitted > 0 ? [eventOf("omitted", { count: omitted })] : [];
    if (texts.length > 0) events.push(`event: entries\ndata: [${texts}]\n\n`);
    return events;
  }
}

/** The rows that have changed, as JSON. */
function rowsOf<Row extends ChangingRow>(
  reader: TableReader<Row>,
  shown: (row: Row) => object,
): string[] {
  const texts: string[] = [];
  let length = 0;
  for (const row of reader.changed(MOST_ROWS)) {
    const text = JSON.stringify(shown(row));
    reader.saw(row);
    texts.push(text);
    length += text.length;
    if (length > MOST_TEXT) break;
  }
  return texts;
}

function eventOf<Name extends keyof FeedEvents>(name: Name, data: FeedEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
