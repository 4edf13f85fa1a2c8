// What the other end takes: sizes, aliases, QoS, retained messages, kinds of subscriptions; and what a PUBLISH may have.

import { assertEquals } from "@std/assert";
import { begun, client, connected, listen, server, testCases } from "./conversation.ts";

const LARGE = { type: "publish", topic: "a topic that makes the packet large" } as const;
const SMALL = { type: "publish", topic: "t" } as const;
const SUBSCRIBE = {
  type: "subscribe",
  packetId: 9,
  subscriptions: [{ topicFilter: "#", qos: 1 }],
} as const;
const SUBACK = { type: "suback", packetId: 9, reasonCodes: [1] } as const;
const PUBLISHED = client({ type: "publish", topic: "t", qos: 1, packetId: 1 });

const ALIAS_INVALID = { type: "disconnect", reasonCode: 0x94 } as const;

function aliased(topicAlias: number, topic = "t") {
  return { type: "publish", topic, properties: { topicAlias } } as const;
}

testCases([
  {
    name: "a packet of the Client that is larger than the Server takes",
    rule: "MQTT-3.2.2-15",
    by: "client",
    wrong: [[...connected({}, { properties: { maximumPacketSize: 20 } }), client(LARGE)]],
    right: [[...connected({}, { properties: { maximumPacketSize: 20 } }), client(SMALL)]],
  },
  {
    name: "a packet of the Server that is larger than the Client takes",
    rule: "MQTT-3.1.2-24",
    by: "server",
    wrong: [[
      ...connected({ properties: { maximumPacketSize: 20 } }, { sessionPresent: true }),
      server(LARGE),
    ]],
    right: [[
      ...connected({ properties: { maximumPacketSize: 20 } }, { sessionPresent: true }),
      server(SMALL),
    ]],
  },
  {
    name: "a packet of the Client that is too large, of which only the beginning passes",
    rule: "MQTT-3.2.2-15",
    by: "client",
    wrong: [[
      ...connected({}, { properties: { maximumPacketSize: 200 } }),
      client(SMALL),
      client("30"),
      client("C8 01"),
      client("00 01 74"),
      server("end"),
      client("end"),
    ]],
    right: [[
      ...connected({}, { properties: { maximumPacketSize: 200 } }),
      client(SMALL),
      client("30 C5 01"),
      client("00 01 74"),
      server("end"),
      client("end"),
    ]],
  },
  {
    name: "a packet of the Server that is too large, of which only the beginning passes",
    rule: "MQTT-3.1.2-24",
    by: "server",
    wrong: [[
      ...connected({ properties: { maximumPacketSize: 20 } }, { sessionPresent: true }),
      server("30 8C 27 00 01 61"),
      server("end"),
    ]],
    right: [[
      ...connected({ properties: { maximumPacketSize: 20 } }, { sessionPresent: true }),
      server(SMALL),
      server("30 12 00 01 61"),
      server("end"),
    ]],
  },
  {
    name: "a Topic Alias above the maximum of the Server",
    rule: "MQTT-3.3.2-9",
    by: "client",
    wrong: [[...connected({}, { properties: { topicAliasMaximum: 2 } }), client(aliased(3))]],
    right: [[...connected({}, { properties: { topicAliasMaximum: 2 } }), client(aliased(2))]],
  },
  {
    name: "a Topic Alias that the Server does not take",
    rule: "MQTT-3.2.2-18",
    by: "client",
    wrong: [[...connected(), client(aliased(1))]],
    right: [[...connected(), client(SMALL)]],
  },
  {
    name: "a Topic Alias above the maximum of the Client",
    rule: "MQTT-3.3.2-11",
    by: "server",
    wrong: [[
      ...connected({ properties: { topicAliasMaximum: 1 } }, { sessionPresent: true }),
      server(aliased(2)),
    ]],
    right: [[
      ...connected({ properties: { topicAliasMaximum: 1 } }, { sessionPresent: true }),
      server(aliased(1)),
      server(aliased(1, "")),
    ]],
  },
  {
    name: "a Topic Alias that the Client does not take",
    rule: "MQTT-3.1.2-27",
    by: "server",
    wrong: [[...connected({}, { sessionPresent: true }), server(aliased(1))]],
    right: [[...connected({}, { sessionPresent: true }), server(SMALL)]],
  },
  {
    name: "a Topic Alias that was given on an earlier connection",
    rule: "MQTT-3.3.2-7",
    by: "client",
    wrong: [
      [...connected({}, { properties: { topicAliasMaximum: 2 } }), client(aliased(1))],
      [...connected({}, { properties: { topicAliasMaximum: 2 } }), client(aliased(1, ""))],
    ],
    right: [[
      ...connected({}, { properties: { topicAliasMaximum: 2 } }),
      client(aliased(1)),
      client(aliased(1, "")),
    ]],
  },
  {
    name: "a Client that ends the connection for a Topic Alias that it takes",
    rule: "MQTT-3.3.2-10",
    by: "client",
    wrong: [[
      ...connected({ properties: { topicAliasMaximum: 1 } }, { sessionPresent: true }),
      server(aliased(1)),
      client(ALIAS_INVALID),
    ]],
    right: [[
      ...connected({ properties: { topicAliasMaximum: 1 } }, { sessionPresent: true }),
      server(aliased(1)),
    ]],
  },
  {
    name: "a Server that ends the connection for a Topic Alias that it takes",
    rule: "MQTT-3.3.2-12",
    by: "server",
    wrong: [[
      ...connected({}, { properties: { topicAliasMaximum: 1 } }),
      client(aliased(1)),
      server(ALIAS_INVALID),
    ]],
    right: [[...connected({}, { properties: { topicAliasMaximum: 1 } }), client(aliased(1))]],
  },
  {
    name: "a Server that ends the connection for a Receive Maximum that was kept",
    rule: "§4.9",
    by: "server",
    wrong: [[
      ...connected({}, { properties: { receiveMaximum: 1 } }),
      PUBLISHED,
      server({ type: "disconnect", reasonCode: 0x93 }),
    ]],
    right: [[...connected(), PUBLISHED, server({ type: "disconnect", reasonCode: 0x83 })]],
  },
  {
    name: "a Server that ends the connection for a QoS but has announced no maximum",
    rule: "MQTT-3.2.2-9",
    by: "server",
    wrong: [[...connected(), PUBLISHED, server({ type: "disconnect", reasonCode: 0x9B })]],
    right: [connected({}, { properties: { maximumQoS: 0 } })],
  },
  {
    name: "a QoS above the Maximum QoS",
    rule: "MQTT-3.2.2-11",
    by: "client",
    wrong: [[...connected({}, { properties: { maximumQoS: 0 } }), PUBLISHED]],
    right: [[...connected({}, { properties: { maximumQoS: 1 } }), PUBLISHED]],
  },
  {
    name: "RETAIN where the Server retains nothing",
    rule: "MQTT-3.2.2-14",
    by: "client",
    wrong: [[
      ...connected({}, { properties: { retainAvailable: false } }),
      client({ ...SMALL, retain: true }),
    ]],
    right: [[...connected({}, { properties: { retainAvailable: false } }), client(SMALL)]],
  },
  {
    name: "a Subscription Identifier of a Client",
    rule: "MQTT-3.3.4-6",
    by: "client",
    wrong: [[...connected(), client({ ...SMALL, properties: { subscriptionIdentifiers: [1] } })]],
    right: [[...connected(), client(SMALL)]],
  },
  {
    name: "a Response Topic with a wildcard",
    rule: "MQTT-3.3.2-14",
    by: "client",
    wrong: [[...connected(), client("30 09 0001 74 05 08 0002 61 23")]],
    right: [[...connected(), client({ ...SMALL, properties: { responseTopic: "a" } })]],
  },
  {
    name: "an empty Response Topic",
    rule: "MQTT-3.3.2-14",
    by: "client",
    wrong: [[...connected(), client("30 07 0001 74 03 08 0000")]],
    right: [[...connected(), client({ ...SMALL, properties: { responseTopic: "a" } })]],
  },
  {
    name: "an explanation that the Client does not want",
    rule: "MQTT-3.1.2-29",
    by: "server",
    wrong: [[
      ...connected({ properties: { requestProblemInformation: false } }),
      PUBLISHED,
      server({ type: "puback", packetId: 1, properties: { reasonString: "a" } }),
    ]],
    right: [[
      ...connected(
        { properties: { requestProblemInformation: false } },
        { properties: { reasonString: "a" } },
      ),
      PUBLISHED,
      server({ type: "puback", packetId: 1 }),
      server({
        type: "disconnect",
        reasonCode: 0x98,
        properties: { userProperties: [["a", "b"]] },
      }),
    ]],
  },
  {
    name: "a wildcard where the Server has none",
    rule: "§3.2.2.3.11",
    by: "client",
    wrong: [[
      ...connected({}, { properties: { wildcardSubscriptionAvailable: false } }),
      client(SUBSCRIBE),
    ]],
    right: [[
      ...connected({}, { properties: { wildcardSubscriptionAvailable: false } }),
      client({ ...SUBSCRIBE, subscriptions: [{ topicFilter: "a" }] }),
    ]],
  },
  {
    name: "a Subscription Identifier where the Server has none",
    rule: "§3.2.2.3.12",
    by: "client",
    wrong: [[
      ...connected({}, { properties: { subscriptionIdentifierAvailable: false } }),
      client({ ...SUBSCRIBE, properties: { subscriptionIdentifiers: [1] } }),
    ]],
    right: [[
      ...connected({}, { properties: { subscriptionIdentifierAvailable: false } }),
      client(SUBSCRIBE),
    ]],
  },
  {
    name: "a Shared Subscription where the Server has none",
    rule: "§3.2.2.3.13",
    by: "client",
    wrong: [[
      ...connected({}, { properties: { sharedSubscriptionAvailable: false } }),
      client({ ...SUBSCRIBE, subscriptions: [{ topicFilter: "$share/g/a" }] }),
    ]],
    right: [[
      ...connected({}, { properties: { sharedSubscriptionAvailable: false } }),
      client(SUBSCRIBE),
    ]],
  },
]);

