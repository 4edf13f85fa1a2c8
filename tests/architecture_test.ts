// The layers of the design, held by machine: who may import whom, who may touch the world, and what lies at the top level.
// A layer may import those named beside it and all that those may import.

import { assert, assertEquals } from "@std/assert";
import bytes from "../.jsr/bytes/deno.json" with { type: "json" };
import cli from "../.jsr/cli/deno.json" with { type: "json" };
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  topics: [],
  wire: ["errors"],
  packets: ["wire", "topics"],
  session: ["packets"],
  io: ["session"],
  store: ["session"],
  client: ["session", "io"],
  broker: ["session"],
  browser: ["client"],
  monitor: ["packets"],
  testing: ["client", "broker", "store", "monitor"],
  cli: ["client", "broker", "store", "monitor"],
};

/** Single files and folders that may import more than their layer. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  "broker/serve.ts": ["io"],
  // Give SCRAM and password files their cryptography.
  "broker/scram_authentication.ts": ["io"],
  "broker/access/password_line.ts": ["io"],
  "broker/access/password_file.ts": ["io"],
  "broker/durability": ["store"],
};

/** Libraries, by the layer that may use them, beside `@std/bytes`, which all may. */
const LIBRARIES: Readonly<Record<string, RegExp>> = {
  cli: /^jsr:@std\/(bytes|cli)@\^1\//,
};
const ANY_LAYER = /^jsr:@std\/bytes@\^1\//;

const WORLD =
  /\b(?:Deno\.|setTimeout|setInterval|AbortSignal\.timeout|Date\.now|new Date\b|performance\b|Math\.random|crypto\.(?!ts"))/;
const MEETS_THE_WORLD = ["io", "cli"];

/** What a checkout has in place of packages of JSR, as the sources name it. */
const standIns = new Set(
  [bytes, cli].flatMap(({ name, exports }) =>
    Object.keys(exports).map((path) => `jsr:${name}@^1${path.slice(1)}`)
  ),
);

const TOP_LEVEL = [
  "LICENSE",
  "README.md",
  "cli.ts",
  "deno.json",
  "deno.lock",
  "mod.ts",
  "src",
  "tests",
];

Deno.test("no layer imports what it may not", async () => {
  assertEquals(await violations(importFaults), []);
});

Deno.test("only io and cli touch sockets, clocks, timers and chance", async () => {
  assertEquals(await violations(worldFaults), []);
});

Deno.test("an import upwards, sideways or of a foreign library is a violation", () => {
  assertEquals(importFaults("wire/reader.ts", 'import { a } from "../packets/mod.ts";'), [
    "wire/reader.ts imports ../packets/mod.ts",
  ]);
  assertEquals(importFaults("client/a.ts", 'import type { a } from "../broker/b.ts";').length, 1);
  assertEquals(importFaults("broker/a.ts", 'export * from "../io/tcp.ts";').length, 1);
  assertEquals(importFaults("broker/serve.ts", 'import { a } from "../io/tcp.ts";'), []);
  assertEquals(importFaults("broker/durability/a.ts", 'import { a } from "../../store/b.ts";'), []);
  assertEquals(importFaults("broker/a.ts", 'import { a } from "../store/b.ts";').length, 1);
  assertEquals(importFaults("packets/a.ts", 'await import("npm:left-pad");').length, 1);
  assertEquals(importFaults("packets/a.ts", 'import { a } from "jsr:@std/cli@^1/b";').length, 1);
  assertEquals(importFaults("packets/a.ts", 'import { a } from "jsr:@std/bytes@^1/b";'), []);
  assertEquals(importFaults("cli/a.ts", 'import { a } from "../wire/field.ts";'), []);
});

Deno.test("a clock outside io is a violation, in a comment it is none", () => {
  assertEquals(worldFaults("session/a.ts", "const now = Date.now();"), [
    "session/a.ts uses Date.now",
  ]);
  assertEquals(worldFaults("session/a.ts", "// no Date.now() here\n/** nor Deno. here */"), []);
  assertEquals(worldFaults("io/clock.ts", "const now = Date.now();"), []);
});

Deno.test("nothing lies at the top level but what the design names", async () => {
  const names = (await Array.fromAsync(Deno.readDir(ROOT))).map(({ name }) => name);
  assertEquals(names.filter((name) => !name.startsWith(".") && !TOP_LEVEL.includes(name)), []);
});

Deno.test("mod.ts re-exports and does nothing else", async () => {
  const text = withoutComments(await Deno.readTextFile(new URL("mod.ts", ROOT)));
  assertEquals(text.replaceAll(/export (?:type )?(?:\*|\{[^}]*\}) from "[^"]+";/g, "").trim(), "");
});

Deno.test("a checkout needs npm alone: .jsr has every JSR package that the sources name", async () => {
  const foreign = await violations((file, text) =>
    importsOf(text)
      .filter((name) => name.startsWith("jsr:") && !standIns.has(name))
      .map((name) => `${file} imports ${name}`)
  );
  assertEquals(foreign, []);
});

Deno.test("a user's first command fetches one package: deno.json and deno.lock name no other", async () => {
  const named = Object.values(config.imports).filter((target) => !target.startsWith("./"));
  assertEquals(named, ["npm:deno-std@1.4.0/assert/mod.js"]);
  // As it is committed: whatever is run without --lock tests/deno.lock adds to the file.
  const git = new Deno.Command("git", { args: ["show", "HEAD:deno.lock"], cwd: ROOT });
  const { success, stdout } = await git.output();
  assert(success, "the tests look at what is committed: run them in a clone");
  const { npm, jsr } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([Object.keys(npm), jsr], [["deno-std@1.4.0"], undefined]);
});

type Check = (file: string, text: string) => string[];

async function violations(check: Check): Promise<string[]> {
  const found: string[] = [];
  for await (const file of sources(new URL("src/", ROOT))) {
    const name = file.href.slice(new URL("src/", ROOT).href.length);
    found.push(...check(name, await Deno.readTextFile(file)));
  }
  return found;
}

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else yield new URL(name, folder);
  }
}

