// The numbers that a topic has had: each once, however often its message has passed.

import { assertEquals } from "@std/assert";
import { Series } from "../../../../src/cli/inspect/page/topics_series.js";

function message(
  n: number,
  text: string,
  more: { from?: "server"; connection?: number; dup?: boolean } = {},
) {
  const payload = { size: text.length, text, isCut: false };
  return { n, time: 1000 * n, from: "client" as const, connection: 1, payload, ...more };
}

const values = (series: Series) => series.points().map(({ value }) => value);

Deno.test("the numbers of a topic are in the order of time, each once", () => {
  const series = new Series();
  for (const n of [1, 3, 2, 3, 1, 4]) series.add(message(n, String(10 * n)));
  assertEquals(series.points().map(({ time, value }) => [time, value]), [
    [1000, 10],
    [2000, 20],
    [3000, 30],
    [4000, 40],
  ]);
});

Deno.test("what is no number is no point", () => {
  const series = new Series();
  series.add(message(1, "on"));
  series.add(message(2, "2"));
  series.add(message(5, "-1e305"));
  series.add({ ...message(3, ""), payload: { size: 1, hex: "ff", isCut: false } });
  series.add({ ...message(4, ""), payload: { size: 2000, text: "12", isCut: true } });
  assertEquals(values(series), [2]);
});

Deno.test("a message counts as its publisher sent it, not again for each subscriber", () => {
  const series = new Series();
  series.add(message(1, "1"));
  series.add(message(2, "1", { from: "server", connection: 2 }));
  series.add(message(3, "1", { from: "server", connection: 3 }));
  series.add(message(4, "2", { connection: 4 }));
  series.add(message(5, "2", { connection: 4, dup: true }));
  assertEquals(values(series), [1, 2]);
});

Deno.test("where no publisher is seen, the numbers are those of one subscriber", () => {
  const series = new Series();
  series.add(message(1, "1", { from: "server", connection: 7 }));
  series.add(message(2, "1", { from: "server", connection: 8 }));
  series.add(message(3, "2", { from: "server", connection: 8 }));
  series.add(message(4, "2", { from: "server", connection: 7 }));
  assertEquals(values(series), [1, 2]);
});

Deno.test("another path gives the other numbers of all messages, also of those that are cut", () => {
  const series = new Series();
  series.add(message(1, '{"t":20,"h":{"r":1}}'));
  series.add({
    ...message(2, ""),
    payload: { size: 5000, text: '{"t":21,"h":{"r":2},"x":"', isCut: true },
  });
  assertEquals(values(series), []);
  series.path = "t";
  series.add(message(3, '{"t":22}'));
  assertEquals(values(series), [20, 21, 22]);
  series.path = "h.r";
  assertEquals(values(series), [1, 2]);
});

Deno.test("a number of JSON that is infinite is no point", () => {
  const series = new Series();
  series.path = "a";
  series.add(message(1, '{"a":1e999}'));
  series.add(message(2, '{"a":1}'));
  assertEquals(values(series), [1]);
});

Deno.test("only the newest messages are kept", () => {
  const series = new Series();
  for (let n = 0; n < 2500; n++) series.add(message(n, String(n)));
  assertEquals([values(series).length, values(series)[0]], [2000, 500]);
});