Deno.test("the monitor does not hold a Client that does not wait to a CONNACK it has not read", () => {
  const properties = { receiveMaximum: 1, maximumPacketSize: 20, retainAvailable: false };
  const hasty = [
    client({ type: "connect", clientId: "a", cleanStart: true }),
    client(SUBSCRIBE),
    server({ type: "connack", properties }),
    client({ ...LARGE, retain: true }),
    client({ type: "publish", topic: "t", qos: 1, packetId: 1 }),
    client({ type: "publish", topic: "t", qos: 1, packetId: 2 }),
    server(SUBACK),
  ];
  assertEquals(listen([hasty]).rules, []);
  const proven = [
    ...hasty,
    server({ type: "publish", topic: "t", qos: 1, packetId: 1 }),
    client({ type: "puback", packetId: 1 }),
    client({ type: "publish", topic: "t", retain: true }),
  ];
  assertEquals(listen([proven]).rules, ["MQTT-3.2.2-14"]);
});

Deno.test("the monitor counts that others than PUBLISH are not held back by a quota", () => {
  const { exercised } = listen([[
    ...begun({ properties: { receiveMaximum: 1 } }, { properties: { receiveMaximum: 1 } }),
    PUBLISHED,
    client(SUBSCRIBE),
    server(SUBACK),
    server({ type: "publish", topic: "t", qos: 1, packetId: 1 }),
    server({ type: "puback", packetId: 1 }),
  ]]);
  assertEquals([exercised.get("MQTT-3.3.4-8"), exercised.get("MQTT-3.3.4-10")], [1, 1]);
});

