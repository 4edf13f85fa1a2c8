// Access control lists decide here as they do in Mosquitto.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { mosquittoTest } from "../io/mosquitto.ts";
import { compare, DECISIONS } from "./acl_decisions.ts";

for (const seed of [3, 4]) {
  mosquittoTest(
    `${DECISIONS} decisions of generated access control list ${seed} are those of Mosquitto`,
    async () => {
      const { ours, theirs } = await compare(seed);
      assertStrictEquals(ours.length * 2, DECISIONS);
      assert(ours.filter((line) => /: r?w?$/.test(line) && !line.endsWith(": ")).length > 10);
      assertEquals(ours, theirs);
    },
  );
}
