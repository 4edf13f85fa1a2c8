// §4.7 by trees: the same as `topicMatches()`, which looks at one filter and one name, and is proven by itself.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FilterTree, NameTree } from "../../src/broker/routing/topic_tree.ts";
import { topicMatches } from "../../src/topics.ts";
import { Random } from "../../src/testing/random.ts";
import { countThings } from "./things.ts";

function filterTree(...filters: readonly string[]): FilterTree<string> {
  const tree = new FilterTree<string>();
  for (const filter of filters) tree.getOrMake(filter, () => filter);
  return tree;
}

function nameTree(...names: readonly string[]): NameTree<string> {
  const tree = new NameTree<string>();
  for (const name of names) tree.set(name, name);
  return tree;
}

/** What a tree finds, in an order that says nothing. */
function found(tree: FilterTree<string> | NameTree<string>, topic: string): string[] {
  const values: string[] = [];
  if (tree instanceof NameTree) values.push(...tree.matching(topic));
  else tree.match(topic, (value) => values.push(value));
  return values.toSorted();
}

/** Filters, names that each matches, names that it does not match. */
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["a/b", ["a/b"], ["a", "a/", "a/b/", "/a/b", "a/B", "a/b/c"]],
  ["+", ["a", " "], ["/", "a/", "/a", "$a"]],
  ["+/+", ["/", "a/b", "/a", "a/"], ["a", "a/b/c", "$a/b"]],
  ["a/+", ["a/", "a/b"], ["a", "a/b/c", "b/a"]],
  ["a/+/c", ["a/b/c", "a//c"], ["a/c", "a/b/d", "a/b/b/c"]],
  ["#", ["a", "/", "a/b/c"], ["$SYS", "$SYS/a"]],
  ["a/#", ["a", "a/", "a/b", "a/b/c"], ["ab", "b/a", "$a"]],
  ["a/+/#", ["a/", "a/b", "a/b/c"], ["a", "b"]],
  ["+/#", ["a", "a/b", "/"], ["$SYS", "$SYS/a"]],
  ["$SYS/#", ["$SYS", "$SYS/a"], ["$SYSa", "SYS", "a"]],
  ["$SYS/+", ["$SYS/a", "$SYS/$b"], ["$SYS", "$SYS/a/b"]],
  ["a/$b/+", ["a/$b/c"], ["a/b/c"]],
  ["a/+/$c", ["a/b/$c", "a/$b/$c"], ["$a/b/$c"]],
  ["/", ["/"], ["//"]],
];

for (const [filter, names, others] of CASES) {
  Deno.test(`Both trees match "${filter}" with exactly the topics it matches [MQTT-4.7.2-1]`, () => {
    const filters = filterTree(filter);
    for (const name of names) assertEquals(found(filters, name), [filter], name);
    for (const name of others) assertEquals(found(filters, name), [], name);
    assertEquals(found(nameTree(...names, ...others), filter), names.toSorted());
  });
}

Deno.test("Both trees compare topics as they are [MQTT-4.7.3-4]", () => {
  // An "é" in one piece and one in two, a no-break space.
  const names = ["\u00E9", "e\u0301", "a\u00A0", "a ", "A"];
  for (const name of names) {
    assertEquals(found(filterTree(...names), name), [name]);
    assertEquals(found(nameTree(...names), name), [name]);
  }
});

Deno.test('Level names such as "constructor" are ordinary names', () => {
  const names = ["__proto__", "constructor/a", "toString", "a/__proto__"];
  for (const name of names) {
    assertEquals(found(filterTree(...names), name), [name]);
    assertEquals(found(nameTree(...names), name), [name]);
  }
});

Deno.test("A filter has one value, which is created on first use", () => {
  const tree = new FilterTree<object>();
  const value = {};
  assertStrictEquals(tree.get("a/+"), undefined);
  assertStrictEquals(tree.getOrMake("a/+", () => value), value);
  assertStrictEquals(tree.getOrMake("a/+", () => ({})), value);
  assertStrictEquals(tree.get("a/+"), value);
  for (const other of ["a", "a/", "a/b", "a/+/b", "+"]) {
    assertStrictEquals(tree.get(other), undefined, other);
  }
  tree.delete("a/+");
  assertStrictEquals(tree.get("a/+"), undefined);
});

