// Standard input: in chunks, whole, or line by line.

import { concat } from "jsr:@std/bytes@^1/concat";
import { MAXIMUM_VARIABLE_BYTE_INTEGER } from "../../wire/writer.ts";
import type { Input } from "../context.ts";
import { Failure } from "../failure.ts";

const LF = 0x0a;

/** A line longer than any Remaining Length fits in no packet (§2.1.4). */
const LONGEST = MAXIMUM_VARIABLE_BYTE_INTEGER;

/** The bytes as they arrive, until the end or until the signal aborts. */
export async function* chunksOf(stdin: Input, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = stdin.readable.getReader();
  // A pending read then ends.
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** All of it; rejects with the reason of the signal when that aborts first. */
export async function wholeOf(stdin: Input, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = concat(await Array.fromAsync(chunksOf(stdin, signal)));
  signal.throwIfAborted();
  return bytes;
}

/**
 * Its lines without newlines, in batches as they arrive. The last one may lack its newline; an
 * incomplete line is dropped when the signal aborts.
 */
export async function* linesOf(
  stdin: Input,
  signal: AbortSignal,
): AsyncGenerator<readonly Uint8Array[]> {
  /** The beginning of an incomplete line. */
  let begun: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(stdin, signal)) {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      const line = chunk.subarray(start, end);
      lines.push(begun.length === 0 ? line : concat([...begun, line]));
      begun = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > LONGEST) {
      throw new Failure(`A line of standard input is longer than ${LONGEST} bytes`);
    }
    if (lines.length > 0) yield lines;
  }
  if (begun.length > 0 && !signal.aborted) yield [concat(begun)];
}
