// What may wait to be read where nothing else is said: 10,000 messages of QoS 0, and 16,777,216
// bytes of their payloads.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { settle, test, type TestWorld } from "./world.ts";

async function subscribed(world: TestWorld) {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("a");
  await peer.grant();
  const subscription = await subscribed;
  const publish = async (payload: Uint8Array) => {
    peer.publish("a", [subscription.identifier], { payload });
    await settle();
    return subscription.waiting;
  };
  return { subscription, publish };
}

test("16,777,216 bytes of QoS 0 wait to be read, and not one more", async (world) => {
  const { publish } = await subscribed(world);
  assertStrictEquals(await publish(new Uint8Array(16_777_215)), 1);
  assertStrictEquals(await publish(new Uint8Array(1)), 2);
  assertStrictEquals(await publish(new Uint8Array(1)), 2);
});

test("10,000 messages of QoS 0 wait to be read, and when one more comes a sixteenth of them goes", async (world) => {
  const { publish, subscription } = await subscribed(world);
  for (let count = 0; count < 9999; count++) void publish(new Uint8Array(0));
  assertStrictEquals(await publish(new Uint8Array(0)), 10_000);
  assertEquals(await publish(new Uint8Array(0)), 10_000 - 625 + 1);
  assertEquals(subscription.waiting, 9376);
});
