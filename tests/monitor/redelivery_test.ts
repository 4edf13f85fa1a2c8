// QoS 1 and 2 across connections of one session: what is sent again, how, and what is not.

import { assertEquals } from "@std/assert";
import type { PacketInit } from "../../mod.ts";
import { LinkMonitor, type Observed, SessionMonitor, Tally } from "../../src/monitor/mod.ts";
import {
  begun,
  client,
  ends,
  type Line,
  listen,
  pass,
  resumed,
  server,
  testCases,
} from "./conversation.ts";

function publish(packetId: number, more: { qos?: 1 | 2; dup?: boolean; topic?: string } = {}) {
  return { type: "publish", topic: "t", qos: 1, packetId, ...more } as const;
}

function again(packetId: number, more: { qos?: 1 | 2; topic?: string } = {}) {
  return publish(packetId, { ...more, dup: true });
}

function ack(type: "puback" | "pubrec" | "pubrel" | "pubcomp", packetId: number): PacketInit {
  return { type, packetId };
}

const QOS_2 = { qos: 2 } as const;
const SUBSCRIBED: readonly Line[] = [
  ...begun(),
  client({ type: "subscribe", packetId: 9, subscriptions: [{ topicFilter: "#", qos: 2 }] }),
  server({ type: "suback", packetId: 9, reasonCodes: [2] }),
];

testCases([
  {
    name: "a message that is sent again without DUP",
    rule: "MQTT-3.3.1-1",
    by: "client",
    wrong: [[...begun(), client(publish(1))], [...resumed(), client(publish(1))]],
    right: [[...begun(), client(publish(1))], [...resumed(), client(again(1))]],
  },
  {
    name: "a message of the Server that is sent again without DUP",
    rule: "MQTT-3.3.1-1",
    by: "server",
    wrong: [[...SUBSCRIBED, server(publish(1, QOS_2))], [...resumed(), server(publish(1, QOS_2))]],
    right: [[...SUBSCRIBED, server(publish(1, QOS_2))], [...resumed(), server(again(1, QOS_2))]],
  },
  {
    name: "an identifier of an earlier connection that is used for another message",
    rule: "MQTT-2.2.1-3",
    by: "client",
    wrong: [[...begun(), client(publish(1))], [...resumed(), client(publish(1, { topic: "u" }))]],
    right: [
      [...begun(), client(publish(1)), ...ends()],
      [...resumed(), client(again(1)), client(publish(2))],
      [...resumed({}, { sessionPresent: false }), client(publish(1, { topic: "u" }))],
    ],
    options: { sessionTolerance: Infinity },
  },
  {
    name: "another message in the place of the one that is to be sent again",
    rule: "MQTT-4.4.0-1",
    by: "client",
    wrong: [[...begun(), client(publish(1))], [...resumed(), client(again(1, { topic: "u" }))]],
    right: [[...begun(), client(publish(1))], [...resumed(), client(again(1))]],
  },
  {
    name: "messages that are sent again in another order",
    rule: "MQTT-4.6.0-1",
    by: "client",
    wrong: [
      [...begun(), client(publish(1)), client(publish(2, QOS_2))],
      [...resumed(), client(again(2, QOS_2)), client(again(1))],
    ],
    right: [
      [...begun(), client(publish(2)), client(publish(1, QOS_2)), client(publish(3))],
      [...resumed(), client(again(2)), client(publish(4)), client(again(1, QOS_2))],
      [...resumed(), client(again(2)), client(again(1, QOS_2)), client(again(3)), client(again(4))],
    ],
  },
  {
    name: "messages of one topic that the Server sends again in another order",
    rule: "MQTT-4.6.0-5",
    by: "server",
    wrong: [
      [...SUBSCRIBED, server(publish(1)), server(publish(2))],
      [...resumed(), server(again(2)), server(again(1))],
    ],
    right: [
      [...SUBSCRIBED, server(publish(1)), server(publish(2)), server(publish(3, { topic: "u" }))],
      [...resumed(), server(again(3, { topic: "u" })), server(again(1)), server(again(2))],
    ],
  },
  {
    name: "a PUBLISH that is sent again after its PUBREL",
    rule: "MQTT-4.3.3-6",
    by: "client",
    wrong: [
      [...begun(), client(publish(1, QOS_2)), server(ack("pubrec", 1)), client(ack("pubrel", 1))],
      [...resumed(), client(again(1, QOS_2))],
    ],
    // The PUBREC may have been lost behind the monitor.
    right: [
      [...begun(), client(publish(1, QOS_2)), server(ack("pubrec", 1))],
      [...resumed(), client(again(1, QOS_2)), server(ack("pubrec", 1)), client(ack("pubrel", 1))],
    ],
  },
  {
    name: "a PUBREL that is sent again twice on one connection",
    rule: "MQTT-4.4.0-1",
    by: "client",
    wrong: [
      [...begun(), client(publish(1, QOS_2)), server(ack("pubrec", 1)), client(ack("pubrel", 1))],
      [...resumed(), client(ack("pubrel", 1)), client(ack("pubrel", 1))],
    ],
    right: [
      [...begun(), client(publish(1, QOS_2)), server(ack("pubrec", 1)), client(ack("pubrel", 1))],
      [...resumed(), client(ack("pubrel", 1)), server(ack("pubcomp", 1))],
      // Its PUBCOMP was lost behind the monitor.
      [...resumed(), client(ack("pubrel", 1)), server(ack("pubcomp", 1))],
    ],
  },
  {
    name: "messages of a session that has ended",
    rule: "MQTT-4.3.2-2",
    by: "client",
    wrong: [[...begun(), client(publish(1))], [...begun(), client(again(1))]],
    right: [[...begun(), client(publish(1))], [...begun(), client(publish(1, { topic: "u" }))]],
  },
]);

