// What the panel of a lesson says in each state, and what its button asks for.

import { assertEquals } from "@std/assert";
import type { LessonState } from "../../../src/cli/inspect/page/events.ts";
import {
  nextWord,
  progressOf,
  quotedParts,
  wishFor,
} from "../../../src/cli/inspect/page/lesson_text.js";

const STEP = { title: "It happens.", text: "So it is.", from: 0, packet: 1 };

const READY: LessonState = {
  chapters: [{ name: "connect", title: "a connection" }, { name: "qos0", title: "QoS 0" }],
  chapter: "connect",
  title: "a connection",
  about: "About it.",
  steps: [STEP],
  count: 2,
  next: "It goes on.",
  isBusy: false,
  error: null,
};

const OVER: LessonState = { ...READY, steps: [STEP, STEP], next: null };

Deno.test("what stands between backticks is told apart", () => {
  assertEquals(quotedParts("`34 0A` is PUBLISH, `s=`…"), [
    { text: "34 0A", isQuoted: true },
    { text: " is PUBLISH, ", isQuoted: false },
    { text: "s=", isQuoted: true },
    { text: "…", isQuoted: false },
  ]);
});

Deno.test("the button asks for the next step, and says what it is", () => {
  assertEquals(wishFor(READY), { action: "next", chapter: "connect", step: 1 });
  assertEquals(nextWord(READY), { label: "Next", hint: "It goes on." });
});

Deno.test("after the last step, the button asks for the next chapter, if there is one", () => {
  assertEquals(wishFor(OVER), { action: "start", chapter: "qos0" });
  assertEquals(nextWord(OVER), { label: "Next chapter", hint: "qos0: QoS 0" });
  assertEquals(wishFor({ ...OVER, chapter: "qos0" }), undefined);
  assertEquals(nextWord({ ...OVER, chapter: "qos0" }), undefined);
});

Deno.test("the button asks for nothing while a step goes on, or when one has failed", () => {
  for (const change of [{ isBusy: true }, { error: "It failed" }, { chapter: null }]) {
    assertEquals(wishFor({ ...READY, ...change }), undefined);
  }
  assertEquals(wishFor({ ...READY, next: null }), undefined);
});

Deno.test("the panel says how far the chapter has come", () => {
  assertEquals(progressOf({ ...READY, steps: [] }), "2 steps");
  assertEquals(progressOf({ ...READY, steps: [], isBusy: true }), "Beginning …");
  assertEquals(progressOf({ ...READY, isBusy: true }), "Step 1 of 2 …");
  assertEquals(progressOf(OVER), "Step 2 of 2");
  assertEquals(progressOf({ ...READY, error: "It failed" }), "Start again");
});
