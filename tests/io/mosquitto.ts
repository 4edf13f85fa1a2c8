// A real Mosquitto for a test, on a free port, with its files in a folder of its own. Nothing of it outlives the test.

import { connectTcp } from "../../src/io/tcp.ts";

/** A Mosquitto that runs until it is disposed. */
export interface Mosquitto extends AsyncDisposable {
  /** The port of 127.0.0.1 on which it listens. */
  readonly port: number;
}

/** How a Mosquitto is to be set up. */
export interface MosquittoOptions {
  /** Who may connect; without, anybody may. */
  readonly users?: Readonly<Record<string, string>>;
  /** More lines for its configuration. */
  readonly configuration?: readonly string[];
}

/** Debian puts it where the path of an ordinary user does not lead. */
const FOLDERS = ["", "/usr/sbin/", "/usr/local/sbin/", "/opt/homebrew/sbin/"];

const program = await find("mosquitto", ["-h"]);
const passwordProgram = await find("mosquitto_passwd", []);

/** A test that needs Mosquitto; without one it is skipped, and its name says why. */
export function mosquittoTest(name: string, fn: () => Promise<void>): void {
  const ignore = program === undefined;
  Deno.test({ name: ignore ? `${name} (skipped: Mosquitto is not installed)` : name, ignore, fn });
}

/** Starts a Mosquitto and waits until it takes connections. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-mosquitto-" });
  const port = freePort();
  await Deno.writeTextFile(`${folder}/mosquitto.conf`, await configure(options, folder, port));
  const server = new Deno.Command(program!, {
    args: ["-c", `${folder}/mosquitto.conf`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  const end = server.status.then(() => ended = true);
  while (!await accepts(port)) {
    if (ended) throw new Error("Mosquitto ended before it took a connection");
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      if (!ended) server.kill("SIGTERM");
      await end;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A port on which nothing listens. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function configure(
  { users, configuration = [] }: MosquittoOptions,
  folder: string,
  port: number,
): Promise<string> {
  // Started as root it would become another user, who may not read the folder.
  const lines = [`listener ${port} 127.0.0.1`, "user root"];
  if (users === undefined) lines.push("allow_anonymous true");
  else {
    lines.push("allow_anonymous false", `password_file ${folder}/passwords`);
    await Deno.writeTextFile(`${folder}/passwords`, "");
    for (const [name, password] of Object.entries(users)) {
      const args = ["-b", `${folder}/passwords`, name, password];
      const { success } = await new Deno.Command(passwordProgram!, { args }).output();
      if (!success) throw new Error("mosquitto_passwd failed");
    }
  }
  return [...lines, ...configuration, ""].join("\n");
}

async function accepts(port: number): Promise<boolean> {
  try {
    const signal = new AbortController().signal;
    (await connectTcp({ hostname: "127.0.0.1", port, signal })).close();
    return true;
  } catch {
    return false;
  }
}

async function find(name: string, args: readonly string[]): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    try {
      await new Deno.Command(folder + name, { args: [...args], stdout: "null", stderr: "null" })
        .output();
      return folder + name;
    } catch {
      continue;
    }
  }
  return undefined;
}
