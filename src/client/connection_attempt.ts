// One attempt to connect: credentials, dialling, CONNECT, CONNACK, all within one deadline.

import { ConnectionClosedError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import type { Destination } from "../io/destination.ts";
import { Drive } from "../io/drive.ts";
import { ConnectionFault, silentCloseFault, sourceFault } from "../io/faults.ts";
import type { Transport } from "../io/transport.ts";
import type { ConnectInit } from "../packets/mod.ts";
import { ClientConnection } from "../session/client_connection.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import type { Session } from "../session/session.ts";
import { connectInit, type Credentials, credentialsFor, type Settings } from "./options.ts";
import { closedError, faultError, internalError, textOf } from "./reconnect.ts";
import type { Server } from "./servers.ts";
import type { Sockets } from "./servers.ts";

/** All of the world that a client needs. */
export interface World {
  readonly clock: Clock;
  /** Opens a transport to a server; gives up when the signal aborts. */
  readonly dial: (destination: Destination, signal: AbortSignal) => Promise<Transport>;
  /** Checks the options that only sockets need. */
  readonly sockets: Sockets;
}

/** A connection with what runs it. */
export interface Link {
  readonly server: Server;
  readonly connect: ConnectInit;
  readonly connection: ClientConnection;
  readonly drive: Drive;
  /** When CONNACK came. */
  readonly since: number;
}

/** What an attempt is made with. */
export interface Attempt {
  readonly world: World;
  readonly server: Server;
  readonly settings: Settings;
  readonly session: Session;
  readonly cleanStart: boolean;
  /** Whether the client has been connected before. */
  readonly wasConnected: boolean;
  /** Gives up. */
  readonly signal: AbortSignal;
  /** Is told every event of the connection, CONNACK and all that comes with it included. */
  readonly onEvent: (link: Link, event: ConnectionEvent) => void;
  /** Is told what was thrown within this program while the connection was there. */
  readonly onInternalError: (error: unknown) => void;
}

/**
 * Connects to one server.
 *
 * @throws {ConnectionClosedError} when there is no connection in the end
 * @throws {unknown} the signal's reason when it aborts
 */
export async function openLink(attempt: Attempt): Promise<Link> {
  const { world: { clock }, server, settings: { connectTimeout }, signal } = attempt;
  const late = `${server.address} did not accept the connection within ${connectTimeout} ms; ` +
    "check the address, and that it is a server of MQTT 5.0";
  const deadline = { clock, signal, timeout: connectTimeout, late };
  return await within(deadline, (signal) => connectWithin(attempt, signal));
}

async function connectWithin(attempt: Attempt, signal: AbortSignal): Promise<Link> {
  const { server, settings, session, cleanStart, world } = attempt;
  const credentials = await unlessAborted(signal, askForCredentials(settings, server));
  const { clientId } = session;
  const connect = connectInit(settings, { ...credentials, clientId, cleanStart });
  const { receiveExcess, options: { pingTimeout, topicAliases } } = settings;
  const options = { connect, session, pingTimeout, topicAliases, receiveExcess };
  const connection = new ClientConnection(world.clock.now(), options);
  const transport = await dial(attempt, signal);
  const close = () => transport.close();
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  try {
    return await shakeHands(attempt, connect, connection, transport);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function shakeHands(
  { server, world: { clock }, wasConnected, onEvent, onInternalError }: Attempt,
  connect: ConnectInit,
  connection: ClientConnection,
  transport: Transport,
): Promise<Link> {
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  let since = Infinity;
  let isRejected = false;
  const { address } = server;
  const shake = (event: ConnectionEvent): void => {
    // What comes after the attempt has failed does not make a connection any more.
    if (isRejected) return;
    switch (event.type) {
      case "connack":
        since = clock.now();
        handle = (event) => onEvent(link, event);
        resolve(link);
        break;
      case "auth":
        isRejected = true;
        return reject(stepAskedError(address, event.packet.properties.authenticationMethod));
      case "closed":
        return reject(unansweredError(event.cause, server, link.drive.error, wasConnected));
    }
    onEvent(link, event);
  };
  let handle = shake;
  const link: Link = {
    server,
    connect,
    connection,
    get since() {
      return since;
    },
    drive: new Drive(transport, connection, clock, (event) => handle(event), (error) => {
      if (since === Infinity) reject(internalError(error));
      else onInternalError(error);
    }),
  };
  try {
    return await promise;
  } catch (error) {
    // One that has ended says its last words first.
    if (!connection.isClosed) transport.close();
    await link.drive.finished;
    throw error;
  }
}

/** Credentials may come from far away: what keeps them from coming may pass. */
async function askForCredentials({ options }: Settings, server: Server): Promise<Credentials> {
  try {
    return await credentialsFor(options, server);
  } catch (cause) {
    const message = `Cannot get credentials for ${server.address}: ${textOf(cause)}`;
    throw new ConnectionClosedError(message, { kind: "transient", cause });
  }
}

async function dial(
  { world, server, wasConnected }: Attempt,
  signal: AbortSignal,
): Promise<Transport> {
  const { destination, open, address } = server;
  const opening = destination === undefined ? open!(signal) : world.dial(destination, signal);
  try {
    return await unlessAborted(signal, opening);
  } catch (cause) {
    if (signal.aborted) {
      opening.then((late) => late.close(), () => {});
      throw signal.reason;
    }
    throw faultError(sourceFault(cause, destination && address), wasConnected);
  }
}

/** The error for a connection that ended before CONNACK came. */
function unansweredError(
  cause: CloseCause,
  { address, destination }: Server,
  network: unknown,
  wasConnected: boolean,
): ConnectionClosedError {
  if (cause.kind !== "network" || destination === undefined) {
    return closedError(cause, address, network);
  }
  const fault = network instanceof ConnectionFault
    ? network
    : silentCloseFault(destination, network);
  return faultError(fault, wasConnected);
}

function stepAskedError(address: string, method: string): ConnectionClosedError {
  const message = `${address} asks for a step of ${
    JSON.stringify(method)
  } authentication, which this client does not support`;
  return new ConnectionClosedError(message, { kind: "configuration" });
}

/** How long some work may take. */
export interface Deadline {
  readonly clock: Clock;
  /** Gives the work up before. */
  readonly signal: AbortSignal;
  /** In milliseconds. */
  readonly timeout: number;
  /** What to say when the time is over. */
  readonly late: string;
}

/**
 * The result of some work, which is told to stop when its time is over or the signal aborts.
 *
 * @throws {unknown} what the work throws; the signal's reason when it aborts
 * @throws {ConnectionClosedError} when the time is over
 */
export async function within<Result>(
  { clock, signal, timeout, late }: Deadline,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const cancel = clock.at(clock.now() + timeout, () => {
    controller.abort(new ConnectionClosedError(late, { kind: "transient", code: "timeout" }));
  });
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

/**
 * The result of some work, which nobody waits for any more once the signal has aborted.
 *
 * @throws {unknown} what the work throws; the signal's reason when it aborts
 */
export async function unlessAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
