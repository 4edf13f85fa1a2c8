// SUBSCRIBE, UNSUBSCRIBE and their answers, and what the Server sends for a subscription.

import { assertEquals } from "@std/assert";
import {
  begun,
  client,
  connected,
  type Line,
  listen,
  resumed,
  server,
  testCases,
} from "./conversation.ts";

const FILTERS = { subscriptions: [{ topicFilter: "a/+", qos: 1 }, { topicFilter: "b" }] } as const;
const SUBSCRIBE = { type: "subscribe", packetId: 9, ...FILTERS } as const;
const SUBACK = { type: "suback", packetId: 9, reasonCodes: [1, 0] } as const;
const UNSUBSCRIBE = { type: "unsubscribe", packetId: 8, topicFilters: ["b"] } as const;
const UNSUBACK = { type: "unsuback", packetId: 8, reasonCodes: [0] } as const;
const SUBSCRIBED: readonly Line[] = [...begun(), client(SUBSCRIBE), server(SUBACK)];

/** A link on which the Client asks for "a" in some way. */
function asking(
  request: {
    noLocal?: boolean;
    retainAsPublished?: boolean;
    retainHandling?: 0 | 1 | 2;
    qos?: 0 | 1;
  },
  identifier?: number,
): Line[] {
  return [
    ...begun(),
    client({
      type: "subscribe",
      packetId: 9,
      subscriptions: [{ topicFilter: "a", ...request }],
      ...identifier !== undefined && { properties: { subscriptionIdentifiers: [identifier] } },
    }),
    server({ type: "suback", packetId: 9, reasonCodes: [request.qos ?? 0] }),
  ];
}

/** One more filter, with an identifier of its own. */
function more(identifier: number, topicFilter: string): Line[] {
  const properties = { subscriptionIdentifiers: [identifier] };
  return [
    client({ type: "subscribe", packetId: 7, subscriptions: [{ topicFilter }], properties }),
    server({ type: "suback", packetId: 7, reasonCodes: [0] }),
  ];
}

/** A message with both identifiers. */
function both(): Line {
  return server({ type: "publish", topic: "a", properties: { subscriptionIdentifiers: [5, 6] } });
}

function sent(more: { topic?: string; retain?: boolean; qos?: 1; packetId?: 1 } = {}, id?: number) {
  const properties = id !== undefined && { properties: { subscriptionIdentifiers: [id] } };
  return server({ type: "publish", topic: "a", ...more, ...properties });
}

