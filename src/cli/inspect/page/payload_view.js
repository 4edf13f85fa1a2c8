// @ts-check
/// <reference lib="dom" />
// A payload as JSON with a line for each member, as text, or as bytes. A number of JSON can be
// chosen; it stays where it is, and keeps the focus, when the next message comes.

/** @import { ShownPayload } from "./events.ts" */
/** @import { Json } from "./payload_json.js" */

import { element, setAttribute, setText } from "./dom.js";
import { dump, hexOf, payloadKind, visible } from "./payload.js";
import { readJson } from "./payload_json.js";

/** @typedef {"json" | "text" | "hex"} Form */

/** @type {Readonly<Record<Form, string>>} */
const NAMES = { json: "JSON", text: "Text", hex: "Bytes" };

/** As many characters of text, and bytes, are shown. */
const MOST = { text: 20_000, bytes: 4096 };

/** Shows payloads. */
export class PayloadView {
  root;
  #onChoose;
  /** @type {Form | undefined} What the reader wants. */
  #wanted;
  /** @type {ShownPayload} */
  #payload = { size: 0, text: "", isCut: false };
  #shape = "";
  #buttons;
  #body = element("div", { class: "payload-body" });
  #note = element("p", { class: "muted" });

  /** @param {(path: string) => void} onChoose is told which number of JSON has been chosen */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    this.#buttons = /** @type {Form[]} */ (["json", "text", "hex"]).map((form) => {
      const choose = () => {
        this.#wanted = form;
        this.#draw();
      };
      return { form, button: element("button", { type: "button", click: choose }, NAMES[form]) };
    });
    this.root = element(
      "div",
      { class: "payload" },
      element(
        "div",
        { class: "payload-forms", role: "group", "aria-label": "Payload as" },
        ...this.#buttons.map(({ button }) => button),
      ),
      this.#body,
      this.#note,
    );
  }

  /**
   * Shows a payload, and which number of it is chosen.
   *
   * @param {ShownPayload} payload
   * @param {string} path
   */
  show(payload, path) {
    const { size, text, hex, isCut } = this.#payload;
    const isSame = size === payload.size && text === payload.text && hex === payload.hex &&
      isCut === payload.isCut;
    this.#payload = payload;
    if (!isSame || this.#shape === "") this.#draw();
    for (const button of this.#body.querySelectorAll("[data-path]")) {
      const isChosen = /** @type {HTMLElement} */ (button).dataset["path"] === path;
      setAttribute(button, "aria-pressed", String(isChosen));
    }
  }

  #draw() {
    const payload = this.#payload;
    const forms = formsOf(payload);
    const form = forms.find((form) => form === this.#wanted) ?? forms[0];
    for (const { form: each, button } of this.#buttons) {
      button.hidden = !forms.includes(each);
      setAttribute(button, "aria-pressed", String(each === form));
    }
    const { text = "", isCut } = payload;
    const json = form === "json" ? readJson(text, isCut) : undefined;
    if (json !== undefined) this.#showJson(json);
    else if (form === "hex") this.#showBytes();
    else if (form === undefined) this.#replace("empty");
    else this.#showText(text);
    setText(
      this.#note,
      isCut || json?.isWhole === false ? "There is more than is shown here." : "",
    );
  }

  /** @param {Json} json */
  #showJson({ lines }) {
    const shape = lines.map(({ depth, parts }) => {
      return `${depth} ${parts.map(({ kind, path = "" }) => kind + path).join(" ")}`;
    }).join("\n");
    const parts = lines.flatMap(({ parts }) => parts);
    if (shape !== this.#shape) {
      const list = element(
        "div",
        { class: "json", role: "group", "aria-label": "Payload", tabindex: 0 },
      );
      for (const { depth, parts } of lines) {
        const line = element(
          "div",
          { class: "json-line" },
          ...parts.map((part) => this.#part(part)),
        );
        line.style.setProperty("--depth", String(depth));
        list.append(line);
      }
      this.#replace(shape, list);
    }
    for (const [index, target] of this.#body.querySelectorAll("[data-kind]").entries()) {
      setText(target, visible(parts[index]?.text ?? ""));
    }
  }

  /** @param {import("./payload_json.js").Part} part */
  #part({ kind, path }) {
    if (path === undefined) return element("span", { class: `json-${kind}`, "data-kind": kind });
    return element("button", {
      type: "button",
      class: "json-number",
      title: `Plot ${path}`,
      "data-kind": kind,
      "data-path": path,
      click: () => this.#onChoose(path),
    });
  }

  #showBytes() {
    const lines = dump(hexOf(this.#payload).slice(0, 2 * MOST.bytes));
    const text = lines.map(({ offset, bytes, characters }) => {
      return `${offset}  ${bytes.padEnd(3 * 16 - 1)}  ${characters}`;
    }).join("\n");
    this.#showLines("payload-bytes", text);
  }

  /** @param {string} text */
  #showText(text) {
    this.#showLines("payload-text", visible(text.slice(0, MOST.text), { keepsLines: true }));
  }

  /**
   * @param {string} name of the class
   * @param {string} text
   */
  #showLines(name, text) {
    if (this.#shape !== name) {
      const attributes = { class: name, tabindex: 0, dir: "auto", "aria-label": "Payload" };
      this.#replace(name, element("pre", { ...attributes, role: "group" }));
    }
    const [target] = this.#body.children;
    if (target !== undefined) setText(target, text);
  }

  /**
   * @param {string} shape
   * @param {...Node} children
   */
  #replace(shape, ...children) {
    this.#shape = shape;
    this.#body.replaceChildren(...children);
  }
}

/**
 * How a payload can be shown, the best first.
 *
 * @param {ShownPayload} payload
 * @returns {Form[]}
 */
function formsOf(payload) {
  switch (payloadKind(payload)) {
    case "empty":
      return [];
    case "bytes":
      return ["hex"];
    case "json":
      return ["json", "text", "hex"];
    case "number":
    case "text":
      return ["text", "hex"];
  }
}
