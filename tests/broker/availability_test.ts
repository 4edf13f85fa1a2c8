// §3.2.2.3 What the options take away is neither given nor taken: who tries it is sent away with the standard's Reason Code.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerOptions } from "../../src/broker/mod.ts";
import type { PacketInit } from "../../src/packets/mod.ts";
import { publishOf } from "./client.ts";
import { World } from "./world.ts";

function subscribeTo(topicFilter: string, identifier?: number): PacketInit {
  const properties = identifier === undefined ? {} : { subscriptionIdentifiers: [identifier] };
  return { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter }], properties };
}

for (
  const [what, options, packet, reasonCode] of [
    ["QoS 1", { maximumQoS: 0 }, publishOf("a", "1", { qos: 1, packetId: 1 }), 0x9b],
    ["QoS 2", { maximumQoS: 1 }, publishOf("a", "1", { qos: 2, packetId: 1 }), 0x9b],
    ["RETAIN", { retainAvailable: false }, publishOf("a", "1", { retain: true }), 0x9a],
    ["#", { wildcardSubscriptionAvailable: false }, subscribeTo("a/#"), 0xa2],
    ["+", { wildcardSubscriptionAvailable: false }, subscribeTo("+/a"), 0xa2],
    [
      "a wildcard in a group",
      { wildcardSubscriptionAvailable: false },
      subscribeTo("$share/g/+"),
      0xa2,
    ],
    [
      "a Subscription Identifier",
      { subscriptionIdentifierAvailable: false },
      subscribeTo("a", 1),
      0xa1,
    ],
    [
      "a Shared Subscription",
      { sharedSubscriptionAvailable: false },
      subscribeTo("$share/g/a"),
      0x9e,
    ],
  ] satisfies readonly (readonly [string, BrokerOptions, PacketInit, number])[]
) {
  Deno.test(`A client that uses ${what} where it is not available is disconnected, and its Will is published`, async () => {
    await using world = new World(options);
    const witness = await world.connect("witness");
    await witness.subscribe("will");
    const client = await world.connect("c", { will: { topic: "will" } });
    await client.send(packet);
    client.expectDisconnect(reasonCode);
    witness.expectMessage("will");
    assertEquals(world.engine.statistics.retained, 0);
    assertEquals(world.engine.statistics.subscriptions, 1);
  });

  Deno.test(`A client that uses ${what} stays connected unless the options forbid it`, async () => {
    await using world = new World();
    const client = await world.connect("c");
    await client.send(packet);
    assertStrictEquals(client.link.isOver, false);
  });
}

for (const maximumQoS of [0, 1] as const) {
  Deno.test(`A client may subscribe with any QoS where it may publish with ${maximumQoS} at most [MQTT-3.2.2-9] [MQTT-3.2.2-10]`, async () => {
    await using world = new World({ maximumQoS });
    const { client, connack } = await world.join("c");
    assertStrictEquals(connack.properties.maximumQoS, maximumQoS);
    for (const qos of [0, 1, 2] as const) {
      const reasonCode = await client.subscribe(`a/${qos}`, { qos });
      assertStrictEquals(reasonCode < 0x80, true);
      assertStrictEquals(await client.publish(`a/${qos}`, "1", { qos: maximumQoS }), 0);
      assertStrictEquals(client.take("publish").qos, Math.min(qos, maximumQoS));
    }
  });
}

Deno.test("Plain subscriptions work when wildcards, identifiers and Shared Subscriptions are not available", async () => {
  await using world = new World({
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
    sharedSubscriptionAvailable: false,
    retainAvailable: false,
    maximumQoS: 0,
  });
  const client = await world.connect("c", { will: { topic: "w" } });
  await client.subscribe("a/b", { qos: 2 });
  await client.publish("a/b", "1");
  client.expectMessage("a/b", "1");
});
