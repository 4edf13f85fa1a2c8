// Runs commands: in this process with streams of its own, or as a new process, as a user does.

import type { Context, Output } from "../../src/cli/context.ts";
import { main } from "../../src/cli/main.ts";
import { recordOptions } from "./tested_options.ts";

/** What a command printed and how it ended. */
export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command gets beside its arguments. */
export interface RunOptions {
  /** Standard input; without, a terminal. */
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
  readonly colors?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs a command in this process. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { stdin, colors = false, signal = new AbortController().signal } = options;
  const stdout = collector(colors);
  const stderr = collector(colors);
  const context: Context = {
    args,
    program: "cli.ts",
    stdin: {
      readable: new Blob(stdin === undefined ? [] : [stdin]).stream(),
      isTerminal: stdin === undefined,
    },
    stdout,
    stderr,
    signal,
  };
  const exitCode = await main(context);
  recordOptions(args, exitCode);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

/**
 * Runs `cli.ts` as a process whose standard output nobody reads, and returns its exit code and
 * standard error.
 */
export async function runUnread(
  permissions: readonly string[],
  args: readonly string[],
  stdin: string,
): Promise<Omit<Result, "stdout">> {
  const child = spawn(permissions, args);
  await child.stdout.cancel();
  const stderr = new Response(child.stderr).text();
  await new Blob([stdin]).stream().pipeTo(child.stdin);
  return { exitCode: (await child.status).code, stderr: await stderr };
}

/** Runs `cli.ts` as a process that may do what `permissions` say and asks for no more. */
export async function runProcess(
  permissions: readonly string[],
  args: readonly string[],
  stdin: string | Uint8Array<ArrayBuffer> = "",
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = spawn(permissions, args, env);
  const writing = new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await writing;
  const decoder = new TextDecoder();
  return { exitCode: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A command in a process of its own, while it runs. */
export class Running {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Gathering;
  readonly #stderr: Gathering;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#stdout = new Gathering(child.stdout);
    this.#stderr = new Gathering(child.stderr);
    this.#stdin = child.stdin.getWriter();
  }

  /** Waits until standard output has had this in it. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#stdout.until(pattern);
  }

  /** Waits until standard error has had this in it. */
  untilTold(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#stderr.until(pattern);
  }

  /** Writes to standard input. */
  async type(text: string | Uint8Array): Promise<void> {
    await this.#stdin.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Ends standard input. */
  async endInput(): Promise<void> {
    await this.#stdin.close();
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end, and reads nothing meanwhile. */
  async exitCode(): Promise<number> {
    return (await this.#child.status).code;
  }

  /** Waits for the end, of standard input too. */
  async end(): Promise<Result> {
    await this.#stdin.close().catch(() => {});
    const [stdout, stderr, { code }] = await Promise.all([
      this.#stdout.all(),
      this.#stderr.all(),
      this.#child.status,
    ]);
    return { exitCode: code, stdout, stderr };
  }
}

/** The text of a stream, as far as it has come. */
class Gathering {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found !== null) return found;
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`The process ended before it wrote ${pattern}: ${this.#text}`);
      this.#text += value;
    }
  }

  async all(): Promise<string> {
    for (let next = await this.#reader.read(); !next.done; next = await this.#reader.read()) {
      this.#text += next.value;
    }
    return this.#text;
  }
}

/** Starts `cli.ts` as a process that may do what `permissions` say. */
export function start(
  permissions: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  return new Running(spawn(permissions, args, env));
}

function spawn(
  permissions: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  const cli = new URL("../../cli.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, cli, ...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  void child.status.then(({ code }) => recordOptions(args, code));
  return child;
}

function collector(colors: boolean): Output & { readonly text: () => string } {
  let all = "";
  const decoder = new TextDecoder();
  return {
    write: (text) => void (all += text),
    writeBytes: (bytes) => Promise.resolve(void (all += decoder.decode(bytes, { stream: true }))),
    status() {},
    isTerminal: colors,
    colors,
    columns: 80,
    text: () => all,
  };
}
