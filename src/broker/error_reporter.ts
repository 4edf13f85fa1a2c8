// Errors that are nobody's to catch: of a hook, of the engine, of a disk. They end nothing, and
// none of them is silent: the hook `onError` is told each of them; without it the console is, in a
// line each, so many a minute. The rest are counted.

import { isPromise } from "./is_promise.ts";
import type { BrokerHooks, ClientInfo, ErrorContext } from "./options.ts";
import type { Timers } from "./timers.ts";

/** What a reporter works with. */
export interface ErrorReporterSetup {
  /** Who is told, if the application wants to be. */
  readonly hooks: Pick<BrokerHooks, "onError">;
  readonly timers: Timers;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  /** Writes a line to the console. */
  readonly warn: (line: string) => void;
}

/** So many lines go to the console in a {@linkcode MINUTE}. */
const LINES = 10;

/** In milliseconds. */
const MINUTE = 60_000;

/** A line is no longer than about so many characters. */
const LONGEST = 500;

/** Tells of errors. */
export class ErrorReporter {
  readonly #setup: ErrorReporterSetup;
  /** Lines written since the minute began, and errors left out since then. */
  #written = 0;
  #leftOut = 0;

  constructor(setup: ErrorReporterSetup) {
    this.#setup = setup;
  }

  /**
   * Tells of an error, and in what it happened: the name of a hook, or a few words. Never throws.
   */
  readonly report = (error: unknown, what: string, client?: ClientInfo): void => {
    const { hooks } = this.#setup;
    const context: ErrorContext = { what, client };
    if (hooks.onError === undefined) return this.#write(error, context);
    try {
      const told: unknown = hooks.onError(error, context);
      if (isPromise(told)) {
        told.then(undefined, (next) => this.#writeBoth(error, context, next));
      }
    } catch (next) {
      this.#writeBoth(error, context, next);
    }
  };

  /** `onError` has failed: neither error is lost. */
  #writeBoth(error: unknown, context: ErrorContext, next: unknown): void {
    this.#write(error, context);
    this.#write(next, { what: "onError", client: context.client });
  }

  #write(error: unknown, { what, client }: ErrorContext): void {
    if (this.#written === 0) {
      const { timers, now } = this.#setup;
      timers.add(now() + MINUTE, () => this.#beginAnew());
    }
    if (this.#written === LINES) {
      this.#leftOut++;
      return;
    }
    this.#written++;
    const whose = client === undefined ? "" : `, client "${client.clientId}", ${client.address}`;
    this.#setup.warn(`mqtt5: error in ${lineOf(`${what}${whose}: ${textOf(error)}`)}`);
  }

  #beginAnew(): void {
    const leftOut = this.#leftOut;
    this.#written = 0;
    this.#leftOut = 0;
    if (leftOut > 0) this.#setup.warn(`mqtt5: ${leftOut} more errors within a minute, not shown`);
  }
}

function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "an error that cannot be shown";
  }
}

/**
 * Some of it a stranger has chosen: nothing that a terminal might obey or hide gets there as it is.
 */
function lineOf(text: string): string {
  const short = text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
  return short.replaceAll(/(?! )[\p{C}\p{Z}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`;
  });
}
