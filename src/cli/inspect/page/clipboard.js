// @ts-check
/// <reference lib="dom" />
// Copies texts, saves files, and says so.

import { byId, element, setText } from "./dom.js";

/** How long the page says what it has done, in milliseconds. */
const SHOWN = 3000;

/**
 * A button that copies a text, and says so.
 *
 * @param {string} name
 * @param {() => string} text
 * @param {() => string} [said] What is said then.
 */
export function copyButton(name, text, said = () => "Copied") {
  const copy = async () => {
    try {
      await copyText(text());
      say(said());
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  };
  return element("button", { type: "button", click: copy }, name);
}

/** @param {string} text */
async function copyText(text) {
  // Only pages of this computer, and those by https, have a clipboard.
  if (navigator.clipboard === undefined) copyBySelection(text);
  else await navigator.clipboard.writeText(text);
}

/**
 * Saves a text as a file.
 *
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
export function saveText(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), SHOWN);
  say(`Saved as ${name}`);
}

/**
 * Says a sentence for a few seconds.
 *
 * @param {string} sentence
 */
function say(sentence) {
  const toast = byId("toast");
  setText(toast, sentence);
  const said = toast.firstChild;
  setTimeout(() => {
    if (toast.firstChild === said) setText(toast, "");
  }, SHOWN);
}

/** @param {string} text */
function copyBySelection(text) {
  const { activeElement } = document;
  const area = element("textarea", { class: "off-screen" });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus();
  if (!isCopied) throw new Error("The browser does not let this page copy");
}
