// Where a password comes from: the command line, a file, the environment, a person. It is never shown.

import type { Context } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";
import { isGiven, type OptionTable, type OptionValues } from "./parse.ts";
import { bytesOption } from "./properties.ts";

const GROUP = "Credentials";
const CHOICE = "password";

/** The options for a user and a password. */
export const CREDENTIALS = {
  "username": { short: "u", value: "NAME", help: "User Name; --help=all: Password, TLS …" },
  "password": { short: "P", value: "BYTES", choice: CHOICE, help: "Password", group: GROUP },
  "password-file": {
    value: "FILE",
    isFile: true,
    choice: CHOICE,
    help: "Password: the first line of a file",
    group: GROUP,
  },
  "password-env": {
    value: "NAME",
    choice: CHOICE,
    help: "Password: in the environment variable of this name",
    group: GROUP,
  },
  "ask-password": {
    choice: CHOICE,
    help: "Password: asked for on the terminal, and not echoed",
    group: GROUP,
  },
} as const satisfies OptionTable;

type Values = OptionValues<typeof CREDENTIALS>;

const SOURCES = ["password", "password-file", "password-env", "ask-password"] as const;

/**
 * The password, from where the options say; `undefined` when they say nothing.
 *
 * @throws {Failure} when it cannot be had
 */
export async function passwordOf(
  options: Values,
  context: Context,
): Promise<Uint8Array | undefined> {
  const source = SOURCES.find((name) => isGiven(options[name]));
  switch (source) {
    case undefined:
      return undefined;
    case "password":
      return bytesOption("password", options.password!);
    case "password-file":
      return await firstLineOf(options["password-file"]!);
    case "password-env":
      return new TextEncoder().encode(variable(options["password-env"]!));
    case "ask-password":
      return await ask(context);
    default:
      return source satisfies never;
  }
}

async function firstLineOf(path: string): Promise<Uint8Array> {
  try {
    const bytes = await Deno.readFile(path);
    const end = bytes.findIndex((byte) => byte === LF || byte === CR);
    return end < 0 ? bytes : bytes.subarray(0, end);
  } catch (error) {
    throw usageFailure(`Cannot read the password in ${quoted(path)}: ${(error as Error).message}`);
  }
}

function variable(name: string): string {
  if (name === "") throw usageFailure("--password-env needs the name of an environment variable");
  let value: string | undefined;
  try {
    value = Deno.env.get(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw usageFailure(`This program may not see ${name}; run it with --allow-env=${name}`);
  }
  if (value !== undefined) return value;
  throw usageFailure(`There is no environment variable ${quoted(name)} to take the password from`);
}

const LF = 0x0a;
const CR = 0x0d;
const END = 0x04;
const CLEAR = 0x15;
const BACKSPACES = [0x08, 0x7f];

/**
 * Asks on the terminal. The prompt of `@std/cli` would write to standard output, which is for data, and would not end on
 * Ctrl-C.
 */
async function ask({ stdin, stderr, signal }: Context): Promise<Uint8Array> {
  if (!stdin.isTerminal) {
    throw usageFailure("Nobody can be asked: standard input is no terminal; see --password-file");
  }
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  // Not before that: what is typed at once is not to be seen either.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  stderr.write("Password: ");
  try {
    return await Promise.race([typedLine(), aborted.promise]);
  } finally {
    Deno.stdin.setRaw(false);
    stderr.write("\n");
    signal.removeEventListener("abort", abort);
  }
}

/** What is typed up to Enter, byte by byte, so that nothing behind it is taken. */
async function typedLine(): Promise<Uint8Array> {
  const typed: number[] = [];
  const byte = new Uint8Array(1);
  while (await Deno.stdin.read(byte) !== null) {
    const [key] = byte as unknown as [number];
    if (key === LF || key === CR || key === END) break;
    if (key === CLEAR) typed.length = 0;
    else if (!BACKSPACES.includes(key)) typed.push(key);
    else {
      // A character of several bytes goes as one.
      while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
    }
  }
  return Uint8Array.from(typed);
}

/** Names of header fields, and of parts of a query, whose values nobody but the two ends should see. */
export const SECRET_NAME = /auth|cookie|token|key|secret|signature|password|credential/i;

/** What is left out of a line that is shown, and has to be put in again. */
export interface LeftOut {
  readonly args: readonly string[];
  /** In words, such as `"the password of the proxy"`. */
  readonly what: readonly string[];
}

/** The arguments, by long names, without what is secret in `--proxy` and `--header`. */
export function withoutWaySecrets(args: readonly string[]): LeftOut {
  const what = new Set<string>();
  const shown = args.map((argument) => {
    const [, proxy, rest] = /^(--proxy=[a-z\d]+:\/\/[^/?#:]*):[^/?#]*(@.*)$/is.exec(argument) ?? [];
    if (proxy !== undefined) {
      what.add("the password of the proxy");
      return `${proxy}${rest}`;
    }
    const [, name = ""] = /^--header=([^=]+)=/.exec(argument) ?? [];
    if (!SECRET_NAME.test(name)) return argument;
    what.add(`the value of ${name}`);
    return `--header=${name}=`;
  });
  return { args: shown, what: [...what] };
}

/** The environment variable in which a line that is shown expects the password. */
const VARIABLE = "MQTT5_PASSWORD";

/** The arguments, by long names, without the password; if there was one, `env` says where it is to be then. */
export function withoutPassword(
  args: readonly string[],
): { readonly args: readonly string[]; readonly env: string | undefined } {
  let hasPassword = false;
  const without = args.map((argument) => {
    const shown = argument.startsWith("--password=")
      ? ""
      : argument.replace(/^((?:--url=)?\s*[a-z+]+:\/\/[^/?#:]*):[^/?#]*@/i, "$1@");
    hasPassword ||= shown !== argument;
    return shown;
  }).filter((argument) => argument !== "");
  if (!hasPassword) return { args, env: undefined };
  return { args: [`--password-env=${VARIABLE}`, ...without], env: VARIABLE };
}
