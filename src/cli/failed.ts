// What a person is told of a failure, and the exit code that it makes.

import { type Context, Failure, OutputClosed } from "./context.ts";
import { tellOf } from "./terminal/text.ts";

/** The exit code of a program that was interrupted. */
const INTERRUPTED = 130;

/** Tells the person what has failed, and gives the exit code for it. */
export function failed(error: unknown, context: Context): number {
  // It may have kept a packet from being shown, and so from going on.
  if ([error, (error as Error)?.cause].some((error) => error instanceof OutputClosed)) return 0;
  if (context.signal.aborted) return INTERRUPTED;
  const message = error instanceof Error ? error.message : String(error);
  tellOf(context.stderr, message, true);
  return error instanceof Failure ? error.exitCode : 1;
}
