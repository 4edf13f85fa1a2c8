// What `passwd` does: changes one line of a password file and replaces the file as a whole, so that
// a broker which reads it meanwhile finds the one or the other.

import {
  DEFAULT_ITERATIONS,
  isUsername,
  MOST_ITERATIONS,
  passwordLine,
} from "../../broker/access/password_line.ts";
import type { Context } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { systemReason, unreadable, unwritable } from "../files.ts";
import { integerOption } from "../options/parse.ts";
import { askPassword } from "../terminal/ask_password.ts";
import { linesOf } from "../terminal/stdin.ts";
import { quoted } from "../terminal/text.ts";
import { newPathOf, type PasswdArguments, placeOf } from "./passwd.ts";

/** Only its owner may read a new file. */
const MODE = 0o600;

/** Runs `passwd`. */
export async function run(context: Context, given: PasswdArguments): Promise<number> {
  const { options } = given;
  const { path, username } = placeOf(given);
  if (options.delete) {
    if (options.iterations !== undefined) {
      throw usageFailure("--iterations cannot be combined with --delete");
    }
    await change(path, (text) => withoutUser(text, path, username));
    return 0;
  }
  const iterations = integerOption(
    "iterations",
    options.iterations ?? String(DEFAULT_ITERATIONS),
    // Fewer can be tried out too fast.
    DEFAULT_ITERATIONS,
    MOST_ITERATIONS,
  );
  checkName(username);
  const password = await passwordFrom(context);
  if (password.length === 0) throw new Failure("The password is empty");
  const line = await passwordLine(username, password, { iterations });
  await change(path, (text) => withLine(text, username, line));
  return 0;
}

function checkName(username: string): void {
  if (isUsername(username)) return;
  throw usageFailure(
    `The user ${quoted(username)} cannot be in a password file: expected no colon, no control ` +
      "character, no # at the beginning and no space at either end",
  );
}

async function passwordFrom(context: Context): Promise<Uint8Array> {
  if (context.stdin.isTerminal) {
    const password = await askPassword("Password: ", context);
    const again = await askPassword("Again: ", context);
    if (String(password) !== String(again)) throw new Failure("The passwords differ");
    return password;
  }
  for await (const [line] of linesOf(context.stdin, context.signal)) {
    return line!.at(-1) === 0x0d ? line!.subarray(0, -1) : line!;
  }
  context.signal.throwIfAborted();
  return new Uint8Array();
}

/** Lines with their ends; the last one may lack it. */
function linesIn(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The user of a line, as a broker reads it. */
function userOf(line: string): string | undefined {
  return line.startsWith("#") || !line.includes(":") ? undefined : line.split(":", 1)[0]!.trim();
}

function withLine(text: string, username: string, line: string): string {
  const lines = linesIn(text);
  const at = lines.findIndex((line) => userOf(line) === username);
  const kept = lines.filter((line, index) => index === at || userOf(line) !== username)
    .map((other, index) => index === at ? `${line}\n` : other);
  if (at >= 0) return kept.join("");
  const before = kept.join("");
  return `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${line}\n`;
}

function withoutUser(text: string, path: string, username: string): string {
  const lines = linesIn(text);
  const kept = lines.filter((line) => userOf(line) !== username);
  if (kept.length < lines.length) return kept.join("");
  throw new Failure(`There is no user ${quoted(username)} in ${quoted(path)}`);
}

/**
 * Replaces a file by what is made of its text. While the next version is there, no other process
 * can make one.
 */
async function change(named: string, edit: (text: string) => string): Promise<void> {
  const path = await targetOf(named);
  const next = newPathOf(path);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(next, { write: true, createNew: true, mode: MODE });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw new Failure(unwritable(next, error));
    throw new Failure(
      `${quoted(next)} exists: another mqtt5 passwd is at work, or was interrupted; then remove it`,
    );
  }
  try {
    using _ = file;
    const edited = new TextEncoder().encode(edit(await textOf(path)));
    await keepOwner(path, next);
    for (let sent = 0; sent < edited.length;) sent += await file.write(edited.subarray(sent));
    await file.syncData();
    await Deno.rename(next, path);
  } catch (error) {
    await Deno.remove(next);
    throw error instanceof Failure ? error : new Failure(unwritable(path, error));
  }
}

/** The file that a symbolic link leads to. */
async function targetOf(path: string): Promise<string> {
  try {
    const { isSymlink } = await Deno.lstat(path);
    return isSymlink ? await Deno.realPath(path) : path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw new Failure(unreadable("", path, error));
  }
}

/** The text of a file; that of none is empty. */
async function textOf(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new Failure(unreadable("", path, error));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure(`${quoted(path)} is not UTF-8`);
  }
}

/** Gives the next version of a file the mode and the owner of the present one, if there is one. */
async function keepOwner(path: string, next: string): Promise<void> {
  let before: Deno.FileInfo;
  try {
    before = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new Failure(unreadable("", path, error));
  }
  const { mode, uid, gid } = before;
  // Windows has none of them.
  if (mode === null || uid === null || gid === null) return;
  try {
    const now = await Deno.stat(next);
    if (now.uid !== uid || now.gid !== gid) await Deno.chown(next, uid, gid);
    await Deno.chmod(next, mode & 0o777);
  } catch (error) {
    throw new Failure(`Cannot keep the owner of ${quoted(path)}: ${systemReason(error)}`);
  }
}
