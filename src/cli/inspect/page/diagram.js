// @ts-check
/// <reference lib="dom" />
// The conversation as a sequence diagram: client and server as two lifelines, an arrow for each
// packet. It follows the newest packet until the reader scrolls away, selects, or pauses.

/** @import { Feed } from "./feed.js" */
/** @import { PageEntry } from "./events.ts" */
/** @import { Row } from "./layout.js" */

import { element, inNextFrame, setText } from "./dom.js";
import { Exchanges } from "./exchanges.js";
import { isFaulty, matches, parseFilter } from "./filter.js";
import { Layout } from "./layout.js";
import { drawRow } from "./row.js";
import { headsOf, knownOf, nameIn } from "./names.js";
import { statusText } from "./status.js";
import { VirtualList } from "./virtual_list.js";
import { reasonOf, welcome } from "./welcome.js";

/** The diagram. */
export class Diagram {
  /** Its elements, from top to bottom. */
  elements;
  #model;
  #exchanges = new Exchanges();
  #layout = new Layout(this.#exchanges);
  #list;
  #terms = parseFilter("");
  /** The number of the last entry that was taken; and of the last that may be shown. */
  #taken = -1;
  #until = Infinity;
  #isFollowing = true;
  /** How much was known of the connections when the filter was last applied. */
  #known = "";
  /** How many entries have come since the diagram was paused. */
  #waiting = 0;
  #client = element("bdi", { class: "head client" });
  #server = element("bdi", { class: "head server" });
  #empty = element("div", { class: "empty", hidden: true });
  #status = element("span");
  #newest = element("button", { type: "button", hidden: true, click: () => this.#follow() });

