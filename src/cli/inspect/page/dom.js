// @ts-check
/// <reference lib="dom" />
// Builds elements. What comes from the network gets into the page as text only: there is no other
// way here to make an element.

/** @typedef {Node | string | number | null | undefined} Child What may stand in an element. */

/** @typedef {EventListener | string | number | boolean | null | undefined} Attribute */

/**
 * An element with attributes and children. An attribute that is `true` is set without a value, one
 * that is `false`, `null` or `undefined` is left out, and a function listens to the event of that
 * name: `element("button", { click: () => save() }, "Save")`.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {{ readonly [name: string]: Attribute }} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else setAttribute(made, key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined).map(nodeOf));
  return made;
}

/**
 * The same for SVG.
 *
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {{ readonly [name: string]: string | number }} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svgElement(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/**
 * Sets an attribute, or takes it away if the value is `false`, `null` or `undefined`.
 *
 * @param {Element} target
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(target, name, value) {
  if (value === false || value === null || value === undefined) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Sets the text of an element, without touching the page if it is the same.
 *
 * @param {Node} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * The element of the page with an id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element #${id}`);
  return found;
}

/**
 * A function that calls `draw` once in the next frame, however often it is called before.
 *
 * @param {() => void} draw
 * @returns {() => void}
 */
export function inNextFrame(draw) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      draw();
    });
  };
}

/**
 * Draws at once, and again in the next frame after any of the events.
 *
 * @param {EventTarget} source
 * @param {readonly string[]} events
 * @param {() => void} draw
 */
export function drawOn(source, events, draw) {
  const redraw = inNextFrame(draw);
  for (const name of events) source.addEventListener(name, redraw);
  draw();
}

/** @param {Node | string | number} child */
function nodeOf(child) {
  return typeof child === "number" ? String(child) : child;
}
