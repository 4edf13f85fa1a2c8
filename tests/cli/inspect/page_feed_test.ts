// What a viewer is sent, without sockets and clocks: all that is kept first, then no more than
// anybody can read, and exact counts however much there is.

import { concat } from "jsr:@std/bytes@^1/concat";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodePacket, type PacketInit } from "../../../mod.ts";
import { ConnectionTable } from "../../../src/cli/inspect/connection_table.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import type { FeedEvents } from "../../../src/cli/inspect/page/events.ts";
import { PageFeed } from "../../../src/cli/inspect/page_feed.ts";
import { TopicTable } from "../../../src/cli/inspect/topic_table.ts";
import { bytesOf } from "../../hex.ts";

const PLACE = { client: "127.0.0.1:4711", server: "127.0.0.1:1883", listener: "mqtt://a:1884" };
const encoder = new TextEncoder();

type Event = { [Name in keyof FeedEvents]: readonly [Name, FeedEvents[Name]] }[keyof FeedEvents];

/** A feed, and an open connection. */
class Scene {
  readonly connections = new ConnectionTable();
  readonly topics: TopicTable;
  readonly observer: Observer;
  readonly link;

  constructor({ entries = 10_000, topics = 10_000 } = {}) {
    this.topics = new TopicTable({ topics, characters: 1_000_000 });
    this.observer = new Observer({
      limits: { entries, bytes: 10_000_000 },
      tables: { connections: this.connections, topics: this.topics },
    });
    this.link = this.observer.open(PLACE, 0);
    this.send({ type: "connect", clientId: "device", keepAlive: 30 });
  }

  send(...packets: PacketInit[]): void {
    this.link.pass("client", concat(packets.map((packet) => encodePacket(packet))), 0);
  }

  publish(topic: string, text = "x", count = 1): void {
    const packet = encodePacket({ type: "publish", topic, payload: encoder.encode(text) });
    for (let index = 0; index < count; index++) this.link.pass("client", packet, 0);
  }

  feed(): PageFeed {
    const { observer, connections, topics } = this;
    const hello = () => ({ title: "", server: "", listeners: [], run: "1" });
    return new PageFeed({ observer, connections, topics, hello });
  }
}

/** All that is due at this time, in whatever portions. */
function due(feed: PageFeed, now: number): Event[] {
  let text = "";
  do text += feed.next(now); while (feed.mustGoOn);
  return eventsIn(text);
}

function eventsIn(text: string): Event[] {
  return Array.from(
    text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g),
    ([, name, data]) => [name, JSON.parse(data!)] as unknown as Event,
  );
}

/** What the events with a name say, one after the other. */
function of<Name extends keyof FeedEvents>(
  events: readonly Event[],
  wanted: Name,
): FeedEvents[Name][] {
  return events.filter(([name]) => name === wanted).map(([, data]) => data as FeedEvents[Name]);
}

Deno.test("a viewer is greeted first, and gets all that is kept, though it be much", () => {
  const scene = new Scene();
  scene.publish("a", "x", 5000);
  const events = due(scene.feed(), 0);
  assertEquals(events[0]![0], "hello");
  const entries = of(events, "entries").flat();
  assertEquals(entries.map(({ n }) => n), Array.from({ length: 5002 }, (_, n) => n));
  assertEquals(of(events, "omitted"), []);
});

Deno.test("of a flood the newest 500 entries a second are sent, the others counted", () => {
  const scene = new Scene();
  const feed = scene.feed();
  due(feed, 0);
  let [sent, omitted] = [0, 0];
  for (let now = 100; now <= 10_000; now += 100) {
    scene.publish("a", "x", 200);
    const events = due(feed, now);
    const entries = of(events, "entries").flat();
    // The newest are among them.
    if (entries.length > 0) assertEquals(entries.at(-1)!.n, scene.observer.counts.packets);
    sent += entries.length;
    omitted += of(events, "omitted").reduce((sum, { count }) => sum + count, 0);
  }
  assertEquals(sent + omitted, 20_000);
  assert(sent >= 4900 && sent <= 5500, String(sent));
});

