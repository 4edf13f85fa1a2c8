// The line below the diagram of the page.

import { assertEquals } from "@std/assert";
import { statusText } from "../../../../src/cli/inspect/page/status.js";
import { packet } from "./entries.ts";

const entries = [packet(1, "PINGREQ"), packet(2, "PINGRESP"), packet(3, "PINGREQ")];

Deno.test("the line below the diagram says how much is shown, and why not all", () => {
  const model = { entries, isPaused: false, omitted: 0 };
  assertEquals(statusText({ ...model, entries: [] }, 0, 0), "");
  assertEquals(statusText(model, 3, 0), "3 rows");
  assertEquals(statusText(model, 0, 0), "0 of 3 shown");
  assertEquals(statusText({ ...model, isPaused: true }, 2, 1), "Paused, 1 new · 2 of 3 shown");
  const flood = { ...model, entries: Array(10_000).fill(entries[0]), omitted: 12_345 };
  assertEquals(
    statusText(flood, 10_000, 0),
    "10,000 rows · older ones are not kept · 12,345 omitted: they came too fast",
  );
});
