// Standard input in lines, and whole: however it is cut, and when it is given up before its end.

import { assertEquals, assertRejects } from "@std/assert";
import { linesOf, wholeOf } from "../../../src/cli/terminal/stdin.ts";

/** Standard input that comes in these chunks and, if it is open, never ends. */
function input(chunks: readonly string[], isOpen = false) {
  const encoder = new TextEncoder();
  const rest = [...chunks];
  const readable = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = rest.shift();
      if (chunk !== undefined) controller.enqueue(encoder.encode(chunk));
      else if (isOpen) await new Promise(() => {});
      else controller.close();
    },
  }, { highWaterMark: 0 });
  return { readable, isTerminal: false };
}

const NEVER = new AbortController().signal;

async function textsOf(chunks: readonly string[]): Promise<readonly string[]> {
  const lines = await Array.fromAsync(linesOf(input(chunks), NEVER));
  return lines.flat().map((line) => new TextDecoder().decode(line));
}

Deno.test("lines are the same wherever the input is cut", async () => {
  const text = "one\n\ntwo\r\nthree";
  for (let end = 0; end <= text.length; end++) {
    const lines = await textsOf(
      [text.slice(0, end), text.slice(end)].filter((part) => part !== ""),
    );
    assertEquals(lines, ["one", "", "two\r", "three"]);
  }
  assertEquals(await textsOf([...text]), ["one", "", "two\r", "three"]);
  assertEquals(await textsOf(["one\n"]), ["one"]);
  assertEquals(await textsOf([]), []);
});

Deno.test("a line that is cut short by the signal is none", async () => {
  const giveUp = new AbortController();
  const lines = linesOf(input(["whole\npa", "rt"], true), giveUp.signal);
  const { value } = await lines.next();
  assertEquals(value?.map((line: Uint8Array) => new TextDecoder().decode(line)), ["whole"]);
  const next = lines.next();
  giveUp.abort();
  assertEquals(await next, { value: undefined, done: true });
});

Deno.test("what is to be whole is never half", async () => {
  const giveUp = new AbortController();
  const whole = wholeOf(input(["ha", "lf"], true), giveUp.signal);
  giveUp.abort(new Error("enough"));
  await assertRejects(() => whole, Error, "enough");
  assertEquals(await wholeOf(input(["a", "b"]), NEVER), new TextEncoder().encode("ab"));
});
