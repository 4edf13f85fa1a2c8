// What is in the package, and that its types say what the sources say.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { makeProject } from "./package.ts";
import { deno, npm, programTest, run } from "./programs.ts";

/** The entry points of the library. The command line is for Deno, and may need more. */
const LIBRARY = [".", "./broker", "./browser", "./packets", "./session"];

const IMPORT = /\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g;

programTest(
  "the package holds the library, which imports nothing but itself, with types for all of it",
  [npm],
  async () => {
    await using project = await makeProject();
    const root = `${project.folder}/node_modules/@mqtt5/mqtt5`;
    const { exports } = JSON.parse(await Deno.readTextFile(`${root}/package.json`));
    for (const entry of LIBRARY) {
      const { types, default: code } = exports[entry];
      assertEquals(await foreignImports(root, code), []);
      assertEquals(await foreignImports(root, types), []);
    }
  },
);

programTest("the package holds nothing of the place where it was made", [npm], async () => {
  await using project = await makeProject();
  const root = `${project.folder}/node_modules/@mqtt5/mqtt5`;
  const names = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).toSorted();
  const expected = ["LICENSE", "README.md", "cli.d.ts", "cli.js", "mod.d.ts", "mod.js"];
  assertEquals(names, [...expected, "package.json", "src"]);
  for await (const path of filesIn(root)) {
    const text = await Deno.readTextFile(path);
    assert(!text.includes("file:///"), path);
    // What JSR has is asked of JSR: npm stands in for it in a checkout alone.
    if (!path.endsWith(".json")) assert(!text.includes("deno-std"), path);
  }
});

programTest("a program in TypeScript is held to the package's types", [npm], async () => {
  await using project = await makeProject();
  const check = async (statement: string) => {
    await Deno.writeTextFile(`${project.folder}/program.ts`, PROGRAM + statement);
    await run(deno, ["check", "--quiet", "program.ts"], { cwd: project.folder });
  };
  await check('await client.publish("a", "b", { qos: 2, retain: true });');
  await assertRejects(() => check('await client.publish("a", "b", { qos: 3 });'), Error, "TS2322");
  await assertRejects(
    () => check("for await (const one of client.messages) one.topics;"),
    Error,
    "on type 'Message'",
  );
});

const PROGRAM = `
import { type Client, connect, encodePacket } from "@mqtt5/mqtt5";
import { type Broker, serve } from "@mqtt5/mqtt5/broker";
import { decodePacket, type Packet } from "@mqtt5/mqtt5/packets";

const packet: Packet = decodePacket(encodePacket({ type: "pingreq" }));
const broker: Broker = await serve({ listeners: [] });
const client: Client = await connect(broker, { keepAlive: 30, reconnect: { initialDelay: 10 } });
const texts: string[] = [];
for await (const message of client.messages) texts.push(message.text(), packet.type);
`;

/** What a file, and those that it imports, import from elsewhere, and what is not there. */
async function foreignImports(root: string, entry: string): Promise<string[]> {
  const foreign = new Set<string>();
  const seen = new Set([new URL(entry, `file://${root}/`).pathname]);
  for (const path of seen) {
    const text = withoutComments(await Deno.readTextFile(path));
    for (const [, name] of text.matchAll(IMPORT)) {
      if (!name!.startsWith(".")) foreign.add(name!);
      else seen.add(typesFor(new URL(name!, `file://${path}`).pathname, path));
    }
  }
  return [...foreign];
}

/** In types a module is named by its code. */
function typesFor(path: string, importer: string): string {
  return importer.endsWith(".d.ts") ? path.replace(/\.js$/, ".d.ts") : path;
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|[^:])\/\/.*$/gm, "$1");
}
