// @ts-check
/// <reference lib="dom" />
// The view of topics: their tree, beside it the one that is selected. Drawn a few times in a second
// at most, and only while it is looked at.

/** @import { Feed } from "./feed.js" */

import { element, setText } from "./dom.js";
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
  const { model } = feed;
  const tree = new TopicTree();
  const list = new TopicList(tree, (node) => {
    detail.select(node);
    host.classList.add("has-detail");
  });
  const detail = new TopicDetail(feed, close);
  const search = element("input", {
    id: TOPIC_SEARCH_ID,
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Search, or a Topic Filter with + and #",
    "aria-label": "Search topics",
    input: () => {
      tree.search = search.value.trim();
      draw();
    },
    keydown: (event) => {
      const { key } = /** @type {KeyboardEvent} */ (event);
      if (key !== "ArrowDown" && key !== "Escape") return;
      event.preventDefault();
      // Escape clears the search first.
      if (key === "ArrowDown" || search.value === "") return list.focus();
      search.value = tree.search = "";
      draw();
    },
  });
  const count = element("p", { class: "muted", role: "status" });
  const empty = element("p", { class: "empty" });
  const hint = element(
    "p",
    { class: "empty topic-hint" },
    "Select a topic to see its last message.",
  );
  host.append(
    element(
      "div",
      { class: "topic-bar" },
      search,
      element("button", { type: "button", click: () => openAll(true) }, "Open all"),
      element("button", { type: "button", click: () => openAll(false) }, "Close all"),
      count,
    ),
    element(
      "div",
      { class: "topic-panes" },
      element("div", { class: "topic-left" }, list.root, empty),
      element("div", { class: "topic-right" }, detail.root, hint),
    ),
  );
  host.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.target === search || list.selected === undefined) return;
    event.preventDefault();
    close();
  });

  function close() {
    host.classList.remove("has-detail");
    list.select(undefined);
    detail.select(undefined);
    hint.hidden = false;
    list.focus();
  }

  /** @param {boolean} isOpen */
  function openAll(isOpen) {
    tree.openAll(isOpen);
    draw();
  }

  function draw() {
    const { topics, ofServer } = tree.counts;
    const isEmpty = tree.rows.length === 0;
    list.root.hidden = isEmpty;
    empty.hidden = !isEmpty;
    setText(
      empty,
      tree.search === "" ? emptyText() : `No topic has "${tree.search}" in it.`,
    );
    const apart = ofServer === 0 ? "" : `, ${numberText(ofServer)} of the server ($SYS)`;
    setText(count, `${countText(topics, "topic")}${apart}`);
    list.draw();
    detail.draw();
    hint.hidden = list.selected !== undefined;
  }

  function emptyText() {
    const [listener] = model.hello?.listeners ?? [];
    const where = listener === undefined ? "" : ` Connect a client to ${listener} and publish.`;
    return `No message has been published yet.${where}`;
  }

  const isSeen = () => model.view === "topics" && !model.isPaused && !document.hidden;
  const redraw = paced(() => {
    if (isSeen()) draw();
  });
  model.addEventListener("topics", () => {
    tree.update(model.topics, performance.now());
    redraw();
  });
  model.addEventListener("reset", () => {
    tree.clear();
    close();
    draw();
  });
  for (const event of ["entries", "hello", "connections", "paused"]) {
    model.addEventListener(event, redraw);
  }
  model.addEventListener("view", () => {
    if (isSeen()) draw();
  });
  setInterval(redraw, REFRESH);
  draw();
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
