// The arguments, streams and signals of the process. Needs no permission.

import type { Context, Output } from "../context.ts";
import { OutputClosed } from "../failure.ts";

/** The signals with which a person or a supervisor ends a program. */
const ENDING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** A program from JSR: `https://HOST/@mqtt5/mqtt5/0.1.0/cli.ts`. */
const FROM_JSR = /^https:\/\/[^/]+\/(@mqtt5\/mqtt5)\/([^/]+)\/cli\.ts$/;

/** The context of a command in this process. `program` is the path or URL of the program. */
export function processContext(program: string): Context {
  let signal: AbortSignal | undefined;
  return {
    args: Deno.args,
    program: Deno.build.standalone
      ? "jsr:@mqtt5/mqtt5/cli"
      : program.replace(FROM_JSR, "jsr:$1@$2/cli"),
    stdin: {
      // Set up on first use, as are signals: it takes a moment, and not every command needs it.
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

/** Blocks for so many milliseconds, while a pipe is full. */
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

/** Whether a pipe is full for now. */
function isFull(error: unknown): boolean {
  if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
  return error instanceof Deno.errors.WouldBlock;
}
