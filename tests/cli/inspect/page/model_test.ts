// What the page knows of what the feed tells.

import { assertEquals } from "@std/assert";
import type { ConnectionRow, TopicRow } from "../../../../src/cli/inspect/page/events.ts";
import { Model } from "../../../../src/cli/inspect/page/model.js";
import { packet } from "./entries.ts";

const HELLO = { title: "mqtt5 inspect", server: "mqtt://a", listeners: [], run: "1" };

function connection(id: number, isOpen: boolean): ConnectionRow {
  return {
    id,
    client: "",
    server: "",
    listener: "",
    protocol: "MQTT 5.0",
    clientId: null,
    isOpen,
    fault: null,
    openedAt: 0,
    closedAt: null,
    keepAlive: null,
    sent: { client: { packets: 0, bytes: 0 }, server: { packets: 0, bytes: 0 } },
    lastAt: { client: null, server: null },
    findings: 0,
  };
}

/** The events of a model while something is done. */
function eventsOf(model: Model, act: () => void): readonly string[] {
  const seen: string[] = [];
  const names = ["entries", "topics", "reset", "hello", "selection", "filter", "paused", "view"];
  const note = ({ type }: { readonly type: string }) => seen.push(type);
  for (const name of names) model.addEventListener(name, note);
  act();
  for (const name of names) model.removeEventListener(name, note);
  return seen;
}

Deno.test("after a reconnect the model leaves out the entries that it has", () => {
  const model = new Model();
  model.receive("hello", HELLO);
  model.receive("entries", [packet(1, "CONNECT"), packet(2, "CONNACK")]);
  model.receive("hello", HELLO);
  model.receive("entries", [packet(1, "CONNECT"), packet(2, "CONNACK"), packet(5, "PINGREQ")]);
  assertEquals(model.entries.map(({ n }) => n), [1, 2, 5]);
});

Deno.test("another run of mqtt5 has nothing to do with what the model knows", () => {
  const model = new Model();
  model.receive("hello", HELLO);
  model.receive("entries", [packet(7, "CONNECT")]);
  model.receive("connections", [connection(1, true)]);
  model.select(7);
  const events = eventsOf(model, () => model.receive("hello", { ...HELLO, run: "2" }));
  assertEquals(events, ["reset", "hello"]);
  assertEquals([model.entries, model.connections.size, model.selection], [[], 0, undefined]);
  model.receive("entries", [packet(0, "CONNECT")]);
  assertEquals(model.entries.map(({ n }) => n), [0]);
});

Deno.test("the model keeps the newest 10,000 entries, and finds them by their numbers", () => {
  const model = new Model();
  for (let n = 0; n < 30_000; n += 3) {
    model.receive("entries", [packet(n, "PINGREQ"), packet(n + 1, "PINGRESP")]);
  }
  assertEquals(model.entries.length >= 10_000 && model.entries.length < 10_500, true);
  assertEquals(model.entries.at(-1)?.n, 29_998);
  assertEquals([model.entry(29_998)?.n, model.entry(29_999), model.entry(0)], [
    29_998,
    undefined,
    undefined,
  ]);
});

Deno.test("of closed connections the model keeps the newest 1,000, of open ones all", () => {
  const model = new Model();
  model.receive("connections", Array.from({ length: 3000 }, (_, id) => connection(id, id < 500)));
  assertEquals(model.connections.size, 1500);
  assertEquals([model.connections.has(0), model.connections.has(1999)], [true, false]);
  assertEquals(model.connections.has(2000), true);
});

function topic(topic: string): TopicRow {
  const payload = { size: 0, text: "", isCut: false };
  const place = { n: 1, connection: 1, time: 0, from: "client", qos: 0, retain: false } as const;
  return { topic, published: 1, delivered: 0, bytes: 0, last: { ...place, payload } };
}

Deno.test("topics that are forgotten go, and what is left out is counted", () => {
  const model = new Model();
  model.receive("topics", [topic("a"), topic("__proto__")]);
  model.receive("topicsForgotten", { forgotten: ["a"] });
  assertEquals([...model.topics.keys()], ["__proto__"]);
  model.receive("omitted", { count: 3 });
  model.receive("omitted", { count: 4 });
  assertEquals(model.omitted, 7);
});

Deno.test("of too many topics those are kept that changed last", () => {
  const model = new Model();
  const names = Array.from({ length: 10_000 }, (_, index) => `t${index}`);
  model.receive("topics", names.map(topic));
  model.receive("topics", [topic("t0"), topic("new")]);
  assertEquals(model.topics.size, 10_000);
  const kept = ["t0", "t1", "t2", "new"].filter((name) => model.topics.has(name));
  assertEquals(kept, ["t0", "t2", "new"]);
});

Deno.test("the model says once what the reader has chosen, and nothing if it is the same", () => {
  const model = new Model();
  const events = eventsOf(model, () => {
    for (let time = 0; time < 2; time++) {
      model.select(1);
      model.setFilter({ text: "a" });
      model.setFilter({ onlyFindings: true });
      model.pause(true);
      model.show("topics");
    }
  });
  assertEquals(events, ["selection", "filter", "filter", "paused", "view"]);
  assertEquals([model.filter, model.onlyFindings], ["a", true]);
});
