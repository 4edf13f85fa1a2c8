// @ts-check
// What the panel of a lesson says, and what its button asks for. Nothing here meets the page.

/** @import { LessonState } from "./events.ts" */

/**
 * The parts of a text, with those that stand between backticks.
 *
 * @param {string} text
 * @returns {{ readonly text: string, readonly isQuoted: boolean }[]}
 */
export function quotedParts(text) {
  return text.split("`")
    .map((text, index) => ({ text, isQuoted: index % 2 === 1 }))
    .filter(({ text }) => text !== "");
}

/**
 * How far a lesson has come, in words.
 *
 * @param {LessonState} lesson
 */
export function progressOf({ steps, count, isBusy, error }) {
  if (error !== null) return "Start again";
  if (steps.length === 0) return isBusy ? "Beginning …" : `${count} steps`;
  return `Step ${steps.length} of ${count}${isBusy ? " …" : ""}`;
}

/**
 * What the button says; nothing while it has to wait.
 *
 * @param {LessonState} lesson
 * @returns {{ readonly label: string, readonly hint: string } | undefined}
 */
export function nextWord(lesson) {
  const wish = wishFor(lesson);
  if (wish === undefined) return undefined;
  if (wish.action === "next") return { label: "Next", hint: lesson.next ?? "" };
  const { title = "" } = lesson.chapters.find(({ name }) => name === wish.chapter) ?? {};
  return { label: "Next chapter", hint: `${wish.chapter}: ${title}` };
}

/**
 * What the button asks for: the next step, or after the last one the next chapter.
 *
 * @param {LessonState} lesson
 * @returns {{ action: "next", chapter: string, step: number } |
 *   { action: "start", chapter: string } | undefined}
 */
export function wishFor({ chapters, chapter, steps, count, next, isBusy, error }) {
  if (isBusy || error !== null || chapter === null) return undefined;
  if (next !== null) return { action: "next", chapter, step: steps.length };
  if (steps.length < count) return undefined;
  const following = chapters[chapters.findIndex(({ name }) => name === chapter) + 1];
  return following === undefined ? undefined : { action: "start", chapter: following.name };
}
