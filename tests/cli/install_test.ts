// Installed, or compiled into a program of its own, `mqtt5` works as it does from a checkout: made
// by the commands that the README shows, and run from another folder.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { connect } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { temporaryFolder } from "../broker_net/broker_net.ts";
import { Running } from "./run.ts";

const CHECKOUT = new URL("../../", import.meta.url);

/** Starts a program in a folder that is none of the project's, where it finds this `deno`. */
function start(program: string, args: readonly string[], cwd: string): Running {
  return new Running(
    new Deno.Command(program, {
      args: [...args],
      cwd,
      env: { PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

/** Runs `deno` in the checkout, and sees that it succeeds. Resolves to what it says. */
async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: CHECKOUT,
    env,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(new Uint8Array([...stdout, ...stderr]));
  assert(success, said);
  return said;
}

/** Sees that a program is `mqtt5`: it tells its version, publishes and subscribes. */
async function assertWorks(program: string, folder: string): Promise<void> {
  const version = await start(program, ["--version"], folder).end();
  const { default: { version: expected } } = await import("../../deno.json", {
    with: { type: "json" },
  });
  assertEquals(version, { exitCode: 0, stdout: `mqtt5 ${expected}\n`, stderr: "" });
  await using broker = await serve({ port: 0 });
  const url = `mqtt://localhost:${broker.port}`;
  const subscriber = start(program, ["sub", "-C", "1", "-d", "-t", "a/#", url], folder);
  await subscriber.untilTold(/SUBACK/);
  const published = await start(program, ["pub", "-t", "a/b", "-m", "hello", url], folder).end();
  assertEquals(published, { exitCode: 0, stdout: "", stderr: "" });
  const { exitCode, stdout } = await subscriber.end();
  assertEquals([exitCode, stdout], [0, "hello\n"]);
}

Deno.test("deno install --root puts an mqtt5 there that works", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await deno("install -g -N -n mqtt5 --config deno.json --root".split(" ").concat(path, "cli.ts"));
  await assertWorks(`${path}/bin/mqtt5`, path);
});

Deno.test("an installed mqtt5 may use the network, and nothing else", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await deno("install -g -N -n mqtt5 --config deno.json cli.ts".split(" "), {
    DENO_INSTALL_ROOT: path,
  });
  await using broker = await serve({ port: 0 });
  await using client = await connect(broker.url, { reconnect: false });
  await client.publish("a", "b", { qos: 1, retain: true });
  const { exitCode, stderr } = await start(
    `${path}/bin/mqtt5`,
    ["pub", "-p", String(broker.port), "-t", "a", "-f", `${path}/bin/mqtt5`],
    path,
  ).end();
  assertEquals(exitCode, 1);
  assertMatch(stderr, /^mqtt5: Cannot read [^\n]*--allow-read\b[^\n]*\n$/);
});

/**
 * Whether `deno compile` has the runtime that it puts programs into. It downloads it once; tests do
 * not.
 */
async function hasRuntime(): Promise<boolean> {
  if (Deno.env.get("DENORT_BIN") !== undefined) return true;
  const { denoDir } = JSON.parse(await deno(["info", "--json"]));
  const { deno: version } = Deno.version;
  const archive = `denort-${Deno.build.target}.zip`;
  return await Deno.stat(`${denoDir}/dl/release/v${version}/${archive}`).then(
    () => true,
    () => false,
  );
}

const canCompile = await hasRuntime();
const WHY = " (skipped: the runtime of deno compile is not here; DENORT_BIN can name one)";

Deno.test({
  name: `deno compile makes an mqtt5 that works${canCompile ? "" : WHY}`,
  ignore: !canCompile,
  async fn() {
    await using folder = await temporaryFolder();
    const { path } = folder;
    await deno("compile --allow-net -o".split(" ").concat(`${path}/mqtt5`, "cli.ts"));
    await assertWorks(`${path}/mqtt5`, path);
  },
});

/**
 * A program of this machine that can stand in for the runtime: it is copied, and what is compiled
 * is appended.
 */
const STAND_IN = "/bin/true";
const canStandIn = Deno.build.os === "linux";

Deno.test({
  name: `deno compile takes in every file of the commands${
    canStandIn ? "" : " (skipped: no Linux)"
  }`,
  ignore: !canStandIn,
  async fn() {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/mqtt5`;
    await deno(["compile", "--allow-net", "--exclude-unused-npm", "-o", path, "cli.ts"], {
      DENORT_BIN: STAND_IN,
    });
    const program = new TextDecoder().decode(await Deno.readFile(path));
    // What is loaded only when it is wanted is in it, too, and so is the version.
    for await (const file of filesIn(new URL("src/cli/", CHECKOUT))) {
      const text = await Deno.readTextFile(file);
      // A file of types alone is not there when the program runs.
      if (!/^(?:export )?(?:async )?(?:function|class|const)\b/m.test(text)) continue;
      const [header] = text.split("\n");
      assert(program.includes(header!), file.pathname);
    }
    assert(program.includes('"name": "@mqtt5/mqtt5"'));
  },
});

async function* filesIn(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(new URL(`${name}/`, folder));
    else yield new URL(name, folder);
  }
}
