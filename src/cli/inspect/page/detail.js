// @ts-check
/// <reference lib="dom" />
// The selected packet: what it is, what was found in it, and its bytes beside its fields. Whatever is
// pointed at, or gone to by keys, in one of the two is lit in both.

/** @import { PacketDetail, PacketEntry, PageEntry } from "./events.ts" */
/** @import { Feed } from "./feed.js" */
/** @import { Part } from "./parts.js" */

import { copyButton } from "./clipboard.js";
import { element, setAttribute } from "./dom.js";
import { FieldList } from "./fields.js";
import { HexView } from "./hex.js";
import { partAt, partsOf, placeText } from "./parts.js";
import { sectionLink, statementLink } from "./standard.js";
import { clockText, countText, eventText, nameOf, numberText, sentenceOf } from "./text.js";

/** So many characters of a value are shown in full. */
const VALUE_SHOWN = 4000;

/** The detail of the selected packet. */
export class Detail {
  #feed;
  #related;
  #host;
  #head = element("div", { class: "detail-head" });
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
    this.#note.hidden = true;
    this.#body.hidden = false;
    this.#about.hidden = false;
    this.#head.replaceChildren(...this.#heading(entry, packet));
    this.#hex.show(bytes, packet.size);
    this.#fields.show(this.#parts, bytes);
    this.#fields.element.hidden = this.#parts.length === 0;
    this.#explain(undefined);
  }

  /**
   * @param {PacketEntry} entry
   * @param {PacketDetail} packet
   * @returns {Node[]}
   */
  #heading(entry, packet) {
    const way = entry.from === "client" ? "client → server" : "server → client";
    const where = `${way} · ${clockText(entry.time)} · ${countText(packet.size, "byte")} · `;
    const { decode, fault, findings, hex, json, section } = packet;
    const isTold = findings.some(({ message }) => message === fault);
    const faults = [
      ...fault === undefined || isTold ? [] : [element("li", { class: "remark" }, fault)],
      ...findings.map((finding) => findingItem(finding)),
    ];
    return [
      element("h2", { class: `name ${entry.from}` }, nameOf(entry)),
      element(
        "p",
        { class: "muted" },
        where,
        section === undefined ? `#${entry.connection}` : sectionLink(section),
      ),
      element(
        "p",
        { class: "copy" },
        copyButton("Copy hex", () => Promise.resolve(hex)),
        copyButton("Copy JSON", () => Promise.resolve(JSON.stringify(json, undefined, 2))),
        decode === undefined ? null : copyButton("Copy command", () => Promise.resolve(decode)),
      ),
      ...faults.length === 0 ? [] : [element("ul", { class: "findings" }, ...faults)],
      ...this.#exchange(entry),
    ];
  }

  /**
   * The packets that belong together, as buttons.
   *
   * @param {PacketEntry} entry
   * @returns {Node[]}
   */
  #exchange(entry) {
    const { model } = this.#feed;
    const all = this.#related().map((n) => model.entry(n)).filter(isPacket);
    if (all.length < 2) return [];
    // A PUBLISH may be sent again any number of times.
    const members = all.filter((_, index) => index < 4 || index >= all.length - 8);
    const steps = members.map((member) => {
      const isThis = member.n === entry.n;
      const way = member.from === "client" ? "→" : "←";
      const attributes = {
        type: "button",
        "aria-current": isThis ? "step" : null,
        click: () => model.select(member.n),
      };
      return element("button", attributes, `${way} ${member.name}`);
    });
    return [element("nav", { class: "exchange", "aria-label": "Exchange" }, ...steps)];
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
        sectionLink(section),
      ),
      element("bdi", { class: "value" }, value ?? text),
    );
  }
}

/** @param {PacketDetail["findings"][number]} finding */
function findingItem(finding) {
  const { section, severity, statement } = finding;
  const rule = statement === undefined ? sectionLink(section) : statementLink(statement);
  const kind = severity === "warning" ? "remark warning" : "remark";
  return element("li", { class: kind }, `${sentenceOf(finding)} `, rule);
}

/**
 * A text in full; `undefined` if the field has none.
 *
 * @param {Part["field"]} field
 */
function valueOf({ meaning, value }) {
  if (typeof value !== "string" || value === "") return undefined;
  const text = value.length > VALUE_SHOWN
    ? `${value.slice(0, VALUE_SHOWN)}… (${numberText(value.length)} characters)`
    : value;
  return meaning === undefined ? text : `${text}: ${meaning}`;
}

/**
 * @param {PageEntry | undefined} entry
 * @returns {entry is PacketEntry}
 */
function isPacket(entry) {
  return entry?.type === "packet";
}

/** @param {string} hex */
function bytesOf(hex) {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}
