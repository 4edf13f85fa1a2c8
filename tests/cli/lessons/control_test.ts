// Lessons in a page: the steps are played when they are asked for, by whoever is first.

import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ConnectionTable } from "../../../src/cli/inspect/connection_table.ts";
import type { LessonState } from "../../../src/cli/inspect/page/events.ts";
import { TopicTable } from "../../../src/cli/inspect/topic_table.ts";
import { LessonControl } from "../../../src/cli/lessons/control.ts";
import { CHAPTERS } from "../../../src/cli/lessons/registry.ts";
import type { LessonStage } from "../../../src/cli/lessons/stage.ts";

/** A lesson, and the stages that it has shown. */
class Lesson implements AsyncDisposable {
  readonly stages: LessonStage[] = [];
  readonly control: LessonControl;

  constructor(onStage: () => void = () => {}) {
    this.control = new LessonControl({
      signal: new AbortController().signal,
      tables: () => ({ connections: new ConnectionTable(), topics: new TopicTable() }),
      onStage: (stage) => {
        this.stages.push(stage);
        onStage();
      },
    });
  }

  get state(): LessonState {
    return this.control.state();
  }

  /** Asks for the next step. */
  next(step: number, chapter = this.state.chapter): void {
    this.control.command({ action: "next", chapter, step });
  }

  /** Resolves when nothing goes on. */
  async idle(): Promise<void> {
    while (this.state.isBusy) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control[Symbol.asyncDispose]();
  }
}

Deno.test("a chapter begins without any step, and says what the first one is", async () => {
  await using lesson = new Lesson();
  assertEquals([lesson.state.chapter, lesson.state.next], [null, null]);
  await lesson.control.begin("connect");
  const { chapter, title, about, steps, count, next, isBusy, error, chapters } = lesson.state;
  assertEquals([chapter, title], ["connect", CHAPTERS.get("connect")!.title]);
  assertEquals([steps, count, isBusy, error], [[], 3, false, null]);
  assertEquals([about, next].map((text) => text?.slice(0, 8)), ["In MQTT,", "The lamp"]);
  assertEquals(chapters.map(({ name }) => name), [...CHAPTERS.keys()]);
  assertEquals(lesson.stages[0]!.observer.counts.packets, 0);
});

Deno.test("each step is played when it is asked for, and has its first entry and a packet", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("qos2");
  lesson.next(0);
  assertEquals([lesson.state.isBusy, lesson.state.next, lesson.state.steps.length], [
    true,
    null,
    1,
  ]);
  assertEquals(lesson.state.steps[0]!.packet, null);
  await lesson.idle();
  lesson.next(1);
  await lesson.idle();
  const { steps, next, error } = lesson.state;
  assertEquals([steps.length, error], [2, null]);
  assertEquals(next, lesson.stages[0]!.steps[2]!.title);
  const [first, second] = steps.map(({ from, packet }) => ({ from, packet }));
  const { observer } = lesson.stages[0]!;
  assertEquals(first, { from: 0, packet: 1 });
  assertEquals(observer.entry(second!.from)?.type, "packet");
  // The packet is the one that is explained byte by byte.
  assertEquals(second!.packet, second!.from);
  const entry = observer.entry(second!.packet!)!;
  assertEquals(entry.type === "packet" && entry.bytes[0], 0x34);
});

Deno.test("the packet to look at is the one that is explained, or that the text quotes", async () => {
  await using lesson = new Lesson();
  const bytesAt = (index: number) => {
    const entry = lesson.stages.at(-1)!.observer.entry(lesson.state.steps[index]!.packet!)!;
    return entry.type === "packet" ? entry.bytes.toHex() : "";
  };
  await lesson.control.begin("retained");
  for (const step of [0, 1]) {
    lesson.next(step);
    await lesson.idle();
  }
  // Neither is the first packet of its step, which is a CONNECT.
  assertMatch(bytesAt(0), /^31/);
  assertMatch(bytesAt(1), /^31/);
  await lesson.control.begin("flow");
  lesson.next(0);
  await lesson.idle();
  assertMatch(bytesAt(0), /^10.*210002/);
});