Deno.test("A topic has one value, and a tree of names knows how many topics have one", () => {
  const tree = nameTree("a", "a/b");
  assertStrictEquals(tree.size, 2);
  tree.set("a", "new");
  assertStrictEquals(tree.size, 2);
  assertEquals(found(tree, "#"), ["a/b", "new"]);
  assertStrictEquals(tree.get("a"), "new");
  for (const other of ["b", "a/b/c", "a/"]) {
    tree.delete(other);
    assertStrictEquals(tree.get(other), undefined);
  }
  assertStrictEquals(tree.size, 2);
  tree.delete("a");
  tree.delete("a");
  assertStrictEquals(tree.size, 1);
  assertEquals(found(tree, "#"), ["a/b"]);
});

Deno.test("Removing an entry from a tree removes no other", () => {
  const all = ["a", "a/b", "a/b/c", "a/#", "a/+/c", "#"];
  for (const one of all) {
    const filters = filterTree(...all);
    filters.delete(one);
    filters.delete("a/b/x");
    filters.delete("x/y");
    for (const other of all) {
      assertStrictEquals(filters.get(other), other === one ? undefined : other);
    }
  }
  const names = ["a", "a/b", "a/b/c", "a/d"];
  for (const one of names) {
    const tree = nameTree(...names);
    tree.delete(one);
    assertEquals(found(tree, "#"), names.filter((name) => name !== one));
  }
});

Deno.test("A tree keeps no branches of removed entries", () => {
  const topics = ["a", "a/b/c/d", "a/b/x", "a/b/c/e", "b//", "c", "$s/a"];
  const cost = (tree: NameTree<string>) => {
    const search = tree.search("#");
    while (!search.isOver) search.next();
    return search.visited;
  };
  for (let kept = 0; kept < 1 << topics.length; kept++) {
    const isKept = (_: string, index: number) => (kept >> index & 1) === 1;
    const left = topics.filter(isKept);
    const names = nameTree(...topics);
    const filters = filterTree(...topics);
    for (const topic of topics.filter((topic, index) => !isKept(topic, index))) {
      names.delete(topic);
      filters.delete(topic);
    }
    assertStrictEquals(cost(names), cost(nameTree(...left)), `${left}`);
    for (const topic of topics) {
      const visited = filters.match(topic, () => {});
      assertStrictEquals(visited, filterTree(...left).match(topic, () => {}), `${left}: ${topic}`);
    }
  }
});

Deno.test("A topic adds two branches at most, however many levels it has", () => {
  const levels = "/a".repeat(127);
  const topics = Array.from({ length: 100 }, (_, index) => [
    `${index}${levels}`,
    `${index}${levels}/b`,
    `x${levels.slice(index)}${index}${levels.slice(-index)}`,
  ]).flat();
  const branches = countThings(() => {
    const tree = nameTree(...topics);
    for (const topic of topics) tree.set(topic, topic);
  });
  assert(branches.made <= 2 * topics.length, `${branches.made} for ${topics.length} topics`);
});

Deno.test("A search continues where it was although branches are split and merged meanwhile", () => {
  const stays = ["a/b/c/d/1", "a/b/c/d/2", "a/b/e", "b/c/1", "b/c/2", "c/d/e/f"];
  const comes = ["a/b", "a/b/c", "a/b/c/x", "b/c", "b/x", "c/d", "c/d/e/g", "a/b/c/d/3/4"];
  for (const filter of ["#", "a/#", "+/+/+/+/+", "+/c/+", "a/b/#", "+/d/+/f"]) {
    for (let at = 0; at < 6; at++) {
      for (const isBefore of [false, true]) {
        const tree = nameTree(...stays, ...isBefore ? comes : []);
        const search = tree.search(filter);
        const values = new Set<string>();
        for (let step = 0; !search.isOver; step++) {
          if (step === at && !isBefore) { for (const topic of comes) tree.set(topic, topic); }
          if (step === at && isBefore) { for (const topic of comes) tree.delete(topic); }
          const value = search.next(2);
          if (value !== undefined) values.add(value);
        }
        for (const topic of stays) {
          assertStrictEquals(values.has(topic), topicMatches(filter, topic), `${filter}: ${topic}`);
        }
      }
    }
  }
});

