// A password from the terminal. The prompt of `@std/cli` writes to standard output, which is for
// data, and does not end on Ctrl-C.

import type { Context } from "../context.ts";

const LF = 0x0a;
const CR = 0x0d;
const END = 0x04;
const CLEAR = 0x15;
const BACKSPACES = [0x08, 0x7f];

/** Prompts on the terminal, without echo. */
export async function askPassword(
  prompt: string,
  { stderr, signal }: Context,
): Promise<Uint8Array> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  // Echo is off before the prompt: nothing that is typed early is seen either.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  stderr.write(prompt);
  try {
    return await Promise.race([typedLine(), aborted.promise]);
  } finally {
    Deno.stdin.setRaw(false);
    stderr.write("\n");
    signal.removeEventListener("abort", abort);
  }
}

/** The line that is typed, read byte by byte so that nothing after Enter is taken. */
async function typedLine(): Promise<Uint8Array> {
  const typed: number[] = [];
  const byte = new Uint8Array(1);
  while (await Deno.stdin.read(byte) !== null) {
    const [key] = byte as unknown as [number];
    if (key === LF || key === CR || key === END) break;
    if (key === CLEAR) typed.length = 0;
    else if (!BACKSPACES.includes(key)) typed.push(key);
    else {
      // A character of several bytes is erased as one.
      while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
    }
  }
  return Uint8Array.from(typed);
}
