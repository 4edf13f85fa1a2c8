// The topics as a tree: which rows are shown in which order, what they count, and that no topic,
// however strange, gets into the way of another.

import { assertEquals } from "@std/assert";
import type { TopicRow } from "../../../../src/cli/inspect/page/events.ts";
import { TopicTree } from "../../../../src/cli/inspect/page/topics_tree.js";

function row(topic: string, published = 1, delivered = 0): TopicRow {
  const payload = { size: 1, text: "x", isCut: false };
  const last = {
    n: 1,
    connection: 1,
    time: 0,
    from: "client",
    qos: 0,
    retain: false,
    payload,
  } as const;
  return { topic, published, delivered, bytes: 1, last };
}

/** Topics as the page has them. */
function topicsOf(...rows: readonly TopicRow[]): Map<string, TopicRow> {
  return new Map(rows.map((row) => [row.topic, row]));
}

function treeOf(...topics: readonly string[]): TopicTree {
  const tree = new TopicTree();
  tree.update(topicsOf(...topics.map((topic) => row(topic))), 0);
  return tree;
}

const shown = (tree: TopicTree) => tree.rows.map(({ depth, level }) => " ".repeat(depth) + level);

Deno.test("topics are a tree of their levels, in the order in which people count", () => {
  const tree = treeOf("home/room10", "home/room9", "home", "attic/a/b");
  assertEquals(shown(tree), ["attic", " a", "  b", "home", " room9", " room10"]);
  assertEquals(tree.rows.map(({ topic }) => topic)[2], "attic/a/b");
});

Deno.test("the server's topics come last, are closed at first, and are counted apart", () => {
  const tree = treeOf("$SYS/broker/uptime", "z", "$SYS/broker/clients");
  assertEquals(shown(tree), ["z", "$SYS"]);
  assertEquals(tree.counts, { topics: 1, ofServer: 2 });
});

Deno.test("empty levels are levels, and strange names are names", () => {
  const names = ["/", "//", "", "a//b", "__proto__", "constructor/__proto__", "toString", " "];
  const tree = treeOf(...names);
  assertEquals(
    tree.rows.filter(({ row }) => row).map(({ topic }) => topic).toSorted(),
    names.toSorted(),
  );
  assertEquals(tree.counts.topics, names.length);
  for (const name of names) assertEquals(tree.find(name)?.topic, name);
});

Deno.test("a topic of 65,535 levels is no deeper than 20", () => {
  const topic = "/".repeat(65_534);
  const tree = treeOf(topic, "/".repeat(30));
  assertEquals(Math.max(...tree.rows.map(({ depth }) => depth)), 19);
  assertEquals(tree.find(topic)?.topic, topic);
});

Deno.test("a branch counts what is below it, and forgets what is forgotten", () => {
  const tree = new TopicTree();
  const topics = topicsOf(row("a/b", 5), row("a/c", 0, 7), row("a", 1, 9), row("d"));
  tree.update(topics, 0);
  const [a] = tree.rows;
  assertEquals([a?.topics, a?.messages], [3, 13]);
  topics.set("a/b", row("a/b", 8));
  topics.delete("a/c");
  tree.update(topics, 1000);
  assertEquals([a?.topics, a?.messages], [2, 9]);
  topics.clear();
  topics.set("a/x/y", row("a/x/y"));
  tree.update(topics, 2000);
  assertEquals(shown(tree), ["a", " x", "  y"]);
  tree.clear();
  assertEquals([shown(tree), tree.counts], [[], { topics: 0, ofServer: 0 }]);
});

Deno.test("a rate is of what has come since, not of what was there", () => {
  const tree = new TopicTree();
  const topics = topicsOf(row("a/b", 1000));
  tree.update(topics, 10_000);
  assertEquals(tree.find("a/b")?.rate.perSecond(10_000), 0);
  topics.set("a/b", row("a/b", 1010));
  topics.set("a/c", row("a/c", 5));
  tree.update(topics, 11_000);
  assertEquals(tree.find("a/b")?.rate.perSecond(11_000), 10);
  assertEquals(tree.find("a/c")?.rate.perSecond(11_000), 5);
  assertEquals(tree.rows[0]?.rate.perSecond(11_000), 15);
});

Deno.test("closed branches show nothing below, and open again as they were", () => {
  const tree = treeOf("a/b/c", "d/e");
  const [a, b] = tree.rows;
  tree.open(b!, false);
  tree.open(a!, false);
  assertEquals(shown(tree), ["a", "d", " e"]);
  tree.open(a!, true);
  assertEquals(shown(tree), ["a", " b", "d", " e"]);
  tree.openAll(true);
  assertEquals(tree.rows.length, 5);
  tree.openAll(false);
  assertEquals(shown(tree), ["a", "d"]);
});

Deno.test("a search shows what it finds with the levels above, open or not", () => {
  const tree = treeOf("home/Kitchen/temperature", "home/attic/temperature", "garden/gate");
  tree.openAll(false);
  tree.search = "kitch";
  assertEquals(shown(tree), ["home", " Kitchen", "  temperature"]);
  assertEquals(tree.rows.map((node) => tree.isShownOpen(node)), [true, true, false]);
  tree.search = "nothing";
  assertEquals(shown(tree), []);
  tree.search = "";
  assertEquals(shown(tree), ["garden", "home"]);
});

Deno.test("a search with wildcards is a Topic Filter", () => {
  const tree = treeOf("a/b/c", "a/x/c", "a/b", "a", "b/b/c", "$SYS/x/c");
  const found = (search: string) => {
    tree.search = search;
    return tree.rows.filter(({ topic }) => tree.find(topic)).map(({ topic }) => topic);
  };
  assertEquals(found("a/+/c"), ["a", "a/b", "a/b/c", "a/x/c"]);
  assertEquals(found("a/b/#"), ["a", "a/b", "a/b/c"]);
  assertEquals(found("+"), ["a"]);
  assertEquals(found("+/b/c"), ["a", "a/b", "a/b/c", "b/b/c"]);
  assertEquals(found("$SYS/#"), ["$SYS/x/c"]);
  assertEquals(found("#").includes("$SYS/x/c"), false);
});

Deno.test("each row knows its place among those beside it that are shown", () => {
  const tree = treeOf("a/1", "a/2", "b/1", "c");
  const places = () => tree.rows.map(({ position, siblings }) => `${position}/${siblings}`);
  assertEquals(places(), ["1/3", "1/2", "2/2", "2/3", "1/1", "3/3"]);
  tree.search = "2";
  assertEquals(places(), ["1/1", "1/1"]);
});