Deno.test("Lookups leave no branches in a tree", () => {
  const branches = countThings(() => {
    found(filterTree(), "a/b/c");
    found(nameTree(), "a/+/c");
    filterTree().get("a/b");
    filterTree().delete("a/b");
    nameTree().delete("a/b");
  });
  assertStrictEquals(branches.made, 0);
});

Deno.test("Both trees agree with a linear search, whatever is added and removed [MQTT-4.7.2-1]", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const filters = new FilterTree<string>();
    const names = new NameTree<string>();
    const inFilters = new Set<string>();
    const inNames = new Set<string>();
    for (let step = 0; step < 60; step++) {
      const filter = topicOf(random, ["+", "a", "b", "", "$s"], random.onceIn(3));
      const name = topicOf(random, ["a", "b", "", "$s"], false);
      if (random.onceIn(3)) {
        inFilters.delete(filter);
        filters.delete(filter);
        inNames.delete(name);
        names.delete(name);
      } else {
        inFilters.add(filter);
        filters.getOrMake(filter, () => filter);
        inNames.add(name);
        names.set(name, name);
      }
      assertStrictEquals(names.size, inNames.size);
      const matching = [...inFilters].filter((each) => topicMatches(each, name));
      assertEquals(found(filters, name), matching.toSorted(), `seed ${seed}: ${name}`);
      const matched = [...inNames].filter((each) => topicMatches(filter, each));
      assertEquals(found(names, filter), matched.toSorted(), `seed ${seed}: ${filter}`);
    }
  }
});

Deno.test("A search visits at most the given number of nodes, and continues where it was", () => {
  const names = nameTree(...Array.from({ length: 300 }, (_, at) => `${at % 3}/${at}/x`));
  for (
    const [filter, count] of [["+/+/y", 0], ["+/+/x", 300], ["#", 300], ["1/+/x", 100]] as const
  ) {
    const search = names.search(filter);
    let steps = 0;
    for (let found = 0; !search.isOver; steps++) {
      const before = search.visited;
      if (search.next(10) !== undefined) found++;
      // A way without branches is gone to its end.
      assert(search.visited - before <= 13, `${search.visited - before} nodes in one step`);
      if (search.isOver) assertStrictEquals(found, count, filter);
    }
    assert(steps > 20);
    assertStrictEquals(search.next(), undefined);
  }
  // Where no way has another node, it is exactly that number.
  const flat = nameTree(...Array.from({ length: 30 }, (_, at) => `${at}`)).search("+/x");
  flat.next(10);
  assertStrictEquals(flat.visited, 10);
});

Deno.test("A topic with the maximum number of levels is stored, found and removed", () => {
  // The limit of levels is the broker's to set: nothing here may break before it.
  const deep = "/".repeat(2000);
  const filters = filterTree(deep, "#");
  assertEquals(found(filters, deep), ["#", deep].toSorted());
  const names = nameTree(deep);
  assertEquals(found(names, "#"), [deep]);
  filters.delete(deep);
  names.delete(deep);
  assertStrictEquals(names.size, 0);
});

/** A filter or a name of one to four levels. */
function topicOf(random: Random, levels: readonly string[], endsInAll: boolean): string {
  const chosen = Array.from(
    { length: 1 + random.below(4) },
    () => levels[random.below(levels.length)]!,
  );
  if (endsInAll) chosen[chosen.length - 1] = "#";
  return chosen.join("/") || "a";
}
