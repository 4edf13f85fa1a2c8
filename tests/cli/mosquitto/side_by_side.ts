// Mosquitto's tools and our commands side by side: processes with the same arguments, at a
// Mosquitto that tells what it sees.

import { type Client, connect, type Message } from "../../../mod.ts";
import { interopTest, until } from "../../interop/interop.ts";
import type { Mosquitto, MosquittoOptions } from "../../io/mosquitto.ts";

/** Whose tool it is. Each side's Client Identifier is its name, unless the arguments have one. */
export const SIDES = ["theirs", "ours"] as const;

export type Side = typeof SIDES[number];

/** What is compared, by the last part of the name that mosquitto has for it. */
export type Tool = "pub" | "sub" | "rr";

/** A server on 127.0.0.1. */
export interface Place {
  readonly port: number;
}

/** How a tool ended. */
export interface Outcome {
  readonly exitCode: number;
  /** A character for each byte. */
  readonly stdout: string;
  readonly stderr: string;
}

/** How a tool is started. */
export interface StartOptions {
  readonly input?: string | Uint8Array<ArrayBuffer>;
  readonly env?: Readonly<Record<string, string>>;
  /** How the arguments say where the server is, if not as usual. */
  readonly address?: readonly string[];
  /** What ours may do beside connecting to the server. */
  readonly permissions?: readonly string[];
  /** Whether the Client Identifier is left to the server. */
  readonly isNameless?: boolean;
}

const LOGGING = ["log_dest topic", "log_type notice", "log_type subscribe"];

const hasTools = await Promise.all(["pub", "sub", "rr"].map(async (tool) => {
  await new Deno.Command(`mosquitto_${tool}`, { args: ["--help"] }).output();
})).then(() => true, () => false);

/**
 * A test with mosquitto's tools and a Mosquitto of its own; where there are none, it is skipped,
 * and its name says so.
 */
export function sideBySideTest<Name extends string = never>(
  name: string,
  test: (server: Mosquitto<Name>) => Promise<void>,
  options: MosquittoOptions<Name> = {},
): void {
  if (hasTools) {
    const configuration = [...LOGGING, ...options.configuration ?? []];
    interopTest(name, test, { ...options, configuration });
  } else {
    const why = "mosquitto_pub, _sub or _rr is not installed";
    Deno.test({ name: `${name} (skipped: ${why})`, ignore: true, fn() {} });
  }
}

/** Starts a tool. */
export function start(
  { port }: Place,
  side: Side,
  tool: Tool,
  args: readonly string[],
  options: StartOptions = {},
): Deno.ChildProcess {
  const { env = {}, permissions = [], isNameless = false } = options;
  const { address = ["-h", "127.0.0.1", "-p", String(port)] } = options;
  const named = isNameless || args.includes("-i") ? args : ["-i", side, ...args];
  const all = ["-V", "5", ...address, ...named];
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  if (side === "theirs") {
    return new Deno.Command(`mosquitto_${tool}`, { args: all, env, ...streams }).spawn();
  }
  const cli = new URL("../../../cli.ts", import.meta.url).href;
  const net = `--allow-net=127.0.0.1:${port}`;
  const run = ["run", "--quiet", "--no-prompt", net, ...permissions, cli];
  const command = tool === "rr" ? "request" : tool;
  return new Deno.Command(Deno.execPath(), { args: [...run, command, ...all], env, ...streams })
    .spawn();
}

/** A tool that has not ended after so many milliseconds never will. */
const PATIENCE = 20_000;