Deno.test("what is overwritten before a slow viewer comes to it is counted", () => {
  const scene = new Scene({ entries: 100 });
  const feed = scene.feed();
  due(feed, 0);
  scene.publish("a", "x", 300);
  const events = due(feed, 1000);
  assertEquals(of(events, "omitted"), [{ count: 200 }]);
  assertEquals(of(events, "entries").flat().length, 100);
});

Deno.test("a viewer is sent no more at once than it can take", () => {
  const scene = new Scene();
  const feed = scene.feed();
  // Topics of 60,000 characters, in entries and in the table.
  for (let count = 0; count < 15; count++) scene.publish(`${count}${"x".repeat(60_000)}`);
  const lengths: number[] = [];
  do lengths.push(feed.next(0).length); while (feed.mustGoOn);
  assert(lengths.length >= 3, String(lengths));
  for (const length of lengths) assert(length < 1_000_000, String(length));
});

Deno.test("topics, connections and counts are exact in a flood, and come twice a second", () => {
  const scene = new Scene({ entries: 10 });
  const feed = scene.feed();
  due(feed, 0);
  scene.publish("a/b", "four", 20_000);
  scene.link.pass(
    "server",
    encodePacket({ type: "publish", topic: "a/b", payload: bytesOf("01") }),
    9,
  );
  assertEquals(of(due(feed, 499), "topics"), []);
  const events = due(feed, 500);
  const [[topic]] = of(events, "topics") as [FeedEvents["topics"]];
  assertEquals([topic!.published, topic!.delivered, topic!.bytes], [20_000, 1, 80_001]);
  assertEquals(topic!.last.payload, { size: 1, text: "\u0001", isCut: false });
  const [counts] = of(events, "counts");
  assertEquals([counts!.packets, counts!.connections], [20_002, 1]);
  const [[connection]] = of(events, "connections") as [FeedEvents["connections"]];
  assertEquals(connection!.sent.client.packets, 20_001);
  assertEquals([connection!.clientId, connection!.keepAlive], ["device", 30]);
  assertEquals(connection!.lastAt, { client: 0, server: 9 });
});

Deno.test("rows that have not changed are not sent again, nor are counts", () => {
  const scene = new Scene();
  const feed = scene.feed();
  scene.publish("a");
  scene.publish("b");
  due(feed, 0);
  assertEquals(due(feed, 500), []);
  scene.publish("b");
  const events = due(feed, 1000);
  assertEquals(events.map(([name]) => name), ["connections", "topics", "counts", "entries"]);
  assertEquals(of(events, "topics").flat().map(({ topic }) => topic), ["b"]);
});

Deno.test("topics that were sent and are forgotten are told, others are not", () => {
  const scene = new Scene({ topics: 3 });
  const feed = scene.feed();
  for (const topic of ["a", "b", "c"]) scene.publish(topic);
  due(feed, 0);
  scene.publish("a");
  for (let count = 0; count < 100; count++) scene.publish(`new/${count}`);
  const events = due(feed, 500);
  const [{ forgotten }] = of(events, "topicsForgotten") as [FeedEvents["topicsForgotten"]];
  assertEquals(forgotten.toSorted(), ["a", "b", "c"]);
  const topics = of(events, "topics").flat().map(({ topic }) => topic);
  assertEquals(topics, ["new/97", "new/98", "new/99"]);
});

Deno.test("a closed connection is told, with what broke it", () => {
  const scene = new Scene();
  const feed = scene.feed();
  due(feed, 0);
  scene.link.close("the connection to the server broke: timed out", 77);
  const [[row]] = of(due(feed, 500), "connections") as [FeedEvents["connections"]];
  assertEquals([row!.isOpen, row!.closedAt], [false, 77]);
  assertEquals(row!.fault, "the connection to the server broke: timed out");
});

Deno.test("open connections are all known, of closed ones the last thousand", () => {
  const scene = new Scene();
  for (let count = 0; count < 1500; count++) scene.observer.open(PLACE, 0).close(undefined, count);
  const feed = scene.feed();
  const rows: FeedEvents["connections"][number][] = [];
  for (let now = 0; now < 5000; now += 500) rows.push(...of(due(feed, now), "connections").flat());
  assertEquals(rows.length, 1001);
  assertEquals(rows.filter(({ isOpen }) => isOpen).map(({ id }) => id), [1]);
  assertEquals(Math.min(...rows.filter(({ isOpen }) => !isOpen).map(({ id }) => id)), 502);
});

