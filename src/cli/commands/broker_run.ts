// What `broker` does: runs a broker until Ctrl-C, and writes a line to its log for each connection.

import { type Broker, type ListenOptions, serve, type ServeOptions } from "../../broker/serve.ts";
import { StoreError } from "../../store/store_error.ts";
import { VERSION_NAMES } from "../../wire/protocol_version.ts";
import type { Context, Output } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { aborted, certificateOf, listenFailure, withCertificate } from "../listening.ts";
import { isSecure } from "../options/listeners.ts";
import { integerOption } from "../options/parse.ts";
import { protocolVersionOption } from "../options/protocol_version.ts";
import { pageAddress } from "../inspect/page_address.ts";
import { traceOf } from "../options/trace.ts";
import { tracerTo } from "../packets/tracer.ts";
import { QueuedOutput } from "../terminal/queued_output.ts";
import { escaped, paintFor, quoted } from "../terminal/text.ts";
import { type BrokerArguments, placesOf } from "./broker.ts";
import { accessOf, type Reloadable } from "./broker_access.ts";
import { DroppedLog } from "./broker_dropped_log.ts";
import { RefusedLog } from "./broker_refused_log.ts";

type Options = BrokerArguments["options"];

/** At the end, output that is not read for so many milliseconds is given up. */
const PATIENCE = 1000;

/** Runs `broker`. */
export async function run(
  { stdout, stderr, signal }: Context,
  { options, operands }: BrokerArguments,
): Promise<number> {
  if (operands.length > 0) throw usageFailure("broker takes no arguments; see broker --help");
  // No client waits until this is read.
  const output = new QueuedOutput(stdout);
  const traced = new QueuedOutput(stderr);
  const log = new Log(output);
  const dropped = new DroppedLog((text) => log.write("!", text));
  const refused = new RefusedLog((text) => log.write("!", text));
  const trace = traceOf(options.trace);
  const at = pageAddress(options.page);
  const places = await withCertificate(placesOf(options), options);
  const access = await accessOf(options);
  // Loaded only when it is asked for.
  const pages = at && await import("./page_run.ts");
  await using page = pages && new pages.BrokerPage(at!, (line) => log.write("*", line));
  const tracer = trace && await tracerTo(traced, trace, "server");
  const broker = await start({
    ...limitsOf(options),
    ...access.hooks,
    listeners: places,
    path: options.file,
    intercept: page === undefined ? tracer : (transport, address, listener) => {
      const observed = page.observed(transport, address, listener);
      return tracer === undefined ? observed : tracer(observed, address);
    },
    onConnect: ({ clientId, address, username, protocolVersion = 5 }) => {
      const name = username === undefined ? "" : ` as ${quoted(username)}`;
      const version = protocolVersion === 5 ? "" : `, ${VERSION_NAMES[protocolVersion]}`;
      log.write("+", `${quoted(clientId)} from ${address}${name}${version}`);
    },
    onRefused: (refusal) => refused.add(refusal),
    onDropped: (client, _message, why) => dropped.add(client, why),
    onDisconnect: (client, why) =>
      log.write("-", `${quoted(client.clientId)}: ${quoted(why).slice(1, -1)}`),
    // Writing to the console, the default, would block until it is read.
    onError: (error, { what, client }) => {
      const whose = client === undefined ? "" : `, ${quoted(client.clientId)}`;
      log.write("!", `${what}${whose}: ${escaped((error as Error)?.message ?? String(error))}`);
    },
  });
  using _ = onHangup(broker, [...certificateFileOf(options, places), ...access.files], log);
  const urls = broker.listeners.map(({ url }) => url);
  for (const url of urls) log.write("*", `listening on ${url}`);
  page?.reached(urls);
  await Promise.race([aborted(signal), output.closed]);
  await broker.shutDown();
  dropped.end();
  refused.end();
  log.write("*", "shut down");
  await Promise.all([output.flush(PATIENCE), traced.flush(PATIENCE)]);
  return 0;
}

/** The broker's log: lines with the time. */
class Log {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  write(mark: "+" | "-" | "*" | "!", text: string): void {
    const { dim, green, red, cyan } = paintFor(this.#output);
    const paint = { "+": green, "-": red, "*": cyan, "!": red }[mark];
    const time = new Date().toTimeString().slice(0, 8);
    this.#output.write(`${dim(time)} ${paint(mark)} ${text}\n`);
  }
}

/** The certificate of a broker with TLS. */
function certificateFileOf(
  options: Options,
  places: readonly ListenOptions[],
): readonly Reloadable[] {
  if (!places.some(isSecure)) return [];
  const reload = async (broker: Broker) => broker.setCertificate(await certificateOf(options));
  return [{ what: "certificate", path: options.cert!, reload }];
}

/** Reloads files on SIGHUP, which Windows does not have. */
function onHangup(broker: Broker, files: readonly Reloadable[], log: Log): Disposable {
  if (files.length === 0 || Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  const reload = async () => {
    for (const file of files) {
      try {
        await file.reload(broker);
        const forWhom = file.what === "certificate" ? " for new connections" : "";
        log.write("*", `reloaded the ${file.what} ${quoted(file.path)}${forWhom}`);
      } catch (error) {
        log.write("*", `kept the old ${file.what}: ${escaped((error as Error).message)}`);
      }
    }
  };
  let reloaded = Promise.resolve();
  const onSignal = () => void (reloaded = reloaded.then(reload));
  Deno.addSignalListener("SIGHUP", onSignal);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", onSignal) };
}

async function start(options: ServeOptions): Promise<Broker> {
  try {
    return await serve(options);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const places = options.listeners!;
    const needsFiles = options.path !== undefined ||
      places.some(({ socketPath }) => socketPath !== undefined);
    const permissions = needsFiles ? "--allow-net --allow-read --allow-write" : "--allow-net";
    throw listenFailure(error, places, "--port", permissions);
  }
}

function limitsOf(options: Options): ServeOptions {
  const number = (name: keyof Options & string, least: number, most: number) =>
    typeof options[name] === "string" ? integerOption(name, options[name], least, most) : undefined;
  const maximumPacketSize = number("maximum-packet-size", 1, 268_435_460);
  const sessionExpiryInterval = number("session-expiry-interval", 0, 4_294_967_295);
  const connectionsPerAddress = number("connections-per-address", 1, 1_000_000);
  const messagesPerSecond = number("messages-per-second", 1, 1_000_000_000);
  const bytesPerSecond = number("bytes-per-second", 1, 1_000_000_000_000);
  const loginDelay = number("login-delay", 0, 60_000);
  return {
    maximumQoS: number("maximum-qos", 0, 2) as 0 | 1 | 2 | undefined,
    versions: options["accept-protocol-versions"]?.split(",")
      .map((version) => protocolVersionOption("accept-protocol-versions", version.trim())),
    limits: {
      ...maximumPacketSize !== undefined && { maximumPacketSize },
      ...sessionExpiryInterval !== undefined && { sessionExpiryInterval },
      ...connectionsPerAddress !== undefined && { connectionsPerAddress },
      ...messagesPerSecond !== undefined && { messagesPerSecond },
      ...bytesPerSecond !== undefined && { bytesPerSecond },
      ...loginDelay !== undefined && { loginDelay },
    },
  };
}
