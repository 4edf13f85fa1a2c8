// @ts-check
/// <reference lib="dom" />
// The view of topics: their tree, beside it the one that is selected. Drawn a few times in a second
// at most, and only while it is looked at.

/** @import { Feed } from "./feed.js" */
/** @import { TopicNode } from "./topics_node.js" */

import { element, setAttribute, setText } from "./dom.js";
import { visible } from "./payload.js";
import { countText, numberText } from "./text.js";
import { TopicDetail } from "./topics_detail.js";
import { TopicList } from "./topics_list.js";
import { TopicTree } from "./topics_tree.js";

/** The field of the search, which `/` goes to. */
export const TOPIC_SEARCH_ID = "topic-search";

/** At least so many milliseconds are between two drawings. */
const PACE = 250;

/** Rates go down when nothing comes. */
const REFRESH = 1000;

/**
 * Shows the topics.
 *
 * @param {HTMLElement} host
 * @param {Feed} feed
 */
export function mountTopics(host, feed) {
  const view = new TopicsView(host, feed);
  const { model } = feed;
  const redraw = paced(() => {
    if (model.view === "topics" && !model.isPaused && !document.hidden) view.draw();
  });
  model.addEventListener("topics", () => {
    view.update();
    redraw();
  });
  model.addEventListener("reset", () => view.forget());
  for (const event of ["entries", "hello", "connections"]) model.addEventListener(event, redraw);
  for (const event of ["view", "paused"]) model.addEventListener(event, () => view.draw());
  setInterval(redraw, REFRESH);
}

/** The tree of topics with its tools, and the topic that is selected. */
class TopicsView {
  #host;
  #model;
  #tree = new TopicTree();
  #list;
  #detail;
  #search;
  #pause;
  #count = element("p", { class: "muted" });
  #empty = element("p", { class: "empty" });
  #hint = element("p", { class: "empty" }, "Select a topic to see its last message.");

  /**
   * @param {HTMLElement} host
   * @param {Feed} feed
   */
  constructor(host, feed) {
    const model = feed.model;
    this.#host = host;
    this.#model = model;
    this.#list = new TopicList(this.#tree, (node) => this.#select(node));
    this.#detail = new TopicDetail(feed, () => this.#close());
    this.#search = element("input", {
      id: TOPIC_SEARCH_ID,
      type: "search",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "Search, or a Topic Filter with + and #",
      "aria-label": "Search topics",
      input: () => this.#find(),
      keydown: (event) => this.#pressInSearch(/** @type {KeyboardEvent} */ (event)),
    });
    this.#pause = element("button", {
      type: "button",
      title: "Pause or resume (Space)",
      click: () => model.pause(!model.isPaused),
    });
    host.append(
      element(
        "div",
        { class: "topic-bar", role: "search" },
        this.#search,
        element("button", { type: "button", click: () => this.#openAll(true) }, "Open all"),
        element("button", { type: "button", click: () => this.#openAll(false) }, "Close all"),
        this.#pause,
        this.#count,
      ),
      element(
        "div",
        { class: "topic-panes" },
        element("div", { class: "topic-left" }, this.#list.root, this.#empty),
        element("div", { class: "topic-right" }, this.#detail.root, this.#hint),
      ),
    );
    host.addEventListener("keydown", (event) => this.#press(event));
    this.#select(undefined);
    this.draw();
  }

  /** Takes the topics as they are now. */
  update() {
    this.#tree.update(this.#model.topics, performance.now());
    // The selected one may have been forgotten.
    if (this.#list.selected?.topics === 0) this.#deselect();
  }

  /** Forgets all topics. */
  forget() {
    this.#tree.clear();
    this.#deselect();
    this.draw();
  }

  /** Shows everything as it is now. */
  draw() {
    const { isPaused } = this.#model;
    const { topics, ofServer } = this.#tree.counts;
    const isEmpty = this.#tree.rows.length === 0;
    this.#list.root.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    setText(this.#empty, this.#whyEmpty());
    const apart = ofServer === 0 ? "" : `, ${numberText(ofServer)} of the server ($SYS)`;
    setText(this.#count, `${countText(topics, "topic")}${apart}`);
    setText(this.#pause, isPaused ? "Paused" : "Pause");
    setAttribute(this.#pause, "aria-pressed", String(isPaused));
    this.#list.draw();
    this.#detail.draw();
  }

  #whyEmpty() {
    const { search } = this.#tree;
    if (search !== "") return `No topic matches ${visible(search)}`;
    const [listener] = this.#model.hello?.listeners ?? [];
    const where = listener === undefined ? "" : ` Connect a client to ${listener} and publish.`;
    return `No message has been published yet.${where}`;
  }

  /** @param {TopicNode | undefined} node */
  #select(node) {
    this.#detail.select(node);
    this.#hint.hidden = node !== undefined;
    this.#host.classList.toggle("has-detail", node !== undefined);
  }

  #deselect() {
    this.#list.select(undefined);
    this.#select(undefined);
  }

  #close() {
    this.#deselect();
    this.#list.focus();
  }

  #find() {
    this.#tree.search = this.#search.value.trim();
    this.draw();
  }

  /** @param {boolean} isOpen */
  #openAll(isOpen) {
    this.#tree.openAll(isOpen);
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #pressInSearch(event) {
    if (event.key !== "ArrowDown" && event.key !== "Escape") return;
    event.preventDefault();
    // Escape clears the search first.
    if (event.key === "Escape" && this.#search.value !== "") {
      this.#search.value = "";
      this.#find();
    } else this.#list.focus();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.defaultPrevented || event.key !== "Escape") return;
    if (this.#list.selected === undefined) return;
    event.preventDefault();
    this.#close();
  }
}

/**
 * A function that does the work soon, and not more often than the pace allows, however often it is
 * called.
 *
 * @param {() => void} work
 */
function paced(work) {
  let last = -Infinity;
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    const wait = Math.max(0, last + PACE - performance.now());
    setTimeout(() => {
      requestAnimationFrame(() => {
        isWaiting = false;
        last = performance.now();
        work();
      });
    }, wait);
  };
}
