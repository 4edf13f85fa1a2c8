// What SQLite's result codes mean for the file of a store.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { StoreError, type StoreErrorKind } from "../../src/store/store_error.ts";

Deno.test("A StoreError says what kind of fault SQLite has met, whatever its extended code", () => {
  const kinds: readonly (readonly [code: number, kind: StoreErrorKind])[] = [
    [5, "locked"],
    [6, "locked"],
    [8, "read-only"],
    [9, "failed"],
    [10, "failed"],
    [11, "damaged"],
    [13, "full"],
    [26, "foreign"],
  ];
  for (const [code, kind] of kinds) {
    for (const errcode of [code, code | 0x100]) {
      const cause = Object.assign(new Error("reason"), { errcode });
      const error = StoreError.from(cause, "a.db");
      assertEquals([error.kind, error.path], [kind, "a.db"]);
      assertStrictEquals(error.cause, cause);
    }
  }
  assertEquals(StoreError.from(new Error("reason"), "a.db").kind, "failed");
});
