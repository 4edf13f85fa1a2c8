// §1.5 Data representation, writing side: the room that a writer takes.

import { assertEquals, assertThrows } from "@std/assert";
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

Deno.test("A Four Byte Integer ends at 4,294,967,295", () => {
  const writer = new Writer();
  const field = { key: "age", name: "Age", section: "1.5.3" };
  writer.fourByteInteger(field, 4_294_967_295);
  assertEquals(writer.bytes(), new Uint8Array([0xff, 0xff, 0xff, 0xff]));
  assertThrows(() => writer.fourByteInteger(field, 4_294_967_296), RangeError, "age");
  assertEquals(writer.bytes().length, 4);
});
