// @ts-check
/// <reference lib="dom" />
// The conversation: the connections, the diagram with its tools, and the selected packet, which
// know of each other only here.

/** @import { Feed } from "./feed.js" */

import { mountConnections } from "./connections.js";
import { Detail } from "./detail.js";
import { Diagram } from "./diagram.js";
import { byId } from "./dom.js";
import { mountKeys } from "./keys.js";
import { toolbar } from "./toolbar.js";

/** Where one view is shown at a time, as in page.css. */
const NARROW = matchMedia("(max-width: 860px)");

/**
 * Shows the conversation.
 *
 * @param {Feed} feed
 */
export function mountConversation(feed) {
  const { model } = feed;
  const diagram = new Diagram(feed, {
    opened: () => {
      if (NARROW.matches) model.show("packet");
    },
    entered: () => {
      if (NARROW.matches) model.show("packet");
      detail.focus();
    },
  });
  mountConnections(byId("connections"), feed);
  byId("conversation").append(toolbar(feed, diagram), ...diagram.elements);
  const detail = new Detail(byId("packet"), feed, () => diagram.related);
  mountKeys(model, () => {
    model.show("conversation");
    diagram.focus();
  });
  // A wide page shows all three at once.
  NARROW.addEventListener("change", () => {
    if (!NARROW.matches && model.view !== "topics") model.show("conversation");
  });
}
