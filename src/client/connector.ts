// Keeps a client connected: tries the servers in turn, and again after a lost connection, until a
// fault that another attempt cannot cure, or until it is told to stop.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import type { ConnackPacket } from "../packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import type { Session } from "../session/session.ts";
import type { ClientEvents } from "./events.ts";
import { type Link, openLink, unlessAborted, within, type World } from "./link.ts";
import type { Settings } from "./options.ts";
import {
  closedError,
  DEFAULT_RECONNECT,
  delayBefore,
  type ReconnectOptions,
  textOf,
} from "./reconnect.ts";
import {
  MAXIMUM_REDIRECTIONS,
  redirectedServers,
  type Redirection,
  redirectionOf,
} from "./redirect.ts";
import { type Server, serversOf, type ServerSource, type ServerUrls } from "./servers.ts";

/** Who is to be kept connected. */
export interface ConnectorHost {
  /** There is a connection. */
  connected(link: Link, packet: ConnackPacket): void;
  /** Something else has happened on it. */
  handle(link: Link, event: ConnectionEvent): void;
  /** The connection is lost. */
  lost(detail: ClientEvents["disconnected"]): void;
  /** Another attempt is due. */
  reconnecting(detail: ClientEvents["reconnecting"]): void;
  /** There will be no connection any more. */
  ended(error: ConnectionClosedError | undefined): void;
}

/** Makes connections, one at a time. */
export class Connector {
  readonly #world: World;
  /** The servers, or where to ask for them. */
  readonly #source: readonly Server[] | (() => ServerUrls | Promise<ServerUrls>);
  readonly #settings: Settings;
  readonly #session: Session;
  readonly #host: ConnectorHost;
  #link: Link | undefined;
  /** The last connection, even if it has ended. */
  #last: Link | undefined;
  /** Attempts since a connection was last stable. */
  #attempts = 0;
  #isStopping = false;
  /** The servers that have moved for good, by the address of the one before. */
  readonly #moved = new Map<string, readonly Server[]>();
  /**
   * Where the next attempt begins: where a server has sent the client when it ended the connection.
   */
  #sentTo: readonly Server[] = [];
  /** Gives up the attempts that are under way, or the wait before them. */
  #giveUp: AbortController | undefined;

  /** Refuses URLs that are none, unless they are asked for later. */
  constructor(
    world: World,
    source: ServerSource,
    settings: Settings,
    session: Session,
    host: ConnectorHost,
  ) {
    this.#world = world;
    this.#source = typeof source === "function" ? source : serversOf(source, settings.options);
    this.#settings = settings;
    this.#session = session;
    this.#host = host;
  }

  /** The connection, once CONNACK has come and as long as it lasts. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** The connection, or the one before. */
  get last(): Link | undefined {
    return this.#last;
  }

