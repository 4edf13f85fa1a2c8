// The least permissions that a command needs, as a `deno run` line.

import type { Context } from "./context.ts";
import { withoutPassword, withoutWaySecrets } from "./options/credentials.ts";
import { longNames, type OptionTable } from "./options/parse.ts";

/** The permissions that a command needs, by Deno's names. */
export interface Permissions {
  readonly net?: readonly string[];
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly run?: readonly string[];
  readonly env?: readonly string[];
}

/** A shell line that runs a command with these permissions. It contains no secrets. */
export function permissionLine(
  { args, program, stderr }: Context,
  name: string,
  table: OptionTable,
  needed: Permissions,
): string {
  const long = longNames(table, args).filter((argument) => argument !== "--print-permissions");
  const { args: rest, env } = withoutPassword(long);
  const { args: shown, what } = withoutWaySecrets(rest);
  if (env !== undefined) {
    stderr.write(`The password is left out: put it in the environment variable ${env}.\n`);
  }
  for (const secret of what) stderr.write(`The ${secret} is left out: add it to the line.\n`);
  const variables = [...needed.env ?? [], env].filter((name) => name !== undefined);
  const flags = Object.entries({ ...needed, env: variables })
    .filter(([, values]) => values.length > 0)
    .map(([kind, values]) => `--allow-${kind}=${[...new Set(values.map(nameable))].join(",")}`);
  const words = ["deno", "run", "--no-prompt", ...flags, program, name, ...shown];
  return `${words.map(shellWord).join(" ")}\n`;
}

/** A path, or the nearest folder above it without a comma: in Deno's lists commas separate. */
function nameable(path: string): string {
  if (!path.includes(",")) return path;
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : nameable(path.slice(0, end));
}

/** A word, quoted for a POSIX shell if needed. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
