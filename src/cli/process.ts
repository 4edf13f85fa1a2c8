// The process that a command line runs in: its arguments, streams and signals. Asks for no permission.

import { type Context, type Output, OutputClosed } from "./command.ts";

/** How a person, and where there is such a thing a supervisor, asks a program to end. */
const ENDING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** What the process gives to a command. */
export function processContext(): Context {
  const interrupt = new AbortController();
  for (const name of ENDING) Deno.addSignalListener(name, () => interrupt.abort());
  return {
    args: Deno.args,
    stdin: { readable: Deno.stdin.readable, isTerminal: Deno.stdin.isTerminal() },
    stdout: outputTo(Deno.stdout),
    stderr: outputTo(Deno.stderr),
    signal: interrupt.signal,
  };
}

/** Waits for so many milliseconds, for a pipe that takes no more for now. */
function rest(time: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
}

function outputTo(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const isTerminal = stream.isTerminal();
  return {
    write(text) {
      const bytes = new TextEncoder().encode(text);
      for (let sent = 0; sent < bytes.length;) {
        try {
          sent += stream.writeSync(bytes.subarray(sent));
        } catch (error) {
          if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
          if (!(error instanceof Deno.errors.WouldBlock)) throw error;
          rest(10);
        }
      }
    },
    colors: isTerminal && !Deno.noColor,
    columns: isTerminal ? Deno.consoleSize().columns : 80,
  };
}
