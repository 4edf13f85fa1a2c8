// User and password: from the command line, a file, the environment or a prompt. Never shown, and
// with SCRAM never sent.

import type { ConnectOptions } from "../../client/mod.ts";
import type { Context } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { unreadable } from "../files.ts";
import { quoted } from "../terminal/text.ts";
import { type AnyValues, isGiven, type OptionTable, type OptionValues } from "./parse.ts";
import { bytesOption } from "./properties.ts";

const GROUP = "Credentials";
const CHOICE = "password";

/** The options for a user and a password. */
export const CREDENTIALS = {
  "username": { short: "u", value: "NAME", help: "User Name" },
  "password": {
    short: "P",
    value: "BYTES",
    choice: CHOICE,
    help: "Password; TLS and more: --help=all",
  },
  "password-file": {
    value: "FILE",
    isFile: true,
    choice: CHOICE,
    help: "Password: the first line of this file",
    group: GROUP,
  },
  "password-env": {
    value: "NAME",
    choice: CHOICE,
    help: "Password: the value of this environment variable",
    group: GROUP,
  },
  "ask-password": {
    choice: CHOICE,
    help: "Password: prompt for it without echo",
    group: GROUP,
  },
  "auth-method": {
    value: "METHOD",
    help: "prove the password: SCRAM-SHA-256 or SCRAM-SHA-512",
    group: GROUP,
  },
} as const satisfies OptionTable;

type Values = OptionValues<typeof CREDENTIALS>;

const METHODS: readonly string[] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];

/**
 * Refuses a method that there is none of, or two at the same time.
 *
 * @throws {Failure} when `--auth-method` cannot be used
 */
export function checkAuthMethod(options: Values & AnyValues): void {
  const method = options["auth-method"];
  if (method === undefined) return;
  if (!METHODS.includes(method)) {
    const [first, second] = METHODS;
    throw usageFailure(
      `--auth-method: expected ${first} or ${second}, got ${quoted(method)}; for a method of one ` +
        "step see --authentication-method",
    );
  }
  const other = ["authentication-method", "authentication-data"].find((name) =>
    isGiven(options[name])
  );
  if (other !== undefined) {
    throw usageFailure(`--auth-method cannot be combined with --${other}`);
  }
}

/** Who the client is, and how it proves it. */
export type Identity = Pick<ConnectOptions, "username" | "password" | "authentication">;

/**
 * The user, and its password or what proves it; of the options, else of the URL.
 *
 * @throws {Failure} when the password cannot be read, or SCRAM cannot do with it
 */
export async function identityOf(
  options: Values,
  at: { readonly username?: string | undefined; readonly password?: Uint8Array | undefined },
  context: Context,
): Promise<Identity> {
  const username = options.username ?? at.username;
  const password = await passwordOf(options, context) ?? at.password;
  const method = options["auth-method"];
  if (method === undefined) return { username, password };
  if (username === undefined) throw usageFailure("--auth-method needs a --username");
  if (password === undefined) {
    throw usageFailure("--auth-method needs a password, such as that of --ask-password");
  }
  // Most commands have no use for it.
  const { scramSha256, scramSha512 } = await import("../../client/scram.ts");
  const scram = method === "SCRAM-SHA-256" ? scramSha256 : scramSha512;
  try {
    const authentication = scram({ username, password });
    return { username: undefined, password: undefined, authentication };
  } catch (error) {
    if (error instanceof TypeError) throw usageFailure(`--auth-method: ${error.message}`);
    throw error;
  }
}

const SOURCES = ["password", "password-file", "password-env", "ask-password"] as const;

/**
 * The password; `undefined` if no option gives one.
 *
 * @throws {Failure} when it cannot be read
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
    case "ask-password": {
      if (!context.stdin.isTerminal) {
        throw usageFailure(
          "--ask-password needs a terminal on standard input; see --password-file",
        );
      }
      const { askPassword } = await import("../terminal/ask_password.ts");
      return await askPassword("Password: ", context);
    }
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
    throw usageFailure(unreadable("the password file", path, error));
  }
}

function variable(name: string): string {
  if (name === "") {
    throw usageFailure("--password-env: expected the name of an environment variable");
  }
  let value: string | undefined;
  try {
    value = Deno.env.get(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) {
      // Deno's message would show the value.
      throw usageFailure(
        `--password-env: expected UTF-8 in ${quoted(name)}; give other bytes in a file ` +
          "(--password-file)",
      );
    }
    const remedy = `run it with --allow-env=${name}`;
    throw usageFailure(
      `Cannot read the environment variable ${name}: permission denied; ${remedy}`,
    );
  }
  if (value !== undefined) return value;
  throw usageFailure(`--password-env: the environment variable ${quoted(name)} is not set`);
}

const LF = 0x0a;
const CR = 0x0d;
/** Names of header fields and query parameters whose values are secret. */
export const SECRET_NAME = /auth|cookie|token|key|secret|signature|password|credential/i;

/** Arguments without secrets, and what was left out. */
export interface LeftOut {
  readonly args: readonly string[];
  /** In words, such as `"proxy password"`. */
  readonly what: readonly string[];
}

/** The arguments, by long names, without the secrets in `--proxy` and `--header`. */
export function withoutWaySecrets(args: readonly string[]): LeftOut {
  const what = new Set<string>();
  const shown = args.map((argument) => {
    const [, proxy, rest] = /^(--proxy=[a-z\d]+:\/\/[^/?#:]*):[^/?#]*(@.*)$/is.exec(argument) ?? [];
    if (proxy !== undefined) {
      what.add("proxy password");
      return `${proxy}${rest}`;
    }
    const [, name = ""] = /^--header=([^=]+)=/.exec(argument) ?? [];
    if (!SECRET_NAME.test(name)) return argument;
    what.add(`value of ${name}`);
    return `--header=${name}=`;
  });
  return { args: shown, what: [...what] };
}

/** The environment variable from which a printed line takes the password. */
const VARIABLE = "MQTT5_PASSWORD";

/** The arguments without the password; if there was one, `env` is the variable to put it in. */
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
