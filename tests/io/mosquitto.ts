// A real Mosquitto for a test, on free ports, with its files in a folder of its own. Nothing of it
// outlives the test.

import { noOpenssl } from "./certificates.ts";
import {
  accepts,
  configureListener,
  type ListenerPlace,
  listenerUrl,
  type MosquittoListener,
} from "./mosquitto_listeners.ts";

/** A Mosquitto that runs until it is disposed. `Name` is what its other listeners are called. */
export interface Mosquitto<Name extends string = never> extends AsyncDisposable {
  /** The port of 127.0.0.1 on which it listens. */
  readonly port: number;
  /** The same as a URL. */
  readonly url: string;
  /** Where its other listeners are. */
  readonly urls: Readonly<Record<Name, string>>;
  /** The ports of its other listeners on 127.0.0.1; what a Unix socket has there means nothing. */
  readonly ports: Readonly<Record<Name, number>>;
  /** Ends it. With SIGTERM it says good-bye and saves what it is to keep; with SIGKILL, neither. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it again, same ports and same files. Resolves when it takes connections everywhere. */
  start(): Promise<void>;
}

/** How a Mosquitto is to be set up. */
export interface MosquittoOptions<Name extends string = never> {
  /** Where it listens; without, on a port that is free. */
  readonly port?: number;
  /** Who may connect; without, anybody may. */
  readonly users?: Readonly<Record<string, string>>;
  /** The lines of its access control list; without, anybody may do anything. */
  readonly access?: readonly string[];
  /** Which Topic Filters may be subscribed to; without, any may. It takes a plugin to say so. */
  readonly maySubscribe?: readonly string[];
  /** Whether it keeps sessions and retained messages in a file, written often and when it ends. */
  readonly isPersistent?: boolean;
  /** More lines for its configuration. */
  readonly configuration?: readonly string[];
  /** Listeners beside the plain one, by a name of yours. */
  readonly listeners?: Readonly<Record<Name, MosquittoListener>>;
}

/** Debian puts it where the path of an ordinary user does not lead. */
const FOLDERS = ["", "/usr/sbin/", "/usr/local/sbin/", "/opt/homebrew/sbin/"];

const program = await find("mosquitto", ["-h"]);
/** Why there is no Mosquitto, if there is none. */
export const noMosquitto: string | undefined = program === undefined
  ? "Mosquitto is not installed"
  : undefined;
const passwordProgram = await find("mosquitto_passwd", []);

/** A test that needs `mosquitto_passwd`, and Mosquitto itself. */
export function mosquittoPasswordTest(name: string, fn: () => Promise<void>): void {
  const none = passwordProgram === undefined ? "mosquitto_passwd is not installed" : undefined;
  skippable(name, fn, noMosquitto ?? none);
}

/** Runs `mosquitto_passwd`. */
export async function mosquittoPasswd(...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(passwordProgram!, { args: [...args] }).output();
  if (!success) throw new Error("mosquitto_passwd failed");
}

/** Debian's plugin by which subscriptions can be refused. */
const PLUGIN = `/usr/lib/${Deno.build.arch}-linux-gnu/mosquitto_dynamic_security.so`;

const hasPlugin = await Deno.stat(PLUGIN).then(() => true, () => false);

/**
 * A test that needs Mosquitto; without one, or without its plugin, it is skipped, and its name says
 * why.
 */
export function mosquittoTest(
  name: string,
  fn: () => Promise<void>,
  { maySubscribe }: MosquittoOptions<string> = {},
): void {
  const noPlugin = maySubscribe !== undefined && !hasPlugin ? `there is no ${PLUGIN}` : undefined;
  skippable(name, fn, noMosquitto ?? noPlugin);
}

/** A test that needs Mosquitto and openssl, for its certificates. */
export function mosquittoTlsTest(name: string, fn: () => Promise<void>): void {
  skippable(name, fn, noMosquitto ?? noOpenssl);
}

function skippable(name: string, fn: () => Promise<void>, why: string | undefined): void {
  const ignore = why !== undefined;
  Deno.test({ name: ignore ? `${name} (skipped: ${why})` : name, ignore, fn });
}