Deno.test("after the last step there is none", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("connect");
  for (const step of [0, 1, 2]) {
    lesson.next(step);
    await lesson.idle();
  }
  assertEquals([lesson.state.next, lesson.state.steps.length], [null, 3]);
  const before = lesson.state;
  lesson.next(3);
  assertEquals(lesson.state, before);
});

Deno.test("a step that two ask for is played once", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("connect");
  lesson.next(0);
  lesson.next(0);
  lesson.next(1);
  await lesson.idle();
  lesson.next(0);
  lesson.next(5);
  assertEquals([lesson.state.steps.length, lesson.state.isBusy], [1, false]);
  assertEquals(lesson.stages[0]!.done, 1);
});

Deno.test("a chapter that begins again, or another one, has a broker of its own", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("connect");
  lesson.next(0);
  await lesson.idle();
  lesson.control.command({ action: "start", chapter: "connect" });
  assertEquals([lesson.state.isBusy, lesson.state.steps], [true, []]);
  await lesson.idle();
  const [before, after] = lesson.stages as [LessonStage, LessonStage];
  assertNotEquals(before.broker, after.broker);
  assertEquals(before.observer.connections, []);
  lesson.next(0, "qos0");
  assertEquals(lesson.state.isBusy, false);
  lesson.next(0);
  await lesson.idle();
  assertEquals(after.done, 1);
});

Deno.test("a chapter can begin while a step of another goes on: that one is given up", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("will");
  for (const step of [0, 1, 2, 3]) {
    lesson.next(step);
    await lesson.idle();
  }
  // It takes a second.
  lesson.next(4);
  lesson.control.command({ action: "start", chapter: "qos0" });
  lesson.control.command({ action: "start", chapter: "qos1" });
  await lesson.idle();
  const { chapter, error, steps } = lesson.state;
  assertEquals([chapter, error, steps], ["qos1", null, []]);
  lesson.next(0);
  await lesson.idle();
  assertEquals(lesson.state.error, null);
  await lesson.control[Symbol.asyncDispose]();
  assertEquals(lesson.stages.length, 2);
});

Deno.test("a step that fails says why, and the chapter can begin again", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("qos0");
  const [stage] = lesson.stages as [LessonStage];
  for (const step of [0, 1]) {
    lesson.next(step);
    await lesson.idle();
  }
  stage.client("lamp").breakOff();
  lesson.next(2);
  await lesson.idle();
  assertEquals(typeof lesson.state.error, "string");
  lesson.next(3);
  assertEquals([lesson.state.isBusy, lesson.state.next], [false, null]);
  lesson.control.command({ action: "start", chapter: "qos0" });
  await lesson.idle();
  assertEquals([lesson.state.error, lesson.state.steps], [null, []]);
});

Deno.test("what makes no sense is refused, and changes nothing", async () => {
  await using lesson = new Lesson();
  await lesson.control.begin("connect");
  const before = lesson.state;
  const wrong: readonly (readonly [wanted: unknown, message: string])[] = [
    [null, "no such chapter"],
    ["next", "no such chapter"],
    [{ action: "start" }, "no such chapter"],
    [{ action: "start", chapter: "toString" }, "no such chapter"],
    [{ action: "stop", chapter: "connect" }, 'expected "start" or "next"'],
    [{ action: "next", chapter: "connect" }, "step: expected"],
    [{ action: "next", chapter: "connect", step: "0" }, "step: expected"],
  ];
  for (const [wanted, message] of wrong) {
    assertThrows(() => lesson.control.command(wanted), RangeError, message);
  }
  assertEquals(lesson.state, before);
});

Deno.test("what keeps a chapter from being shown is told to who begins it", async () => {
  await using lesson = new Lesson(() => {
    throw new Error("no page");
  });
  await assertRejects(() => lesson.control.begin("connect"), Error, "no page");
});
