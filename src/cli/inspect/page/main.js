// @ts-check
/// <reference lib="dom" />
// Puts the page together: the feed, the views, and what belongs to none of them.

/** @import { View } from "./model.js" */

import { mountConversation } from "./conversation.js";
import { byId, drawOn, element, setAttribute, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { mountLesson } from "./lesson.js";
import { countText } from "./text.js";
import { mountTopics } from "./topics.js";

const feed = new Feed(location.hash.slice(1));
const { model } = feed;

/**
 * @type {readonly { readonly view: View, readonly name: string, readonly isNarrow?: boolean }[]}
 */
const VIEWS = [
  { view: "connections", name: "Connections", isNarrow: true },
  { view: "conversation", name: "Conversation" },
  { view: "packet", name: "Packet", isNarrow: true },
  { view: "topics", name: "Topics" },
];

mountViews();
mountBar();
mountNotice();
mountConversation(feed);
mountTopics(byId("topics"), feed);
mountLesson(byId("lesson"), feed);
feed.start();
// Another link to the same address is another run of mqtt5.
addEventListener("hashchange", () => location.reload());

/** The buttons that choose the view. A wide page has three of the views in one. */
function mountViews() {
  const buttons = VIEWS.map(({ view, name, isNarrow = false }) => {
    const choose = () => model.show(view);
    const attributes = { type: "button", class: isNarrow ? "narrow" : null, click: choose };
    return element("button", attributes, name);
  });
  byId("views").append(...buttons);
  drawOn(model, ["view"], () => {
    document.body.dataset["view"] = model.view;
    for (const [index, button] of buttons.entries()) {
      const isShown = VIEWS[index]?.view === model.view;
      setAttribute(button, "aria-current", isShown ? "page" : null);
    }
  });
}

/** What is watched, and how much has passed. */
function mountBar() {
  drawOn(model, ["hello"], () => {
    const { title, server } = model.hello ?? { title: "mqtt5", server: "" };
    document.title = server === "" ? title : `${title} ${server}`;
    setText(byId("title"), title);
    setText(byId("server"), server);
  });
  drawOn(model, ["counts"], () => {
    const { packets, findings } = model.counts;
    const counts = byId("counts");
    setText(counts, `${countText(packets, "packet")}, ${countText(findings, "finding")}`);
    counts.classList.toggle("fault", findings > 0);
  });
}

/** What is wrong with the feed. */
function mountNotice() {
  drawOn(model, ["state"], () => {
    setText(byId("notice"), noticeOf(model.state));
  });
}

/** @param {import("./model.js").FeedState} state */
function noticeOf(state) {
  switch (state) {
    case "connecting":
    case "open":
      return "";
    case "lost":
      return "mqtt5 cannot be reached. What has been seen stays here; trying again …";
    case "refused":
      return location.hash.length > 1
        ? "This link is of another run of mqtt5: open the one that it prints now."
        : "Open the whole link that mqtt5 prints: what comes after its # is missing.";
  }
}
