// The stage of a chapter: a broker, the clients of the lesson, and an observer at the broker's end
// of their connections. Each start of a chapter has a stage of its own, so that nothing is left of
// what was before.

import { type Broker, serve } from "../../broker/serve.ts";
import type { RingCursor } from "../inspect/entry_ring.ts";
import { now } from "../inspect/inspector.ts";
import type { Entry } from "../inspect/link_observer.ts";
import { observedTransport } from "../inspect/observed_transport.ts";
import { Observer, type ObserverTables } from "../inspect/observer.ts";
import { Failure } from "../failure.ts";
import type { Chapter, Stage, Step } from "./chapter.ts";
import { LessonClient } from "./client.ts";

/** How long a step may take, in milliseconds: each waits for no longer than two seconds. */
const PATIENCE = 10_000;

/** How a chapter is played. */
export interface StageOptions {
  /** When it aborts, the step that is going on is given up. */
  readonly signal: AbortSignal;
  /** How long a step may take, in milliseconds. Default: 10,000. */
  readonly patience?: number;
  /** What the observer keeps for a page. */
  readonly tables?: ObserverTables;
}

/** Ends what is going on when the stage is left. */
const OVER = new Failure("The lesson is over");

/** Where the broker of a lesson listens. */
export const HOSTNAME = "127.0.0.1";

/** Plays the steps of one chapter, one after the other. Disposing it closes all connections. */
export class LessonStage implements Stage, AsyncDisposable {
  readonly observer: Observer;
  readonly broker: Broker;
  readonly #chapter: Chapter;
  readonly #entries: RingCursor<Entry>;
  readonly #clients = new Map<string, LessonClient>();
  readonly #end: AbortController;
  /** Aborts when the stage is left, or by the signal from outside. */
  readonly #signal: AbortSignal;
  readonly #patience: number;
  #done = 0;

  private constructor(
    chapter: Chapter,
    broker: Broker,
    observer: Observer,
    { signal, patience = PATIENCE }: StageOptions,
  ) {
    this.#chapter = chapter;
    this.broker = broker;
    this.observer = observer;
    this.#entries = observer.follow();
    this.#patience = patience;
    this.#end = new AbortController();
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
  }

  /**
   * Prepares a chapter.
   *
   * @throws {Error} what `serve()` throws when it cannot listen
   */
  static async open(chapter: Chapter, options: StageOptions): Promise<LessonStage> {
    const observer = new Observer({
      showsSecrets: chapter.showsSecrets === true,
      tables: options.tables,
    });
    const broker = await serve({
      ...await chapter.broker?.(),
      hostname: HOSTNAME,
      port: 0,
      intercept: (transport, address) => {
        const { url } = broker.listeners[0]!;
        const link = observer.open({ client: address, server: url, listener: url }, now());
        return observedTransport(transport, link);
      },
    });
    return new LessonStage(chapter, broker, observer, options);
  }

  /** The steps of the chapter. */
  get steps(): readonly Step[] {
    return this.#chapter.steps;
  }

  /** How many steps are done. */
  get done(): number {
    return this.#done;
  }

  /** The number of the next entry that is observed. */
  get nextEntry(): number {
    const { first, entries } = this.#entries.take(Infinity);
    return first + entries.length;
  }

  client(name: string): LessonClient {
    let client = this.#clients.get(name);
    if (client === undefined) {
      const { port } = this.broker;
      client = new LessonClient(name, { hostname: HOSTNAME, port, signal: this.#signal });
      this.#clients.set(name, client);
    }
    return client;
  }

  /**
   * Plays the next step. Resolves when all that belongs to it has passed and has been observed.
   *
   * @throws {Failure} when something else happens, or nothing in time
   */
  async next(): Promise<void> {
    const step = this.#chapter.steps[this.#done]!;
    this.#signal.throwIfAborted();
    const givenUp = Promise.withResolvers<never>();
    const onAbort = () => givenUp.reject(this.#signal.reason);
    const onLate = () => {
      const time = `${this.#patience / 1000} s`;
      givenUp.reject(new Failure(`Step ${this.#done + 1} was not over in ${time}`));
    };
    this.#signal.addEventListener("abort", onAbort);
    const timer = setTimeout(onLate, this.#patience);
    try {
      await Promise.race([this.#play(step), givenUp.promise]);
      this.#done++;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(OVER);
    await this.broker.shutDown();
    this.observer.close();
  }

  async #play(step: Step): Promise<void> {
    await step.run(this);
    await this.settled();
  }

  async settled(): Promise<void> {
    while (!this.#isSettled()) {
      if (!await this.#entries.more()) throw OVER;
    }
  }

  /** Whether all that the clients sent has been observed, and all that was observed taken. */
  #isSettled(): boolean {
    // What has happened until now is looked at in the counts.
    this.#entries.take(Infinity);
    const links = new Map(this.observer.connections.map((link) => [link.client, link.sent]));
    return [...this.#clients.values()].every(({ progress }) => {
      if (progress === undefined) return true;
      const seen = links.get(progress.address);
      // Who has broken off does not take what was on its way to it.
      if (progress.isClosed || seen === undefined) return progress.isClosed && seen === undefined;
      return seen.client.packets === progress.sent && seen.server.packets === progress.received;
    });
  }
}
