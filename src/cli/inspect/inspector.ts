// Accepts connections, connects each to the server, and lets an observer look at what is passed on.

import type { Destination } from "../../io/destination.ts";
import type { OptionNames } from "../../io/fault_texts.ts";
import {
  type HandshakeLimits,
  listen,
  type Listener,
  type ListenOptions,
} from "../../io/listen.ts";
import { dialBySockets } from "../../io/socket_dial.ts";
import type { Transport } from "../../io/transport.ts";
import type { PeerInfo } from "../../session/peer.ts";
import { isWebSocket } from "../options/listeners.ts";
import type { LinkObserver } from "./link_observer.ts";
import type { Observer } from "./observer.ts";
import { relay } from "./relay.ts";

/** Unless something else is said, the limit for opening a connection, in milliseconds. */
const PATIENCE = 10_000;

/** TLS handshakes of clients at the same time. */
const HANDSHAKES = 100;

/** What an inspector works with. */
export interface InspectorOptions {
  readonly destination: Destination;
  readonly observer: Observer;
  /** The names of the options, for messages. */
  readonly names: OptionNames;
  /** Is told, in a sentence, of a client with which there is no connection. */
  readonly onRefused: (message: string) => void;
  /**
   * How long the server may take to accept a connection, and a client to open one, in milliseconds.
   * Default: 10,000.
   */
  readonly patience?: number;
}

/** Relays connections until it is closed. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #patience: number;
  readonly #listeners: Listener[] = [];
  readonly #closing = new AbortController();
  /** The connections that last, and what closes them. */
  readonly #links = new Set<Promise<void>>();
  readonly #transports = new Set<Transport>();

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
  }

  /**
   * Starts listening.
   *
   * @throws {TypeError} when an option is wrong
   * @throws {Error} what the platform throws when it cannot listen there
   */
  async listen(place: ListenOptions): Promise<Listener> {
    const { onRefused } = this.#options;
    const limits: HandshakeLimits = {
      handshakeTimeout: this.#patience,
      handshakes: HANDSHAKES,
      onRefused: ({ address, message }) => onRefused(`${address}: ${message}`),
    };
    const opensWebSocket = isWebSocket(place);
    const listener = await listen(place, limits, (transport, peer) => {
      const link = this.#relay(transport, peer, opensWebSocket);
      this.#links.add(link);
      void link.then(() => this.#links.delete(link));
    });
    this.#listeners.push(listener);
    return listener;
  }

  /** Stops listening and closes all connections. Resolves when nothing is open any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    const closed = this.#listeners.splice(0).map((listener) => listener.close());
    for (const transport of this.#transports) transport.close();
    await Promise.all([...closed, ...this.#links]);
  }

  /** Relays one connection. Never rejects. */
  async #relay(client: Transport, peer: PeerInfo, opensWebSocket: boolean): Promise<void> {
    const { observer, destination } = this.#options;
    if (this.#closing.signal.aborted) return client.close();
    this.#transports.add(client);
    let server: Transport | undefined;
    let link: LinkObserver | undefined;
    let fault: string | undefined;
    try {
      // Before it has sent something, it has not opened its WebSocket, and nothing can be written.
      const first = opensWebSocket ? await this.#firstOf(client, peer) : undefined;
      if (opensWebSocket && first === undefined) return;
      const { address, listener = "" } = peer;
      link = observer.open({ client: address, listener, server: destination.address }, now());
      server = await this.#dial();
      this.#transports.add(server);
      fault = await relay({ client, server }, observed(link), first);
      if (this.#closing.signal.aborted) fault = undefined;
    } catch (error) {
      if (!this.#closing.signal.aborted) fault = messageOf(error);
    } finally {
      link?.close(fault, now());
      for (const transport of [client, server]) {
        if (transport === undefined) continue;
        transport.close();
        this.#transports.delete(transport);
      }
    }
  }

  /** The first bytes of a client; `undefined` if it closes, or is too slow and is closed. */
  async #firstOf(client: Transport, { address }: PeerInfo): Promise<Uint8Array | undefined> {
    const timer = setTimeout(() => {
      const time = `${this.#patience / 1000} s`;
      this.#options.onRefused(`${address}: nothing came through a WebSocket within ${time}`);
      client.close();
    }, this.#patience);
    try {
      return await client.read();
    } finally {
      clearTimeout(timer);
    }
  }

  async #dial(): Promise<Transport> {
    const { destination, names } = this.#options;
    const deadline = AbortSignal.timeout(this.#patience);
    const signal = AbortSignal.any([this.#closing.signal, deadline]);
    try {
      const server = await dialBySockets(destination, { signal, names, passesStrangers: true });
      if (!this.#closing.signal.aborted) return server;
      server.close();
      throw this.#closing.signal.reason;
    } catch (error) {
      if (!deadline.aborted || this.#closing.signal.aborted) throw error;
      throw new Error(
        `Cannot connect to ${destination.address}: no connection within ${this.#patience / 1000} s`,
      );
    }
  }
}

function observed(link: LinkObserver) {
  return {
    pass: (from: "client" | "server", bytes: Uint8Array) => link.pass(from, bytes, now()),
    end: (from: "client" | "server") => link.end(from, now()),
  };
}

/** Milliseconds since 1970 that never go back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