  /**
   * Connects for the first time.
   *
   * @throws {RefusedError} when the only server refuses
   * @throws {ConnectionClosedError} when there is no connection for another reason
   * @throws {TypeError} when a URL is none
   * @throws {unknown} the signal's reason when it aborts
   */
  async start(): Promise<void> {
    const { signal, session, cleanStart = session === undefined } = this.#settings.options;
    signal?.throwIfAborted();
    const giveUp = this.#giveUp = new AbortController();
    const abort = () => giveUp.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      const error = this.#settings.waitForServer
        ? await this.#untilConnected(cleanStart, giveUp.signal)
        : await this.#tryAll(cleanStart, giveUp.signal);
      if (error !== undefined) throw error.cause instanceof RefusedError ? error.cause : error;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#over(giveUp);
    }
  }

  /** Tries until there is a connection. Returns why there will be none. */
  async #untilConnected(
    cleanStart: boolean,
    signal: AbortSignal,
  ): Promise<ConnectionClosedError | undefined> {
    const options = this.#settings.reconnect ?? DEFAULT_RECONNECT;
    for (;;) {
      const error = await this.#tryAll(cleanStart, signal);
      if (error?.kind !== "transient" || !this.#canConnectAgain) return error;
      const attempt = ++this.#attempts;
      if (attempt > options.maximumAttempts) return gaveUp(attempt - 1, error);
      const delay = delayBefore(attempt, options, this.#world.clock.random());
      this.#host.reconnecting({ attempt, delay, error });
      await this.#sleep(delay, signal);
    }
  }

  /** From now on a lost connection is not made again. */
  settle(): void {
    this.#isStopping = true;
    if (this.#link === undefined) this.#giveUp?.abort(stopped());
  }

  /** Tries all servers in turn. Returns why none has taken the client, nothing when one has. */
  async #tryAll(
    cleanStart: boolean,
    signal: AbortSignal,
  ): Promise<ConnectionClosedError | undefined> {
    const errors: ConnectionClosedError[] = [];
    const sentTo = this.#sentTo;
    this.#sentTo = [];
    for (const server of [...sentTo, ...await this.#servers(signal)]) {
      try {
        await this.#try(server, cleanStart, signal, MAXIMUM_REDIRECTIONS);
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ConnectionClosedError)) throw error;
        errors.push(error);
      }
    }
    return errors.length > 1 ? together(errors) : errors[0];
  }

  /** Tries one server, or those that it points to. `hops` is how often it may point elsewhere. */
  async #try(
    server: Server,
    cleanStart: boolean,
    signal: AbortSignal,
    hops: number,
  ): Promise<void> {
    const moved = this.#moved.get(server.address);
    if (moved !== undefined) return await this.#follow(moved, cleanStart, signal, hops);
    try {
      await openLink({
        world: this.#world,
        server,
        settings: this.#settings,
        session: this.#session,
        cleanStart,
        wasConnected: this.#last !== undefined,
        signal,
        onEvent: (link, event) => this.#handle(link, event),
      });
    } catch (error) {
      signal.throwIfAborted();
      const redirection = error instanceof ConnectionClosedError && redirectionOf(error);
      if (!redirection) throw error;
      const servers = await unlessAborted(signal, this.#redirected(server, redirection));
      if (servers.length === 0) throw error;
      await this.#follow(servers, cleanStart, signal, hops);
    }
  }

  /** Tries the servers that another one points to, in turn. */
  async #follow(
    servers: readonly Server[],
    cleanStart: boolean,
    signal: AbortSignal,
    hops: number,
  ): Promise<void> {
    if (hops === 0) {
      const message = `Gave up after ${MAXIMUM_REDIRECTIONS} redirections in a row`;
      throw new ConnectionClosedError(message, { kind: "configuration" });
    }
    const errors: unknown[] = [];
    for (const server of servers) {
      try {
        return await this.#try(server, cleanStart, signal, hops - 1);
      } catch (error) {
        signal.throwIfAborted();
        errors.push(error);
      }
    }
    throw errors[0];
  }

  /** Where a server points to; it is remembered if that is for good. */
  async #redirected(from: Server, redirection: Redirection): Promise<readonly Server[]> {
    const { redirect, options } = this.#settings;
    const servers = await redirectedServers(redirect, from, redirection, options);
    if (redirection.isPermanent && servers.length > 0) this.#moved.set(from.address, servers);
    return servers;
  }

  async #servers(signal: AbortSignal): Promise<readonly Server[]> {
    const source = this.#source;
    if (typeof source !== "function") return source;
    const { clock } = this.#world;
    const { connectTimeout: timeout } = this.#settings;
    const late = `Nobody said within ${timeout} ms which servers to try`;
    const ask = async () => await source();
    let urls: ServerUrls;
    try {
      urls = await within(
        { clock, signal, timeout, late },
        (signal) => unlessAborted(signal, ask()),
      );
    } catch (cause) {
      if (signal.aborted || cause instanceof ConnectionClosedError) throw cause;
      const message = `There are no servers to try: ${textOf(cause)}`;
      throw new ConnectionClosedError(message, { kind: "transient", cause });
    }
    return serversOf(urls, this.#settings.options);
  }

  /** Whether there is a server that can be connected to more than once. */
  get #canConnectAgain(): boolean {
    return typeof this.#source === "function" ||
      this.#source.some(({ isSingleUse }) => !isSingleUse);
  }

  #handle(link: Link, event: ConnectionEvent): void {
    if (event.type === "connack") {
      this.#link = this.#last = link;
      this.#host.connected(link, event.packet);
    } else if (event.type === "closed") this.#lost(link, event.cause);
    else this.#host.handle(link, event);
  }

  #lost(link: Link, cause: CloseCause): void {
    this.#link = undefined;
    const { reconnect, redirect } = this.#settings;
    const error = closedError(cause, link.server.address, link.drive.error);
    const redirection = redirect === "never" ? undefined : redirectionOf(error);
    const willReconnect = !this.#isStopping && reconnect !== undefined && this.#canConnectAgain &&
      (error.kind === "transient" || redirection !== undefined);
    this.#host.lost({ error, willReconnect });
    if (!willReconnect) {
      return this.#host.ended(this.#isStopping || error.kind === "closed" ? undefined : error);
    }
    const lasted = this.#world.clock.now() - link.since;
    if (lasted >= reconnect.stableAfter) this.#attempts = 0;
    void this.#again(reconnect, error, redirection && { from: link.server, ...redirection });
  }

  /** Tries again until there is a connection, or there will be none. Never rejects. */
  async #again(
    options: ReconnectOptions,
    lost: ConnectionClosedError,
    redirection: (Redirection & { readonly from: Server }) | undefined,
  ): Promise<void> {
    const { clock } = this.#world;
    let error = redirection && await this.#sendTo(redirection, lost);
    if (error !== undefined) return this.#host.ended(this.#isStopping ? undefined : error);
    while (!this.#isStopping) {
      const attempt = ++this.#attempts;
      if (attempt > options.maximumAttempts) {
        return this.#host.ended(gaveUp(attempt - 1, error ?? lost));
      }
      const delay = delayBefore(attempt, options, clock.random());
      this.#host.reconnecting({ attempt, delay, error });
      // It may have been told to stop by those it has just told.
      if (this.#isStopping) break;
      error = await this.#tryAfter(delay);
      if (error === undefined) return;
      if (error.kind !== "transient") break;
    }
    this.#host.ended(this.#isStopping ? undefined : error);
  }

  /** The next attempt begins where the server points to. Returns why it cannot. */
  async #sendTo(
    { from, ...redirection }: Redirection & { readonly from: Server },
    lost: ConnectionClosedError,
  ): Promise<ConnectionClosedError | undefined> {
    const giveUp = this.#giveUp = new AbortController();
    try {
      const servers = await unlessAborted(giveUp.signal, this.#redirected(from, redirection));
      if (servers.length === 0 && lost.kind !== "transient") return lost;
      if (!redirection.isPermanent) this.#sentTo = servers;
      return undefined;
    } catch (error) {
      return error as ConnectionClosedError;
    } finally {
      this.#over(giveUp);
    }
  }

  /**
   * Waits, then tries all servers. Returns why there is no connection, nothing when there is one.
   */
  async #tryAfter(delay: number): Promise<ConnectionClosedError | undefined> {
    const giveUp = this.#giveUp = new AbortController();
    const { signal } = giveUp;
    try {
      await this.#sleep(delay, signal);
      return await this.#tryAll(false, signal);
    } catch (cause) {
      if (cause instanceof ConnectionClosedError) return cause;
      const message = `No further attempt can be made: ${textOf(cause)}`;
      return new ConnectionClosedError(message, { kind: "configuration", cause });
    } finally {
      this.#over(giveUp);
    }
  }

  /** Attempts are over; others may have begun, if the connection they made is lost already. */
  #over(giveUp: AbortController): void {
    if (this.#giveUp === giveUp) this.#giveUp = undefined;
  }

  async #sleep(delay: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.at(clock.now() + delay, resolve);
    try {
      await unlessAborted(signal, promise);
    } finally {
      cancel();
    }
  }
}

/** One error for several servers, transient if one of theirs is. */
function together(errors: readonly ConnectionClosedError[]): ConnectionClosedError {
  const { kind } = errors.find(({ kind }) => kind === "transient") ?? errors[0]!;
  const told = errors.map(({ message }) => message).join("; ");
  const cause = new AggregateError(errors, told);
  return new ConnectionClosedError(`None of ${errors.length} servers is there: ${told}`, {
    kind,
    cause,
  });
}

function gaveUp(attempts: number, cause: ConnectionClosedError | undefined): ConnectionClosedError {
  const why = cause === undefined ? "" : `: ${cause.message}`;
  return new ConnectionClosedError(`Gave up after ${attempts} attempts${why}`, {
    kind: "transient",
    cause,
  });
}

/** What an attempt is given up for. */
function stopped(): ConnectionClosedError {
  return new ConnectionClosedError("The client has been closed", { kind: "closed" });
}
