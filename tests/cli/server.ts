// Commands as processes that may connect to one server and do no more, and what they meet there: a
// broker that writes down its messages, and a way to it that can be cut. Nothing of it outlives the
// test.

import { type Client, connect, type PublishOptions } from "../../mod.ts";
import { type Broker, serve, type ServeOptions } from "../../src/broker/mod.ts";
import { withinPatience } from "../interop/interop.ts";
import { close, write } from "./recorder.ts";
import { type Result, type Running, start } from "./run.ts";

/** What listens on a port of this machine. */
export interface Place {
  readonly port: number;
}

/** What a process gets beside its arguments. */
export interface ProcessOptions {
  readonly stdin?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** What it may do beside connecting to the server. */
  readonly permissions?: readonly string[];
}

/** A command that has not ended by then never will. */
const PATIENCE = 30_000;

/** Starts a command with `-p` and the server's port. Disposing it ends it at once. */
export function begin(
  { port }: Place,
  [command, ...args]: readonly string[],
  options: ProcessOptions = {},
): Running & AsyncDisposable {
  return beginBare(
    [`--allow-net=localhost:${port}`],
    [command!, "-p", String(port), ...args],
    options,
  );
}

/** Starts a command with these arguments alone. Disposing it ends it at once. */
export function beginBare(
  permissions: readonly string[],
  args: readonly string[],
  options: Omit<ProcessOptions, "stdin"> = {},
): Running & AsyncDisposable {
  const running = start([...permissions, ...options.permissions ?? []], args, options.env);
  const stop = () => {
    try {
      running.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const timer = setTimeout(stop, PATIENCE);
  return Object.assign(running, {
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      stop();
      await running.end();
    },
  });
}

/** Runs a command with `-p` and the server's port. */
export async function cli(
  server: Place,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Result> {
  await using running = begin(server, args, options);
  return await endWith(running, options.stdin);
}

/** Runs a command with these arguments alone. */
export async function cliBare(
  permissions: readonly string[],
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Result> {
  await using running = beginBare(permissions, args, options);
  return await endWith(running, options.stdin);
}

async function endWith(running: Running, stdin: ProcessOptions["stdin"] = ""): Promise<Result> {
  // A command that wants nothing of it may have ended before.
  if (stdin.length > 0) await running.type(stdin).catch(() => {});
  return await running.end();
}

/** A test with a broker of its own, and a client of the library that is connected to it. */
export function brokerTest(
  name: string,
  test: (broker: Broker, client: Client) => Promise<void>,
  options: ServeOptions = {},
): void {
  Deno.test(name, async () => {
    await using broker = await serve({ port: 0, ...options });
    await using client = await connect(broker.url);
    await withinPatience(test(broker, client));
  });
}

/** A message that is published. */
export type Sent = readonly [topic: string, payload: string | Uint8Array, options?: PublishOptions];

/** Publishes messages, one after the other; resolves when the server has them. */
export async function publish(client: Client, ...messages: readonly Sent[]): Promise<void> {
  for (const [topic, payload, options] of messages) {
    await client.publish(topic, payload, { qos: 1, ...options });
  }
}

/** A broker that writes down the messages it takes. */
export interface Heard extends Place, AsyncDisposable {
  readonly broker: Broker;
  /** `"topic payload"` of each, in their order. */
  readonly messages: readonly string[];
  /** The milliseconds between them. */
  gaps(): readonly number[];
  /** Resolves when it has taken so many. */
  until(count: number): Promise<void>;
}

/** Starts a broker that writes down the messages it takes. */
export async function heard(options: ServeOptions = {}): Promise<Heard> {
  const messages: string[] = [];
  const times: number[] = [];
  let another = Promise.withResolvers<void>();
  const broker = await serve({
    port: 0,
    ...options,
    onMessage(client, message) {
      messages.push(`${message.topic} ${new TextDecoder().decode(message.payload)}`);
      times.push(performance.now());
      options.onMessage?.(client, message);
      another.resolve();
      another = Promise.withResolvers();
    },
  });
  return {
    broker,
    port: broker.port,
    messages,
    gaps: () => times.slice(1).map((time, index) => time - times[index]!),
    async until(count) {
      while (messages.length < count) await another.promise;
    },
    [Symbol.asyncDispose]: () => broker.shutDown(),
  };
}

/** A way to a server that can be cut. */
export class Relay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #server: Place;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;

  constructor(server: Place) {
    this.#server = server;
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends all connections, without a word to either end. */
  cut(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const ways: Promise<unknown>[] = [];
    try {
      for await (const near of this.#listener) {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#server.port });
        this.#connections.add(near).add(far);
        ways.push(pass(near, far), pass(far, near));
      }
    } catch {
      // The listener was closed.
    }
    await Promise.all(ways);
  }
}

/** Passes bytes on until either end is closed, and closes both then. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      await write(to, buffer.subarray(0, count));
    }
  } catch {
    // One end is gone.
  }
  close(from);
  close(to);
}

/** A file with this in it, as long as the test. */
export async function fileWith(
  content: string | Uint8Array,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ prefix: "mqtt5-cli-" });
  await Deno.writeFile(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}
