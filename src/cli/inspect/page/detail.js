// @ts-check
/// <reference lib="dom" />
// The selected packet: what it is, what was found in it, and its bytes beside its fields. Whatever
// is pointed at, or gone to by keys, in one of the two is lit in both.

/** @import { PacketDetail, PacketEntry, PageEntry } from "./events.ts" */
/** @import { Feed } from "./feed.js" */
/** @import { Part } from "./parts.js" */

import { headOf } from "./detail_head.js";
import { element, setAttribute } from "./dom.js";
import { FieldList } from "./fields.js";
import { HexView } from "./hex.js";
import { partAt, partsOf, placeText } from "./parts.js";
import { sectionLink } from "./standard.js";
import { clockText, eventText, numberText } from "./text.js";

/** So many characters of a value are shown in full. */
const VALUE_SHOWN = 4000;

/** The detail of the selected packet. */
export class Detail {
  #feed;
  #related;
  #host;
  #head = element("div", { class: "detail-head" });
  /** @type {string | undefined} The older standard that the packet is explained by. */
  #edition;
  #about = element("div", { class: "about" });
  #body;
  #fields;
  #hex;
  /** @type {Part[]} */
  #parts = [];
  /** @type {Part | undefined} What was chosen; lit unless something is pointed at. */
  #chosen;
  #note = element("div", { class: "empty" });

  /**
   * @param {HTMLElement} host
   * @param {Feed} feed
   * @param {() => readonly number[]} related The packets that belong to the selected one.
   */
  constructor(host, feed, related) {
    this.#host = host;
    this.#feed = feed;
    this.#related = related;
    this.#fields = new FieldList({
      point: (part) => this.#light(part ?? this.#chosen),
      choose: (part) => this.#choose(part),
    });
    this.#hex = new HexView({
      nameOf: (offset) => partAt(this.#parts, offset)?.name ?? "",
      point: (offset) => this.#light(this.#at(offset) ?? this.#chosen),
      choose: (offset) => {
        const part = this.#at(offset);
        if (part === undefined) return;
        this.#fields.activate(part);
        this.#choose(part);
      },
      enter: () => this.#fields.focus(),
    });
    this.#body = element("div", { class: "bytes" }, this.#hex.element, this.#fields.element);
    host.append(this.#note, this.#head, this.#body, this.#about);
    const { model } = feed;
    model.addEventListener("selection", () => this.#show());
    model.addEventListener("reset", () => this.#show());
    this.#show();
  }

  /** Gives the keyboard to the fields. */
  focus() {
    this.#fields.focus();
  }

  async #show() {
    const { model } = this.#feed;
    const { selection } = model;
    const entry = selection === undefined ? undefined : model.entry(selection);
    this.#head.replaceChildren();
    this.#about.replaceChildren();
    this.#chosen = undefined;
    if (entry === undefined) {
      this.#tell(
        selection === undefined
          ? "Select a packet to see what each of its bytes is for."
          : "This packet is no longer kept.",
      );
      return;
    }
    if (entry.type !== "packet") {
      this.#tell(this.#happened(entry));
      return;
    }
    this.#host.setAttribute("aria-busy", "true");
    try {
      const packet = await this.#feed.packet(entry.n);
      if (model.selection === selection) this.#draw(entry, packet);
    } catch (error) {
      if (model.selection !== selection) return;
      this.#tell(error instanceof Error ? error.message : String(error));
    } finally {
      if (model.selection === selection) setAttribute(this.#host, "aria-busy", null);
    }
  }

  /**
   * What has happened on a connection, and which it is.
   *
   * @param {Exclude<PageEntry, PacketEntry>} entry
   */
  #happened(entry) {
    const row = this.#feed.model.connections.get(entry.connection);
    const place = row === undefined ? [] : [`from ${row.client} to ${row.server}`, row.protocol];
    const what = `${clockText(entry.time)}: ${eventText(entry)}`;
    return [what, `connection #${entry.connection} ${place.join(", ")}`].join("\n");
  }

  /** @param {string} sentence */
  #tell(sentence) {
    this.#note.textContent = sentence;
    this.#note.hidden = false;
    this.#body.hidden = true;
    this.#about.hidden = true;
  }

  /**
   * @param {PacketEntry} entry
   * @param {PacketDetail} packet
   */
  #draw(entry, packet) {
    const bytes = bytesOf(packet.hex);
    this.#parts = partsOf(packet);
    this.#edition = packet.edition;
    this.#note.hidden = true;
    this.#body.hidden = false;
    this.#about.hidden = false;
    const { model } = this.#feed;
    const related = this.#related().map((n) => model.entry(n)).filter(isPacket);
    this.#head.replaceChildren(...headOf(entry, packet, related, (n) => model.select(n)));
    this.#hex.show(bytes, packet.size);
    this.#fields.show(this.#parts, bytes);
    this.#fields.element.hidden = this.#parts.length === 0;
    this.#explain(undefined);
  }

  /** @param {number | undefined} offset */
  #at(offset) {
    return offset === undefined ? undefined : partAt(this.#parts, offset);
  }

  /** @param {Part} part */
  #choose(part) {
    this.#chosen = part;
    this.#light(part);
    if (part.length > 0) this.#hex.reveal(part);
  }

  /** @param {Part | undefined} part */
  #light(part) {
    this.#fields.light(part);
    this.#hex.light(part);
    this.#explain(part);
  }

  /** @param {Part | undefined} part */
  #explain(part) {
    if (part === undefined) {
      const hint = "Point at a field or a byte, or go through them with the arrow keys.";
      this.#about.replaceChildren(element("p", { class: "muted" }, hint));
      return;
    }
    const { field, mask, name, section, text } = part;
    const value = mask === undefined ? valueOf(field) : undefined;
    this.#about.replaceChildren(
      element(
        "p",
        {},
        element("b", {}, name),
        element("span", { class: "muted" }, `  ${placeText(part)}  `),
        sectionLink(section, this.#edition),
      ),
      element("bdi", { class: "value" }, value ?? text),
    );
  }
}

/**
 * A text in full; `undefined` if the field has none.
 *
 * @param {Part["field"]} field
 */
function valueOf({ meaning, value }) {
  const whole = typeof value === "object" ? textOf(bytesOf(value.hex)) : value;
  if (typeof whole !== "string" || whole === "") return undefined;
  const text = whole.length > VALUE_SHOWN
    ? `${whole.slice(0, VALUE_SHOWN)}… (${numberText(whole.length)} characters)`
    : whole;
  return meaning === undefined ? text : `${text}: ${meaning}`;
}

/**
 * @param {PageEntry | undefined} entry
 * @returns {entry is PacketEntry}
 */
function isPacket(entry) {
  return entry?.type === "packet";
}

/**
 * Bytes as text, if they are.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** @param {string} hex */
function bytesOf(hex) {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}