Deno.test("something is sent in long silence, so that a viewer that is gone is noticed", () => {
  const feed = new Scene().feed();
  due(feed, 0);
  assertEquals(feed.next(14_900), "");
  assertEquals(feed.next(15_000), ": still here\n\n");
  assertEquals(feed.next(15_100), "");
});

Deno.test("an entry says what a packet is about", () => {
  const scene = new Scene();
  scene.send(
    { type: "publish", topic: "a/b", qos: 1, packetId: 7, dup: true, payload: bytesOf("FF00") },
    { type: "subscribe", packetId: 8, subscriptions: [{ topicFilter: "a/#" }] },
    { type: "publish", topic: "a/c", properties: { topicAlias: 3 } },
    { type: "publish", topic: "", properties: { topicAlias: 3 } },
  );
  const acks: PacketInit[] = [
    { type: "puback", packetId: 7, reasonCode: 0x87 },
    { type: "suback", packetId: 8, reasonCodes: [0, 0x87] },
  ];
  scene.link.pass("server", concat(acks.map((packet) => encodePacket(packet))), 0);
  scene.link.pass("client", bytesOf("82 02 00 00"), 0);
  scene.link.pass("server", encoder.encode("HTTP/1.1"), 0);
  const entries = of(due(scene.feed(), 0), "entries").flat();
  const [, connect, publish, subscribe, named, alias, puback, suback, broken, strange] = entries
    .map((entry) => entry.type === "packet" ? entry : undefined);
  assertEquals([connect!.name, connect!.clientId], ["CONNECT", "device"]);
  assertEquals([publish!.qos, publish!.dup, publish!.retain, publish!.packetId], [
    1,
    true,
    false,
    7,
  ]);
  assertEquals(publish!.payload, { size: 2, hex: "ff00", isCut: false });
  assertEquals([subscribe!.topics, subscribe!.packetId], [["a/#"], 8]);
  assertEquals([named!.topic, named!.alias], ["a/c", 3]);
  assertEquals([alias!.topic, alias!.alias], ["a/c", 3]);
  assertEquals(puback!.reason, { code: 0x87, name: "Not authorized" });
  assertEquals(suback!.reason, { code: 0x87, name: "Not authorized" });
  assertMatch(broken!.fault!, /^SUBSCRIBE Packet Identifier at byte 2 is 0/);
  assertEquals([strange!.isPacket, strange!.name, strange!.size], [false, "", 8]);
  const found = entries.flatMap((entry) => entry.type === "packet" ? entry.findings : []);
  assert(found.length > 0);
  assertEquals(scene.observer.counts.findings, found.length);
});

Deno.test("of a large payload the beginning is sent, and no half character", () => {
  const scene = new Scene();
  scene.publish("a", "ä".repeat(50_000));
  scene.publish("b", `x${"ä".repeat(1000)}`);
  const payloads = of(due(scene.feed(), 0), "entries").flat()
    .flatMap((entry) => entry.type === "packet" ? entry.payload ?? [] : []);
  assertEquals(payloads, [
    { size: 100_000, text: "ä".repeat(512), isCut: true },
    { size: 2001, text: `x${"ä".repeat(511)}`, isCut: true },
  ]);
});

Deno.test("topics of MQTT 3.1.1 are counted, too", () => {
  const scene = new Scene();
  const link = scene.observer.open(PLACE, 0);
  link.pass("client", bytesOf("10 0D 0004 4D515454 04 02 003C 0001 64"), 0);
  link.pass("server", bytesOf("20 02 00 00"), 0);
  link.pass("client", bytesOf("32 07 0001 61 0009 6869"), 0);
  const [topic] = of(due(scene.feed(), 0), "topics").flat();
  assertEquals([topic!.topic, topic!.bytes, topic!.last.qos], ["a", 2, 1]);
  assertEquals(topic!.last.payload.text, "hi");
});
