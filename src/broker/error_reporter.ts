// Errors that no caller can catch: those of a hook, of the engine, of a disk. They stop nothing,
// but none is silent: each goes to the hook `onError`, or without one to the console, where the
// lines per minute are limited and the errors beyond that are counted.

import { isPromise } from "./is_promise.ts";
import type { BrokerHooks, ClientInfo, ErrorContext } from "./options.ts";
import type { Timers } from "./timers.ts";

/** Dependencies of {@linkcode ErrorReporter}. */
export interface ErrorReporterSetup {
  readonly hooks: Pick<BrokerHooks, "onError">;
  readonly timers: Timers;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  /** Writes a line to the console. */
  readonly warn: (line: string) => void;
}

/** Lines that go to the console per {@linkcode MINUTE}, at most. */
const LINES_PER_MINUTE = 10;

/** In milliseconds. */
const MINUTE = 60_000;

/** Characters in a line, at most. */
const LINE_LENGTH = 500;

/** Reports errors to `onError`, or to the console. */
export class ErrorReporter {
  readonly #setup: ErrorReporterSetup;
  /** Lines written, and errors not shown, since the present minute began. */
  #written = 0;
  #notShown = 0;

  constructor(setup: ErrorReporterSetup) {
    this.#setup = setup;
  }

  /**
   * Reports an error; `what` is the name of the hook that failed, or what was being done. Never
   * throws.
   */
  readonly report = (error: unknown, what: string, client?: ClientInfo): void => {
    const { hooks } = this.#setup;
    const context: ErrorContext = { what, client };
    if (hooks.onError === undefined) return this.#write(error, context);
    try {
      const result: unknown = hooks.onError(error, context);
      if (isPromise(result)) {
        result.then(undefined, (next) => this.#writeBoth(error, context, next));
      }
    } catch (next) {
      this.#writeBoth(error, context, next);
    }
  };

  /** When `onError` itself fails, neither error may be lost. */
  #writeBoth(error: unknown, context: ErrorContext, next: unknown): void {
    this.#write(error, context);
    this.#write(next, { what: "onError", client: context.client });
  }

  #write(error: unknown, { what, client }: ErrorContext): void {
    if (this.#written === 0) {
      const { timers, now } = this.#setup;
      timers.add(now() + MINUTE, () => this.#startNextMinute());
    }
    if (this.#written === LINES_PER_MINUTE) {
      this.#notShown++;
      return;
    }
    this.#written++;
    const whose = client === undefined ? "" : `, client "${client.clientId}", ${client.address}`;
    this.#setup.warn(`mqtt5: error in ${lineOf(`${what}${whose}: ${textOf(error)}`)}`);
  }

  #startNextMinute(): void {
    const notShown = this.#notShown;
    this.#written = 0;
    this.#notShown = 0;
    if (notShown > 0) {
      this.#setup.warn(`mqtt5: ${notShown} more errors in the last minute, not shown`);
    }
  }
}

function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "an error that cannot be converted to a string";
  }
}

/**
 * Escapes what a terminal might obey or hide: parts of the text, such as the Client Identifier, are
 * chosen by the client.
 */
function lineOf(text: string): string {
  const short = text.length <= LINE_LENGTH ? text : `${text.slice(0, LINE_LENGTH)}…`;
  return short.replaceAll(/(?! )[\p{C}\p{Z}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`;
  });
}
