// The client of a command: connects, does the command's work, reports lost connections, and always
// disconnects.

import { Client } from "../client/client.ts";
import type { World } from "../client/connection_attempt.ts";
import type { ConnectOptions, DisconnectOptions, ServerInfo } from "../client/mod.ts";
import { SOCKETS } from "../client/sockets.ts";
import { dialBySockets } from "../io/socket_dial.ts";
import { encodePacket } from "../packets/mod.ts";
import { checkClientsDisconnect } from "../session/disconnecting.ts";
import type { Context, Output } from "./context.ts";
import { Failure, usageFailure } from "./failure.ts";
import type { Connection } from "./options/connection.ts";
import { identityOf } from "./options/credentials.ts";
import { urlOf } from "./options/server.ts";
import { CLI_NAMES, destinationOf } from "./options/tls_files.ts";
import { stepTracerTo, tracerTo } from "./packets/tracer.ts";
import { patientClock } from "./patient_clock.ts";
import { connectFailureOf, failureOf, TIMED_OUT } from "./server_failures.ts";
import { quoted, report } from "./terminal/text.ts";

/** What a command does with its client. It must end when `stop` aborts. */
export type Work = (client: Client, stop: AbortSignal) => Promise<number>;

/** How a command sets up its client. */
export interface ClientNeeds {
  /** Options of the command itself; those of the command line take precedence. */
  readonly connect?: ConnectOptions;
  /**
   * Session Expiry Interval in seconds, if the command line gives none. The session then ends with
   * the command.
   */
  readonly session?: number;
  /** The exit code after Ctrl-C, if that is how the command ends normally. */
  readonly onInterrupt?: () => number;
}

/**
 * Seconds for which the server keeps the session, and with it what is in flight, while there is no
 * connection.
 */
export const SESSION = 300;

/**
 * Connects, does the work, and disconnects. Resolves to the exit code.
 *
 * @throws {Failure} when the connection fails or is lost for good, or on timeout
 */
export async function withClient(
  context: Context,
  connection: Connection,
  work: Work,
  { connect, session, onInterrupt }: ClientNeeds = {},
): Promise<number> {
  const { server, timeout } = connection;
  const ending = new Ending(context.signal, timeout);
  let isConnected = false;
  try {
    const isOurs = session !== undefined && connection.connect.sessionExpiryInterval === undefined;
    const identity = await identityOf(connection.given, server.at, context);
    const client = await clientFor(context, connection, {
      ...isOurs && { sessionExpiryInterval: session },
      ...connect,
      ...connection.connect,
      ...identity,
      signal: ending.signal,
    });
    reportConnection(client, context.stderr);
    await client.start();
    isConnected = true;
    return await use(client, work, ending, {
      ...isOurs && { sessionExpiryInterval: 0 },
      ...connection.disconnect,
    });
  } catch (error) {
    if (isConnected && context.signal.aborted && onInterrupt !== undefined) return onInterrupt();
    throw isConnected ? failureOf(error) : connectFailureOf(error, server);
  } finally {
    ending.forget();
  }
}

/** Does the work, and disconnects, whatever comes of it. */
async function use(
  client: Client,
  work: Work,
  ending: Ending,
  disconnect: DisconnectOptions,
): Promise<number> {
  const lost = client.closed.then((error) => {
    if (error !== undefined) throw error;
    return new Promise<never>(() => {});
  });
  const working = work(client, ending.signal);
  try {
    return await ending.orSooner(Promise.race([working, lost, refusalOf(client)]));
  } finally {
    const isStopped = ending.signal.aborted;
    // Nothing more is awaited, standard input included.
    ending.stop();
    await client.disconnect(isStopped ? { ...disconnect, timeout: 0 } : disconnect);
    // Output that has been started is finished.
    await working.catch(() => {});
  }
}

/**
 * Rejects when the server refuses, for good, a subscription that it had granted before the session
 * was lost.
 */
function refusalOf(client: Client): Promise<never> {
  return new Promise((_, reject) => {
    client.addEventListener("refused", ({ detail: { error, delay } }) => {
      if (delay === undefined) reject(error);
    });
  });
}

