// Failures as a person meets them: one sentence on standard error, and an exit code.

import type { Context } from "./context.ts";
import { report } from "./terminal/text.ts";

/** A failure with a message of one sentence. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** The exit code. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command line that cannot be understood. */
export function usageFailure(message: string): Failure {
  return new Failure(message, 2);
}

/**
 * The reader of the output has closed it, which is not a failure: `| head -1` wants only one line.
 */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** The exit code of a program that was interrupted. */
const INTERRUPTED = 130;

/** Reports what ended a command, and returns its exit code. */
export function reportFailure(error: unknown, context: Context): number {
  // A closed output may have kept a packet from being shown, and so from being sent.
  if ([error, (error as Error)?.cause].some((error) => error instanceof OutputClosed)) return 0;
  if (context.signal.aborted) return INTERRUPTED;
  const message = error instanceof Error ? error.message : String(error);
  report(context.stderr, message, true);
  return error instanceof Failure ? error.exitCode : 1;
}
