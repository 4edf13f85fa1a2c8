// §3.3.2.3.4 Topic Alias, both directions and all three ways to give them out. The application never sees an alias, and what
// is sent again never relies on one.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { checkPublish } from "../../src/session/sender.ts";
import { Session } from "../../src/session/session.ts";
import { OutgoingAliases } from "../../src/session/topic_alias.ts";
import { text, u16, whole } from "../build.ts";
import { Random } from "../../src/testing/random.ts";
import { CLIENT, eachRole, messageOf, type Role, SERVER } from "./roles.ts";

const NONE = { client: ["MQTT-3.2.2-18"], server: ["MQTT-3.1.2-27"] };
const WITHIN = {
  client: ["MQTT-3.2.2-17", "MQTT-3.3.2-9"],
  server: ["MQTT-3.1.2-26", "MQTT-3.3.2-11"],
};

for (const topicAliasMaximum of [undefined, 0]) {
  for (const topicAliases of ["off", "automatic", "manual"] as const) {
    eachRole(
      `gives out no alias where the maximum is ${topicAliasMaximum}, ${topicAliases}`,
      ({ open }) => {
        const peer = topicAliasMaximum === undefined ? {} : { topicAliasMaximum };
        const script = open({ topicAliases, peer });
        for (let count = 0; count < 2; count++) {
          script.publish(messageOf("a", 0));
          script.expect("30 04 0001 61 00");
        }
        if (topicAliases === "automatic") return;
        assertThrows(() => script.publish(aliased("a", 1)));
        assertThrows(() => script.connection.trySend(aliased("a", 1).packet));
        script.expectNothing();
      },
      NONE,
    );
  }
}

eachRole("gives out no alias by default, whatever its peer takes", ({ open }) => {
  const script = open({ peer: { topicAliasMaximum: 10 } });
  for (let count = 0; count < 2; count++) {
    script.publish(messageOf("a", 0));
    script.expect("30 04 0001 61 00");
  }
  assertThrows(() => script.publish(aliased("a", 1)), TypeError, '"manual"');
});

eachRole(
  "gives out no alias by default for what waited with one on another connection either",
  ({ open }) => {
    const session = new Session("c");
    const peer = { topicAliasMaximum: 10 };
    const first = open({ session, topicAliases: "manual", peer: { ...peer, receiveMaximum: 1 } });
    first.publish(messageOf("a", 1));
    first.publish(aliased("b", 1, 1));
    const next = open({ session, sessionPresent: true, peer });
    next.expect("3A 06 0001 61 0001 00", "32 06 0001 62 0002 00");
  },
);

Deno.test("OutgoingAliases that are off let no alias through, whatever the peer takes", () => {
  const { packet } = aliased("b", 1);
  assertEquals(new OutgoingAliases("off", 10).apply(packet).properties, { topicAlias: undefined });
  assertStrictEquals(new OutgoingAliases("manual", 10).apply(packet), packet);
});

eachRole("gives out aliases by itself, up to the maximum", ({ open }) => {
  const script = open({ topicAliases: "automatic", peer: { topicAliasMaximum: 2 } });
  for (const topic of ["a", "b", "a", "b"]) script.publish(messageOf(topic, 0));
  script.expect("30 07 0001 61 03 23 0001", "30 07 0001 62 03 23 0002");
  script.expect("30 06 0000 03 23 0001", "30 06 0000 03 23 0002");
}, WITHIN);

eachRole("gives an alias that is used no more to a topic that comes again", ({ open }) => {
  const script = open({ topicAliases: "automatic", peer: { topicAliasMaximum: 2 } });
  const send = (...topics: string[]) => {
    for (const topic of topics) script.connection.trySend({ type: "publish", topic });
    script.collect();
  };
  send("a", "b");
  script.takePackets();
  // Once is not enough, and then both aliases are asked whether they are in use: they were.
  for (let count = 0; count < 3; count++) {
    send("c");
    script.expect("30 04 0001 63 00");
  }
  send("a", "c");
  // That of a is in use again; that of b gives way, and b is sent without from now on.
  script.expect("30 06 0000 03 23 0001", "30 04 0001 63 00");
  send("c", "c", "b", "a");
  script.expect("30 07 0001 63 03 23 0002", "30 06 0000 03 23 0002");
  script.expect("30 04 0001 62 00", "30 06 0000 03 23 0001");
}, WITHIN);

eachRole(
  "keeps its aliases where topics come in turn, and are more than the aliases",
  ({ open }) => {
    const script = open({ topicAliases: "automatic", peer: { topicAliasMaximum: 5 } });
    for (let count = 0; count < 120; count++) script.publish(messageOf(`t${count % 6}`, 0));
    const sent = script.takePackets().filter((packet) => packet.type === "publish");
    assertStrictEquals(sent.filter(({ topic }) => topic === "").length, 95);
  },
);

