// A store says whether anything is still to be brought to disk: a broker with nothing to store does
// not wake up for it.

import { assertEquals } from "@std/assert";
import { Store } from "../../src/broker/durability/store.ts";
import { PLAIN_PUBLISH } from "../build.ts";

Deno.test("A store needs a commit only after a change, and not after the commit", () => {
  const store = new Store(":memory:", { now: () => 1000, wall: () => 1000 });
  try {
    const waits = [store.needsCommit];
    store.saveRetained(PLAIN_PUBLISH, Infinity);
    waits.push(store.needsCommit);
    assertEquals(store.commit(), true);
    waits.push(store.needsCommit);
    store.deleteRetained("a");
    waits.push(store.needsCommit);
    assertEquals(store.commit(), true);
    waits.push(store.needsCommit);
    assertEquals(waits, [false, true, false, true, false]);
  } finally {
    store.close();
  }
});
