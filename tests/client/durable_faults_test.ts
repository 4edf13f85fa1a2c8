// Whatever a disk does: at every commit in turn it fails, or the process dies before or after it.
// What was promised is kept, what was refused is not sent, QoS 2 comes exactly once in both
// directions, and every promise settles.

import { assertRejects, assertStrictEquals } from "@std/assert";
import { startClient } from "../../src/client/client.ts";
import { encodeMessage } from "../../src/session/snapshot.ts";
import { carryOut, FAULTS, MESSAGES } from "./durable_run.ts";
import { MemoryStore } from "./memory_store.ts";
import { OPTIONS } from "./processes.ts";
import { test, URL_OF_SERVER } from "./world.ts";

FAULTS.forEach(([fault, times], index) => {
  const often = times === 1 ? "" : `, ${times} times in a row`;
  test(`Nothing is lost, and nothing comes twice at QoS 2, when the disk or the process ${fault} at any commit${often}`, async () => {
    let commits = 1;
    for (let at = 0; at < commits; at++) {
      ({ commits } = await carryOut({ seed: index, at, fault, times }));
    }
  });
});

test("Nothing is lost, and nothing comes twice at QoS 2, when half of all commits go wrong in any way", async () => {
  for (let seed = 0; seed < 25; seed++) {
    await carryOut({ seed, at: 0, fault: "any", times: 40 });
  }
});

test("A stored session in which two messages have one Packet Identifier is refused", async (world) => {
  const store = new MemoryStore();
  const message = {
    publish: encodeMessage({ type: "publish", topic: "a", qos: 1 }),
    expiresAt: Infinity,
    packetId: 1,
    isReleased: false,
    hasReceipt: false,
  };
  for (const id of [1, 2]) store.disk.messages.set(id, { ...message, id, place: id });
  const start = () => startClient(world, URL_OF_SERVER, { ...OPTIONS, store });
  await assertRejects(start, Error, "two messages have Packet Identifier 1");
  assertStrictEquals(store.isOpen, false);
});

test("A message for which there is no room is refused and not sent, and the others are", async () => {
  for (let at = 0; at < MESSAGES; at++) {
    const run = await carryOut({ seed: at, at, fault: "full", times: 1 });
    assertStrictEquals(run.refused.size, 1);
    assertStrictEquals(run.promised.size, MESSAGES - 1);
  }
});

test("A store that takes its time loses nothing, and nothing waits for ever", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const run = await carryOut({ seed, at: 0, fault: "slow", times: 0 });
    assertStrictEquals(run.promised.size, MESSAGES);
  }
});
