// @ts-check
/// <reference lib="dom" />
// The lesson of `mqtt5 demo`: the chapters, what happens in each step and what to look at, and the
// button for the next one. mqtt5 plays it, and tells every page that is open how far it has come.

/** @import { LessonState, LessonStep } from "./events.ts" */
/** @import { Feed } from "./feed.js" */
/** @import { Model } from "./model.js" */

import { drawOn, element, setAttribute, setText } from "./dom.js";
import { nextWord, progressOf, quotedParts, wishFor } from "./lesson_text.js";

/**
 * Shows where the lesson is, if there is one; `host` is hidden until then.
 *
 * @param {HTMLElement} host
 * @param {Feed} feed
 */
export function mountLesson(host, feed) {
  const lesson = new Lesson(host, feed);
  drawOn(feed.model, ["lesson", "entries"], () => lesson.draw());
}

/** The panel. */
class Lesson {
  #host;
  #feed;
  /** @type {Model} */
  #model;
  #chapter = element("summary");
  #chapters = element("ol");
  #menu = element("details", { class: "lesson-chapters" }, this.#chapter, this.#chapters);
  #again = element("button", { type: "button", click: () => this.#restart() }, "Start again");
  #title = element("h2");
  #about = element("p");
  #steps = element("ol", { class: "lesson-steps" });
  #error = element("p", { class: "fault", role: "alert" });
  #body = element(
    "div",
    { class: "lesson-body", tabindex: 0, role: "region", "aria-label": "What happens" },
    this.#title,
    this.#about,
    this.#steps,
    this.#error,
  );
  #progress = element("progress", { "aria-label": "Steps" });
  #count = element("span", { class: "muted" });
  #next = element("button", { type: "button", class: "lesson-next", click: () => this.#goOn() });
  /** Says what happens to those who do not see it. */
  #spoken = element("p", { class: "off-screen", role: "status" });
  /** @type {LessonState | undefined} What is shown. */
  #shown;
  /** @type {number | undefined} The step whose text is open. */
  #open;
  /** @type {number | null} The packet to select once its entry is here. */
  #awaited = null;
  /** What the page could not do. */
  #fault = "";

  /**
   * @param {HTMLElement} host
   * @param {Feed} feed
   */
  constructor(host, feed) {
    this.#host = host;
    this.#feed = feed;
    this.#model = feed.model;
    host.append(
      element(
        "div",
        { class: "lesson-head" },
        this.#menu,
        this.#again,
      ),
      this.#body,
      element("div", { class: "lesson-foot" }, this.#progress, this.#count, this.#next),
      this.#spoken,
    );
    document.addEventListener("keydown", (event) => this.#press(event));
    this.#menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#menu.open) return;
      event.preventDefault();
      this.#menu.open = false;
      this.#chapter.focus();
    });
    document.addEventListener("click", ({ target }) => {
      if (target instanceof Node && !this.#menu.contains(target)) this.#menu.open = false;
    });
  }

  /** Draws what has changed. */
  draw() {
    const { lesson } = this.#model;
    if (lesson !== undefined && lesson !== this.#shown) this.#show(lesson);
    this.#selectAwaited();
  }

  /** @param {LessonState} lesson */
  #show(lesson) {
    const before = this.#shown;
    this.#shown = lesson;
    this.#host.hidden = false;
    document.body.classList.add("has-lesson");
    const { chapters, chapter, title, about, steps, count, error, isBusy } = lesson;
    if (this.#chapters.children.length !== chapters.length) {
      this.#chapters.replaceChildren(
        ...chapters.map(({ name, title }) => this.#newChapter(name, title)),
      );
    }
    for (const [index, { name }] of chapters.entries()) {
      const button = this.#chapters.children[index]?.firstElementChild;
      if (button) setAttribute(button, "aria-current", name === chapter ? "true" : null);
    }
    const number = chapters.findIndex(({ name }) => name === chapter) + 1;
    setText(this.#chapter, `Chapter ${number} of ${chapters.length}: ${chapter ?? ""}`);
    setText(this.#title, title.charAt(0).toUpperCase() + title.slice(1));
    setText(this.#about, about);
    const isAnother = chapter !== before?.chapter || steps.length < before.steps.length;
    if (isAnother) this.#steps.replaceChildren();
    if (isAnother || steps.length > (before?.steps.length ?? 0)) this.#open = steps.length - 1;
    this.#showSteps(steps);
    setText(this.#error, error ?? this.#fault);
    this.#progress.max = Math.max(1, count);
    this.#progress.value = isBusy ? steps.length - 1 : steps.length;
    setText(this.#count, progressOf(lesson));
    this.#showNext(lesson);
    const step = steps.at(-1);
    if (steps.length !== before?.steps.length) setText(this.#spoken, step?.title ?? about);
    const packet = step?.packet ?? null;
    if (packet !== null && packet !== before?.steps.at(-1)?.packet) this.#awaited = packet;
  }

  /**
   * @param {string} name
   * @param {string} title
   */
  #newChapter(name, title) {
    const choose = () => {
      this.#menu.open = false;
      this.#next.focus();
      this.#ask({ action: "start", chapter: name });
    };
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", click: choose },
        element("b", {}, name),
        element("span", {}, title),
      ),
    );
  }

  /** @param {LessonState} lesson */
  #showNext(lesson) {
    const word = nextWord(lesson);
    // A disabled button would lose the focus.
    setAttribute(this.#next, "aria-disabled", word === undefined ? "true" : null);
    const hint = word?.hint ?? "";
    this.#next.replaceChildren(
      element("span", {}, word?.label ?? "Next", " ", element("kbd", {}, "n")),
      ...hint === "" ? [] : [element("span", { class: "lesson-hint" }, hint)],
    );
  }

  /** @param {readonly LessonStep[]} steps */
  #showSteps(steps) {
    for (const [index, step] of steps.entries()) {
      const item = this.#steps.children[index] ?? this.#newStep(index, step);
      const isOpen = index === this.#open;
      setAttribute(item, "aria-current", index === steps.length - 1 ? "step" : null);
      const [button, text] = item.children;
      if (button !== undefined) setAttribute(button, "aria-expanded", String(isOpen));
      if (text !== undefined) setAttribute(text, "hidden", !isOpen);
    }
  }

  /**
   * @param {number} index
   * @param {LessonStep} step
   */
  #newStep(index, { title, text, bytes }) {
    const item = element(
      "li",
      {},
      element("button", { type: "button", click: () => this.#look(index) }, title),
      element(
        "div",
        {},
        element("p", {}, ...richText(text)),
        bytes === undefined ? null : byteTable(bytes),
      ),
    );
    this.#steps.append(item);
    requestAnimationFrame(() => this.#scrollTo(item));
    return item;
  }

  /**
   * Scrolls so that a step is seen, or its beginning if it is too long.
   *
   * @param {HTMLElement} item
   */
  #scrollTo(item) {
    const isLong = item.offsetHeight > this.#body.clientHeight;
    item.scrollIntoView({ block: isLong ? "start" : "nearest" });
  }

  /**
   * Opens a step, and selects its packet; closes it if it is open.
   *
   * @param {number} index
   */
  #look(index) {
    const { steps } = /** @type {LessonState} */ (this.#shown);
    const isOpen = this.#open === index;
    this.#open = isOpen ? undefined : index;
    this.#showSteps(steps);
    if (!isOpen) this.#awaited = steps[index]?.packet ?? null;
    this.#selectAwaited();
  }

  #selectAwaited() {
    const packet = this.#awaited;
    if (packet === null || this.#model.entry(packet) === undefined) return;
    this.#awaited = null;
    // The diagram draws the entries in this frame, and can scroll to them in the next.
    requestAnimationFrame(() => {
      if (this.#model.entry(packet) !== undefined) this.#model.select(packet);
    });
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const { key, target, defaultPrevented, altKey, ctrlKey, metaKey } = event;
    if (key !== "n" || defaultPrevented || altKey || ctrlKey || metaKey) return;
    if (target instanceof Element && target.closest("input, select, textarea, dialog")) return;
    if (this.#shown === undefined || event.repeat) return;
    event.preventDefault();
    this.#goOn();
  }

  #goOn() {
    if (this.#shown === undefined) return;
    const wish = wishFor(this.#shown);
    if (wish !== undefined) this.#ask(wish);
  }

  #restart() {
    const chapter = this.#shown?.chapter;
    if (typeof chapter === "string") this.#ask({ action: "start", chapter });
  }

  /** @param {object} wish */
  async #ask(wish) {
    this.#fault = "";
    try {
      await this.#feed.post("lesson", wish);
    } catch (error) {
      this.#fault = error instanceof Error ? error.message : String(error);
    }
    setText(this.#error, this.#shown?.error ?? this.#fault);
  }
}

/**
 * Text in which what stands between backticks looks like code.
 *
 * @param {string} text
 */
function richText(text) {
  return quotedParts(text).map(({ text, isQuoted }) => isQuoted ? element("code", {}, text) : text);
}

/** @param {NonNullable<LessonStep["bytes"]>} bytes */
function byteTable({ of, rows }) {
  return element(
    "table",
    { class: "lesson-bytes" },
    element("caption", {}, `${of}, byte by byte`),
    element(
      "tbody",
      {},
      ...rows.map(([hex, meaning]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, element("code", {}, hex)),
          element("td", {}, meaning),
        )
      ),
    ),
  );
}
