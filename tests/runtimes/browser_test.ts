// The package in a page of Chromium, made ready by esbuild. There is no driver: the page runs the
// checks by itself and tells the test what has come of each.

import { assert, assertEquals } from "@std/assert";
import { noOpenssl } from "../io/certificates.ts";
import { withFolder } from "../io/folder.ts";
import { noMosquitto } from "../io/mosquitto.ts";
import type { Transport } from "../../src/io/transport.ts";
import { bundleByDeno, bundleByEsbuild } from "./bundle.ts";
import { makeProject } from "./package.ts";
import { reportResults, resultsOf } from "./process_checks.ts";
import { chromium, esbuild, npm, programTest, unless } from "./programs.ts";
import { Control, startBroker, startOther } from "./servers.ts";

/** How long all checks may take, in milliseconds. */
const PATIENCE = 120_000;

const PROGRAMS = [chromium, npm, esbuild, unless(noMosquitto), unless(noOpenssl)];

programTest("in Chromium the package does all checks by ws and wss", PROGRAMS, async (t) => {
  await using ours = await startBroker();
  await using other = await startOther();
  const files: Record<string, string> = await pageFiles("page.js");
  await using control = new Control([ours, other], files);
  const servers = [ours, other].map(({ name, urls: { ws, wss } }) => {
    // Pages may connect to the host that they come from.
    return { name, urls: [ws, wss.replace("localhost", "127.0.0.1")] };
  });
  const plan = { runtime: "chromium", control: control.url, servers, bundle: "/deno.js" };
  files["/plan.json"] = JSON.stringify(plan);
  await showPage(control);
  await reportResults(t, control.results);
  assertEquals(control.results.length, resultsOf(4, 2));
  assertEquals(Object.keys(files).filter((path) => !control.requests.has(path)), []);
});

programTest(
  "in a page whose timers fire once a minute a connection outlives its Keep Alive, and nothing stalls [MQTT-3.1.2-20]",
  PROGRAMS,
  async (t) => {
    const times: number[] = [];
    await using broker = await startBroker({ intercept: (transport) => noting(transport, times) });
    const files: Record<string, string> = await pageFiles("slow_page.js", ["slow_clock.js"]);
    await using control = new Control([broker], files);
    files["/plan.json"] = JSON.stringify({ url: broker.urls.ws, control: control.url });
    await showPage(control);
    await reportResults(t, control.results);
    assertEquals(control.results.length, 1);
    // The server waits one and a half times the Keep Alive, here 90 s, of which each is a thirtieth.
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    assert(Math.max(...gaps) < 3000, `silent for ${Math.max(...gaps)} ms`);
  },
);

/** The transport, noting when something comes. */
function noting(transport: Transport, times: number[]): Transport {
  return {
    async read() {
      const bytes = await transport.read();
      if (bytes !== undefined) times.push(performance.now());
      return bytes;
    },
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** A page, by the paths of its files; `before` are scripts that run before its module. */
async function pageFiles(
  module: string,
  before: readonly string[] = [],
): Promise<Record<string, string>> {
  await using project = await makeProject();
  const entry = 'export * from "@mqtt5/mqtt5/browser"; ' +
    'export { scramAuthentication, scramKeys, serve } from "@mqtt5/mqtt5/broker";';
  const imports = { "@mqtt5/mqtt5": "/entry.js", "@mqtt5/mqtt5/broker": "/entry.js" };
  const files: Record<string, string> = {
    "/": [
      "<!doctype html>",
      `<script type="importmap">${JSON.stringify({ imports })}</script>`,
      ...before.map((file) => `<script src="/${file}"></script>`),
      `<script type="module" src="/${module}"></script>`,
    ].join("\n"),
    "/entry.js": await bundleByEsbuild(entry, project),
    "/deno.js": await bundleByDeno("src/browser.ts", project.folder),
  };
  for (const file of [module, "checks.js", ...before]) {
    files[`/${file}`] = await Deno.readTextFile(new URL(file, import.meta.url));
  }
  return files;
}

/** Shows the page in a Chromium until it is done. */
function showPage(control: Control): Promise<void> {
  return withFolder("mqtt5-chromium-", async (folder) => {
    if ("missing" in chromium) throw new Error(chromium.missing);
    const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    args.push("--no-first-run", "--disable-extensions", "--ignore-certificate-errors");
    const browser = new Deno.Command(chromium.path, {
      args: [...args, "--enable-logging=stderr", `--user-data-dir=${folder}`, `${control.url}/`],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let isDone = false;
    const stop = () => {
      try {
        browser.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
    };
    const overdue = setTimeout(stop, PATIENCE);
    void control.done.then(() => {
      isDone = true;
      stop();
    });
    const { stderr } = await browser.output();
    clearTimeout(overdue);
    // What the page says to the console is there, too.
    if (!isDone) throw new Error(`The page did not end:\n${new TextDecoder().decode(stderr)}`);
  });
}