testCases([
  {
    name: "a SUBSCRIBE with an identifier that is in use for a message",
    rule: "MQTT-2.2.1-3",
    by: "client",
    wrong: [[
      ...begun(),
      client({ type: "publish", topic: "t", qos: 1, packetId: 9 }),
      client(SUBSCRIBE),
    ]],
    right: [[...begun(), client(SUBSCRIBE)]],
  },
  {
    name: "a message with an identifier that is in use for a request",
    rule: "MQTT-2.2.1-3",
    by: "client",
    wrong: [[
      ...begun(),
      client(UNSUBSCRIBE),
      client({ type: "publish", topic: "t", qos: 1, packetId: 8 }),
    ]],
    right: [[
      ...begun(),
      client(UNSUBSCRIBE),
      server(UNSUBACK),
      client({ type: "publish", topic: "t", qos: 1, packetId: 8 }),
    ]],
  },
  {
    name: "a SUBACK that nothing waits for",
    rule: "MQTT-3.8.4-2",
    by: "server",
    wrong: [[...begun(), client(UNSUBSCRIBE), server({ ...SUBACK, packetId: 8 })]],
    right: [SUBSCRIBED],
  },
  {
    name: "an UNSUBACK that nothing waits for",
    rule: "MQTT-3.10.4-5",
    by: "server",
    wrong: [[...begun(), client(SUBSCRIBE), server({ ...UNSUBACK, packetId: 9 })]],
    right: [[...begun(), client(UNSUBSCRIBE), server(UNSUBACK)]],
  },
  {
    name: "a SUBACK with too few Reason Codes",
    rule: "MQTT-3.8.4-6",
    by: "server",
    wrong: [[...begun(), client(SUBSCRIBE), server({ ...SUBACK, reasonCodes: [1] })]],
    right: [SUBSCRIBED],
  },
  {
    name: "an UNSUBACK with too many Reason Codes",
    rule: "MQTT-3.11.3-1",
    by: "server",
    wrong: [[...begun(), client(UNSUBSCRIBE), server({ ...UNSUBACK, reasonCodes: [0, 0x11] })]],
    right: [[...begun(), client(UNSUBSCRIBE), server(UNSUBACK)]],
  },
  {
    name: "a QoS that is granted above what was asked for",
    rule: "MQTT-3.8.4-7",
    by: "server",
    wrong: [[...begun(), client(SUBSCRIBE), server({ ...SUBACK, reasonCodes: [1, 1] })]],
    right: [[...begun(), client(SUBSCRIBE), server({ ...SUBACK, reasonCodes: [0x87, 0] })]],
  },
  {
    name: "a message that was not asked for",
    rule: "MQTT-3.3.2-3",
    by: "server",
    wrong: [[...SUBSCRIBED, sent({ topic: "a/b/c" })]],
    right: [[...SUBSCRIBED, sent({ topic: "a/b" })], [...resumed(), sent({ topic: "b" })]],
  },
  {
    name: "a message for a subscription that was refused",
    rule: "MQTT-3.3.2-3",
    by: "server",
    wrong: [[
      ...begun(),
      client(SUBSCRIBE),
      server({ ...SUBACK, reasonCodes: [0x87, 0] }),
      sent({ topic: "a/b" }),
    ]],
    // It may come before its SUBACK, and after its UNSUBACK.
    right: [[
      ...begun(),
      client(SUBSCRIBE),
      sent({ topic: "b" }),
      server(SUBACK),
      client(UNSUBSCRIBE),
      server(UNSUBACK),
      sent({ topic: "b" }),
    ]],
  },
  {
    name: "a message above the granted QoS",
    rule: "MQTT-3.8.4-8",
    by: "server",
    wrong: [[...asking({}), sent({ qos: 1, packetId: 1 })]],
    right: [[...asking({ qos: 1 }), sent({ qos: 1, packetId: 1 })]],
  },
  {
    name: "RETAIN where it was not asked to be passed on",
    rule: "MQTT-3.3.1-12",
    by: "server",
    wrong: [[...asking({ retainHandling: 2 }), sent({ retain: true })]],
    right: [[...asking({ retainHandling: 2 }), sent()]],
  },
  {
    name: "a Subscription Identifier that was never given",
    rule: "MQTT-3.3.4-3",
    by: "server",
    wrong: [[...asking({}, 5), sent({}, 6)]],
    right: [[...asking({}, 5), sent({}, 5)]],
  },
  {
    name: "a Subscription Identifier of another subscription",
    rule: "MQTT-3.3.4-4",
    by: "server",
    wrong: [[...asking({}, 5), ...more(6, "b"), both()]],
    right: [[...asking({}, 5), ...more(6, "#"), both()]],
  },
  {
    name: "a Subscription Identifier that is missing",
    rule: "MQTT-3.3.4-3",
    by: "server",
    wrong: [[...asking({}, 5), sent()]],
    right: [[...asking({}, 5), sent({}, 5)]],
  },
]);

Deno.test("the monitor allows RETAIN where it may be passed on, or be of a retained message", () => {
  for (const request of [{ retainHandling: 1 }, { retainHandling: 2, retainAsPublished: true }]) {
    assertEquals(listen([[...asking(request as never), sent({ retain: true })]]).rules, []);
  }
});

Deno.test("the monitor knows nothing of subscriptions from before it listened, nor beyond its bounds", () => {
  assertEquals(listen([[...resumed(), sent()]]).rules, []);
  const many = Array.from({ length: 300 }, (_, count) => ({ topicFilter: `f/${count}` }));
  const lines = [
    ...begun(),
    client({ type: "subscribe", packetId: 1, subscriptions: many }),
    sent(),
  ];
  assertEquals(listen([lines]).rules, []);
});

Deno.test("the monitor lists what the Server has not answered", () => {
  const { owed } = listen([[
    ...connected(),
    client(SUBSCRIBE, 10),
    client(UNSUBSCRIBE, 20),
    client({ type: "pingreq" }, 30),
    client({ type: "publish", topic: "t", qos: 1, packetId: 1 }, 40),
    client({ type: "publish", topic: "t", qos: 2, packetId: 2 }, 50),
    client({ type: "publish", topic: "t", qos: 2, packetId: 3 }, 60),
    server({ type: "pubrec", packetId: 3 }, 70),
    client({ type: "publish", topic: "t", qos: 2, packetId: 4 }, 80),
    server({ type: "pubrec", packetId: 4 }, 90),
    client({ type: "pubrel", packetId: 4 }, 100),
  ]]);
  assertEquals(owed.map(({ statement, by, since }) => [statement, by, since]), [
    ["MQTT-4.3.2-4", "server", 40],
    ["MQTT-4.3.3-8", "server", 50],
    ["MQTT-4.3.3-4", "client", 70],
    ["MQTT-4.3.3-11", "server", 100],
    ["MQTT-3.8.4-1", "server", 10],
    ["MQTT-3.10.4-4", "server", 20],
    ["MQTT-3.12.4-1", "server", 30],
  ]);
});

Deno.test("the monitor knows every identifier that a subscription has had", () => {
  const lines = [...asking({}, 5), ...more(6, "a"), sent({}, 5), sent({}, 6), ...more(7, "b")];
  assertEquals(listen([lines]).rules, []);
});