Deno.test("the monitor does not accuse who has not seen an acknowledgement that was lost behind it", () => {
  const { findings } = listen([
    [
      ...SUBSCRIBED,
      client(publish(1)),
      client(publish(2, QOS_2)),
      server(ack("puback", 1)),
      server(ack("pubrec", 2)),
      server(publish(1)),
      server(publish(2, QOS_2)),
      client(ack("puback", 1)),
      client(ack("pubrec", 2)),
    ],
    [
      ...resumed(),
      client(again(1)),
      client(again(2, QOS_2)),
      server(again(1)),
      server(again(2, QOS_2)),
      server(ack("puback", 1)),
      server(ack("pubrec", 2)),
      client(ack("puback", 1)),
      client(ack("pubrec", 2)),
    ],
  ]);
  assertEquals(findings, []);
});

Deno.test("the monitor does not accuse who sends again what was lost before it", () => {
  const { findings } = listen([
    [...SUBSCRIBED, client("32 07 00 01")],
    [...resumed(), client(again(5)), server(again(6)), client(ack("puback", 6))],
  ]);
  assertEquals(findings, []);
});

Deno.test("the monitor does not accuse a Server of ending a message that has become too large", () => {
  const small = { maximumPacketSize: 40 };
  const { findings } = listen([
    [...SUBSCRIBED, server(publish(1, { topic: "a topic that makes the packet large" }))],
    [...resumed({ properties: small }), server(publish(1))],
  ]);
  assertEquals(findings, []);
});

Deno.test("the monitor knows nothing of what was in flight when it began to listen", () => {
  const { findings } = listen([[
    ...resumed(),
    client(again(1)),
    server(ack("puback", 2)),
    server(ack("pubrec", 3)),
    client(ack("pubrel", 4)),
    server(ack("pubcomp", 5)),
    server(publish(6)),
  ]]);
  assertEquals(findings, []);
});

Deno.test("the monitor does not hold the old connection of a session to what the new one has done", () => {
  const messages = [client(publish(1)), client(publish(2, QOS_2))];
  const said = listen([[...begun(), ...messages, server(ack("pubrec", 2))], [
    ...resumed(),
    client(again(1)),
    server(ack("puback", 1)),
    client(publish(1, { topic: "u" })),
  ]]);
  assertEquals(said.findings, []);
  assertEquals(said.owed.map(({ message }) => message), [
    "The Server has not answered PUBLISH 1 with PUBACK",
    "The Client has not sent PUBREL 2 again on the new connection",
  ]);
});

Deno.test("the monitor doubts what it knows when a CONNECT went unanswered", () => {
  const { findings } = listen([
    [...SUBSCRIBED, client(publish(1)), server(publish(1)), ...ends()],
    // The Server begins a new session, and its CONNACK is lost.
    [client({ type: "connect", clientId: "a", cleanStart: true }), ...ends()],
    [...resumed(), client(publish(1, { topic: "u" })), server(publish(1, { topic: "u" }))],
  ]);
  assertEquals(findings, []);
});

Deno.test("the monitor counts a PUBREC that comes again, and what a Client acknowledges", () => {
  const { exercised, findings } = listen([
    [...SUBSCRIBED, server(publish(1, QOS_2)), client(ack("pubrec", 1))],
    [...resumed(), server(again(1, QOS_2)), client(ack("pubrec", 1)), server(ack("pubrel", 1))],
  ]);
  assertEquals(findings, []);
  const counted = ["MQTT-4.3.3-8", "MQTT-4.3.3-10", "MQTT-4.5.0-2", "MQTT-3.3.1-1"];
  assertEquals(counted.map((statement) => exercised.get(statement)), [1, 1, 2, 1]);
});

Deno.test("the monitor sees one connection take the session of another", () => {
  const taken = server({ type: "disconnect", reasonCode: 0x8E });
  const sessions = new SessionMonitor();
  const tally = new Tally();
  const found: unknown[] = [];
  const observe = ({ findings }: Observed) => found.push(...findings);
  const [old, young] = [1, 2].map(() => new LinkMonitor({ sessions, tally, observe }));
  pass(old!, [...SUBSCRIBED, client(publish(1))]);
  pass(young!, [resumed()[0]!]);
  pass(old!, [taken]);
  pass(young!, [resumed()[1]!, client(again(1))]);
  // What was under way on the old one says nothing any more.
  pass(old!, [client(publish(5))]);
  pass(young!, [server(ack("puback", 1)), client(publish(5))]);
  assertEquals(found, []);
  const counted = ["MQTT-3.1.4-3", "MQTT-4.1.0-1"];
  assertEquals(counted.map((statement) => tally.exercised.get(statement)), [1, 1]);
});

Deno.test("the monitor counts the topic that an alias stood for when a message may have become too large", () => {
  const aliases = { topicAliasMaximum: 1 };
  const long = "a topic that makes the packet large";
  const properties = { topicAlias: 1 };
  const { findings } = listen([
    [
      ...begun({ properties: aliases }),
      client({ type: "subscribe", packetId: 9, subscriptions: [{ topicFilter: "#", qos: 2 }] }),
      server({ type: "publish", topic: long, properties }),
      server({ ...publish(1, { topic: "" }), properties }),
    ],
    [...resumed({ properties: { maximumPacketSize: 40 } }), server(publish(1))],
  ]);
  assertEquals(findings, []);
});
