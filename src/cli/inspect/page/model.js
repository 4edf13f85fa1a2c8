// @ts-check
// What the page knows: everything that the feed has told, and what the reader has chosen. Views
// read it and draw when it says that something has changed. Nothing here meets the page or the
// network.

/**
 * @import {
 *   ConnectionRow, Counts, FeedEvents, Hello, LessonState, PageEntry, TopicRow
 * } from "./events.ts"
 */

/** @typedef {"connecting" | "open" | "lost" | "refused"} FeedState */

/** @typedef {"conversation" | "connections" | "packet" | "topics"} View What a phone shows. */

/** As many entries are kept as mqtt5 keeps. */
export const MOST_ENTRIES = 10_000;

/** As many topics are kept as mqtt5 keeps; those that changed last. */
const MOST_TOPICS = 10_000;

/** Entries that are too many go in batches of this size. */
const BATCH = 500;

/** As many connections are kept: all that are open, and the newest of the closed ones. */
const MOST_CLOSED = 1000;

/**
 * The model of the page. After each change it dispatches an event:
 *
 * - `state`, `hello`, `connections`, `entries`, `topics`, `counts`, `lesson`: what was told has
 *   changed; `reset`: everything that was told before is forgotten;
 * - `selection`, `connection`, `filter`, `paused`, `view`: the reader has chosen something else.
 *
 * Draw in the next frame (`drawOn()` of dom.js): events may come a hundred times in a second.
 */
export class Model extends EventTarget {
  /** @type {FeedState} Whether the feed runs. */
  state = "connecting";
  /** @type {Hello | undefined} What is watched. */
  hello;
  /** @type {Counts} Exact, however little of it is kept. */
  counts = { connections: 0, packets: 0, bytes: 0, findings: 0 };
  /** @type {LessonState | undefined} Only of `mqtt5 demo`. */
  lesson;
  /** @type {Map<number, ConnectionRow>} By their numbers. */
  connections = new Map();
  /** @type {Map<string, TopicRow>} By their names. */
  topics = new Map();
  /** @type {PageEntry[]} The newest entries in their order. */
  entries = [];
  /** How many entries the feed has left out, or have been dropped here. */
  omitted = 0;
  /** @type {number | undefined} The number of the selected entry. */
  selection;
  /** @type {number | undefined} The connection that alone is shown. */
  connection;
  /** What the reader has typed to filter the conversation. */
  filter = "";
  /** Whether only packets with findings are shown. */
  onlyFindings = false;
  /** Whether the conversation stands still; the model goes on. */
  isPaused = false;
  /** @type {View} Which view is shown. */
  view = "conversation";

  /**
   * Takes an event of the feed.
   *
   * @template {keyof FeedEvents} Name
   * @param {Name} name
   * @param {FeedEvents[Name]} data
   */
  receive(name, data) {
    const takers = /** @type {{ [Key in keyof FeedEvents]: (data: FeedEvents[Key]) => void }} */ ({
      hello: (hello) => this.#greet(hello),
      connections: (rows) => this.#connect(rows),
      entries: (entries) => this.#enter(entries),
      omitted: ({ count }) => {
        this.omitted += count;
        this.#tell("entries");
      },
      topics: (rows) => {
        this.#change(rows);
      },
      topicsForgotten: ({ forgotten }) => {
        for (const topic of forgotten) this.topics.delete(topic);
        this.#tell("topics");
      },
      counts: (counts) => {
        this.counts = counts;
        this.#tell("counts");
      },
      lesson: (lesson) => {
        this.lesson = lesson;
        this.#tell("lesson");
      },
    });
    takers[name](data);
  }

  /** @param {FeedState} state */
  setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#tell("state");
  }

  /**
   * The entry with a number, while it is kept.
   *
   * @param {number} n
   * @returns {PageEntry | undefined}
   */
  entry(n) {
    const { entries } = this;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {PageEntry} */ (entries[middle]).n < n) low = middle + 1;
      else high = middle;
    }
    return entries[low]?.n === n ? entries[low] : undefined;
  }

  /**
   * Selects an entry, or none.
   *
   * @param {number | undefined} n
   */
  select(n) {
    if (n === this.selection) return;
    this.selection = n;
    this.#tell("selection");
  }

  /**
   * Shows one connection alone, or all of them.
   *
   * @param {number | undefined} id
   */
  showConnection(id) {
    if (id === this.connection) return;
    this.connection = id;
    this.#tell("connection");
  }

  /**
   * Filters the conversation; what is left out stays as it is.
   *
   * @param {{ readonly text?: string, readonly onlyFindings?: boolean }} filter
   */
  setFilter({ text = this.filter, onlyFindings = this.onlyFindings }) {
    if (text === this.filter && onlyFindings === this.onlyFindings) return;
    this.filter = text;
    this.onlyFindings = onlyFindings;
    this.#tell("filter");
  }

  /** @param {boolean} isPaused */
  pause(isPaused) {
    if (isPaused === this.isPaused) return;
    this.isPaused = isPaused;
    this.#tell("paused");
  }

  /** @param {View} view */
  show(view) {
    if (view === this.view) return;
    this.view = view;
    this.#tell("view");
  }

  /** @param {Hello} hello */
  #greet(hello) {
    const isAnother = this.hello !== undefined && this.hello.run !== hello.run;
    this.hello = hello;
    if (isAnother) {
      this.connections.clear();
      this.topics.clear();
      this.entries = [];
      this.omitted = 0;
      this.lesson = undefined;
      this.selection = undefined;
      this.connection = undefined;
      this.counts = { connections: 0, packets: 0, bytes: 0, findings: 0 };
      this.#tell("reset");
    }
    this.#tell("hello");
  }

  /** @param {readonly TopicRow[]} rows */
  #change(rows) {
    for (const row of rows) {
      this.topics.delete(row.topic);
      this.topics.set(row.topic, row);
    }
    // What mqtt5 has forgotten while it could not be reached, nobody has told.
    for (const topic of this.topics.keys()) {
      if (this.topics.size <= MOST_TOPICS) break;
      this.topics.delete(topic);
    }
    this.#tell("topics");
  }

  /** @param {readonly ConnectionRow[]} rows */
  #connect(rows) {
    for (const row of rows) this.connections.set(row.id, row);
    let closed = 0;
    for (const { isOpen } of this.connections.values()) if (!isOpen) closed++;
    for (const { id, isOpen } of this.connections.values()) {
      if (closed <= MOST_CLOSED) break;
      if (isOpen) continue;
      this.connections.delete(id);
      closed--;
    }
    this.#tell("connections");
  }

  /** @param {readonly PageEntry[]} entries */
  #enter(entries) {
    // After a reconnect the feed begins again with what is known already.
    let newest = this.entries.at(-1)?.n ?? -1;
    for (const entry of entries) {
      if (entry.n <= newest) continue;
      this.entries.push(entry);
      newest = entry.n;
    }
    if (this.entries.length >= MOST_ENTRIES + BATCH) {
      this.entries = this.entries.slice(-MOST_ENTRIES);
    }
    this.#tell("entries");
  }

  /** @param {string} name */
  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