async function clientFor(
  { stderr }: Context,
  { server, trace, disconnect }: Connection,
  options: ConnectOptions,
): Promise<Client> {
  checkDisconnect(disconnect, options);
  const { tls, headers } = await destinationOf(server, stderr);
  const tracer = trace && await tracerTo(stderr, trace, "client");
  const observe = trace && await stepTracerTo(stderr, trace);
  const world: World = {
    clock: patientClock,
    sockets: SOCKETS,
    dial: async (destination, signal) => {
      const transport = await dialBySockets(destination, { signal, observe, names: CLI_NAMES });
      return tracer?.(transport, destination.address) ?? transport;
    },
  };
  try {
    const url = urlOf(server.at);
    return new Client(world, { url, tls, headers, proxy: server.proxyUrl }, options);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw usageFailure(`Invalid CONNECT: ${error.message}`);
  }
}

/** Checks the DISCONNECT before anything is sent. */
function checkDisconnect(
  { reasonCode, ...properties }: DisconnectOptions,
  { sessionExpiryInterval }: ConnectOptions,
): void {
  const packet = { type: "disconnect", reasonCode, properties } as const;
  try {
    checkClientsDisconnect(packet, sessionExpiryInterval);
    encodePacket(packet);
  } catch (error) {
    throw usageFailure(`Invalid DISCONNECT: ${(error as Error).message}`);
  }
}

/** Reports on standard error what happens to the connection. */
function reportConnection(client: Client, stderr: Output): void {
  const tell = (text: string) => report(stderr, text);
  let before: ServerInfo | undefined;
  client.addEventListener("disconnected", ({ detail: { error, willReconnect } }) => {
    before = client.server;
    if (willReconnect) tell(`${error.message}; reconnecting`);
  });
  client.addEventListener("reconnecting", ({ detail: { attempt, delay, error } }) => {
    if (error === undefined) return;
    tell(`${error.message}; attempt ${attempt} in ${(delay / 1000).toFixed(1)} s`);
  });
  client.addEventListener("exceeded", ({ detail: { receiveMaximum } }) => {
    tell(`The server exceeds the Receive Maximum of ${receiveMaximum}; its messages are kept`);
  });
  client.addEventListener("refused", ({ detail: { error, delay } }) => {
    if (delay === undefined) return;
    tell(`${error.message}; asking again in ${(delay / 1000).toFixed(1)} s`);
  });
  client.addEventListener("connected", ({ detail: { server } }) => {
    if (before !== undefined) tell(`Reconnected${sessionNote(before, server)}`);
    const { assignedClientIdentifier: assigned, clientId } = server;
    if (assigned === undefined || assigned === clientId) return;
    tell(
      `The server assigned the Client Identifier ${quoted(assigned)} to a client that has one, ` +
        `${quoted(clientId)}; it is ignored`,
    );
  });
}

/** What has become of the session; nothing when it was to end with the connection. */
function sessionNote(before: ServerInfo, { sessionPresent }: ServerInfo): string {
  if (sessionPresent) return ", and the server resumed the session";
  return before.sessionExpiryInterval > 0 ? ", but the server has lost the session" : "";
}

/** What ends a command from outside: Ctrl-C or the timeout. */
class Ending {
  /** Aborts when the command is to end. */
  readonly signal: AbortSignal;
  readonly #ends: Promise<never>;
  readonly #controller = new AbortController();
  readonly #forget: () => void;

  constructor(interrupted: AbortSignal, timeout: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    const end = (reason: unknown) => {
      this.#controller.abort(reason);
      reject(reason);
    };
    promise.catch(() => {});
    const interrupt = () => end(interrupted.reason);
    interrupted.addEventListener("abort", interrupt);
    if (interrupted.aborted) interrupt();
    const timer = timeout === Infinity ? undefined : setTimeout(() => {
      end(new Failure(`Timed out after ${timeout / 1000} s (--timeout)`, TIMED_OUT));
    }, timeout);
    this.signal = this.#controller.signal;
    this.#ends = promise;
    this.#forget = () => {
      if (timer !== undefined) clearTimeout(timer);
      interrupted.removeEventListener("abort", interrupt);
    };
  }

  /** The result of the work, unless the command is ended before. */
  orSooner<Result>(work: Promise<Result>): Promise<Result> {
    return Promise.race([work, this.#ends]);
  }

  /** The work is over. */
  stop(): void {
    this.#controller.abort();
  }

  forget(): void {
    this.#forget();
  }
}