Deno.test("the monitor counts that a Reason String found room below the Maximum Packet Size", () => {
  const { exercised } = listen([[
    ...connected({ properties: { maximumPacketSize: 100 } }),
    PUBLISHED,
    server({ type: "puback", packetId: 1, properties: { reasonString: "a" } }),
  ]]);
  assertEquals([exercised.get("MQTT-3.4.2-2"), exercised.get("MQTT-3.4.2-3")], [1, undefined]);
});

Deno.test("the monitor does not blame who ends the connection for what the other has done", () => {
  const many = [1, 2].map((packetId) => client({ type: "publish", topic: "t", qos: 1, packetId }));
  const exceeded = { type: "disconnect", reasonCode: 0x93 } as const;
  const limits = { receiveMaximum: 1, topicAliasMaximum: 1, maximumQoS: 1 } as const;
  const begin = connected({}, { properties: limits });
  assertEquals(listen([[...begin, ...many, server(exceeded)]]).rules, ["MQTT-3.3.4-7"]);
  assertEquals(
    [aliased(2), aliased(1, "")].map((packet) =>
      listen([[...begin, client(packet), server(ALIAS_INVALID)]]).rules
    ),
    [["MQTT-3.3.2-9"], ["MQTT-3.3.2-7"]],
  );
  const tooHigh = client({ type: "publish", topic: "t", qos: 2, packetId: 1 });
  const refused = server({ type: "disconnect", reasonCode: 0x9B });
  assertEquals(listen([[...begin, tooHigh, refused]]).rules, ["MQTT-3.2.2-11"]);
});

Deno.test("the monitor counts subscriptions above the Maximum QoS of the Server", () => {
  const begin = connected({}, { properties: { maximumQoS: 0 } });
  const { exercised, rules } = listen([[...begin, client(SUBSCRIBE), server(SUBACK)]]);
  assertEquals([rules, exercised.get("MQTT-3.2.2-10")], [[], 1]);
});

Deno.test("the monitor says in a sentence who has done what, and what the other end takes", () => {
  const limits = { receiveMaximum: 1, topicAliasMaximum: 1 };
  const many = [1, 2].map((packetId) => client({ type: "publish", topic: "t", qos: 1, packetId }));
  const lines = [...connected({}, { properties: limits }), ...many, client(aliased(2))];
  assertEquals(listen([lines]).findings.map(({ message }) => message), [
    "The Client sends PUBLISH 2, which makes 2 that are not acknowledged; " +
    "the Receive Maximum of the Server is 1",
    "The Client sends Topic Alias 2, but the Server takes at most 1",
  ]);
});

Deno.test("the monitor holds a packet that is too large to be read to the Maximum Packet Size", () => {
  const begin = connected({}, { properties: { maximumPacketSize: 20 } });
  const { rules, findings } = listen([[...begin, client("30 FF FF FF 7F 00 01 74")]]);
  assertEquals(rules, ["MQTT-3.2.2-15", "§2.1.4"]);
  assertEquals(
    findings[0]!.message,
    "The Client sends PUBLISH of 268435460 bytes; the Maximum Packet Size of the Server is 20",
  );
});
