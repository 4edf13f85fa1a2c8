// @ts-check
/// <reference lib="dom" />
// What the diagram says while it has nothing to show, and what to do about it.

/** @import { Model } from "./model.js" */

import { copyButton } from "./clipboard.js";
import { element } from "./dom.js";

/**
 * Why nothing is shown, as elements.
 *
 * @param {Model} model
 * @returns {Node[]}
 */
export function welcome(model) {
  if (model.hello === undefined) {
    const isConnecting = model.state === "connecting";
    const text = isConnecting ? "Connecting to mqtt5 …" : "The page has no connection to mqtt5.";
    return [element("p", {}, text)];
  }
  if (model.entries.length > 0) return [nothingMatches(model)];
  if (model.lesson !== undefined) {
    return [
      element("h2", {}, "Nothing has been said yet"),
      element("p", {}, "Press Next: what clients and broker say to each other appears here."),
    ];
  }
  const url = model.hello.listeners[0];
  if (url === undefined) return [element("p", {}, "Nothing has been seen yet.")];
  const place = placeOf(url);
  return [
    element("h2", {}, "Nothing has been seen yet"),
    element("p", {}, "Connect a client to ", element("code", {}, url), ", for example with:"),
    ...[
      `mqtt5 sub ${url} 'test/#'`,
      ...place === undefined ? [] : [`mosquitto_sub -V 5 ${place} -t 'test/#'`],
      `mqtt5 pub ${url} test/hello 'Hello' --qos 2`,
    ].map((command) => {
      const copy = copyButton("Copy", () => command);
      return element("p", { class: "command" }, element("code", {}, command), copy);
    }),
    element("p", {}, "Every packet between it and the server appears here."),
  ];
}

/**
 * Why nothing is shown, as a word that changes with it.
 *
 * @param {Model} model
 */
export function reasonOf({ connection, entries, hello, lesson, onlyFindings, state }) {
  if (hello === undefined) return state;
  if (entries.length > 0) return `filter ${connection} ${onlyFindings}`;
  return lesson === undefined ? `nothing ${hello.run}` : "lesson";
}

/** @param {Model} model */
function nothingMatches(model) {
  const clear = () => {
    model.setFilter({ text: "", onlyFindings: false });
    model.showConnection(undefined);
  };
  const text = model.onlyFindings && model.filter === ""
    ? "No packet with findings has been seen."
    : "No packet matches the filter.";
  return element(
    "div",
    {},
    element("p", {}, text),
    element("button", { type: "button", click: clear }, "Show all"),
  );
}

/**
 * The options of Mosquitto's tools for a URL.
 *
 * @param {string} text
 */
function placeOf(text) {
  const url = URL.parse(text);
  if (url?.protocol !== "mqtt:") return undefined;
  return `-h ${url.hostname} -p ${url.port === "" ? 1883 : url.port}`;
}
