// `passwd`: sets or removes the password of a user in a password file.

import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OPTIONS = {
  "delete": { short: "D", help: "remove the user" },
  "iterations": { short: "I", value: "N", help: "how often to hash; default 100000" },
} as const satisfies OptionTable;

/** What it was given. */
export type PasswdArguments = ParsedArguments<typeof OPTIONS>;

/** The command `passwd`. */
export const passwd = command({
  name: "passwd",
  about: `Sets the password of a user in a password file, which it makes if there is none.
It asks for the password on a terminal, else it is the first line of standard
input. The file is for broker --password-file, or for Mosquitto 2.0.`,
  usage: "[options] FILE USER",
  examples: [
    "passwd passwords alice",
    "passwd --delete passwords alice",
  ],
  notes: `The file has the format of mosquitto_passwd, $7$: PBKDF2 with SHA-512. Only its
owner can read a new file; another keeps its mode and its owner. A broker reads
it again on SIGHUP. It is replaced as a whole, by way of FILE.new.
`,
  exitCodes: "0; 1 for a file that cannot be used; 2 usage; 130 after Ctrl-C.",
  options: OPTIONS,
  permissions: (given) => {
    const { path } = placeOf(given);
    const files = [path, newPathOf(path)];
    return { read: files, write: files };
  },
  load: () => import("./passwd_run.ts"),
});

/**
 * The file and the user.
 *
 * @throws {Failure} when they are not what is given
 */
export function placeOf(
  { operands }: PasswdArguments,
): { readonly path: string; readonly username: string } {
  const [path, username] = operands;
  if (path === undefined || username === undefined || operands.length > 2) {
    throw usageFailure("passwd takes a file and a user; see passwd --help");
  }
  if (path === "" || username === "") {
    throw usageFailure(`passwd: the ${path === "" ? "file" : "user"} must not be empty`);
  }
  return { path, username };
}

/** Where the next version of a file is written. */
export function newPathOf(path: string): string {
  return `${path}.new`;
}
