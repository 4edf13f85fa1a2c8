// What `broker` does: runs a broker until Ctrl-C, and writes a line to its log for each connection.

import {
  type Broker,
  type CertificateOptions,
  type ListenOptions,
  serve,
  type ServeOptions,
} from "../../broker/serve.ts";
import { StoreError } from "../../store/store_error.ts";
import type { Context, Output } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { systemReason, unreadable } from "../files.ts";
import { integerOption } from "../options/parse.ts";
import { traceOf } from "../options/trace.ts";
import { tracerTo } from "../packets/tracer.ts";
import { QueuedOutput } from "../terminal/queued_output.ts";
import { escaped, paintFor, quoted } from "../terminal/text.ts";
import { type BrokerArguments, isSecure, placesOf } from "./broker.ts";
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
  const broker = await start({
    ...limitsOf(options),
    listeners: await listenersOf(options),
    path: options.file,
    intercept: trace && await tracerTo(traced, trace, "server"),
    onConnect: ({ clientId, address, username }) => {
      const name = username === undefined ? "" : ` as ${quoted(username)}`;
      log.write("+", `${quoted(clientId)} from ${address}${name}`);
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
  using _ = onHangup(broker, options, log);
  for (const { url } of broker.listeners) log.write("*", `listening on ${url}`);
  const interrupted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
  await Promise.race([interrupted, output.closed]);
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

/**
 * Reloads the certificate of a broker with TLS on SIGHUP, which Windows does not have.
 */
function onHangup(broker: Broker, options: Options, log: Log): Disposable {
  if (!broker.listeners.some(isSecure) || Deno.build.os === "windows") {
    return { [Symbol.dispose]() {} };
  }
  const renew = async () => {
    try {
      broker.setCertificate(await certificateOf(options));
      log.write("*", `reloaded the certificate ${quoted(options.cert!)} for new connections`);
    } catch (error) {
      const { message } = error as Error;
      log.write("*", `kept the old certificate: ${escaped(message)}`);
    }
  };
  let renewed = Promise.resolve();
  const onSignal = () => void (renewed = renewed.then(renew));
  Deno.addSignalListener("SIGHUP", onSignal);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", onSignal) };
}

async function start(options: ServeOptions): Promise<Broker> {
  try {
    return await serve(options);
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string };
    const places = options.listeners!.map(({ hostname, port, socketPath }) => {
      return socketPath === undefined ? `${hostname}:${port}` : quoted(socketPath);
    }).join(" or ");
    if (code === "EADDRINUSE") {
      throw new Failure(
        `Cannot listen on ${places}: the address is in use; choose another port with --port`,
      );
    }
    if (error instanceof Deno.errors.NotCapable) {
      const hasFile = options.listeners!.some(({ socketPath }) => socketPath !== undefined) ||
        options.path !== undefined;
      throw new Failure(
        `${message.replace(/, run again.*$/, "")}; run it with --allow-net${
          hasFile ? " --allow-read --allow-write" : ""
        }`,
      );
    }
    const isOptions = error instanceof TypeError || error instanceof RangeError;
    if (error instanceof StoreError || isOptions && code === undefined) throw error;
    throw new Failure(`Cannot listen on ${places}: ${systemReason(error)}`);
  }
}

function limitsOf(options: Options): ServeOptions {
  const number = (name: keyof Options & string, least: number, most: number) =>
    typeof options[name] === "string" ? integerOption(name, options[name], least, most) : undefined;
  const maximumPacketSize = number("maximum-packet-size", 1, 268_435_460);
  const sessionExpiryInterval = number("session-expiry-interval", 0, 4_294_967_295);
  return {
    maximumQoS: number("maximum-qos", 0, 2) as 0 | 1 | 2 | undefined,
    limits: {
      ...maximumPacketSize !== undefined && { maximumPacketSize },
      ...sessionExpiryInterval !== undefined && { sessionExpiryInterval },
    },
  };
}

async function listenersOf(options: Options): Promise<ListenOptions[]> {
  const places = placesOf(options);
  if (!places.some(isSecure)) return [...places];
  const certificate = await certificateOf(options);
  return places.map((place) => isSecure(place) ? { ...place, ...certificate } : place);
}

/** What is in the files now. */
async function certificateOf({ cert, key, cafile }: Options): Promise<CertificateOptions> {
  return {
    cert: await textOf(cert!),
    key: await textOf(key!),
    ca: cafile === undefined ? undefined : await textOf(cafile),
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Failure(unreadable("", path, error));
  }
}
