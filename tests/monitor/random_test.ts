// Packets of any kind at any time from either end, on links of one session that overlap, some of their bytes wrong: whatever it
// is, the monitor says what it has to say in sentences, and never throws.

import { assert, assertEquals } from "@std/assert";
import { encodePacket, type PacketInit } from "../../mod.ts";
import { type Finding, LinkMonitor, SessionMonitor, Tally } from "../../src/monitor/mod.ts";
import { Random } from "../../src/testing/random.ts";
import normative from "../conformance/normative.json" with { type: "json" };

const CONVERSATIONS = 400;
const PACKETS = 80;

/** Something that may be sent, or may not. */
function anyPacket(random: Random): PacketInit {
  const packetId = 1 + random.below(4);
  const qos = random.below(3) as 0 | 1 | 2;
  const topic = pick(random, ["a", "a/b", "b", "$s"]);
  const reasonCode = pick(random, [0, 0, 0, 0x80, 0x92, 0x97] as const);
  switch (random.below(12)) {
    case 0:
    case 1:
      return { type: "puback", packetId, reasonCode: reasonCode === 0x92 ? 0 : reasonCode };
    case 2:
      return { type: "pubrec", packetId, reasonCode: reasonCode === 0x92 ? 0 : reasonCode };
    case 3:
      return { type: "pubrel", packetId, reasonCode: reasonCode === 0x92 ? 0x92 : 0 };
    case 4:
      return { type: "pubcomp", packetId };
    case 5: {
      const topicFilter = pick(random, ["a", "#", "+/b", "$share/g/a"]);
      const properties = random.below(2) === 0 ? {} : { subscriptionIdentifiers: [packetId] };
      return { type: "subscribe", packetId, properties, subscriptions: [{ topicFilter, qos }] };
    }
    case 6:
      return { type: "suback", packetId, reasonCodes: [pick(random, [0, 1, 2, 0x87] as const)] };
    case 7:
      return pick<PacketInit>(random, [
        { type: "unsubscribe", packetId, topicFilters: ["a"] },
        { type: "unsuback", packetId, reasonCodes: [0] },
        { type: "pingreq" },
        { type: "pingresp" },
        { type: "connect", clientId: "a", cleanStart: qos === 0 },
        { type: "connack", sessionPresent: qos === 0 },
        {
          type: "disconnect",
          reasonCode: pick(random, [0, 0x93, 0x94, 0x9B, 0x8E, 0x8D] as const),
        },
        { type: "auth", reasonCode: 0x18, properties: { authenticationMethod: "a" } },
      ]);
    default: {
      const alias = random.below(4);
      const properties = {
        ...alias > 0 && { topicAlias: alias },
        ...random.below(5) === 0 && { subscriptionIdentifiers: [packetId] },
      };
      const dup = qos > 0 && random.below(3) === 0;
      const id = qos > 0 && { packetId };
      return { type: "publish", topic, qos, dup, retain: random.below(4) === 0, ...id, properties };
    }
  }
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)]!;
}

/** The beginning of a connection. */
function begin(link: LinkMonitor, random: Random, now: number): void {
  const properties = {
    sessionExpiryInterval: random.below(3),
    receiveMaximum: 1 + random.below(3),
  };
  const cleanStart = random.below(4) === 0;
  const connect = {
    type: "connect",
    clientId: "a",
    cleanStart,
    keepAlive: random.below(3),
  } as const;
  link.client(encodePacket({ ...connect, properties }), now);
  if (random.below(8) === 0) return;
  const sessionPresent = !cleanStart && random.below(3) > 0;
  const { receiveMaximum } = properties;
  const connack = { type: "connack", sessionPresent } as const;
  const topicAliasMaximum = random.below(3);
  const offers = { receiveMaximum, topicAliasMaximum, maximumPacketSize: 20 };
  link.server(encodePacket({ ...connack, properties: offers }), now);
}

Deno.test("the monitor never throws, whatever passes", () => {
  const tally = new Tally();
  const found: Finding[] = [];
  for (let seed = 1; seed <= CONVERSATIONS; seed++) {
    const random = new Random(seed);
    const sessions = new SessionMonitor(1 + random.below(2));
    const observe = ({ findings }: { findings: readonly Finding[] }) => found.push(...findings);
    const links: LinkMonitor[] = [];
    for (let count = 0; count < PACKETS; count++) {
      const now = count * 100;
      if (links.length === 0 || random.below(20) === 0) {
        links.push(new LinkMonitor({ sessions, tally, observe, keepAliveTolerance: 0 }));
        begin(links.at(-1)!, random, now);
      }
      const link = pick(random, links);
      const from = pick(random, ["client", "server"] as const);
      const bytes = encodePacket(anyPacket(random));
      if (random.below(200) === 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      if (random.below(60) === 0) link[`${from}End`](now);
      else link[from](bytes, now);
      for (const { message } of link.obligations(now)) assert(message.startsWith("The "));
    }
  }
  const known = new Set(normative.map(({ id }) => id));
  for (const { statement, section, message } of found) {
    assert(statement === undefined || known.has(statement), statement);
    assert(/^\d/.test(section) && /^[A-Z].*[^.]$/.test(message), message);
    assert(!/undefined|NaN|\[object/.test(message), message);
  }
  // Nearly every rule is broken by somebody.
  assert(new Set(found.map(({ statement }) => statement)).size > 45);
  assertEquals([...tally.exercised.keys()].filter((id) => !known.has(id)), []);
});