/** Starts a Mosquitto and waits until it takes connections. */
export async function startMosquitto<Name extends string = never>(
  options: MosquittoOptions<Name> = {},
): Promise<Mosquitto<Name>> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-mosquitto-" });
  const { port = freePort(), listeners } = options;
  const others = Object.entries<MosquittoListener>(listeners ?? {}).map(([name, listener]) => {
    const place = { name, folder, port: freePort() };
    return { listener, place, url: listenerUrl(listener, place) };
  });
  await Deno.writeTextFile(
    `${folder}/mosquitto.conf`,
    await configure(options, folder, port, others),
  );
  const server = new RestartableMosquitto(
    folder,
    port,
    Object.fromEntries(others.map(({ place, url }) => [place.name, url])) as Record<Name, string>,
    Object.fromEntries(others.map(({ place }) => [place.name, place.port])) as Record<Name, number>,
  );
  try {
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

class RestartableMosquitto<Name extends string> implements Mosquitto<Name> {
  readonly port: number;
  readonly urls: Readonly<Record<Name, string>>;
  readonly ports: Readonly<Record<Name, number>>;
  readonly #folder: string;
  #process: Deno.ChildProcess | undefined;

  constructor(
    folder: string,
    port: number,
    urls: Readonly<Record<Name, string>>,
    ports: Readonly<Record<Name, number>>,
  ) {
    this.#folder = folder;
    this.port = port;
    this.urls = urls;
    this.ports = ports;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const process = this.#process = new Deno.Command(program!, {
      args: ["-c", `${this.#folder}/mosquitto.conf`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    let hasEnded = false;
    void process.status.then(() => hasEnded = true);
    // A Unix socket may be left over from before: it is certain once another listens behind it.
    for (const url of [...Object.values<string>(this.urls), this.url]) {
      while (!await accepts(url)) {
        if (hasEnded) throw new Error("Mosquitto ended before it took a connection");
      }
    }
  }

  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    try {
      process?.kill(signal);
    } catch {
      // It has ended already.
    }
    await process?.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/**
 * A port on which nothing listens. It lies below those that a system gives to whoever connects: one
 * of those might be taken while Mosquitto is down.
 */
export function freePort(): number {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      continue;
    }
  }
}

async function configure(
  { users, access, maySubscribe, isPersistent = false, configuration = [] }: MosquittoOptions<
    string
  >,
  folder: string,
  port: number,
  others: readonly { listener: MosquittoListener; place: ListenerPlace }[],
): Promise<string> {
  const lines: string[] = [];
  for (const { listener, place } of others) lines.push(...await configureListener(listener, place));
  // Started as root it would become another user, who may not read the folder.
  lines.push(`listener ${port} 127.0.0.1`, "user root");
  // Without, it waits 40 ms for more before it sends what is not the first.
  lines.push("set_tcp_nodelay true");
  if (users === undefined) lines.push("allow_anonymous true");
  else {
    lines.push("allow_anonymous false", `password_file ${folder}/passwords`);
    await Deno.writeTextFile(`${folder}/passwords`, "");
    for (const [name, password] of Object.entries(users)) {
      await mosquittoPasswd("-b", `${folder}/passwords`, name, password);
    }
  }
  if (access !== undefined) {
    lines.push(`acl_file ${folder}/access`);
    await Deno.writeTextFile(`${folder}/access`, [...access, ""].join("\n"));
  }
  if (maySubscribe !== undefined) {
    lines.push(`plugin ${PLUGIN}`, `plugin_opt_config_file ${folder}/plugin.json`);
    await Deno.writeTextFile(`${folder}/plugin.json`, JSON.stringify(pluginSettings(maySubscribe)));
  }
  if (isPersistent) {
    lines.push("persistence true", `persistence_location ${folder}/`);
    lines.push("autosave_on_changes true", "autosave_interval 1");
  }
  return [...lines, ...configuration, ""].join("\n");
}

/** Anybody may do anything but subscribe, and to these filters anybody may. */
function pluginSettings(maySubscribe: readonly string[]): unknown {
  const acls = maySubscribe.map((topic) => {
    return { acltype: "subscribeLiteral", topic, priority: 0, allow: true };
  });
  return {
    defaultACLAccess: {
      publishClientSend: true,
      publishClientReceive: true,
      subscribe: false,
      unsubscribe: true,
    },
    roles: [{ rolename: "subscriber", acls }],
    groups: [{
      groupname: "anybody",
      roles: [{ rolename: "subscriber", priority: 0 }],
      clients: [],
    }],
    anonymousGroup: "anybody",
    clients: [],
  };
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