/** Waits until a tool has ended. Its input is `input`, and no more. */
export async function end(
  child: Deno.ChildProcess,
  input: string | Uint8Array<ArrayBuffer> = "",
): Promise<Outcome> {
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  // Who reads no input may have ended before it is written.
  const writing = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await writing;
  return { exitCode: code, stdout: characters(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Runs a tool to its end. */
export async function run(...call: Parameters<typeof start>): Promise<Outcome> {
  return await end(start(...call), call[4]?.input);
}

/** What is compared of how a tool ended. */
export function told({ exitCode, stdout }: Outcome): readonly [exitCode: number, stdout: string] {
  return [exitCode, stdout];
}

/** Runs both at once, with the same arguments. */
export async function runBoth(
  place: Place,
  tool: Tool,
  args: readonly string[],
  options?: StartOptions,
): Promise<readonly [theirs: Outcome, ours: Outcome]> {
  return await Promise.all([
    run(place, "theirs", tool, args, options),
    run(place, "ours", tool, args, options),
  ]);
}

/** Both subscribe; then messages are published; both end. */
export async function receive(
  server: Mosquitto,
  args: readonly string[],
  publish: (client: Client) => Promise<unknown>,
  options?: StartOptions,
): Promise<readonly [theirs: Outcome, ours: Outcome]> {
  await using watcher = await watch(server);
  let haveEnded = false;
  const outcomes = runBoth(server, "sub", args, options).finally(() => haveEnded = true);
  const haveSubscribed = () =>
    SIDES.every((side) => watcher.logged(new RegExp(`: ${side} \\d `)) !== undefined);
  await until(() => haveSubscribed() || haveEnded);
  await publish(watcher.client);
  return await outcomes;
}

/** Sees all that is published, and what Mosquitto logs. */
export class Watcher implements AsyncDisposable {
  readonly client: Client;
  #log: string[] = [];
  readonly #messages: string[] = [];

  constructor(client: Client) {
    this.client = client;
  }

  take(message: Message): void {
    if (message.topic.startsWith("$SYS/")) this.#log.push(message.text());
    else this.#messages.push(described(message));
  }

  /** The line that Mosquitto has logged, if it has. */
  logged(pattern: RegExp): string | undefined {
    return this.#log.find((line) => pattern.test(line));
  }

  /** Waits until this has been published. */
  async untilPublished(message: string): Promise<void> {
    await until(() => this.#messages.includes(message));
  }

  /** Waits until Mosquitto has logged such a line. */
  async untilLogged(pattern: RegExp): Promise<string> {
    await until(() => this.logged(pattern) !== undefined);
    return this.logged(pattern)!;
  }

  /** What has been published and acknowledged since the last time. */
  async published(): Promise<string[]> {
    await this.client.publish("mark", "");
    await this.untilPublished('mark 0 ""');
    return this.#messages.splice(0).filter((message) => !message.startsWith("mark "));
  }

  /**
   * What has been published since the last time, as soon as this client has gone, and how its
   * connection began.
   */
  async publishedBy(id: string): Promise<{ readonly messages: string[]; readonly began: string }> {
    await this.untilLogged(new RegExp(`: Client ${id} (disconnected|closed)`));
    const began = await this.untilLogged(new RegExp(` as ${id} `));
    this.#log = [];
    return { messages: this.#messages.splice(0), began: began.replace(/.* as \S+ /, "") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.disconnect();
  }
}

/** Watches a Mosquitto. What comes after this resolves is seen. */
export async function watch({ url }: Mosquitto): Promise<Watcher> {
  const client = await connect(url);
  const watcher = new Watcher(client);
  const filters = ["#", "$SYS/broker/log/#"];
  const messages = await client.subscribe(filters, { qos: 2, retainAsPublished: true });
  (async () => {
    for await (const message of messages) watcher.take(message);
  })();
  return watcher;
}

/** A message in a line: `a/b 1 retained "text"`; what is no text in hexadecimal digits. */
function described({ topic, qos, retain, payload }: Message): string {
  const flags = retain ? `${qos} retained` : `${qos}`;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    return `${topic} ${flags} ${JSON.stringify(text)}`;
  } catch {
    return `${topic} ${flags} ${payload.toHex()}`;
  }
}

/** A text with a character for each byte. */
function characters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
