// A short program starts fast: it loads only what it uses, and is over before it needs a timer,
// which Deno loads when the first is asked for.

import { assert, assertEquals } from "@std/assert";
import { serve } from "../../src/broker/mod.ts";

const ROOT = new URL("../../", import.meta.url);

interface Dependency {
  readonly code?: { readonly specifier?: string };
  readonly isDynamic?: boolean;
}

interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly Dependency[];
  }[];
  readonly redirects: Readonly<Record<string, string>>;
}

async function deno(args: readonly string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT }).output();
}

/** The modules that are loaded with one, not those that it may load later. */
async function loadedWith(paths: readonly string[]): Promise<readonly string[]> {
  const loaded = new Set<string>();
  for (const path of paths) {
    const { stdout } = await deno(["info", "--json", "--lock", "tests/deno.lock", path]);
    const { modules, redirects }: Graph = JSON.parse(new TextDecoder().decode(stdout));
    const byName = new Map(modules.map((module) => [module.specifier, module]));
    const add = (named: string) => {
      const specifier = redirects[named] ?? named;
      const name = specifier.replace(ROOT.href, "");
      if (loaded.has(name)) return;
      loaded.add(name);
      for (const { code, isDynamic } of byName.get(specifier)?.dependencies ?? []) {
        if (isDynamic !== true && code?.specifier !== undefined) add(code.specifier);
      }
    };
    add(new URL(path, ROOT).href);
  }
  return [...loaded].toSorted();
}

/** What `pub -m` loads, one after the other. */
const PUB = ["cli.ts", "src/cli/commands/pub.ts", "src/cli/commands/pub_run.ts"];

/** So many modules may be loaded. More of them must be worth their time: each takes 0.1 ms. */
const MOST = 147;

Deno.test("pub loads only what a message over TCP needs", async () => {
  const modules = await loadedWith(PUB);
  assert(modules.length > 50);
  assert(
    modules.length <= MOST,
    `${modules.length} modules, more than ${MOST}:\n${modules.join("\n")}`,
  );
});

Deno.test("pub -m and sub -C 1 are over before they need a timer", async () => {
  await using broker = await serve({ port: 0, hostname: "127.0.0.1" });
  for (
    const command of [
      ...[0, 1, 2].map((qos) => `pub -t home/lamp -m on --retain -q ${qos}`),
      "sub -t home/lamp -C 1",
    ]
  ) {
    const { code, stderr } = await deno([
      "run",
      "--allow-net=127.0.0.1",
      "tests/cli/without_timers.ts",
      ...command.split(" "),
      ...["-h", "127.0.0.1", "-p", String(broker.port)],
    ]);
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], command);
  }
});
