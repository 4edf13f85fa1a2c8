// Two clients with one Client Identifier at a server that throws the older one out without a word:
// they say what is the matter, and leave each other ever more time.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import type { Peer } from "./peer.ts";
import { settle, test } from "./world.ts";

test("Two clients with one Client Identifier say what may be the matter, and come back ever more rarely", async (world) => {
  world.clock.chance = 0.9;
  const sessions: Peer[] = [];
  for (let count = 0; count < 2; count++) {
    const started = world.client({ clientId: "twin", keepAlive: 0 }).start();
    const peer = await world.accept();
    await started;
    sessions.push(peer);
    sessions.at(-2)?.close();
    await settle();
  }
  const takeovers: number[] = [];
  // Within an hour, every connection that is made ends the one before.
  const end = world.clock.now() + 3_600_000;
  while (world.clock.now() < end) {
    await world.clock.advance(100);
    const dialled = world.peers.length;
    while (sessions.length < dialled) {
      const peer = await world.accept();
      sessions.at(-1)!.close();
      sessions.push(peer);
      takeovers.push(world.clock.now());
      await settle();
    }
  }
  assert(takeovers.length < 160, `${takeovers.length} takeovers in an hour`);
  const late = takeovers.filter((time) => time > end - 600_000);
  assert(late.length <= 24, `${late.length} takeovers in the last ten minutes`);
  const lost = world.told.flatMap(({ type, detail }) => type === "disconnected" ? [detail] : []);
  assertEquals(lost.slice(0, 4).map(({ isContested }) => isContested), [
    false,
    false,
    false,
    false,
  ]);
  for (const { isContested, error, willReconnect } of lost.slice(4)) {
    assert(isContested && willReconnect);
    assertStrictEquals(error.kind, "transient");
    assertMatch(
      error.message,
      /^server:1883 closed the connection without a DISCONNECT, \d+ times in a row soon after it was made; another client may be using the same Client Identifier, "twin"$/,
    );
  }
});

test("A connection that lasted, and a server that says why, are no sign of another client", async (world) => {
  const { peer } = await world.connected({ clientId: "c", keepAlive: 0 });
  let last = peer;
  for (const ends of ["close", "close", "later", "close", "close", "tell", "close", "close"]) {
    if (ends === "later") await world.clock.advance(60_000);
    if (ends === "tell") last.send({ type: "disconnect", reasonCode: 0x8b });
    last.close();
    await settle();
    last = await world.accept();
  }
  const lost = world.told.flatMap(({ type, detail }) => type === "disconnected" ? [detail] : []);
  assertEquals(lost.map(({ isContested }) => isContested), lost.map(() => false));
  assertStrictEquals(lost.length, 8);
  last.close();
  await settle();
  const { error, isContested } = world.told.findLast(({ type }) => type === "disconnected")!
    .detail as typeof lost[number];
  assertStrictEquals(isContested, true);
  assertMatch(error.message, /3 times in a row/);
});
