// The process that a command line runs in: its arguments, streams and signals. Asks for no permission.

import type { Context, Output } from "../context.ts";
import { OutputClosed } from "../failure.ts";

/** How a person, and where there is such a thing a supervisor, asks a program to end. */
const ENDING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** A program that comes from JSR: `https://HOST/@mqtt5/mqtt5/0.1.0/cli.ts`. */
const FROM_JSR = /^https:\/\/[^/]+\/(@mqtt5\/mqtt5)\/([^/]+)\/cli\.ts$/;

/** What the process gives to a command. `program` is the path or the URL of the program. */
export function processContext(program: string): Context {
  let signal: AbortSignal | undefined;
  return {
    args: Deno.args,
    program: Deno.build.standalone
      ? "jsr:@mqtt5/mqtt5/cli"
      : program.replace(FROM_JSR, "jsr:$1@$2/cli"),
    stdin: {
      // It takes a moment to set up, as do signals, and not every command needs it.
      get readable() {
        return Deno.stdin.readable;
      },
      isTerminal: Deno.stdin.isTerminal(),
    },
    stdout: outputTo(Deno.stdout),
    stderr: outputTo(Deno.stderr),
    get signal() {
      return signal ??= endingSignal();
    },
  };
}

function endingSignal(): AbortSignal {
  const ending = new AbortController();
  for (const name of ENDING) Deno.addSignalListener(name, () => ending.abort());
  return ending.signal;
}

/** Waits for so many milliseconds, for a pipe that takes no more for now. */
function rest(time: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
}

const ERASE_LINE = "\r\x1b[K";

function outputTo(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const isTerminal = stream.isTerminal();
  let status = "";
  return {
    write: (text) => writeAll(stream, status === "" ? text : `${ERASE_LINE}${text}${status}`),
    async writeBytes(bytes) {
      for (let sent = 0; sent < bytes.length;) {
        try {
          sent += await stream.write(bytes.subarray(sent));
        } catch (error) {
          if (!isFull(error)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    },
    status(line) {
      if (!isTerminal || line === status) return;
      status = line;
      writeAll(stream, ERASE_LINE + line);
    },
    isTerminal,
    colors: isTerminal && !Deno.noColor,
    columns: isTerminal ? Deno.consoleSize().columns : 80,
  };
}

function writeAll(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += stream.writeSync(bytes.subarray(sent));
    } catch (error) {
      if (!isFull(error)) throw error;
      rest(10);
    }
  }
}

/** Whether a pipe takes no more for now, and will later. */
function isFull(error: unknown): boolean {
  if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
  return error instanceof Deno.errors.WouldBlock;
}
