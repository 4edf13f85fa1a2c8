// @ts-check
/// <reference lib="dom" />
// What keys do wherever the reader is, and the list of them. Keys that a list or a field has itself
// are theirs.

/** @import { Model } from "./model.js" */

import { byId, element } from "./dom.js";
import { FILTER_KEYS } from "./filter.js";
import { FILTER_ID } from "./toolbar.js";
import { TOPIC_SEARCH_ID } from "./topics.js";

/** @type {readonly (readonly [string, string])[]} */
const KEYS = [
  ["↑ ↓", "Packet before and after; Home, End and Page keys, too"],
  ["← →", "Close and open a branch of the topics; * opens those beside it, too"],
  ["Enter", "Go to the fields of the packet; ↑ ↓ there light their bytes"],
  ["Esc", "Back to the packets, or clear the filter"],
  ["/", "Filter, or search topics"],
  ["f", "Only packets with findings"],
  ["Space", "Pause and resume"],
  ["1 2", "Conversation, topics"],
  ["n", "Next step of a lesson"],
  ["?", "This list"],
];

/**
 * Listens to the keys.
 *
 * @param {Model} model
 * @param {() => void} back Goes back to the packets.
 */
export function mountKeys(model, back) {
  const dialog = fillDialog();
  byId("show-keys").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (dialog.open) return;
    const isField = target instanceof HTMLElement && target.matches("input, select, textarea");
    if (key === "Escape") {
      if (isField && model.filter !== "") model.setFilter({ text: "" });
      else back();
      return;
    }
    if (isField) return;
    // Space presses a button that has the focus.
    if (key === " " && target instanceof HTMLElement && target.matches("button, summary, a")) {
      return;
    }
    if (act(key)) event.preventDefault();
  });

  /** @param {string} key */
  function act(key) {
    switch (key) {
      case "/":
        if (model.view !== "topics") model.show("conversation");
        byId(model.view === "topics" ? TOPIC_SEARCH_ID : FILTER_ID).focus();
        return true;
      case "f":
        model.setFilter({ onlyFindings: !model.onlyFindings });
        return true;
      case " ":
        model.pause(!model.isPaused);
        return true;
      case "1":
        model.show("conversation");
        return true;
      case "2":
        model.show("topics");
        return true;
      case "?":
        dialog.showModal();
        return true;
      default:
        return false;
    }
  }
}

function fillDialog() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("keys"));
  const rows = KEYS.flatMap(([keys, what]) => [
    element("dt", {}, ...keys.split(" ").map((key) => element("kbd", {}, key))),
    element("dd", {}, what),
  ]);
  const filters = Object.entries(FILTER_KEYS).flatMap(([key, what]) => [
    element("dt", {}, element("code", {}, `${key}:`)),
    element("dd", {}, what),
  ]);
  dialog.append(
    element("h2", { id: "keys-title" }, "Keys"),
    element("dl", {}, ...rows),
    element("h2", {}, "Filter"),
    element("p", { class: "muted" }, "Words that all must occur; a minus before one excludes it."),
    element("dl", {}, ...filters),
    element("button", { type: "button", click: () => dialog.close() }, "Close"),
  );
  return dialog;
}
