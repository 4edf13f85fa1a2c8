// One attempt to connect: credentials, dialling, CONNECT, CONNACK, all within one deadline.

import { ConnectionClosedError } from "../errors.ts";
import type { Clock, WorldClock } from "../io/clock.ts";
import type { Destination } from "../io/destination.ts";
import { Drive, type DrivenConnection } from "../io/drive.ts";
import { ConnectionFault, silentCloseFault, sourceFault } from "../io/faults.ts";
import type { Transport } from "../io/transport.ts";
import { type ConnectInit, ReasonCode } from "../packets/mod.ts";
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
  /** The same clock, if the servers bring it: they all must. */
  readonly sourceClock?: WorldClock | undefined;
  /** A name that nobody else has. Default: one that nobody can guess, either. */
  readonly newName?: (() => string) | undefined;
  /** Opens a transport to a server; gives up when the signal aborts. */
  readonly dial: (destination: Destination, signal: AbortSignal) => Promise<Transport>;
  /** Checks the options that only sockets need. */
  readonly sockets: Sockets;
  /** Keeps sessions in stores; a world without it has none. */
  readonly durable?: DurableSessions;
  /** Resolves at the end of the turn of the event loop. Default: a few microtasks later. */
  readonly endOfTurn?: () => Promise<void>;
}

/** Who is told of a connection. */
export interface LinkListener {
  /** CONNECT is about to be sent. */
  onConnect(): void;
  /** The server has refused it, and has begun no session. */
  onRefused(): void;
  /** Is told every event of the connection, CONNACK and all that comes with it included. */
  readonly onEvent: (link: Link, event: ConnectionEvent) => void;
  /** Is told what was thrown within this program while the connection was there. */
  readonly onInternalError: (error: unknown) => void;
}

/** A connection with what runs it. It outlives the attempt, and keeps nothing of it. */
export class Link {
  readonly server: Server;
  readonly connect: ConnectInit;
  readonly connection: ClientConnection;
  /** The enhanced authentication that led to CONNACK, if there was one (§4.12). */
  readonly exchange: AuthenticationExchange | undefined;
  readonly drive: Drive;
  /** When CONNACK came. */
  since = Infinity;
  readonly #listener: LinkListener;
  #handshake: Handshake | undefined;

  constructor(handshake: Handshake, transport: Transport) {
    const { attempt, connect, exchange, connection } = handshake;
    const { server, listener, guard, world: { clock } } = attempt;
    this.server = server;
    this.connect = connect;
    this.connection = connection;
    this.exchange = exchange;
    this.#listener = listener;
    this.#handshake = handshake;
    const driven = guard?.guard(connection, () => this.drive.wake()) ?? connection;
    this.drive = new Drive(
      transport,
      driven,
      clock,
      (event) => this.#handle(event),
      (error) => this.#fail(error),
    );
  }

  /** CONNACK has come: the handshake is over. */
  opened(now: number): void {
    this.since = now;
    this.#handshake = undefined;
  }

