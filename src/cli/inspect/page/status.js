// @ts-check
// The line below the diagram: how much is shown of what there was, and why not all.

/** @import { Model } from "./model.js" */

import { MOST_ENTRIES } from "./model.js";
import { countText, numberText } from "./text.js";

/**
 * The line.
 *
 * @param {Pick<Model, "entries" | "isPaused" | "omitted">} model
 * @param {number} shown How many rows the diagram has.
 * @param {number} waiting How many have come since it was paused.
 */
export function statusText({ entries, isPaused, omitted }, shown, waiting) {
  return [
    isPaused ? `Paused, ${numberText(waiting)} new` : "",
    shownText(shown, entries.length),
    entries.length >= MOST_ENTRIES ? "older ones are not kept" : "",
    omitted > 0 ? `${numberText(omitted)} omitted: they came too fast` : "",
  ].filter((part) => part !== "").join(" · ");
}

/**
 * @param {number} shown
 * @param {number} kept
 */
function shownText(shown, kept) {
  if (shown < kept) return `${numberText(shown)} of ${numberText(kept)} shown`;
  return shown === 0 ? "" : countText(shown, "row");
}
