// What `broker` does: it serves until Ctrl-C, and writes a line for each thing that happens to a connection.

import { type Broker, type ListenOptions, serve, type ServeOptions } from "../broker/serve.ts";
import { type BrokerArguments, placesOf } from "./broker.ts";
import { type Context, Failure, type Output, usageFailure } from "./command.ts";
import { integerOption } from "./options.ts";
import { paintFor, quoted } from "./text.ts";
import { traceOf, tracerTo } from "./tracing.ts";

type Options = BrokerArguments["options"];

/** Runs `broker`. */
export async function run(
  { stdout, stderr, signal }: Context,
  { options, operands }: BrokerArguments,
): Promise<number> {
  if (operands.length > 0) throw usageFailure("broker takes no operands; see broker --help");
  const log = new Log(stdout);
  const trace = traceOf(options.trace);
  const broker = await start({
    ...limitsOf(options),
    listeners: await listenersOf(options),
    path: options.file,
    intercept: trace && await tracerTo(stderr, trace, "server"),
    onConnect: (client) => log.write("+", `${quoted(client.clientId)} from ${client.address}`),
    onDisconnect: (client, why) =>
      log.write("-", `${quoted(client.clientId)}: ${quoted(why).slice(1, -1)}`),
  });
  for (const { url } of broker.listeners) log.write("*", `listening on ${url}`);
  const interrupted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
  await Promise.race([interrupted, log.closed]);
  await broker.shutDown();
  log.write("*", "shut down");
  return 0;
}

/** Tells what happens, with the time. */
class Log {
  /** Resolves when nobody reads any more. */
  readonly closed: Promise<void>;
  readonly #output: Output;
  #isClosed = false;
  #close!: () => void;

  constructor(output: Output) {
    this.#output = output;
    this.closed = new Promise((resolve) => this.#close = resolve);
  }

  write(mark: "+" | "-" | "*", text: string): void {
    if (this.#isClosed) return;
    const { dim, green, red, cyan } = paintFor(this.#output);
    const paint = { "+": green, "-": red, "*": cyan }[mark];
    const time = new Date().toTimeString().slice(0, 8);
    try {
      this.#output.write(`${dim(time)} ${paint(mark)} ${text}\n`);
    } catch {
      this.#isClosed = true;
      this.#close();
    }
  }
}

async function start(options: ServeOptions): Promise<Broker> {
  try {
    return await serve(options);
  } catch (error) {
    const places = (options.listeners ?? []).map(({ hostname, port }) => `${hostname}:${port}`);
    if (error instanceof Deno.errors.AddrInUse) {
      throw new Failure(
        `Something listens on ${places.join(" or ")} already; choose another with --port`,
      );
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new Failure(
        `${error.message.replace(/, run again.*$/, "")}; run it with --allow-net${
          options.path === undefined ? "" : " --allow-read --allow-write"
        }`,
      );
    }
    throw error;
  }
}

function limitsOf(options: Options): ServeOptions {
  const number = (name: keyof Options & string, least: number, most: number) =>
    typeof options[name] === "string" ? integerOption(name, options[name], least, most) : undefined;
  const packetSize = number("maximum-packet-size", 1, 268_435_460);
  const sessionExpiryInterval = number("session-expiry-interval", 0, 4_294_967_295);
  return {
    maximumQoS: number("maximum-qos", 0, 2) as 0 | 1 | 2 | undefined,
    limits: {
      ...packetSize !== undefined && { packetSize },
      ...sessionExpiryInterval !== undefined && { sessionExpiryInterval },
    },
  };
}

async function listenersOf(options: Options): Promise<ListenOptions[]> {
  const secure = { cert: await textOf(options.cert), key: await textOf(options.key) };
  return placesOf(options).map((place) =>
    place.protocol === "mqtts" || place.protocol === "wss" ? { ...place, ...secure } : place
  );
}

async function textOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Failure(`Cannot read ${quoted(path)}: ${(error as Error).message}`);
  }
}
