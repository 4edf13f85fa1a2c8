// §1.5 Data representation, writing side: the room that a writer takes.

import { assertEquals } from "@std/assert";
import { Writer } from "../../src/wire/writer.ts";

Deno.test("A writer doubles its room when it is full, or takes as much as is needed at once", () => {
  const writer = new Writer(4);
  const capacities: number[] = [];
  for (const length of [4, 1, 3, 1, 100]) {
    writer.rawBytes(new Uint8Array(length));
    capacities.push(writer.capacity);
  }
  assertEquals(capacities, [4, 8, 8, 16, 109]);
});
