// Messages for files and programs that cannot be used.

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

/** The message for a file that cannot be written. */
export function unwritable(path: string, error: unknown): string {
  return error instanceof Deno.errors.NotCapable
    ? `Cannot write ${quoted(path)}: permission denied; run it with --allow-write=${path}`
    : `Cannot write ${quoted(path)}: ${systemReason(error)}`;
}

/** Why the system refused something: `"no such file or directory"`. */
export function systemReason(error: unknown): string {
  const { message } = error as Error;
  // Deno's "No such file or directory (os error 2): readfile '/path'", or, as Node has it,
  // "listen ENOENT: no such file or directory /path".
  const [, denos, nodes] =
    /^(?:.*: )?(\w[^:]*?) \(os error \d+\)|^\w+ E[A-Z]+: (.*?)(?: \/.*)?$/s.exec(message) ?? [];
  const reason = denos ?? nodes ?? message;
  return reason === "" ? message : reason[0]!.toLowerCase() + reason.slice(1);
}
