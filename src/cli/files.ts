// What a person is told about a file or a program that cannot be used.

import { quoted } from "./terminal/text.ts";

/**
 * The message for a file that cannot be read.
 *
 * @param what the option that names it, or what it contains; `""` for the path alone
 */
export function unreadable(what: string, path: string, error: unknown): string {
  const file = what === "" ? quoted(path) : `${what} ${quoted(path)}`;
  return error instanceof Deno.errors.NotCapable
    ? `Cannot read ${file}: permission denied; run it with --allow-read=${path}`
    : `Cannot read ${file}: ${systemReason(error)}`;
}

/** Why the system refused something: `"no such file or directory"`. */
export function systemReason(error: unknown): string {
  const { message } = error as Error;
  // "No such file or directory (os error 2): readfile '/path'"
  const [, reason] = /^(?:.*: )?(\w[^:]*?) \(os error \d+\)/s.exec(message) ?? [];
  return reason === undefined ? message : reason[0]!.toLowerCase() + reason.slice(1);
}