  #handle(event: ConnectionEvent): void {
    if (this.#handshake === undefined) this.#listener.onEvent(this, event);
    else if (this.#handshake.handle(this, event)) this.#listener.onEvent(this, event);
  }

  #fail(error: unknown): void {
    if (this.#handshake === undefined) this.#listener.onInternalError(error);
    else this.#handshake.reject(internalError(error));
  }
}

/** Holds bytes back that tell of what is not stored yet. */
export interface Guard {
  /** The connection as it is to be driven; `wake` is to be called when held bytes may go. */
  guard(connection: DrivenConnection, wake: () => void): DrivenConnection;
  /** Why nothing can be stored now, if that is so. */
  readonly failure: Error | undefined;
}

/** What an attempt is made with. */
export interface Attempt {
  readonly world: World;
  readonly server: Server;
  readonly settings: Settings;
  readonly session: Session;
  /** For a client with a store. */
  readonly guard?: Guard | undefined;
  readonly cleanStart: boolean;
  /** Whether the client has been connected before. */
  readonly wasConnected: boolean;
  /** Gives up. */
  readonly signal: AbortSignal;
  readonly listener: LinkListener;
}

/**
 * Connects to one server.
 *
 * @throws {ConnectionClosedError} when there is no connection in the end
 * @throws {unknown} the signal's reason when it aborts
 */
export async function openLink(attempt: Attempt): Promise<Link> {
  const { world: { clock }, server: { address }, settings, signal, guard } = attempt;
  const { connectTimeout } = settings;
  const late = () =>
    guard?.failure === undefined
      ? `${address} did not accept the connection within ${connectTimeout} ms; ` +
        "check the address, and that it is a server of MQTT 5.0"
      : `Cannot connect to ${address} before the session is stored: ${textOf(guard.failure)}`;
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
    return await new Handshake(attempt, connect, exchange, connection, signal).shake(transport);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** From CONNECT to CONNACK. */
class Handshake {
  readonly attempt: Attempt;
  readonly connect: ConnectInit;
  readonly exchange: AuthenticationExchange | undefined;
  readonly connection: ClientConnection;
  readonly #signal: AbortSignal;
  readonly #done = Promise.withResolvers<Link>();
  #isRejected = false;

  constructor(
    attempt: Attempt,
    connect: ConnectInit,
    exchange: AuthenticationExchange | undefined,
    connection: ClientConnection,
    signal: AbortSignal,
  ) {
    this.attempt = attempt;
    this.connect = connect;
    this.exchange = exchange;
    this.connection = connection;
    this.#signal = signal;
  }

  /** Resolves when CONNACK has come. */
  async shake(transport: Transport): Promise<Link> {
    this.attempt.listener.onConnect();
    const link = new Link(this, transport);
    try {
      return await this.#done.promise;
    } catch (error) {
      // One that has ended says its last words first.
      if (!this.connection.isClosed) transport.close();
      await link.drive.finished;
      throw error;
    }
  }

  /** There will be no CONNACK. */
  reject(error: unknown): void {
    this.#done.reject(error);
  }

  /** Returns whether the listener is to be told of the event, too. */
  handle(link: Link, event: ConnectionEvent): boolean {
    // What comes after the attempt has failed does not make a connection any more.
    if (this.#isRejected) return false;
    const { attempt: { server, world: { clock }, wasConnected, listener }, connection } = this;
    const signal = this.#signal;
    const authenticationMethod = this.connect.properties?.authenticationMethod;
    switch (event.type) {
      case "connack":
        link.opened(clock.now());
        this.#done.resolve(link);
        return true;
      case "auth": {
        const { exchange } = this;
        if (exchange !== undefined) {
          this.#step(link, exchange.answer(connection, event.packet, signal));
          return false;
        }
        this.#isRejected = true;
        this.reject(stepAskedError(server.address, authenticationMethod!));
        return false;
      }
      case "verify": {
        const verified = this.exchange!.done(event.packet, signal);
        this.#step(link, verified, () => connection.confirm(clock.now()));
        return false;
      }
      case "closed": {
        const { error } = link.drive;
        // One that is unavailable may have begun the session, and not know whether it is stored.
        if (
          event.cause.kind === "refusal" &&
          event.cause.packet.reasonCode !== ReasonCode.serverUnavailable
        ) {
          listener.onRefused();
        }
        this.reject(
          unansweredError(event.cause, server, error, wasConnected, authenticationMethod),
        );
        return false;
      }
      default:
        return true;
    }
  }

  /** A step of authentication, which may take time. */
  #step({ drive }: Link, work: Promise<void>, then = () => {}): void {
    const { connection } = this;
    work.then(then, (error) => connection.failAuthentication(error))
      .catch((error) => connection.abort(error))
      .then(() => drive.wake());
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
