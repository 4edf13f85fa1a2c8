// Standard input: in chunks, whole, or line by line, until it ends or nobody wants more of it.

import { concat } from "jsr:@std/bytes@^1/concat";
import { MAXIMUM_VARIABLE_BYTE_INTEGER } from "../../wire/writer.ts";
import type { Input } from "../context.ts";
import { Failure } from "../failure.ts";

const LF = 0x0a;

/** No payload is longer: a packet with it would have no Remaining Length (§2.1.4). */
const LONGEST = MAXIMUM_VARIABLE_BYTE_INTEGER;

/** The bytes as they come, until there are no more; no later than the signal. */
export async function* chunksOf(stdin: Input, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = stdin.readable.getReader();
  // Whoever waits for a chunk then learns that there is none.
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

/** All of it; rejects with the signal's reason when that aborts before. */
export async function wholeOf(stdin: Input, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = concat(await Array.fromAsync(chunksOf(stdin, signal)));
  signal.throwIfAborted();
  return bytes;
}

/**
 * Its lines, without their ends, as many at once as have come; the last one may have no end. A line that the signal cuts
 * short is none.
 */
export async function* linesOf(
  stdin: Input,
  signal: AbortSignal,
): AsyncGenerator<readonly Uint8Array[]> {
  /** A line that has begun. */
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
    if (length > LONGEST) throw new Failure(`A line is longer than ${LONGEST} bytes`);
    if (lines.length > 0) yield lines;
  }
  if (begun.length > 0 && !signal.aborted) yield [concat(begun)];
}
