// §3.8 to §3.11: SUBSCRIBE and UNSUBSCRIBE and their answers. The client knows which answer is whose; the server gives one
// Reason Code for each Topic Filter.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { openClient, openServer } from "./roles.ts";

Deno.test("A client reports the answers to its requests, in whatever order they come", () => {
  const script = openClient();
  const subscribe = (...filters: string[]) =>
    script.call((connection) =>
      connection.subscribe({
        type: "subscribe",
        subscriptions: filters.map((topicFilter) => ({ topicFilter, qos: 1 })),
      })
    );
  assertEquals([subscribe("a"), subscribe("b", "c")], [1, 2]);
  assertStrictEquals(
    script.call((connection) =>
      connection.unsubscribe({ type: "unsubscribe", topicFilters: ["a"] })
    ),
    3,
  );
  script.expect("82 07 0001 00 0001 61 01", "82 0B 0002 00 0001 62 01 0001 63 01");
  script.expect("A2 06 0003 00 0001 61");
  script.send("B0 04 0003 00 11", "90 05 0002 00 01 87", "90 04 0001 00 00");
  assertEquals(script.expectEvent("unsuback").packet.reasonCodes, [0x11]);
  assertEquals(script.expectEvent("suback").packet.reasonCodes, [0x01, 0x87]);
  assertStrictEquals(script.expectEvent("suback").packet.packetId, 1);
  // Answered twice is as good as once.
  script.send("90 04 0001 00 00");
  script.expectQuiet();
});

Deno.test("A client forgets requests that were not answered with their connection", () => {
  const script = openClient();
  const request = { type: "subscribe", subscriptions: [{ topicFilter: "a" }] } as const;
  script.call((connection) => connection.subscribe(request));
  script.end();
  assertThrows(() => script.connection.subscribe(request), TypeError, "not open");
  script.expectPacket("subscribe");
  script.expectClosed("network");
});

for (
  const [name, connack, subscription, properties] of [
    ["wildcards", { wildcardSubscriptionAvailable: false }, "a/#", {}],
    ["a single-level wildcard", { wildcardSubscriptionAvailable: false }, "+/a", {}],
    ["Shared Subscriptions", { sharedSubscriptionAvailable: false }, "$share/g/a", {}],
    ["Subscription Identifiers", { subscriptionIdentifierAvailable: false }, "a", {
      subscriptionIdentifiers: [1],
    }],
  ] as const
) {
  Deno.test(`A client refuses to ask for ${name} where the server has none`, () => {
    const request = {
      type: "subscribe",
      properties,
      subscriptions: [{ topicFilter: "b" }, { topicFilter: subscription }],
    } as const;
    const script = openClient({ connack });
    assertThrows(() => script.connection.subscribe(request), TypeError);
    script.expectQuiet();
    const other = openClient();
    assertStrictEquals(other.call((connection) => connection.subscribe(request)), 1);
  });
}

Deno.test("A client refuses a request that breaks the standard, and uses no identifier for it", () => {
  const script = openClient();
  for (const topicFilter of ["", "a/#/b", "$share/g"]) {
    assertThrows(
      () => script.connection.subscribe({ type: "subscribe", subscriptions: [{ topicFilter }] }),
      TypeError,
    );
    assertThrows(
      () => script.connection.unsubscribe({ type: "unsubscribe", topicFilters: [topicFilter] }),
      TypeError,
    );
  }
  assertThrows(() => script.connection.subscribe({ type: "subscribe", subscriptions: [] }));
  assertThrows(() => script.connection.unsubscribe({ type: "unsubscribe", topicFilters: [] }));
  script.expectQuiet();
  // A SUBACK for a request that never went is for nobody.
  script.send("90 04 0001 00 00");
  script.expectQuiet();
});

Deno.test("A server answers SUBSCRIBE and UNSUBSCRIBE with their identifier and a Reason Code for each Topic Filter [MQTT-3.8.4-6] [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.10.4-5]", () => {
  const script = openServer();
  script.send("82 0C 1234 00 0001 61 00 0002 2F23 02", "A2 0A 4321 00 0001 61 0002 2F23");
  const { packet: subscribe } = script.expectEvent("subscribe");
  const { packet: unsubscribe } = script.expectEvent("unsubscribe");
  script.expectQuiet();
  const { connection } = script;
  assertThrows(() => connection.suback(subscribe, [0x00]), TypeError, "needs 2 Reason Codes");
  assertThrows(() => connection.suback(subscribe, [0x00, 0x00, 0x00]), TypeError);
  assertThrows(() => connection.unsuback(unsubscribe, []), TypeError, "needs 2 Reason Codes");
  script.expectQuiet();
  script.call(() => connection.suback(subscribe, [0x00, 0x87]));
  script.expect("90 05 1234 00 00 87");
  script.call(() => connection.unsuback(unsubscribe, [0x11, 0x00]));
  script.expect("B0 05 4321 00 11 00");
});

Deno.test("A server answers no request of a connection that is over", () => {
  const script = openServer();
  script.send("82 07 0001 00 0001 61 00", "A2 06 0002 00 0001 61");
  const { packet: subscribe } = script.expectEvent("subscribe");
  const { packet: unsubscribe } = script.expectEvent("unsubscribe");
  script.end();
  script.call((connection) => connection.suback(subscribe, [0x00]));
  script.call((connection) => connection.unsuback(unsubscribe, [0x00]));
  script.expectClosed("network");
});

Deno.test("A server takes wildcards, shares and identifiers where it has said nothing", () => {
  const script = openServer();
  script.send("82 12 0001 02 0B 05 000A 2473686172652F672F23 01");
  const { packet } = script.expectEvent("subscribe");
  assertEquals(packet.properties, { subscriptionIdentifiers: [5] });
  assertStrictEquals(packet.subscriptions[0]?.topicFilter, "$share/g/#");
});
