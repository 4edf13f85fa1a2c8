// The least that a command may do, as the line of `deno run` that says so.

import type { Context } from "./context.ts";
import { withoutPassword, withoutWaySecrets } from "./options/credentials.ts";
import { longNames, type OptionTable } from "./options/parse.ts";

/** What a command may do, by the names of Deno's permissions. */
export interface Permissions {
  readonly net?: readonly string[];
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly run?: readonly string[];
  readonly env?: readonly string[];
}

/** A line for a shell that runs the command of these arguments with these permissions. A password is not in it. */
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
    stderr.write(`The password is not shown: put it into the environment variable ${env}.\n`);
  }
  for (const secret of what) stderr.write(`Put in ${secret} again: it is not shown.\n`);
  const variables = [...needed.env ?? [], env].filter((name) => name !== undefined);
  const flags = Object.entries({ ...needed, env: variables })
    .filter(([, values]) => values.length > 0)
    .map(([kind, values]) => `--allow-${kind}=${[...new Set(values.map(nameable))].join(",")}`);
  const words = ["deno", "run", "--no-prompt", ...flags, program, name, ...shown];
  return `${words.map(shellWord).join(" ")}\n`;
}

/** A path, or the nearest folder above it, that can stand in a list with commas: Deno knows no way to write one. */
function nameable(path: string): string {
  if (!path.includes(",")) return path;
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : nameable(path.slice(0, end));
}

/** A word as a POSIX shell takes it for just that. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
