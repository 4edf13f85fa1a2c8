// §3.3.1.3 Who still waits for retained messages counts for as long as there is a subscription that
// may have them: then what is retained goes before what is published.

import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  RetainedDelivery,
  type RetainedDeliverySetup,
} from "../../src/broker/retained/delivery.ts";
import type { BrokerSession } from "../../src/broker/model.ts";
import type { Subscription } from "../../src/broker/routing/subscriptions.ts";
import { World } from "./world.ts";

const MESSAGE = { number: 1 };

/** The delivery alone, of which a topic has something retained. */
function deliveryOf(): RetainedDelivery {
  const retained = { latest: 1, get: () => MESSAGE };
  return new RetainedDelivery({ retained } as unknown as RetainedDeliverySetup);
}

function subscriptionOf(
  subscriber: BrokerSession,
  topicFilter: string,
): Subscription<BrokerSession> {
  return { subscriber, request: { topicFilter } } as unknown as Subscription<BrokerSession>;
}

Deno.test("A session that ends leaves no delivery of retained messages behind", () => {
  const delivery = deliveryOf();
  const [ending, staying] = [{}, {}] as BrokerSession[];
  assertStrictEquals(delivery.olderThanNow("a"), undefined);
  for (const filter of ["a", "+", "#"]) delivery.start(subscriptionOf(ending!, filter));
  delivery.start(subscriptionOf(staying!, "a"));
  delivery.stopAll(ending!);
  assertEquals<unknown>(delivery.olderThanNow("a"), MESSAGE);
  delivery.stopAll(staying!);
  assertStrictEquals(delivery.olderThanNow("a"), undefined);
  delivery.stopAll(staying!);
  assertStrictEquals(delivery.olderThanNow("a"), undefined);
});

Deno.test("The delivery for a subscription that ends or is replaced is counted once", () => {
  const delivery = deliveryOf();
  const session = {} as BrokerSession;
  delivery.start(subscriptionOf(session, "a"));
  delivery.start(subscriptionOf(session, "a"));
  delivery.start(subscriptionOf(session, "b"));
  delivery.stop(session, "a");
  delivery.stop(session, "a");
  assertEquals<unknown>(delivery.olderThanNow("b"), MESSAGE);
  delivery.stop(session, "b");
  assertStrictEquals(delivery.olderThanNow("b"), undefined);
});

Deno.test("Retained messages are not sent to a session that has ended meanwhile", async () => {
  await using world = new World();
  const publisher = await world.connect("p");
  for (let number = 0; number < 600; number++) {
    await publisher.publish(`r/${number}`, "1", { qos: 1, retain: true });
  }
  const properties = { receiveMaximum: 1, sessionExpiryInterval: 1 };
  const client = await world.connect("c", { properties });
  await client.subscribe("r/#", { qos: 1 });
  await client.cut();
  await world.advance(2000);
  assertStrictEquals(world.engine.statistics.sessions, 1);
  const again = await world.connect("c", { cleanStart: false, properties });
  await publisher.publish("r/1", "2", { qos: 1 });
  await world.advance(1000);
  again.expectNothing();
});
