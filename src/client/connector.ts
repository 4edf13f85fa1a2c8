// Keeps a client connected: tries the servers in turn, and again after a lost connection, until a
// fault that another attempt cannot cure, or until it is told to stop.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import type { CloseCause, ConnectionEvent } from "../session/events.ts";
import type { Session } from "../session/session.ts";
import type { ClientEvents } from "./events.ts";
import type { Guard, Link, World } from "./connection_attempt.ts";
import { unlessAborted } from "./deadline.ts";
import type { Settings } from "./options.ts";
import {
  closedError,
  DEFAULT_RECONNECT,
  delayBefore,
  internalError,
  type ReconnectOptions,
  textOf,
} from "./reconnect.ts";
import { type Redirection, redirectionOf } from "./redirect.ts";
import { ServerAttempts } from "./server_attempts.ts";
import { Stability } from "./stability.ts";
import type { Server, ServerSource } from "./servers.ts";

/** Who is to be kept connected. */
export interface ConnectorHost {
  /** Whether an earlier process has left a CONNECT without an answer. */
  readonly wasUnanswered: boolean;
  /**
   * Something has happened on a connection, from CONNACK on: `opened()` and `lost()` are to be
   * called at once.
   */
  handle(link: Link, event: ConnectionEvent): void;
  /**
   * A CONNECT is about to be sent, or there is none any more without an answer. What is stored then
   * is stored before it is sent.
   */
  unanswered(isUnanswered: boolean): void;
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
  readonly #settings: Settings;
  readonly #session: Session;
  readonly #servers: ServerAttempts;
  readonly #host: ConnectorHost;
  #link: Link | undefined;
  /** The last connection, even if it has ended. */
  #last: Link | undefined;
  /** Whether the last CONNECT has not been answered, and that of those before it. */
  #isUnanswered: boolean;
  #wasUnanswered = false;
  /** Whether a CONNECT that was given up may arrive after the one that was answered. */
  #mayComeLate = false;
  #isDoubtful = false;
  readonly #stability = new Stability();
  #isStopping = false;
  /** Gives up the attempts that are under way, or the wait before them. */
  #giveUp: AbortController | undefined;

  /** Refuses URLs that are none, unless they are asked for later. */
  constructor(
    world: World,
    source: ServerSource,
    settings: Settings,
    session: Session,
    guard: Guard | undefined,
    host: ConnectorHost,
  ) {
    this.#world = world;
    this.#settings = settings;
    this.#session = session;
    this.#isUnanswered = host.wasUnanswered;
    this.#servers = new ServerAttempts({
      world,
      source,
      settings,
      session,
      guard,
      wasConnected: () => this.#last !== undefined,
      listener: {
        onConnect: () => {
          this.#wasUnanswered = this.#isUnanswered;
          this.#isDoubtful = this.#wasUnanswered || this.#mayComeLate;
          if (this.#isDoubtful) session.doubt();
          this.#setUnanswered(true);
        },
        onRefused: () => this.#setUnanswered(this.#wasUnanswered),
        onEvent: host.handle,
        onInternalError: (error) => this.fail(error),
      },
    });
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
    const { signal, cleanStart = !this.#session.exists } = this.#settings.options;
    signal?.throwIfAborted();
    const giveUp = this.#giveUp = new AbortController();
    const abort = () => giveUp.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      const error = this.#settings.waitForServer
        ? await this.#untilConnected(cleanStart, giveUp.signal)
        : await this.#servers.tryAll(cleanStart, giveUp.signal);
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
      const error = await this.#servers.tryAll(cleanStart, signal);
      if (error?.kind !== "transient" || !this.#servers.canConnectAgain) return error;
      const attempt = ++this.#stability.attempts;
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

  /**
   * Whether a CONNECT before that of this connection was not answered: the session that the server
   * has may be one that began with it, and has nothing of the one before.
   */
  get isSessionDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** CONNACK has come. */
  opened(link: Link): void {
    this.#link = this.#last = link;
    this.#mayComeLate = this.#wasUnanswered;
    this.#setUnanswered(false);
  }

  /** A connection has ended: makes another, if it helps. */
  lost(link: Link, cause: CloseCause): void {
    this.#link = undefined;
    const { reconnect, redirect } = this.#settings;
    const lasted = this.#world.clock.now() - link.since;
    const isStable = this.#stability.ended(lasted, cause, reconnect ?? DEFAULT_RECONNECT);
    const ended = closedError(cause, link.server.address, link.drive.error);
    const error = this.#stability.explain(ended, link.connect.clientId ?? "");
    const redirection = redirect === "never" ? undefined : redirectionOf(error);
    const willReconnect = !this.#isStopping && reconnect !== undefined &&
      this.#servers.canConnectAgain &&
      (error.kind === "transient" || redirection !== undefined ||
        isStable && cause.kind === "peer" && this.#mayRenewCredentials(error));
    const { isContested } = this.#stability;
    this.#host.lost({ error, willReconnect, isContested });
    if (!willReconnect) {
      return this.#host.ended(this.#isStopping || error.kind === "closed" ? undefined : error);
    }
    const pointedTo = redirection && { from: link.server, ...redirection };
    this.#again(reconnect, error, pointedTo).catch((error) => this.fail(error));
  }

  /**
   * Whether the server may have ended the connection because a token has expired: the next attempt
   * asks for another.
   */
  #mayRenewCredentials({ kind }: ConnectionClosedError): boolean {
    const { credentials, authentication } = this.#settings.options;
    return kind === "credentials" && (credentials ?? authentication) !== undefined;
  }

  /**
   * Something was thrown on a connection, which has ended it: the client ends with it, whatever is
   * under way.
   */
  fail(error: unknown): void {
    const link = this.#link;
    this.#isStopping = true;
    this.#giveUp?.abort(stopped());
    link?.connection.abort(error);
    link?.drive.wake();
    this.#host.ended(internalError(error));
  }

  /** Tries again until there is a connection, or there will be none. */
  async #again(
    options: ReconnectOptions,
    lost: ConnectionClosedError,
    redirection: (Redirection & { readonly from: Server }) | undefined,
  ): Promise<void> {
    const { clock } = this.#world;
    let error = redirection && await this.#sendTo(redirection, lost);
    if (error !== undefined) return this.#host.ended(this.#isStopping ? undefined : error);
    while (!this.#isStopping) {
      const attempt = ++this.#stability.attempts;
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
      const isFollowed = await this.#servers.beginAt(from, redirection, giveUp.signal);
      return isFollowed || lost.kind === "transient" ? undefined : lost;
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
      return await this.#servers.tryAll(false, signal);
    } catch (cause) {
      if (cause instanceof ConnectionClosedError) return cause;
      const message = `Cannot connect again: ${textOf(cause)}`;
      return new ConnectionClosedError(message, { kind: "configuration", cause });
    } finally {
      this.#over(giveUp);
    }
  }

  #setUnanswered(isUnanswered: boolean): void {
    this.#isUnanswered = isUnanswered;
    this.#host.unanswered(isUnanswered);
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

function gaveUp(attempts: number, cause: ConnectionClosedError | undefined): ConnectionClosedError {
  const why = cause === undefined ? "" : `: ${cause.message}`;
  return new ConnectionClosedError(`Gave up after ${attempts} attempts${why}`, {
    kind: "transient",
    cause,
  });
}

/** What an attempt is given up for. */
function stopped(): ConnectionClosedError {
  return new ConnectionClosedError("The client is closed", { kind: "closed" });
}
