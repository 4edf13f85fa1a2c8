// @ts-check
/// <reference lib="dom" />
// A topic: how often it is used, its last message with its properties, and its numbers over time.

/** @import { PacketDetail, TopicRow } from "./events.ts" */
/** @import { Feed } from "./feed.js" */
/** @import { TopicNode } from "./topics_node.js" */

import { copyButton } from "./clipboard.js";
import { element, setText } from "./dom.js";
import { visible } from "./payload.js";
import { numbersIn } from "./payload_json.js";
import { PayloadView } from "./payload_view.js";
import { Plot } from "./plot.js";
import { clockText, countText, numberText } from "./text.js";
import { payloadOf, propertiesIn } from "./topics_packet.js";
import { rateText } from "./topics_rate.js";
import { Series } from "./topics_series.js";

/** @type {Readonly<Record<string, string>>} Whether a message is retained. */
const RETAINED = { true: "yes", false: "no, it was cleared", undefined: "not seen" };

/** Shows a topic. */
export class TopicDetail {
  root;
  #feed;
  /** @type {TopicNode | undefined} */
  #node;
  #series = new Series();
  /** The number of the last entry that has been looked at for the series. */
  #seen = -1;
  /** Where in JSON the number is that the reader wants. */
  #wanted = "";
  /** @type {PacketDetail | undefined} The newest packet of the topic that has come. */
  #packet;
  #isAsking = false;
  /** The number of the packet whose properties are shown. */
  #shown = -1;
  #name = element("bdi", { class: "mono" });
  #facts = element("dl", { class: "topic-facts" });
  #payload = new PayloadView((path) => this.#choose(path));
  #plot = new Plot();
  #paths = element("select", { "aria-label": "Number to plot" });
  #plotting;
  #properties = element("div", { class: "topic-properties" });
  #message;

  /**
   * @param {Feed} feed
   * @param {() => void} close
   */
  constructor(feed, close) {
    this.#feed = feed;
    this.#paths.addEventListener("change", () => this.#choose(this.#paths.value));
    const toPlot = element("label", { class: "plot-paths" }, this.#paths);
    this.#plotting = element(
      "section",
      { "aria-label": "Over time" },
      element("div", { class: "topic-part" }, element("h3", {}, "Over time"), toPlot),
      this.#plot.root,
    );
    const show = element(
      "button",
      { type: "button", click: () => this.#showPacket() },
      "Show packet",
    );
    this.#message = element(
      "div",
      { class: "topic-message" },
      element("div", { class: "topic-part" }, element("h3", {}, "Payload"), show),
      this.#payload.root,
      this.#plotting,
      this.#properties,
    );
    const closing = { type: "button", "aria-label": "Close", click: close };
    this.root = element(
      "div",
      { class: "topic-detail" },
      element(
        "div",
        { class: "topic-title" },
        element("h2", { tabindex: 0 }, this.#name),
        copyButton("Copy", () => this.#node?.topic ?? ""),
        element("button", closing, "×"),
      ),
      this.#facts,
      this.#message,
    );
  }

  /**
   * Shows a topic, or a branch; or nothing.
   *
   * @param {TopicNode | undefined} node
   */
  select(node) {
    if (node !== this.#node) {
      this.#series = new Series();
      this.#seen = -1;
      this.#packet = undefined;
      this.#shown = -1;
      this.#node = node;
    }
    this.draw();
  }

  /** Shows what is known now. */
  draw() {
    const node = this.#node;
    this.root.hidden = node === undefined;
    if (node === undefined) return;
    setText(this.#name, node.topic === "" ? "(empty)" : visible(node.topic));
    const { row } = node;
    this.#message.hidden = row === undefined;
    this.#drawFacts(node);
    if (row === undefined) return;
    this.#collect(row);
    const payload = payloadOf(row, this.#packet);
    this.#drawPaths(numbersIn(payload.text ?? "", payload.isCut));
    this.#payload.show(payload, this.#series.path);
    const points = this.#series.points();
    this.#plotting.hidden = points.length < 2;
    this.#plot.show(points);
    this.#drawProperties();
    void this.#ask(row);
  }

  /** @param {TopicNode} node */
  #drawFacts({ topics, messages, rate, row }) {
    const perSecond = rateText(rate.perSecond(performance.now())) || "none lately";
    /** @type {[string, string][]} */
    const facts = row === undefined
      ? [
        ["Topics", numberText(topics)],
        ["Messages", numberText(messages)],
        ["Rate", perSecond],
      ]
      : [
        ["Published", `${countText(row.published, "message")} by clients`],
        ["Delivered", `${countText(row.delivered, "message")} to clients`],
        ["Rate", perSecond],
        ["Payloads", countText(row.bytes, "byte")],
        ["Retained", RETAINED[String(row.retained)] ?? ""],
        ["Last", this.#lastOf(row)],
      ];
    if (row !== undefined && topics > 1) {
      facts.push(["Below", countText(topics - 1, "topic")]);
    }
    this.#facts.replaceChildren(...facts.flatMap(([name, value]) => {
      return [element("dt", {}, name), element("dd", {}, value)];
    }));
  }

  /** @param {TopicRow} row */
  #lastOf(row) {
    const { time, from, qos, retain, payload, connection } = row.last;
    const known = this.#feed.model.connections.get(connection);
    const client = visible(known?.clientId || known?.client || `connection ${connection}`);
    return [
      `${clockText(time)} ${from === "client" ? "from" : "to"} ${client}`,
      `QoS ${qos}`,
      ...retain ? ["RETAIN"] : [],
      countText(payload.size, "byte"),
    ].join(", ");
  }

