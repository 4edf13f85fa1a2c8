// The viewers of a page, each at the other end of an HTTP response that does not end.

import { type FeedSource, PageFeed } from "./page_feed.ts";

/** The most viewers at a time. */
const MOST = 16;

/** How often events are looked for, in milliseconds. */
const TICK = 100;

/** A viewer that has taken nothing for so many milliseconds is gone, though nobody has said so. */
const PATIENCE = 60_000;

/** Serves viewers. */
export class Viewers {
  #source: FeedSource;
  readonly #viewers = new Set<Viewer>();

  constructor(source: FeedSource) {
    this.#source = source;
  }

  /** The events for one more viewer; `undefined` if there are too many. */
  add(): ReadableStream<Uint8Array> | undefined {
    if (this.#viewers.size === MOST) return undefined;
    const viewer = new Viewer(this.#source, () => this.#viewers.delete(viewer));
    this.#viewers.add(viewer);
    return viewer.stream;
  }

  /** Something else is shown from now on. */
  show(source: FeedSource): void {
    this.#source = source;
    for (const viewer of this.#viewers) viewer.show(source);
  }

  /** Ends all streams. */
  close(): void {
    for (const viewer of this.#viewers) viewer.close();
  }
}

/** One viewer. */
class Viewer {
  readonly stream: ReadableStream<Uint8Array>;
  #feed: PageFeed;
  readonly #onClosed: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(source: FeedSource, onClosed: () => void) {
    this.#feed = new PageFeed(source);
    this.#onClosed = onClosed;
    this.stream = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () =>
        this.#pull().catch((error) => {
          // A stream that fails is not cancelled.
          this.#end();
          throw error;
        }),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Something else comes from now on. */
  show(source: FeedSource): void {
    this.#feed.close();
    this.#feed = new PageFeed(source);
  }

  /** Says that nothing more comes. */
  close(): void {
    if (this.#isClosed) return;
    this.#end();
    this.#controller.close();
  }

  /** The last events have been taken: waits for the next ones. */
  async #pull(): Promise<void> {
    this.#stopWaiting();
    let text = "";
    while (text === "") {
      // The relay goes first, and events come together.
      await this.#pause(this.#feed.mustGoOn ? 0 : TICK);
      if (this.#isClosed) return;
      text = this.#feed.next(performance.now());
    }
    this.#controller.enqueue(new TextEncoder().encode(text));
    this.#timer = setTimeout(() => this.close(), PATIENCE);
  }

  #pause(time: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, time);
    });
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWaiting();
    this.#feed.close();
    this.#onClosed();
  }
}
