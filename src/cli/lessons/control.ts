// A chapter in the page: its steps are played one by one, when somebody asks for the next. All who
// look at the page share one lesson: what one of them asks for the others see.

import type { ObserverTables } from "../inspect/observer.ts";
import type { LessonState, LessonStep } from "../inspect/page/events.ts";
import type { PageLesson } from "../inspect/page_server.ts";
import { hexBytes } from "../terminal/text.ts";
import { CHAPTERS } from "./registry.ts";
import { LessonStage } from "./stage.ts";

/** What a lesson works with. */
export interface LessonOptions {
  /** Ends the lesson. */
  readonly signal: AbortSignal;
  /** Makes what the page shows beside packets. */
  readonly tables: () => ObserverTables;
  /** Shows a chapter that begins: all that was shown before is over. */
  readonly onStage: (stage: LessonStage, tables: ObserverTables) => void;
}

/** What somebody asks for. */
type Command =
  | { readonly action: "start"; readonly chapter: string }
  | { readonly action: "next"; readonly chapter: string; readonly step: number };

/**
 * Plays chapters for a page. Its state is one of:
 *
 * | state   | what it shows                 | `start`      | `next`                             |
 * |---------|-------------------------------|--------------|------------------------------------|
 * | opening | `isBusy`, no steps            | opening      | ignored                            |
 * | ready   | the steps so far, `next`      | opening      | playing, if nobody was there first |
 * | playing | `isBusy`, the step, too       | opening      | ignored                            |
 * | over    | all steps, `next` is `null`   | opening      | ignored                            |
 * | failed  | the steps so far, `error`     | opening      | ignored                            |
 */
export class LessonControl implements PageLesson, AsyncDisposable {
  readonly #options: LessonOptions;
  /** What goes on; another object once something else has been asked for. */
  #turn = {};
  /** The stage of the chapter that goes on. */
  #stage: LessonStage | undefined;
  #state: LessonState = {
    chapters: Array.from(CHAPTERS, ([name, { title }]) => ({ name, title })),
    chapter: null,
    title: "",
    about: "",
    steps: [],
    count: 0,
    next: null,
    isBusy: false,
    error: null,
  };
  readonly #work = new Set<Promise<void>>();

  constructor(options: LessonOptions) {
    this.#options = options;
  }

  state(): LessonState {
    return this.#state;
  }

  command(wanted: unknown): void {
    const command = commandIn(wanted);
    switch (command.action) {
      case "start":
        return this.#track(this.begin(command.chapter));
      case "next": {
        const { chapter, steps, next } = this.#state;
        // Somebody else may have been there first, in another window.
        const isCurrent = command.chapter === chapter && command.step === steps.length;
        if (isCurrent && next !== null) this.#track(this.#next());
        return;
      }
      default:
        return command satisfies never;
    }
  }

  /**
   * Begins a chapter, or begins it again: what was played before is over. Resolves when its first
   * step can be played.
   *
   * @throws {Error} when the broker cannot listen, and what `onStage` throws
   */
  async begin(name: string): Promise<void> {
    const turn = this.#turn = {};
    const { title, load } = CHAPTERS.get(name)!;
    const before = this.#stage;
    this.#stage = undefined;
    const empty = { about: "", steps: [], count: 0, next: null, error: null };
    this.#show({ ...empty, chapter: name, title, isBusy: true });
    await before?.[Symbol.asyncDispose]();
    const { signal, onStage } = this.#options;
    const chapter = await load();
    const tables = this.#options.tables();
    const stage = await LessonStage.open(chapter, { signal, tables });
    if (turn !== this.#turn) return await stage[Symbol.asyncDispose]();
    this.#stage = stage;
    onStage(stage, tables);
    const { about, steps } = chapter;
    this.#show({ about, count: steps.length, next: steps[0]!.title, isBusy: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#turn = {};
    await this.#stage?.[Symbol.asyncDispose]();
    await Promise.all(this.#work);
  }

  async #next(): Promise<void> {
    const turn = this.#turn;
    const stage = this.#stage!;
    const { title, text, bytes } = stage.steps[stage.done]!;
    const from = stage.nextEntry;
    const step: LessonStep = { title, text, ...bytes && { bytes }, from, packet: null };
    const before = this.#state.steps;
    this.#show({ steps: [...before, step], next: null, isBusy: true });
    await stage.next();
    if (turn !== this.#turn) return;
    const packet = packetOf(stage, step);
    const next = stage.steps[stage.done]?.title ?? null;
    this.#show({ steps: [...before, { ...step, packet }], next, isBusy: false });
  }

  #show(change: Partial<LessonState>): void {
    this.#state = { ...this.#state, ...change };
  }

  /** What fails is said in the state, unless something else goes on already. */
  #track(work: Promise<void>): void {
    const turn = this.#turn;
    const settled = work.catch((error) => {
      if (turn === this.#turn) this.#show({ isBusy: false, error: (error as Error).message });
    }).finally(() => this.#work.delete(settled));
    this.#work.add(settled);
  }
}

/**
 * The packet of a step that is to be looked at: the one that is explained byte by byte, or the
 * first with the bytes in it that the text quotes first, or the first of all.
 */
function packetOf({ observer, nextEntry }: LessonStage, { from, bytes, text }: LessonStep): number {
  const packets: { readonly number: number; readonly hex: string }[] = [];
  for (let number = from; number < nextEntry; number++) {
    const entry = observer.entry(number);
    if (entry?.type === "packet") packets.push({ number, hex: hexBytes(entry.bytes) });
  }
  const whole = bytes?.rows.map(([hex]) => hex).join(" ");
  const [, quoted = ""] = /`([\dA-F]{2}(?: [\dA-F]{2})*)`/.exec(text) ?? [];
  const found = packets.find(({ hex }) => hex === whole) ??
    packets.find(({ hex }) => hex.includes(quoted));
  return found?.number ?? from;
}

/** What a page has sent, if it makes sense. */
function commandIn(wanted: unknown): Command {
  const { action, chapter, step } = Object(wanted);
  if (typeof chapter !== "string" || !CHAPTERS.has(chapter)) {
    throw new RangeError("There is no such chapter");
  }
  if (action === "start") return { action, chapter };
  if (action !== "next") throw new RangeError('action: expected "start" or "next"');
  if (!Number.isInteger(step)) throw new RangeError("step: expected how many steps were seen");
  return { action, chapter, step };
}
