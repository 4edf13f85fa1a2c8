// @ts-check
/// <reference lib="dom" />
// The list of connections: who, in what state, how much, and how long since it was last heard of.
// One of them can be shown alone.

/** @import { ConnectionRow } from "./events.ts" */
/** @import { Feed } from "./feed.js" */

import { element, inNextFrame, setText } from "./dom.js";
import { visible } from "./payload.js";
import { durationText, numberText, sizeText } from "./text.js";
import { VirtualList } from "./virtual_list.js";

/** The height of a connection in pixels, as in conversation.css. */
const HEIGHT = 68;

/** The list. */
class Connections {
  element;
  #model;
  #list;
  /** @type {ConnectionRow[]} Open ones first, then the newest. */
  #rows = [];
  /** How many are open. */
  #open = 0;

  /** @param {Feed} feed */
  constructor({ model }) {
    this.#model = model;
    this.#list = new VirtualList("connection", "Connections", {
      count: () => this.#rows.length + 1,
      top: (index) => index * HEIGHT,
      height: () => (this.#rows.length + 1) * HEIGHT,
      indexAt: (y) => Math.min(Math.max(Math.floor(y / HEIGHT), 0), this.#rows.length),
      keyOf: (index) => this.#rows[index - 1]?.id ?? "all",
      versionOf: (index) => this.#versionOf(this.#rows[index - 1]),
      draw: (index, option) => this.#draw(this.#rows[index - 1], option),
      choose: (index) => model.showConnection(this.#rows[index - 1]?.id),
      enter: () => model.show("conversation"),
    });
    this.element = this.#list.element;
    this.element.classList.add("connections");
    const update = inNextFrame(() => this.#update());
    for (const name of ["connections", "connection", "counts", "reset"]) {
      model.addEventListener(name, update);
    }
    // How long ago something was goes on by itself.
    setInterval(() => document.hidden || this.#list.draw(), 1000);
    this.#update();
  }

  #update() {
    this.#rows = [...this.#model.connections.values()]
      .sort((a, b) => Number(b.isOpen) - Number(a.isOpen) || b.id - a.id);
    this.#open = this.#rows.filter(({ isOpen }) => isOpen).length;
    const { connection } = this.#model;
    this.#list.active = connection === undefined
      ? 0
      : this.#rows.findIndex(({ id }) => id === connection) + 1;
  }

  /** @param {ConnectionRow | undefined} row */
  #versionOf(row) {
    if (row === undefined) return JSON.stringify([this.#model.counts, this.#open]);
    return `${JSON.stringify(row)}${row.isOpen ? silenceOf(row) : ""}`;
  }

  /**
   * @param {ConnectionRow | undefined} row
   * @param {HTMLElement} option
   */
  #draw(row, option) {
    if (row === undefined) this.#drawAll(option);
    else drawConnection(row, option);
  }

  /** @param {HTMLElement} option */
  #drawAll(option) {
    const { bytes, connections, packets } = this.#model.counts;
    option.append(
      element("b", { class: "who" }, "All connections"),
      element(
        "span",
        { class: "muted" },
        `${numberText(this.#open)} open of ${numberText(connections)}`,
      ),
      element("span", { class: "muted" }, `${numberText(packets)} packets, ${sizeText(bytes)}`),
    );
  }
}

/**
 * Shows the connections.
 *
 * @param {HTMLElement} host
 * @param {Feed} feed
 */
export function mountConnections(host, feed) {
  const heading = element("h2", { class: "heading" }, "Connections");
  host.append(heading, new Connections(feed).element);
  const { model } = feed;
  model.addEventListener("connections", () => {
    const open = [...model.connections.values()].filter(({ isOpen }) => isOpen).length;
    setText(heading, open === 0 ? "Connections" : `Connections (${numberText(open)} open)`);
  });
}

/**
 * @param {ConnectionRow} row
 * @param {HTMLElement} option
 */
function drawConnection(row, option) {
  const { client, clientId, fault, findings, id, isOpen, protocol, sent } = row;
  const state = isOpen ? "open" : fault === null ? "closed" : "broken";
  const nameless = sent.client.bytes === 0 ? "nothing sent yet" : "no Client Identifier";
  option.append(
    element(
      "span",
      { class: "who" },
      element("span", { class: `dot ${state}` }),
      element("bdi", { class: clientId ? "" : "muted" }, visible(clientId || nameless)),
      findings > 0
        ? element("span", { class: "badge", title: "Packets with findings" }, numberText(findings))
        : null,
    ),
    element("span", { class: "muted" }, [`#${id}`, client, protocolText(protocol)].join(" · ")),
    element(
      "span",
      { class: "muted numbers" },
      `↑ ${numberText(sent.client.packets)} ↓ ${numberText(sent.server.packets)}`,
      isOpen ? keepAlive(row) : element("span", {}, fault === null ? "closed" : `closed: ${fault}`),
    ),
  );
}

/**
 * How long the client has been silent, of its Keep Alive (§3.1.2.10).
 *
 * @param {ConnectionRow} row
 */
function keepAlive(row) {
  const silence = silenceOf(row);
  const { keepAlive } = row;
  if (keepAlive === null || keepAlive === 0) return element("span", {}, silenceText(silence));
  const share = silence / (keepAlive * 1000);
  const state = share >= 1.5 ? "late" : share >= 1 ? "due" : "";
  const meter = element("span", { class: `meter ${state}` }, element("span", {}));
  meter.style.setProperty("--share", String(Math.min(share, 1)));
  const text = `${silenceText(silence)} of ${keepAlive} s`;
  const title = "Since the client last sent a packet, of its Keep Alive";
  return element("span", { class: "alive", title }, meter, text);
}

/**
 * How long the client has been silent, in milliseconds: whole seconds.
 *
 * @param {ConnectionRow} row
 */
function silenceOf({ lastAt, openedAt }) {
  return Math.max(0, Math.floor((Date.now() - (lastAt.client ?? openedAt)) / 1000) * 1000);
}

/**
 * What a connection speaks.
 *
 * @param {string} protocol
 */
function protocolText(protocol) {
  switch (protocol) {
    case "unknown":
      return "not known yet";
    case "other":
      return "not MQTT";
    default:
      return protocol;
  }
}

/** @param {number} silence */
function silenceText(silence) {
  return silence < 60_000 ? `${silence / 1000} s` : durationText(silence);
}
