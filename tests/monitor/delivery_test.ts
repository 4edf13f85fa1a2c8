// QoS 1 and 2 on one connection: identifiers, acknowledgements and their order, quota.

import { assertEquals } from "@std/assert";
import type { PacketInit } from "../../mod.ts";
import { begun, client, connected, type Line, listen, server, testCases } from "./conversation.ts";

function publish(packetId: number, qos: 1 | 2 = 1, topic = "t"): PacketInit {
  return { type: "publish", topic, qos, packetId };
}

function ack(type: "puback" | "pubrec" | "pubrel" | "pubcomp", packetId: number): PacketInit {
  return { type, packetId };
}

const SUBSCRIBED: readonly Line[] = [
  ...begun(),
  client({ type: "subscribe", packetId: 9, subscriptions: [{ topicFilter: "#", qos: 2 }] }),
  server({ type: "suback", packetId: 9, reasonCodes: [2] }),
];
const REFUSED = { type: "pubrec", packetId: 1, reasonCode: 0x97 } as const;

testCases([
  {
    name: "a Packet Identifier of a Client that is in use for another message",
    rule: "MQTT-2.2.1-3",
    by: "client",
    wrong: [[...begun(), client(publish(1)), client(publish(1, 1, "u"))]],
    right: [[...begun(), client(publish(1)), server(ack("puback", 1)), client(publish(1))]],
  },
  {
    name: "a Packet Identifier of a Client that is in use until PUBCOMP",
    rule: "MQTT-2.2.1-3",
    by: "client",
    wrong: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
      client(publish(1, 2)),
    ]],
    right: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
      server(ack("pubcomp", 1)),
      client(publish(1, 2)),
      server(REFUSED),
      client(publish(1, 2)),
    ]],
  },
  {
    name: "a Packet Identifier of a Server that is in use",
    rule: "MQTT-2.2.1-4",
    by: "server",
    wrong: [[...SUBSCRIBED, server(publish(1, 2)), client(ack("pubrec", 1)), server(publish(1))]],
    right: [[...SUBSCRIBED, server(publish(9)), client(ack("puback", 9)), server(publish(9, 2))]],
  },
  {
    name: "a message that is sent again on the same connection",
    rule: "MQTT-4.4.0-1",
    by: "client",
    wrong: [[...begun(), client(publish(1)), client({ ...publish(1), dup: true } as PacketInit)]],
    right: [[...begun(), client(publish(1))]],
    isExercised: false,
  },
  {
    name: "DUP of a message that was not sent before",
    rule: "MQTT-4.3.2-2",
    by: "client",
    wrong: [[...begun(), client({ ...publish(1), dup: true } as PacketInit)]],
    right: [[...begun(), client(publish(1))]],
  },
  {
    name: "DUP of a message of QoS 2 that was not sent before",
    rule: "MQTT-4.3.3-2",
    by: "server",
    wrong: [[...SUBSCRIBED, server({ ...publish(1, 2), dup: true } as PacketInit)]],
    right: [[...SUBSCRIBED, server(publish(1, 2))]],
  },
  {
    name: "PUBACK without a PUBLISH",
    rule: "MQTT-2.2.1-5",
    by: "server",
    wrong: [[...begun(), client(publish(1)), server(ack("puback", 2))]],
    right: [[...begun(), client(publish(1)), server(ack("puback", 1))]],
  },
  {
    name: "a second PUBACK",
    rule: "MQTT-2.2.1-5",
    by: "server",
    wrong: [[
      ...begun(),
      client(publish(1)),
      server(ack("puback", 1)),
      server(ack("puback", 1)),
    ]],
    right: [[...begun(), client(publish(1)), server(ack("puback", 1))]],
  },
  {
    name: "a second PUBREC",
    rule: "MQTT-2.2.1-5",
    by: "server",
    wrong: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      server(ack("pubrec", 1)),
    ]],
    right: [[...begun(), client(publish(1, 2)), server(ack("pubrec", 1))]],
  },
  {
    name: "PUBREC for a message of QoS 1",
    rule: "MQTT-3.3.4-1",
    by: "client",
    wrong: [[...SUBSCRIBED, server(publish(1)), client(ack("pubrec", 1))]],
    right: [[...SUBSCRIBED, server(publish(1)), client(ack("puback", 1))]],
  },
  {
    name: "PUBACK for a message of QoS 2",
    rule: "MQTT-3.3.4-1",
    by: "server",
    wrong: [[...begun(), client(publish(1, 2)), server(ack("puback", 1))]],
    right: [[...begun(), client(publish(1, 2)), server(ack("pubrec", 1))]],
  },
  {
    name: "PUBACKs in another order than that of the messages",
    rule: "MQTT-4.6.0-2",
    by: "client",
    wrong: [[...SUBSCRIBED, server(publish(1)), server(publish(2)), client(ack("puback", 2))]],
    right: [[
      ...SUBSCRIBED,
      server(publish(1)),
      server(publish(2, 2)),
      server(publish(3)),
      client(ack("pubrec", 2)),
      client(ack("puback", 1)),
      client(ack("puback", 3)),
    ]],
  },
  {
    name: "PUBRECs in another order than that of the messages",
    rule: "MQTT-4.6.0-3",
    by: "client",
    wrong: [[
      ...SUBSCRIBED,
      server(publish(1, 2)),
      server(publish(2, 2)),
      client(ack("pubrec", 2)),
    ]],
    right: [[
      ...SUBSCRIBED,
      server(publish(1, 2)),
      server(publish(2, 2)),
      client(ack("pubrec", 1)),
      client(ack("pubrec", 2)),
    ]],
  },
  {
    name: "PUBRELs in another order than that of the PUBRECs",
    rule: "MQTT-4.6.0-4",
    by: "client",
    wrong: [[
      ...begun(),
      client(publish(1, 2)),
      client(publish(2, 2)),
      server(ack("pubrec", 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
    ]],
    right: [[
      ...begun(),
      client(publish(1, 2)),
      client(publish(2, 2)),
      server(ack("pubrec", 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 2)),
      client(ack("pubrel", 1)),
    ]],
  },
  {
    name: "PUBREL before PUBREC",
    rule: "MQTT-4.3.3-4",
    by: "client",
    wrong: [[...begun(), client(publish(1, 2)), client(ack("pubrel", 1))]],
    right: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
    ]],
  },
  {
    name: "PUBREL for a message that is not there",
    rule: "MQTT-4.3.3-4",
    by: "server",
    wrong: [[...SUBSCRIBED, server(ack("pubrel", 1))]],
    right: [[
      ...SUBSCRIBED,
      server(publish(1, 2)),
      client(ack("pubrec", 1)),
      server(ack("pubrel", 1)),
    ]],
  },
  {
    name: "a second PUBREL",
    rule: "MQTT-4.4.0-1",
    by: "client",
    wrong: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
      client(ack("pubrel", 1)),
    ]],
    right: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
    ]],
    isExercised: false,
  },
  {
    name: "PUBCOMP before PUBREL",
    rule: "MQTT-4.3.3-11",
    by: "server",
    wrong: [[...begun(), client(publish(1, 2)), server(ack("pubcomp", 1))]],
    right: [[
      ...begun(),
      client(publish(1, 2)),
      server(ack("pubrec", 1)),
      client(ack("pubrel", 1)),
      server(ack("pubcomp", 1)),
    ]],
  },
  {
    name: "a Client that sends more than the Receive Maximum of the Server",
    rule: "MQTT-3.3.4-7",
    by: "client",
    wrong: [[
      ...connected({}, { properties: { receiveMaximum: 2 } }),
      client(publish(1)),
      client(publish(2, 2)),
      server(ack("pubrec", 2)),
      client(publish(3)),
    ]],
    right: [[
      ...connected({}, { properties: { receiveMaximum: 2 } }),
      client(publish(1)),
      client(publish(2, 2)),
      client({ type: "publish", topic: "t" }),
      server(ack("puback", 1)),
      client(publish(3)),
      server({ type: "pubrec", packetId: 2, reasonCode: 0x97 }),
      client(publish(4)),
    ]],
  },
  {
    name: "a Server that sends more than the Receive Maximum of the Client",
    rule: "MQTT-3.3.4-9",
    by: "server",
    wrong: [[
      ...connected({ properties: { receiveMaximum: 1 } }, { sessionPresent: true }),
      server(publish(1)),
      server(publish(2)),
    ]],
    right: [[
      ...connected({ properties: { receiveMaximum: 1 } }, { sessionPresent: true }),
      server(publish(1, 2)),
      client(ack("pubrec", 1)),
      server(ack("pubrel", 1)),
      client(ack("pubcomp", 1)),
      server(publish(2)),
    ]],
  },
]);

