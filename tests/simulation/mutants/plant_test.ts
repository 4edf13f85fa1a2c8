// The mistakes that are planted: each can still be, and no two are alike.

import { assertEquals, assertThrows } from "@std/assert";
import { CHECKS } from "../checks/all.ts";
import { MUTANTS } from "./all.ts";
import { type Mutant, plant } from "./mutant.ts";

const ROOT = new URL("../../../", import.meta.url);

Deno.test("there are forty mutants or more, each with a name of its own", () => {
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  assertEquals(MUTANTS.length >= 40, true);
});

Deno.test("each mutant says who finds it", () => {
  const known = new Set([...Object.keys(CHECKS), "monitor", "everything drains"]);
  assertEquals(MUTANTS.filter(({ by }) => !known.has(by)), []);
});

Deno.test("what each mutant changes is still there, once", async () => {
  const sources = new Map<string, string>();
  for (const file of new Set(MUTANTS.map(({ file }) => file))) {
    sources.set(file, await Deno.readTextFile(new URL(file, ROOT)));
  }
  const gone = MUTANTS.flatMap((mutant) => {
    try {
      const source = sources.get(mutant.file)!;
      return plant(source, mutant) === source ? [mutant.name] : [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
  assertEquals(gone, []);
});

Deno.test("a mutant whose text is gone, or there twice, is refused", () => {
  const mutant: Mutant = { name: "x", file: "f.ts", from: "a", to: "b", by: "once", within: 1 };
  assertEquals(plant("cac", mutant), "cbc");
  assertThrows(() => plant("ccc", mutant), Error, '"x": f.ts has no longer what was to be changed');
  assertThrows(() => plant("aca", mutant), Error, "more than once");
});
