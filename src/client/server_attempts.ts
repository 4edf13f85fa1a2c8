// One attempt after the other to connect to one server of several, in turn, and to those that they
// point to (§4.11).

import { ConnectionClosedError } from "../errors.ts";
import type { Session } from "../session/session.ts";
import { type Guard, type LinkListener, openLink, type World } from "./connection_attempt.ts";
import { unlessAborted, within } from "./deadline.ts";
import type { Settings } from "./options.ts";
import { textOf } from "./reconnect.ts";
import {
  MAXIMUM_REDIRECTIONS,
  redirectedServers,
  type Redirection,
  redirectionOf,
} from "./redirect.ts";
import { type Server, serversOf, type ServerSource, type ServerUrls } from "./servers.ts";

/** What attempts are made with. */
export interface ServerAttemptsSetup {
  readonly world: World;
  readonly source: ServerSource;
  readonly settings: Settings;
  readonly session: Session;
  readonly guard: Guard | undefined;
  /** Whether the client has been connected before. */
  readonly wasConnected: () => boolean;
  readonly listener: LinkListener;
}

/** Tries servers. */
export class ServerAttempts {
  readonly #setup: ServerAttemptsSetup;
  /** The servers, or where to ask for them. */
  readonly #source: readonly Server[] | (() => ServerUrls | Promise<ServerUrls>);
  /** Where servers have moved for good, by their scheme and address. */
  #moved: Map<string, readonly Server[]> | undefined;
  /** What is tried first the next time. */
  #first: readonly Server[] = [];

  /**
   * Makes no attempt yet.
   *
   * @throws {TypeError} when a URL or an option is wrong
   */
  constructor(setup: ServerAttemptsSetup) {
    const { source, settings } = setup;
    this.#setup = setup;
    this.#source = typeof source === "function"
      ? source
      : serversOf(source, settings.options, setup.world.sockets, setup.world.sourceClock);
  }

  /** Whether there is a server that can be connected to once more. */
  get canConnectAgain(): boolean {
    return typeof this.#source === "function" || this.#source.some(({ isSpent }) => !isSpent);
  }

  /**
   * Tries all servers in turn. Returns why none has taken the client, nothing when one has.
   *
   * @throws {TypeError} when what was asked for servers gave something else
   * @throws {unknown} the signal's reason when it aborts
   */
  async tryAll(
    cleanStart: boolean,
    signal: AbortSignal,
  ): Promise<ConnectionClosedError | undefined> {
    const errors: ConnectionClosedError[] = [];
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work();
        return true;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ConnectionClosedError)) throw error;
        errors.push(error);
        return false;
      }
    };
    let servers = this.#first;
    this.#first = [];
    await attempt(async () => {
      servers = [...servers, ...await this.#servers(signal)];
    });
    for (const server of servers) {
      const connect = () => this.#try(server, cleanStart, signal, MAXIMUM_REDIRECTIONS);
      if (await attempt(connect)) return undefined;
    }
    return errors.length > 1 ? together(errors) : errors[0];
  }

  /**
   * The next time, what a server points to is tried first. Resolves to whether the reference is
   * followed.
   *
   * @throws {ConnectionClosedError} when it may not be followed
   * @throws {unknown} the signal's reason when it aborts
   */
  async beginAt(from: Server, redirection: Redirection, signal: AbortSignal): Promise<boolean> {
    const servers = await this.#redirected(from, redirection, signal);
    // What has moved for good is found under its old address.
    if (!redirection.isPermanent) this.#first = servers;
    return servers.length > 0;
  }

  /** Tries one server, or those that it points to. `hops` is how often it may point elsewhere. */
  async #try(
    server: Server,
    cleanStart: boolean,
    signal: AbortSignal,
    hops: number,
  ): Promise<void> {
    const moved = this.#moved?.get(keyOf(server));
    if (moved !== undefined) return await this.#follow(moved, cleanStart, signal, hops);
    const { wasConnected, ...setup } = this.#setup;
    try {
      await openLink({ ...setup, server, cleanStart, wasConnected: wasConnected(), signal });
    } catch (error) {
      signal.throwIfAborted();
      const redirection = error instanceof ConnectionClosedError && redirectionOf(error);
      if (!redirection) throw error;
      const servers = await this.#redirected(server, redirection, signal);
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

  /**
   * Where a server points to, none when that is not followed; it is remembered if it is for good.
   */
  async #redirected(
    from: Server,
    redirection: Redirection,
    signal: AbortSignal,
  ): Promise<readonly Server[]> {
    const { settings: { redirect, options }, world } = this.#setup;
    const { clock, sockets, sourceClock } = world;
    const { connectTimeout: timeout } = this.#setup.settings;
    const late = `The Server Reference ${
      JSON.stringify(redirection.reference)
    } was not resolved within ${timeout} ms`;
    const servers = await within(
      { clock, signal, timeout, late },
      (signal) =>
        unlessAborted(
          signal,
          redirectedServers(redirect, from, redirection, options, sockets, sourceClock),
        ),
    );
    if (redirection.isPermanent && servers.length > 0) {
      this.#moved ??= new Map();
      this.#moved.set(keyOf(from), servers);
    }
    return servers;
  }

  async #servers(signal: AbortSignal): Promise<readonly Server[]> {
    const source = this.#source;
    if (typeof source !== "function") return source.filter(({ isSpent }) => !isSpent);
    const { world, settings: { connectTimeout: timeout, options } } = this.#setup;
    const { clock, sockets, sourceClock } = world;
    const late = `The list of servers was not there within ${timeout} ms`;
    const ask = async () => await source();
    let urls: ServerUrls;
    try {
      urls = await within(
        { clock, signal, timeout, late },
        (signal) => unlessAborted(signal, ask()),
      );
    } catch (cause) {
      if (signal.aborted || cause instanceof ConnectionClosedError) throw cause;
      const message = `Cannot get the list of servers: ${textOf(cause)}`;
      throw new ConnectionClosedError(message, { kind: "transient", cause });
    }
    return serversOf(urls, options, sockets, sourceClock);
  }
}

function keyOf({ destination, address }: Server): string {
  return `${destination?.scheme}://${address}`;
}

/** One error for several servers, transient if one of theirs is. */
function together(errors: readonly ConnectionClosedError[]): ConnectionClosedError {
  const { kind } = errors.find(({ kind }) => kind === "transient") ?? errors[0]!;
  const told = errors.map(({ message }) => message).join("; ");
  const cause = new AggregateError(errors, told);
  return new ConnectionClosedError(`Cannot connect to any of ${errors.length} servers: ${told}`, {
    kind,
    cause,
  });
}
