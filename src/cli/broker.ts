// `broker`: a broker for use, until Ctrl-C, with a line for each thing that happens to a connection.

import {
  type Broker,
  type ListenOptions,
  type ListenProtocol,
  serve,
  type ServeOptions,
} from "../broker/serve.ts";
import { type Context, Failure, type Output, usageFailure } from "./command.ts";
import { command } from "./definition.ts";
import {
  integerOption,
  type OptionTable,
  type OptionValues,
  type ParsedArguments,
} from "./options.ts";
import { TRACE, traceOf, tracerTo } from "./tracing.ts";
import { paintFor, quoted } from "./text.ts";

const OPTIONS = {
  "host": {
    short: "h",
    value: "ADDRESS",
    help: "where; 127.0.0.1 by default, 0.0.0.0: all",
  },
  "port": { short: "p", value: "PORT", help: "port for TCP; 1883 by default, 0 for any" },
  "ws-port": { value: "PORT", help: "WebSocket, too, on this port" },
  "tls-port": { value: "PORT", help: "TLS, too, on this port" },
  "wss-port": { value: "PORT", help: "WebSocket over TLS, too, on this port" },
  "cert": { value: "FILE", isFile: true, help: "certificate, in PEM, for TLS" },
  "key": { value: "FILE", isFile: true, help: "its private key, in PEM" },
  "file": {
    short: "f",
    value: "FILE",
    isFile: true,
    help: "keep sessions and retained messages here",
  },
  "maximum-packet-size": { value: "N", help: "largest taken; 16777216 by default" },
  "maximum-qos": { value: "0|1|2", help: "highest QoS taken; 2 by default" },
  "session-expiry-interval": { value: "N", help: "longest life of a session" },
  ...TRACE,
} as const satisfies OptionTable;

type Options = OptionValues<typeof OPTIONS>;

/** The command `broker`. */
export const broker = command({
  name: "broker",
  about: "Runs a broker of MQTT 5.0 until Ctrl-C, and tells of every connection in a line.",
  usage: "[options]",
  examples: ["broker", "broker -h 0.0.0.0 -f broker.db"],
  exitCodes: "0 after Ctrl-C; 1 when it cannot listen; 2 for a wrong command line.",
  options: OPTIONS,
  permissions: ({ options }) => {
    const { file, cert, key } = options;
    const store = file === undefined ? [] : [file];
    return {
      net: placesOf(options).map(({ hostname, port }) =>
        port === 0 ? hostname : `${hostname}:${port}`
      ),
      read: [...store, ...[cert, key].flatMap((path) => path ?? [])],
      write: store,
    };
  },
  run,
});

async function run(
  { stdout, stderr, signal }: Context,
  { options, operands }: ParsedArguments<typeof OPTIONS>,
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

/** Where to listen. */
function placesOf(options: Options): readonly Place[] {
  const hostname = options.host ?? "127.0.0.1";
  const port = (name: "port" | "ws-port" | "tls-port" | "wss-port") =>
    options[name] === undefined ? undefined : integerOption(name, options[name], 0, 65_535);
  return [
    { protocol: "mqtt", hostname, port: port("port") ?? 1883 },
    { protocol: "ws", hostname, port: port("ws-port") },
    { protocol: "mqtts", hostname, port: port("tls-port") },
    { protocol: "wss", hostname, port: port("wss-port") },
  ].filter(({ port }) => port !== undefined) as readonly Place[];
}

interface Place {
  readonly protocol: ListenProtocol;
  readonly hostname: string;
  readonly port: number;
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