const PUBLISH = { type: "publish", topic: "t", qos: 2, packetId: 7 } as const;
const PUBREC = { type: "pubrec", packetId: 7 } as const;
const PUBREL = { type: "pubrel", packetId: 7 } as const;
const PUBCOMP = { type: "pubcomp", packetId: 7 } as const;

for (
  const [name, rule, lines] of [
    ["a PUBREL that nothing has asked for", "MQTT-4.3.3-4", [
      client(PUBREL),
      server({ ...PUBCOMP, reasonCode: 0x92 }),
    ]],
    ["a PUBREL before its PUBREC", "MQTT-4.3.3-4", [
      client(PUBLISH),
      client(PUBREL),
      server(PUBREC),
      server(PUBCOMP),
      client(PUBREL),
      server(PUBCOMP),
    ]],
    ["a PUBREL before its PUBREC, of which none comes then", "MQTT-4.3.3-4", [
      client(PUBLISH),
      client(PUBREL),
      server(PUBCOMP),
    ]],
    ["a PUBREC for nothing", "MQTT-2.2.1-5", [
      server(PUBREC),
      client({ ...PUBREL, reasonCode: 0x92 }),
      server(PUBCOMP),
    ]],
    ["a PUBLISH twice on one connection", "MQTT-4.4.0-1", [
      client({ ...PUBLISH, qos: 1 }),
      client({ ...PUBLISH, qos: 1, dup: true }),
      server({ type: "puback", packetId: 7 }),
      server({ type: "puback", packetId: 7 }),
    ]],
    ["a PUBREL twice on one connection", "MQTT-4.4.0-1", [
      client(PUBLISH),
      server(PUBREC),
      client(PUBREL),
      client(PUBREL),
      server(PUBCOMP),
      server(PUBCOMP),
    ]],
  ] as const
) {
  Deno.test(`the monitor does not hold ${name} against the end that answers it, and judges the next message`, () => {
    const wrong = listen([[...connected(), ...lines]]);
    assertEquals(wrong.rules, [rule]);
    assertEquals(wrong.owed, []);
    const next = [client(PUBLISH), server(PUBREC), client(PUBREL), server(PUBCOMP)];
    assertEquals(listen([[...connected(), ...lines, ...next]]).rules, [rule]);
    const { rules } = listen([[...connected(), ...lines, ...next, server(PUBCOMP)]]);
    assertEquals(rules, [rule, "MQTT-4.3.3-11"]);
  });
}
