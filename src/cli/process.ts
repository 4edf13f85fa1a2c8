// The process that a command line runs in: its arguments, streams and signals. Asks for no permission.

import { type Context, type Output, OutputClosed } from "./command.ts";

/** What the process gives to a command. */
export function processContext(): Context {
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupt.abort());
  return {
    args: Deno.args,
    stdin: { readable: Deno.stdin.readable, isTerminal: Deno.stdin.isTerminal() },
    stdout: outputTo(Deno.stdout),
    stderr: outputTo(Deno.stderr),
    signal: interrupt.signal,
  };
}

function outputTo(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const isTerminal = stream.isTerminal();
  return {
    write(text) {
      const bytes = new TextEncoder().encode(text);
      try {
        for (let sent = 0; sent < bytes.length;) sent += stream.writeSync(bytes.subarray(sent));
      } catch (error) {
        throw error instanceof Deno.errors.BrokenPipe ? new OutputClosed() : error;
      }
    },
    colors: isTerminal && !Deno.noColor,
    columns: isTerminal ? Deno.consoleSize().columns : 80,
  };
}