  /**
   * Adds to the series what has come since.
   *
   * @param {TopicRow} row
   */
  #collect({ topic, last }) {
    const { entries } = this.#feed.model;
    let at = entries.length;
    while (at > 0 && (entries[at - 1]?.n ?? -1) > this.#seen) at--;
    for (const entry of entries.slice(at)) {
      if (entry.type === "packet" && entry.topic === topic) this.#series.add(entry);
    }
    this.#seen = entries.at(-1)?.n ?? this.#seen;
    // Of a flood not all entries come, but this does.
    if (this.#feed.model.entry(last.n) === undefined) this.#series.add(last);
  }

  /**
   * Offers the numbers of JSON to be plotted.
   *
   * @param {ReadonlyMap<string, number>} numbers
   */
  #drawPaths(numbers) {
    const paths = Array.from(numbers.keys()).filter((path) => path !== "");
    // The number that was plotted last may be missing in this message, but be in the next.
    if (paths.length > 0 && !paths.includes(this.#series.path)) {
      if (this.#series.path === "") {
        this.#series.path = paths.includes(this.#wanted) ? this.#wanted : paths[0] ?? "";
      } else paths.push(this.#series.path);
    }
    const shown = Array.from(this.#paths.options, ({ value }) => value);
    if (shown.join("\n") !== paths.join("\n")) {
      const options = paths.map((path) => element("option", { value: path }, visible(path)));
      this.#paths.replaceChildren(...options);
    }
    this.#paths.hidden = paths.length === 0;
    this.#paths.value = this.#series.path;
  }

  /** The properties of the newest packet that has come. */
  #drawProperties() {
    const packet = this.#packet;
    this.#properties.hidden = packet === undefined;
    if (packet === undefined || packet.n === this.#shown) return;
    this.#shown = packet.n;
    const properties = propertiesIn(packet);
    const rows = properties.map(({ name, value, section }) => {
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, name),
        element("td", {}, element("bdi", {}, value)),
        element("td", { class: "section" }, `§${section}`),
      );
    });
    this.#properties.replaceChildren(
      element("h3", {}, "Properties"),
      rows.length === 0
        ? element("p", { class: "muted" }, "This message has none.")
        : element("table", {}, element("tbody", {}, ...rows)),
    );
  }

  /** @param {string} path */
  #choose(path) {
    this.#wanted = path;
    this.#series.path = path;
    this.draw();
  }

  /**
   * Asks for the whole of the last message, one at a time.
   *
   * @param {TopicRow} row
   */
  async #ask({ last: { n } }) {
    if (this.#isAsking || this.#packet?.n === n) return;
    this.#isAsking = true;
    const node = this.#node;
    try {
      const packet = await this.#feed.packet(n);
      if (node === this.#node) this.#packet = packet;
    } catch {
      // It is not kept any more: what the feed has told is there.
    } finally {
      this.#isAsking = false;
    }
    if (this.#packet?.n === n) this.draw();
  }

  #showPacket() {
    const n = this.#node?.row?.last.n;
    if (n === undefined) return;
    this.#feed.model.select(n);
    this.#feed.model.show("conversation");
  }
}
