// Hooks whose answers are in the hands of a test.

import { assertEquals } from "@std/assert";
import { World } from "./world.ts";

/** Questions that wait for an answer. */
export class Pending<Answer> {
  readonly #waiting: {
    readonly question: string;
    readonly settled: PromiseWithResolvers<Answer>;
  }[] = [];

  /** What has been asked and not been answered, the first first. */
  get questions(): string[] {
    return this.#waiting.map(({ question }) => question);
  }

  /** Asks. */
  ask(question: string): Promise<Answer> {
    const settled = Promise.withResolvers<Answer>();
    this.#waiting.push({ question, settled });
    return settled.promise;
  }

  /** Answers a question, or the first. */
  answer(answer: Answer, question?: string): void {
    this.#take(question).resolve(answer);
  }

  /** Fails to answer a question, or the first. */
  fail(question?: string): void {
    this.#take(question).reject(new Error("The hook has failed"));
  }

  /** Nothing waits. */
  expectNone(): void {
    assertEquals(this.questions, []);
  }

  #take(question: string | undefined): PromiseWithResolvers<Answer> {
    const at = question === undefined ? 0 : this.questions.indexOf(question);
    const taken = this.#waiting[at];
    if (taken === undefined) throw new Error(`Nobody has asked ${question ?? "anything"}`);
    this.#waiting.splice(at, 1);
    return taken.settled;
  }
}

/** A world whose hooks wait for the test where a name or topic is slow. */
export function slowWorld(): { readonly world: World; readonly pending: Pending<boolean> } {
  const pending = new Pending<boolean>();
  const world = new World({
    authenticate: ({ clientId }) => slow(pending, clientId),
    authorizePublish: (_client, { topic }) => slow(pending, topic),
    authorizeSubscribe: (_client, { topicFilter }) => slow(pending, topicFilter),
  });
  return { world, pending };
}

/** A hook that is asked about what begins with "slow", and says yes to all else at once. */
function slow(pending: Pending<boolean>, what: string): boolean | Promise<boolean> {
  return what.startsWith("slow") ? pending.ask(what) : true;
}
