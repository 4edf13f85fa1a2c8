// §3.3.2.3.8 What a client remembers of Subscription Identifiers never outweighs what a message
// says.

import { assert, assertEquals } from "@std/assert";
import type { Subscription } from "../../src/client/subscription.ts";
import { settle, test } from "./world.ts";

test("A message with two identifiers goes to both subscriptions, though the one before had one of them", async (world) => {
  const { client, peer } = await world.connected();
  const subscriptions: Subscription[] = [];
  for (const filter of ["a/+", "a/#"]) {
    const subscribed = client.subscribe(filter);
    await peer.grant();
    subscriptions.push(await subscribed);
  }
  const waiting = async (...identifiers: number[]) => {
    peer.publish("a/b", identifiers);
    await settle();
    return subscriptions.map((subscription) => subscription.waiting);
  };
  assertEquals(await waiting(1), [1, 0]);
  assertEquals(await waiting(1, 2), [2, 1]);
  assertEquals(await waiting(2), [2, 2]);
  assertEquals(await waiting(2, 1), [3, 3]);
  assertEquals(await waiting(1), [4, 3]);
});

test("An identifier that was asked for is passed over when others are given out", async (world) => {
  const { client, peer } = await world.connected();
  const identifiers: number[] = [];
  for (
    const [filter, subscriptionIdentifier] of [["a", 2], ["b"], ["c"], ["d", 4], ["e"]] as const
  ) {
    const options = subscriptionIdentifier === undefined ? {} : { subscriptionIdentifier };
    const subscribed = client.subscribe(filter, options);
    await peer.grant();
    identifiers.push((await subscribed).identifier);
  }
  assertEquals(identifiers, [2, 1, 3, 4, 5]);
});

test("Identifiers begin far from those that an older session may have, and at 1 in a new one", async (world) => {
  world.clock.chance = 0.5;
  const first = async (options: object) => {
    const { client, peer } = await world.connected({ clientId: "c", ...options });
    const subscribed = client.subscribe("a");
    await peer.grant();
    const session = client.save();
    return { identifier: (await subscribed).identifier, session };
  };
  const { identifier, session } = await first({});
  assertEquals(identifier, 1);
  assertEquals((await first({ cleanStart: true })).identifier, 1);
  for (const options of [{ cleanStart: false }, { session }]) {
    assert((await first(options)).identifier > 1_000_000);
  }
});
