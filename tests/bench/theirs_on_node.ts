// MQTT.js on Node for the benchmark of transports: its TLS on Deno is broken. npm puts it into a folder, beside copies of the
// files here that say what it is to do: Node takes their types out by itself.

import { output } from "./brokers.ts";
import { Child } from "./child.ts";
import type { Server } from "./server.ts";
import type { Servers } from "./transport_servers.ts";

/** What it is to do. */
export interface TheirWork {
  /** The name of a function in `theirs.ts`. */
  readonly name: "publishUnawaited" | "publishInFlight" | "receive" | "publishOne" | "connect";
  readonly qos: 0 | 1;
}

/** What is in the folder. */
export interface TheirsOnNode {
  /** Its name and version. */
  readonly name: string;
  /**
   * Starts a process that has connected in every way. Told the name of a transport, it does the work over that and tells how
   * many nanoseconds one operation took.
   */
  work(work: TheirWork, servers: Servers, turn: number): Promise<Child>;
  /** The bytes that an idle client takes, of so many. */
  idle(server: Server, clients: number): Promise<number>;
}

/** The first version that runs TypeScript as it is. */
const NODE = 22.18;

const FILES = ["harness", "idle", "theirs", "theirs_worker", "trial"];

/** Installs it. `undefined` where Node, npm or the registry is missing, or Node is too old. */
export async function theirsOnNode(folder: string): Promise<TheirsOnNode | undefined> {
  const version = await output("node", ["--version"]);
  if (!(parseFloat(version?.slice(1) ?? "") >= NODE)) return undefined;
  const source = await Deno.readTextFile(new URL("../npm/mqtt.ts", import.meta.url));
  const mqtt = source.match(/npm:(mqtt@[\d.]+)/)![1]!;
  const quietly = ["--silent", "--no-audit", "--no-fund"];
  const installed = await output("npm", ["install", "--prefix", folder, ...quietly, mqtt]);
  if (installed === undefined) return undefined;
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
  await Deno.mkdir(`${folder}/npm`);
  await Deno.writeTextFile(`${folder}/npm/mqtt.ts`, source.replaceAll(`npm:${mqtt}`, "mqtt"));
  await Deno.mkdir(`${folder}/bench`);
  for (const file of FILES) {
    await Deno.copyFile(new URL(`${file}.ts`, import.meta.url), `${folder}/bench/${file}.ts`);
  }
  return {
    name: `${mqtt} on Node ${version!.trim().slice(1)}`,
    async work(work, servers, turn) {
      const options = JSON.stringify({ work, servers, turn });
      const child = new Child("node", [`${folder}/bench/theirs_worker.ts`, options]);
      await child.hear();
      return child;
    },
    async idle(server, clients) {
      const args = ["--expose-gc", `${folder}/bench/idle.ts`, "theirs", JSON.stringify(server)];
      return Number(await output("node", [...args, String(clients)]));
    },
  };
}
