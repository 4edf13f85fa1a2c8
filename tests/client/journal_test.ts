// §4.1 What a journal commits by itself: what has changed, when it is asked to, until it is closed.

import { assertStrictEquals } from "@std/assert";
import { Journal } from "../../src/client/journal.ts";
import { Session } from "../../src/session/session.ts";
import { VirtualClock } from "../io/virtual_clock.ts";
import { MemoryStore } from "./memory_store.ts";
import { none } from "./processes.ts";

Deno.test("flushed() commits what has changed before the turn ends, and nothing without a change or after close()", async () => {
  const store = new MemoryStore();
  const journal = new Journal({
    storage: store.open(),
    session: new Session("c"),
    clock: new VirtualClock(),
    endOfTurn: () => new Promise(none),
    onRefused: none,
    onFailed: none,
  });
  await journal.flushed();
  assertStrictEquals(store.commits, 0);
  journal.begin();
  await journal.flushed();
  assertStrictEquals(store.commits, 1);
  assertStrictEquals(store.disk.number, 1);
  await journal.close();
  journal.begin();
  await journal.flushed();
  assertStrictEquals(store.commits, 1);
});