  /**
   * @param {Feed} feed
   * @param {object} on
   * @param {() => void} on.opened A packet is pointed at, and selected.
   * @param {() => void} on.entered Enter is pressed at the selected packet.
   */
  constructor({ model }, { opened, entered }) {
    this.#model = model;
    this.#list = new VirtualList("entry", "Packets", {
      count: () => this.#layout.rows.length,
      top: (index) => this.#row(index).top - this.#layout.top,
      height: () => this.#layout.bottom - this.#layout.top,
      indexAt: (y) => this.#layout.indexAt(y + this.#layout.top),
      keyOf: (index) => this.#row(index).entry.n,
      versionOf: (index) => this.#versionOf(this.#row(index)),
      draw: (index, option) => this.#draw(this.#row(index), option),
      choose: (index, isByPointer) => {
        this.#isFollowing = false;
        model.select(this.#row(index).entry.n);
        if (isByPointer) opened();
      },
      enter: entered,
      scrolled: (isByUser) => {
        if (isByUser) this.#isFollowing = this.#list.isAtEnd;
        this.#tell();
      },
    });
    this.#list.element.classList.add("diagram");
    const heads = element("div", { class: "heads" }, this.#client, this.#server);
    const status = element("div", { class: "status" }, this.#status, this.#newest);
    this.elements = [heads, this.#list.element, this.#empty, status];
    const update = inNextFrame(() => this.#update());
    model.addEventListener("entries", update);
    for (const name of ["filter", "connection"]) {
      model.addEventListener(name, () => {
        this.#rebuild();
        if (!this.#isFollowing) this.#select();
      });
    }
    model.addEventListener("reset", () => this.#forget());
    model.addEventListener("paused", () => this.#pause());
    model.addEventListener("selection", () => {
      // What is selected elsewhere stays in sight, too.
      if (model.selection !== undefined) this.#isFollowing = false;
      this.#select();
    });
    // What is not shown cannot be scrolled.
    model.addEventListener("view", inNextFrame(() => this.#reappear()));
    for (const name of ["hello", "lesson", "state"]) {
      model.addEventListener(name, () => this.#tell());
    }
    model.addEventListener("connections", inNextFrame(() => this.#rename()));
    this.#rebuild();
  }

  /** The rows that are shown, and where. */
  get layout() {
    return this.#layout;
  }

  /** Gives the keyboard to the list. */
  focus() {
    this.#list.element.focus();
  }

  /** @param {number} index */
  #row(index) {
    return /** @type {Row} */ (this.#layout.rows[index]);
  }

  /** Takes what has come. */
  #update() {
    const { entries } = this.#model;
    const first = entries[0];
    if (first !== undefined) this.#drop(first.n);
    for (const entry of this.#since(this.#taken)) {
      this.#exchanges.add(entry);
      this.#taken = entry.n;
      if (entry.n <= this.#until) this.#place(entry);
    }
    this.#waiting = this.#model.isPaused
      ? this.#since(this.#until).filter((entry) => this.#isShown(entry)).length
      : 0;
    this.#redraw();
    if (this.#isFollowing) this.#list.toEnd();
  }

  /**
   * The entries after a number.
   *
   * @param {number} n
   */
  #since(n) {
    const { entries } = this.#model;
    let start = entries.length;
    while (start > 0 && /** @type {PageEntry} */ (entries[start - 1]).n > n) start--;
    return entries.slice(start);
  }

  /**
   * Rows of entries that are kept no longer go; what is seen stays where it is.
   *
   * @param {number} first
   */
  #drop(first) {
    const oldest = this.#layout.rows[0];
    // What stands still may be looked at as long as it does.
    if (oldest === undefined || oldest.entry.n >= first || this.#model.isPaused) return;
    const { top } = this.#layout;
    this.#layout.dropBefore(first);
    const gone = this.#layout.top - top;
    if (!this.#isFollowing) this.#list.scrollTo(this.#list.element.scrollTop - gone);
  }

  /** @param {PageEntry} entry */
  #place(entry) {
    if (this.#isShown(entry)) this.#layout.add(entry);
    else this.#layout.skip(entry);
  }

  /** @param {PageEntry} entry */
  #isShown(entry) {
    const { connection, connections, onlyFindings } = this.#model;
    if (connection !== undefined && entry.connection !== connection) return false;
    if (onlyFindings && !isFaulty(entry)) return false;
    return this.#terms.length === 0 ||
      matches(this.#terms, entry, connections.get(entry.connection));
  }

  /** The filter has changed. */
  #rebuild() {
    this.#terms = parseFilter(this.#model.filter);
    this.#layout = new Layout(this.#exchanges);
    for (const entry of this.#model.entries) {
      if (entry.n > this.#taken || entry.n > this.#until) break;
      this.#place(entry);
    }
    this.#known = knownOf(this.#model);
    this.#update();
  }

  /** Connections are called otherwise, which a filter may go by. */
  #rename() {
    if (this.#terms.length > 0 && this.#known !== knownOf(this.#model)) this.#rebuild();
    else this.#redraw();
  }

  #forget() {
    this.#exchanges = new Exchanges();
    this.#taken = -1;
    this.#until = this.#model.isPaused ? -1 : Infinity;
    this.#isFollowing = true;
    this.#rebuild();
  }

  #pause() {
    this.#until = this.#model.isPaused ? this.#taken : Infinity;
    if (this.#model.isPaused) this.#update();
    else this.#rebuild();
  }

  #follow() {
    this.#isFollowing = true;
    if (this.#model.isPaused) this.#model.pause(false);
    this.#list.toEnd();
    this.#tell();
  }

  #reappear() {
    if (this.#isFollowing) this.#list.toEnd();
    else this.#select();
  }

  #select() {
    const { selection } = this.#model;
    this.#redraw();
    if (selection === undefined || this.#list.active === -1) return;
    this.#list.reveal(this.#list.active);
  }

  #redraw() {
    const { selection } = this.#model;
    const [client, server] = headsOf(this.#model);
    setText(this.#client, client);
    setText(this.#server, server);
    this.#list.active = selection === undefined ? -1 : this.#layout.indexOf(selection);
    this.#tell();
  }

  /** @param {Row} row */
  #versionOf({ entry }) {
    const own = this.#exchanges.of(entry)?.exchange;
    const isRelated = own !== undefined && own === this.#selectedExchange();
    return `${isRelated}\n${nameIn(this.#model, entry.connection)}`;
  }

  /**
   * @param {Row} row
   * @param {HTMLElement} option
   */
  #draw(row, option) {
    const membership = this.#exchanges.of(row.entry);
    const isRelated = membership !== undefined &&
      membership.exchange === this.#selectedExchange();
    const connection = nameIn(this.#model, row.entry.connection);
    drawRow(option, row, { connection, membership, isRelated });
  }

  /** The exchange of the selected packet. */
  #selectedExchange() {
    const { selection } = this.#model;
    const entry = selection === undefined ? undefined : this.#model.entry(selection);
    return entry === undefined ? undefined : this.#exchanges.of(entry)?.exchange;
  }

  /**
   * The exchange of an entry.
   *
   * @param {PageEntry} entry
   */
  exchangeOf(entry) {
    return this.#exchanges.of(entry)?.exchange;
  }

  /** The numbers of the packets that belong to the selected one, in their order. */
  get related() {
    return this.#selectedExchange()?.members ?? [];
  }

  /** Says why nothing is shown; what is said already stays, with the focus that it may have. */
  #explain() {
    const reason = reasonOf(this.#model);
    if (this.#empty.dataset["reason"] === reason) return;
    this.#empty.dataset["reason"] = reason;
    this.#empty.replaceChildren(...welcome(this.#model));
  }

  /** Says what is not shown. */
  #tell() {
    const { isPaused } = this.#model;
    const { rows } = this.#layout;
    const isEmpty = rows.length === 0;
    this.#empty.hidden = !isEmpty;
    this.#list.element.hidden = isEmpty;
    if (isEmpty) this.#explain();
    setText(this.#status, statusText(this.#model, rows.length, this.#waiting));
    this.#newest.hidden = isEmpty || this.#isFollowing && !isPaused;
    setText(this.#newest, isPaused ? "Resume" : "Newest ↓");
  }
}
