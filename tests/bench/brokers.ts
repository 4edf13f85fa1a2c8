// The brokers of the broker benchmark, each in a process of its own, each set up so that nothing holds it up: nobody asks who
// is who, nothing goes to disk, nothing is logged for each message, nothing is dropped.

import { freePort } from "../io/mosquitto.ts";
import { Child } from "./child.ts";
import type { ProtocolVersion } from "./peer_bytes.ts";

/** A broker that can be started any number of times. */
export interface BrokerKind {
  /** Its name and version. */
  readonly name: string;
  /** What it speaks best. */
  readonly version: ProtocolVersion;
  /** Starts one. */
  start(): Promise<RunningBroker>;
}

/** A broker that runs. */
export interface RunningBroker extends AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  /** Its process. */
  readonly pid: number;
}

/** A folder for what is installed. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a folder, which is gone when it is disposed of. */
export async function makeFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir({ prefix: "mqtt5-bench-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** The broker of this project, as its command line starts it, for clients of a version. */
export function ourBroker(version: ProtocolVersion = 5): BrokerKind {
  const file = new URL("../../cli.ts", import.meta.url).pathname;
  const args = ["run", "--allow-net=127.0.0.1", file, "broker", "--port", "0"];
  return {
    name: `ours on Deno ${Deno.version.deno}`,
    version,
    start: () => start(Deno.execPath(), args),
  };
}

/** What a broker reaches that looks at nothing. */
export function relay(): BrokerKind {
  const file = new URL("relay.ts", import.meta.url).pathname;
  const args = ["run", "--allow-net=127.0.0.1", file];
  return { name: "bare relay", version: 5, start: () => start(Deno.execPath(), args) };
}

const AEDES = `
import { createServer } from "node:net";
import { Aedes } from "aedes";

const aedes = await Aedes.createBroker();
const server = createServer({ noDelay: true }, aedes.handle);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
`;

/** The newest aedes, which npm puts into a folder. `undefined` where Node, npm or the registry is missing. */
export async function aedes(folder: Folder): Promise<BrokerKind | undefined> {
  const where = ["--prefix", folder.path];
  const quietly = ["--silent", "--no-audit", "--no-fund"];
  const node = await output("node", ["--version"]);
  const installed = await output("npm", ["install", ...where, ...quietly, "aedes@latest"]);
  if (node === undefined || installed === undefined) return undefined;
  const info = await Deno.readTextFile(`${folder.path}/node_modules/aedes/package.json`);
  const file = `${folder.path}/broker.mjs`;
  await Deno.writeTextFile(file, AEDES);
  return {
    name: `aedes ${JSON.parse(info).version} on Node ${node.trim().slice(1)}`,
    version: 4,
    start: () => start("node", [file]),
  };
}

/** Debian puts it where the path of an ordinary user does not lead. */
const MOSQUITTO_FOLDERS = ["", "/usr/sbin/", "/usr/local/sbin/", "/opt/homebrew/sbin/"];

/** What Mosquitto says after it has told how to use it. */
const EXIT_CODE_OF_HELP = 3;

const MOSQUITTO = `
allow_anonymous true
max_inflight_messages 0
max_queued_messages 0
persistence false
log_type none
set_tcp_nodelay true
`;

/** The Mosquitto of this system, with its configuration in a folder. `undefined` where there is none. */
export async function mosquitto(folder: Folder): Promise<BrokerKind | undefined> {
  for (const path of MOSQUITTO_FOLDERS) {
    const program = `${path}mosquitto`;
    const help = await output(program, ["-h"], EXIT_CODE_OF_HELP);
    if (help === undefined) continue;
    return {
      name: `Mosquitto ${/[\d.]+/.exec(help)?.[0]}`,
      version: 5,
      start: () => startMosquitto(program, folder),
    };
  }
  return undefined;
}

/** How often to look whether it listens, and how many milliseconds to wait between two looks. */
const LOOKS = 250;
const BETWEEN_LOOKS = 20;

async function startMosquitto(program: string, folder: Folder): Promise<RunningBroker> {
  const port = freePort();
  const file = `${folder.path}/mosquitto-${port}.conf`;
  await Deno.writeTextFile(file, `listener ${port} 127.0.0.1\n${MOSQUITTO}`);
  const child = new Child(program, ["-c", file]);
  // It tells nothing.
  for (let look = 0; !await accepts(port); look++) {
    if (look === LOOKS) throw new Error("Mosquitto did not start");
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS));
  }
  return running(child, port);
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Starts a broker that tells its port at the end of its first line. */
async function start(program: string, args: readonly string[]): Promise<RunningBroker> {
  const child = new Child(program, args);
  const [port] = /\d+$/.exec(await child.hear()) ?? [];
  void child.ignore();
  return running(child, Number(port));
}

function running(child: Child, port: number): RunningBroker {
  return { port, pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

/** What a program prints; `undefined` where there is none, or it ends with another exit code. */
export async function output(
  program: string,
  args: readonly string[],
  exitCode = 0,
): Promise<string | undefined> {
  try {
    const command = new Deno.Command(program, { args: [...args], stderr: "null" });
    const { code, stdout } = await command.output();
    return code === exitCode ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}