function importFaults(file: string, text: string): string[] {
  return importsOf(text)
    .filter((name) => !isAllowed(file, name))
    .map((name) => `${file} imports ${name}`);
}

function worldFaults(file: string, text: string): string[] {
  if (MEETS_THE_WORLD.includes(layerOf(file))) return [];
  const use = WORLD.exec(withoutComments(text))?.[0];
  return use === undefined ? [] : [`${file} uses ${use}`];
}

function isAllowed(file: string, imported: string): boolean {
  const layer = layerOf(file);
  if (!imported.startsWith(".")) {
    return ANY_LAYER.test(imported) || (LIBRARIES[layer]?.test(imported) ?? false);
  }
  const target = new URL(imported, `file:///src/${file}`).pathname;
  if (target === "/deno.json") return layer === "cli";
  if (target === "/mod.ts") return layer === "browser";
  const targetLayer = layerOf(target.slice("/src/".length));
  return targetLayer === layer || reachable(layer).has(targetLayer) ||
    [file, file.replace(/\/[^/]*$/, "")].some((place) => EXCEPTIONS[place]?.includes(targetLayer));
}

function reachable(layer: string, seen: Set<string> = new Set()): Set<string> {
  for (const next of MAY_IMPORT[layer] ?? []) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachable(next, seen);
  }
  return seen.add("errors").add("topics");
}

function layerOf(file: string): string {
  return file.split("/")[0]!.replace(/\.ts$/, "");
}

function importsOf(text: string): string[] {
  const statements = withoutComments(text).matchAll(
    // What `typeof import()` names is a type, and gone when the program runs.
    /(?<!")\b(?:from\s*|(?<!typeof )import\s*\(\s*|import\s+)"([^"]+)"/g,
  );
  return Array.from(statements, ([, name]) => name!);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|[^:])\/\/.*$/gm, "$1");
}
