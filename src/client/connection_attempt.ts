// One attempt to connect: credentials, dialling, CONNECT, CONNACK, all within one deadline.

import { ConnectionClosedError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import type { Destination } from "../io/destination.ts";
import { Drive, type DrivenConnection } from "../io/drive.ts";
import { ConnectionFault, silentCloseFault, sourceFault } from "../io/faults.ts";
import type { Transport } from "../io/transport.ts";
import type { ConnectInit } from "../packets/mod.ts";
import { ClientConnection } from "../session/client_connection.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import type { Session } from "../session/session.ts";
import { AuthenticationExchange } from "./authentication.ts";
import { unlessAborted, within } from "./deadline.ts";
import { connectInit, type Credentials, credentialsFor, type Settings } from "./options.ts";
import { closedError, faultError, internalError, textOf } from "./reconnect.ts";
import type { DurableSessions } from "./durable_session.ts";
import type { Server } from "./servers.ts";
import type { Sockets } from "./servers.ts";

/** All of the world that a client needs. */
export interface World {
  readonly clock: Clock;
  /** Opens a transport to a server; gives up when the signal aborts. */
  readonly dial: (destination: Destination, signal: AbortSignal) => Promise<Transport>;
  /** Checks the options that only sockets need. */
  readonly sockets: Sockets;
  /** Keeps sessions in stores; a world without it has none. */
  readonly durable?: DurableSessions;
  /** Resolves at the end of the turn of the event loop. Default: a few microtasks later. */
  readonly endOfTurn?: () => Promise<void>;
}

/** A connection with what runs it. */
export interface Link {
  readonly server: Server;
  readonly connect: ConnectInit;
  readonly connection: ClientConnection;
  readonly drive: Drive;
  /** The enhanced authentication that led to CONNACK, if there was one (§4.12). */
  readonly exchange: AuthenticationExchange | undefined;
  /** When CONNACK came. */
  readonly since: number;
}

/** The connection as it is to be driven; `wake` is to be called when held bytes may go. */
export type Guard = (connection: DrivenConnection, wake: () => void) => DrivenConnection;

/** What an attempt is made with. */
export interface Attempt {
  readonly world: World;
  readonly server: Server;
  readonly settings: Settings;
  readonly session: Session;
  /** Holds bytes back that tell of what is not stored yet. */
  readonly guard?: Guard | undefined;
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
  const exchange = await beginExchange(settings, server, signal);
  const { clientId } = session;
  const connect = connectInit(settings, {
    ...credentials,
    authenticationMethod: settings.properties.authenticationMethod,
    authenticationData: settings.properties.authenticationData,
    ...exchange?.first,
    clientId,
    cleanStart,
  });
  const { receiveExcess, options: { pingTimeout, topicAliases } } = settings;
  const verifiesServer = exchange !== undefined;
  const options = {
    ...{ connect, session, pingTimeout, topicAliases, receiveExcess },
    verifiesServer,
  };
  const connection = new ClientConnection(world.clock.now(), options);
  const transport = await dial(attempt, signal);
  const close = () => transport.close();
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  try {
    return await shakeHands(attempt, connect, exchange, connection, transport, signal);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function shakeHands(
  { server, world: { clock }, guard, wasConnected, onEvent, onInternalError }: Attempt,
  connect: ConnectInit,
  exchange: AuthenticationExchange | undefined,
  connection: ClientConnection,
  transport: Transport,
  signal: AbortSignal,
): Promise<Link> {
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  let since = Infinity;
  let isRejected = false;
  const { address } = server;
  const authenticationMethod = connect.properties?.authenticationMethod;
  /** A step of authentication, which may take time. */
  const step = (work: Promise<void>, then = () => {}): void => {
    work.then(then, (error) => connection.failAuthentication(error))
      .catch((error) => connection.abort(error))
      .then(() => link.drive.wake());
  };
  const shake = (event: ConnectionEvent): void => {
    // What comes after the attempt has failed does not make a connection any more.
    if (isRejected) return;
    switch (event.type) {
      case "connack":
        since = clock.now();
        handle = (event) => onEvent(link, event);
        resolve(link);
        break;
      case "auth": {
        if (exchange !== undefined) return step(exchange.answer(connection, event.packet, signal));
        isRejected = true;
        return reject(stepAskedError(address, authenticationMethod!));
      }
      case "verify": {
        const verified = exchange!.done(event.packet, signal);
        return step(verified, () => connection.confirm(clock.now()));
      }
      case "closed": {
        const { error } = link.drive;
        return reject(
          unansweredError(event.cause, server, error, wasConnected, authenticationMethod),
        );
      }
    }
    onEvent(link, event);
  };
  let handle = shake;
  const driven = guard?.(connection, () => link.drive.wake()) ?? connection;
  const link: Link = {
    server,
    connect,
    connection,
    exchange,
    get since() {
      return since;
    },
    drive: new Drive(transport, driven, clock, (event) => handle(event), (error) => {
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

/** Likewise for what authenticates the client. */
async function beginExchange(
  { options: { authentication } }: Settings,
  { address }: Server,
  signal: AbortSignal,
): Promise<AuthenticationExchange | undefined> {
  if (authentication === undefined) return undefined;
  try {
    return await AuthenticationExchange.begin(authentication, undefined, signal);
  } catch (cause) {
    if (signal.aborted || cause instanceof ConnectionClosedError) throw cause;
    const message = `Cannot begin to authenticate with ${address}: ${textOf(cause)}`;
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
  authenticationMethod: string | undefined,
): ConnectionClosedError {
  if (cause.kind !== "network" || destination === undefined) {
    return closedError(cause, address, network, authenticationMethod);
  }
  const fault = network instanceof ConnectionFault
    ? network
    : silentCloseFault(destination, network);
  return faultError(fault, wasConnected);
}

function stepAskedError(address: string, method: string): ConnectionClosedError {
  const message = `${address} asks for a step of ${JSON.stringify(method)} authentication; ` +
    "give connect() the option authentication in place of authenticationMethod";
  return new ConnectionClosedError(message, { kind: "configuration" });
}