/**
 * How many of 20,000 messages are sent without their topic, with 10 aliases. Always to replace the
 * alias whose last use is the longest ago gives 0, 0, 8050, 4295 and 19,900.
 */
const HITS: readonly (readonly [topics: string, hits: number, topicAt: (at: number) => number])[] =
  [
    ["100 topics in turn", 1990, (at) => at % 100],
    ["11 topics in turn", 18_172, (at) => at % 11],
    ["100 topics, by Zipf", 10_797, zipf(100)],
    ["1,000 topics, by Zipf", 7685, zipf(1000)],
    [
      "ten topics in turn, others after 2,000 messages",
      19_720,
      (at) => Math.floor(at / 2000) * 10 + at % 10,
    ],
  ];

for (const [topics, hits, topicAt] of HITS) {
  Deno.test(`Automatic Topic Aliases: ${topics}, ${hits} of 20,000 messages without their topic`, () => {
    const aliases = new OutgoingAliases("automatic", 10);
    let count = 0;
    for (let at = 0; at < 20_000; at++) {
      const topic = `t${topicAt(at)}`;
      const packet = aliases.apply({ type: "publish", topic });
      if (packet.topic === "") count++;
      const alias = packet.properties?.topicAlias;
      if (alias !== undefined) aliases.sent(topic, alias);
    }
    assertStrictEquals(count, hits);
  });
}

/** Topics the nth of which comes one nth as often as the first. */
function zipf(topics: number): () => number {
  const random = new Random(1);
  const sums = [0];
  for (let topic = 1; topic <= topics; topic++) sums.push(sums[topic - 1]! + 1 / topic);
  return () => {
    const at = random.below(1_000_000) / 1_000_000 * sums[topics]!;
    return sums.findIndex((sum) => sum > at);
  };
}

eachRole("means by every alias what its peer takes it for, over many topics", ({ open }) => {
  const script = open({ topicAliases: "automatic", peer: { topicAliasMaximum: 5 } });
  const known = new Map<number, string>();
  const random = new Random(1);
  for (let step = 0; step < 2000; step++) {
    const topic = `t${random.below(9)}`;
    script.publish(messageOf(topic, 0));
    const { topic: sent, properties } = script.expectPacket("publish");
    const alias = properties.topicAlias;
    if (alias === undefined) {
      assertStrictEquals(sent, topic);
      continue;
    }
    assertStrictEquals(alias >= 1 && alias <= 5, true);
    if (sent !== "") known.set(alias, sent);
    assertStrictEquals(known.get(alias), topic);
  }
  assertStrictEquals(known.size, 5);
}, WITHIN);

eachRole("leaves a new alias out of a packet that would be too large with it", ({ open }) => {
  const script = open({
    topicAliases: "automatic",
    peer: { topicAliasMaximum: 5, maximumPacketSize: 9 },
  });
  script.publish(messageOf("abc", 0));
  script.expect("30 06 0003 616263 00");
  script.publish(messageOf("a", 0));
  script.expect("30 07 0001 61 03 23 0001");
  script.publish(messageOf("abcd", 0));
  script.expect("30 07 0004 61626364 00");
  assertThrows(() => script.publish(messageOf("abcdefgh", 0)), RangeError);
  script.expectNothing();
});

eachRole(
  "sends an alias of the application's, and no topic once the alias stands for it",
  ({ open }) => {
    const script = open({ topicAliases: "manual", peer: { topicAliasMaximum: 2 } });
    for (const message of [aliased("a", 2), aliased("a", 2), aliased("", 2), messageOf("a", 0)]) {
      script.publish(message);
    }
    script.expect("30 07 0001 61 03 23 0002", "30 06 0000 03 23 0002", "30 06 0000 03 23 0002");
    script.expect("30 04 0001 61 00");
    script.publish(aliased("b", 2));
    script.publish(aliased("", 2));
    script.publish(aliased("a", 2));
    script.expect("30 07 0001 62 03 23 0002", "30 06 0000 03 23 0002", "30 07 0001 61 03 23 0002");
    assertThrows(() => script.publish(aliased("", 1)), TypeError, "not assigned to a topic");
    assertThrows(() => script.publish(aliased("a", 3)), RangeError, "at most 2");
    script.expectNothing();
  },
  WITHIN,
);

eachRole("gives an alias to a message when it is sent, not when it has to wait", ({ open }) => {
  for (const topicAliases of ["manual", "automatic"] as const) {
    const script = open({ topicAliases, peer: { topicAliasMaximum: 2, receiveMaximum: 1 } });
    const next = (topic: string) =>
      script.publish(topicAliases === "manual" ? aliased(topic, 1, 1) : messageOf(topic, 1));
    next("a");
    next("b");
    next("a");
    if (topicAliases === "manual") next("");
    for (const packetId of ["0001", "0002", "0003"]) script.send(`40 02 ${packetId}`);
    const topics = script.takePackets().map((packet) => packet.type === "publish" && packet.topic);
    assertEquals(topics, topicAliases === "manual" ? ["a", "b", "a", ""] : ["a", "b", ""]);
  }
});

