// §3.3.4 Of overlapping subscriptions the highest QoS counts, whichever filter has it and whenever
// it was asked for.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../src/packets/mod.ts";
import { World } from "./world.ts";

const FILTERS = ["a/b", "a/+", "a/#"];

function* permutations<Item>(items: readonly Item[]): Generator<Item[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
  }
}

for (const options of [{ overlapping: "one copy" }, {}] as const) {
  Deno.test(`One copy has the highest QoS whichever of the filters has it, with ${JSON.stringify(options)} [MQTT-3.3.4-2]`, async () => {
    for (const filters of permutations(FILTERS)) {
      for (const levels of permutations<QoS>([0, 1, 2])) {
        await using world = new World(options);
        const client = await world.connect("c");
        for (const [index, filter] of filters.entries()) {
          await client.subscribe(filter, { qos: levels[index]! });
        }
        for (const qos of [2, 1, 0] as const) await client.publish("a/b", "1", { qos });
        const received = (await client.receive()).map(({ qos }) => qos);
        assertEquals(received.toSorted(), [0, 1, 2], `${filters} ${levels}`);
      }
    }
  });
}

Deno.test("Each of several copies has the QoS of its subscription, in any order of the filters", async () => {
  for (const levels of permutations<QoS>([0, 1, 2])) {
    await using world = new World({ overlapping: "several copies" });
    const client = await world.connect("c");
    for (const [index, qos] of levels.entries()) {
      await client.subscribeAll([{ topicFilter: FILTERS[index]!, qos }], index + 1);
    }
    await client.publish("a/b", "1", { qos: 2 });
    const copies = (await client.receive()).map(({ qos, properties }) => {
      return [properties.subscriptionIdentifiers![0]!, qos];
    });
    assertEquals(copies.toSorted(([one], [other]) => one! - other!), [
      ...levels.map((qos, index) => [index + 1, qos]),
    ]);
  }
});