eachRole(
  "takes an alias for the topic that the application gave it last, though that message waits",
  ({ open }) => {
    const script = open({
      topicAliases: "manual",
      peer: { topicAliasMaximum: 1, receiveMaximum: 1 },
    });
    for (const topic of ["a", "b", ""]) script.publish(aliased(topic, 1, 1));
    script.send("40 02 0001");
    script.send("40 02 0002");
    script.expect("32 09 0001 61 0001 03 23 0001", "32 09 0001 62 0002 03 23 0001");
    script.expect("32 08 0000 0003 03 23 0001");
  },
);

eachRole("sends again without an alias that is greater than its peer takes now", ({ open }) => {
  const session = new Session("c");
  const script = open({ session, topicAliases: "manual", peer: { topicAliasMaximum: 9 } });
  script.publish(aliased("a", 9, 1));
  script.publish(aliased("b", 1, 1));
  script.end();
  const again = open({
    session,
    sessionPresent: true,
    topicAliases: "manual",
    peer: { topicAliasMaximum: 8 },
  });
  again.expect("3A 06 0001 61 0001 00", "3A 09 0001 62 0002 03 23 0001");
}, WITHIN);

Deno.test("checkPublish() refuses an alias without a topic where there is no connection that knows it", () => {
  checkPublish(aliased("a", 1).packet);
  for (const qos of [0, 1] as const) {
    assertThrows(() => checkPublish(aliased("", 1, qos).packet), TypeError, "topic is empty");
  }
});

for (const topicAliases of ["automatic", "manual"] as const) {
  eachRole(
    `sends again with the full topic, whatever stood for it on the last connection, ${topicAliases} [MQTT-3.3.2-7]`,
    ({ open }) => {
      const session = new Session("c");
      const peer = { topicAliasMaximum: 2 };
      const next = (topic: string) =>
        topicAliases === "manual" ? aliased(topic, 1, 1) : messageOf(topic, 1);
      const script = open({ session, topicAliases, peer });
      script.publish(next("a"));
      script.publish(next("a"));
      if (topicAliases === "manual") script.publish(next(""));
      script.takePackets();
      script.end();
      for (const maximum of [2, 0]) {
        const again = open({
          session,
          sessionPresent: true,
          topicAliases,
          peer: { topicAliasMaximum: maximum },
        });
        const sent = again.takePackets().map((packet) =>
          packet.type === "publish" && [packet.topic, packet.properties.topicAlias]
        );
        assertEquals(sent[0], ["a", maximum === 0 ? undefined : 1]);
        assertEquals(sent[1], maximum === 0 ? ["a", undefined] : ["", 1]);
        again.end();
      }
    },
  );
}

eachRole("takes every alias up to its maximum, and shows the application topics alone", (role) => {
  const script = role.open({ own: { topicAliasMaximum: 65_535 } });
  for (const alias of [1, 2, 32_768, 65_535]) {
    const property = `03 23 ${u16(alias)}`;
    script.send(whole("30", text(`t${alias}`), property), whole("30", "0000", property, "FF"));
    for (let count = 0; count < 2; count++) {
      const { packet } = script.expectEvent("message");
      assertStrictEquals(packet.topic, `t${alias}`);
      assertEquals(packet.properties, {});
      assertStrictEquals(packet.payload.length, count);
    }
  }
  script.send("30 07 0001 62 03 23 0001", "30 06 0000 03 23 0001");
  script.expectMessage("b");
  script.expectMessage("b");
}, { client: ["MQTT-3.3.2-10"], server: ["MQTT-3.3.2-12"] });

for (const role of [CLIENT, SERVER] satisfies Role[]) {
  Deno.test(`A ${role.name} knows no alias of the connection before [MQTT-3.3.2-7]`, () => {
    const session = new Session("c");
    const own = { topicAliasMaximum: 5 };
    const script = role.open({ session, own });
    script.send("30 07 0001 61 03 23 0001");
    script.expectMessage("a");
    script.end();
    const again = role.open({ session, sessionPresent: true, own });
    again.send("30 06 0000 03 23 0001");
    again.expectFault(0x82);
  });
}

eachRole("learns the alias of a QoS 2 message that comes twice", ({ open }) => {
  const session = new Session("c");
  const own = { topicAliasMaximum: 5 };
  const script = open({ session, own });
  script.send("34 09 0001 61 0001 03 23 0001");
  script.acknowledge(script.expectMessage("a"));
  script.end();
  const again = open({ session, sessionPresent: true, own });
  again.send("3C 09 0001 61 0001 03 23 0001", "30 06 0000 03 23 0001");
  again.expect("50 02 0001");
  again.expectMessage("a");
  again.expectQuiet();
});

function aliased(topic: string, topicAlias: number, qos: 0 | 1 = 0) {
  return messageOf(topic, qos, { properties: { topicAlias } });
}
