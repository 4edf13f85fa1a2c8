// `serve()`: a broker on the network of this machine, or within the process alone. Listeners ×
// drive, and one timer.

import { type Clock, systemClock, wallTime } from "../io/clock.ts";
import { writeToConsole } from "../io/console.ts";
import { Drive, type DrivenConnection } from "../io/drive.ts";
import {
  type CertificateOptions,
  type HandshakeLimits,
  listen,
  type Listener,
  type ListenOptions,
  type OnConnection,
} from "../io/listen.ts";
export type { CertificateOptions, Listener, ListenOptions, ListenProtocol } from "../io/listen.ts";
import { memoryTransports } from "../io/memory.ts";
import { randomName } from "../io/random.ts";
import { nextTurn, SocketTurns } from "../io/runtime.ts";
import type { Transport } from "../io/transport.ts";
export type { Transport } from "../io/transport.ts";
import type { PeerInfo } from "../session/peer.ts";
import { SECURE_CONNECTION } from "./sizes.ts";
import { Store } from "./durability/store.ts";
import { BrokerEngine, type BrokerStatistics } from "./engine.ts";
import type { BrokerConnection } from "./model.ts";
import type { BrokerOptions } from "./options.ts";

/** This part of the memory at most is taken by connections whose handshake of TLS goes on. */
const HANDSHAKES_PART = 8;

/** How long what no client is told of may wait until it is brought to disk, in milliseconds. */
const SOON = 100;

/**
 * Options of {@linkcode serve}: one listener, or several, or none, and what the broker grants,
 * bears and asks.
 */
export interface ServeOptions extends BrokerOptions, ListenOptions {
  /**
   * A file for sessions, the messages that wait for them, and retained messages, so that they
   * survive the broker: what a client was told is there first. No other process may use it
   * meanwhile. Needs the permissions read and write for it. Without, memory is all there is.
   *
   * While it cannot be written, because the disk is full above all, a message for a session that is
   * kept is refused with 0x97, a subscription of it with 0x97, its end with 0x83, and a connection
   * to it with 0x88; a client whose exchange of QoS 2 cannot be recorded is closed with 0x97. All
   * else goes on, `onError` is told, and the broker tries again by itself. {@linkcode serve}
   * rejects with a {@linkcode StoreError} when the file is in use, not a broker's, damaged, empty,
   * or of a later version. Files of earlier versions are brought up to date.
   */
  readonly path?: string | undefined;
  /**
   * Where to listen, if it is more than one place, or none: `[]` takes connections within the
   * process alone.
   */
  readonly listeners?: readonly ListenOptions[] | undefined;
  /**
   * Is given each new connection, and gives back what the broker is to use in its place: one that
   * shows what goes by, or delays it, or breaks. When it throws, the connection is closed and
   * `onError` is told. Default: the connection itself.
   */
  readonly intercept?: ((transport: Transport, address: string) => Transport) | undefined;
}

/**
 * A broker that runs. Made by {@linkcode serve}; disposing it shuts it down.
 *
 * @example A broker and a client in one process, with no permission at all
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { serve } from "jsr:@mqtt5/mqtt5/broker";
 * import { assertEquals } from "@std/assert";
 *
 * await using broker = await serve({ listeners: [] });
 * await using client = await connect(broker);
 * const readings = await client.subscribe("home/+/temperature");
 * await client.publish("home/kitchen/temperature", "21.5");
 * for await (const message of readings) {
 *   assertEquals(message.text(), "21.5");
 *   break;
 * }
 * ```
 */
export class Broker implements AsyncDisposable {
  #listeners: readonly Listener[] = [];
  readonly #clock: Clock;
  readonly #engine: BrokerEngine;
  readonly #store: Store | undefined;
  readonly #intercept: ServeOptions["intercept"];
  readonly #drives = new Set<Drive>();
  #shutDown: Promise<void> | undefined;
  #armedAt = Infinity;
  #disarm = (): void => {};
  #cancelCommit: (() => void) | undefined;

  /** Use {@linkcode serve}. */
  constructor(options: ServeOptions, clock: Clock, store: Store | undefined) {
    this.#clock = clock;
    this.#store = store;
    this.#intercept = options.intercept;
    const turns = new SocketTurns();
    const tools = {
      now: () => clock.now(),
      newClientId: randomName,
      warn: writeToConsole,
      atEndOfTurn,
      onNextTurn: (callback: () => void) => void turns.next().then(callback),
      hasCertificateUsernames: (options.listeners ?? [options])
        .some(({ certificateUsername }) => certificateUsername !== undefined),
    };
    this.#engine = new BrokerEngine(options, tools, store);
    if (store !== undefined) store.onFailed = (error) => this.#engine.report(error, "the store");
    // What has expired while there was no broker is gone before anybody sees it.
    this.#tick();
  }

  /** Use {@linkcode serve}. */
  static async start(
    options: ServeOptions,
    clock: Clock,
    store: Store | undefined,
  ): Promise<Broker> {
    let broker: Broker;
    try {
      broker = new Broker(options, clock, store);
    } catch (error) {
      store?.close();
      throw error;
    }
    const { limits, handshakes: account } = broker.#engine;
    const most = Math.max(1, Math.floor(limits.memory / HANDSHAKES_PART / SECURE_CONNECTION));
    const handshakes: HandshakeLimits = {
      handshakeTimeout: limits.connectTimeout,
      handshakes: Math.min(limits.connections, most),
      onHandshake: () => account.tryCharge(SECURE_CONNECTION),
      onHandshakeEnded: () => account.release(SECURE_CONNECTION),
    };
    try {
      broker.#listeners = await listenAll(
        options.listeners ?? [options],
        handshakes,
        (transport, peer) => broker.#open(transport, peer),
      );
      return broker;
    } catch (error) {
      await broker.shutDown();
      throw error;
    }
  }

  /** Where it listens. */
  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /**
   * The port of the first listener.
   *
   * @throws {TypeError} when there is none, or it is a Unix socket
   */
  get port(): number {
    const { protocol, port } = this.#first;
    if (protocol === "mqtt+unix") throw new TypeError("The first listener is a Unix socket");
    return port;
  }

  /**
   * The URL of the first listener, for `connect()`.
   *
   * @throws {TypeError} when there is none
   */
  get url(): string {
    return this.#first.url;
  }

  /** How much there is of everything. */
  get statistics(): BrokerStatistics {
    return this.#engine.statistics;
  }

  /** A connection within the process, which needs no permission. `connect(broker)` uses it. */
  connect(): Transport {
    const [ours, theirs] = memoryTransports();
    this.#open(ours, { address: "memory" });
    return theirs;
  }

  /**
   * Uses another certificate at every listener with TLS, for connections that come from now on;
   * those that there are go on. Without `ca` the authorities of before hold. For a single listener,
   * see {@linkcode Listener.setCertificate}.
   *
   * @throws {TypeError} when it is wrong, or no listener has TLS; then the certificates of before
   *   hold
   *
   * @example A certificate that is renewed
   * ```ts
   * import type { Broker } from "jsr:@mqtt5/mqtt5/broker";
   *
   * async function renew(broker: Broker) {
   *   const cert = await Deno.readTextFile("cert.pem");
   *   const key = await Deno.readTextFile("key.pem");
   *   broker.setCertificate({ cert, key });
   * }
   * ```
   */
  setCertificate(certificate: CertificateOptions): void {
    const secure = this.#listeners.filter(({ protocol }) =>
      protocol === "mqtts" || protocol === "wss"
    );
    if (secure.length === 0) throw new TypeError("No listener of the broker has TLS");
    // What one refuses all of them do.
    for (const listener of secure) listener.setCertificate(certificate);
  }

  /**
   * Forgets what `authorizeDelivery` has said of a client, or of all of them: rules have changed,
   * and it is to be asked anew, also about the messages that wait. Those in flight go on.
   */
  clearAuthorizations(clientId?: string): void {
    this.#engine.clearAuthorizations(clientId);
    this.#happened();
  }

  /**
   * Takes no more connections, tells every client that the server is shutting down (0x8B), and
   * ends.
   */
  shutDown(): Promise<void> {
    return this.#shutDown ??= this.#end();
  }

  /** As {@linkcode Broker.shutDown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutDown();
  }

  get #first(): Listener {
    const [first] = this.#listeners;
    if (first === undefined) throw new TypeError("The broker listens nowhere");
    return first;
  }

  async #end(): Promise<void> {
    const closing = this.#listeners.map((listener) => listener.close());
    await this.#engine.shutDown();
    this.#disarm();
    this.#cancelCommit?.();
    await Promise.all([...this.#drives].map(({ finished }) => finished));
    await Promise.all(closing);
    this.#store?.close();
  }

  #open(transport: Transport, peer: PeerInfo): void {
    if (this.#shutDown !== undefined || !this.#engine.hasRoomFor(peer)) return transport.close();
    const used = this.#intercepted(transport, peer);
    if (used === undefined) return transport.close();
    const connection = this.#engine.open(peer, () => {
      drive.wake();
      this.#happened();
    });
    const drive: Drive = new Drive(
      used,
      this.#truthful(connection),
      this.#clock,
      (event) => {
        this.#engine.handle(connection, event);
        this.#happened();
      },
      (error) => {
        this.#engine.report(error, "the connection", connection.client);
        this.#happened();
      },
      () => this.#engine.isDoneWith(connection),
    );
    this.#drives.add(drive);
    void drive.finished.then(() => {
      this.#drives.delete(drive);
      this.#engine.close(connection);
    });
  }

  /** What `intercept` gives in place of a connection; nothing when it fails. */
  #intercepted(transport: Transport, { address }: PeerInfo): Transport | undefined {
    if (this.#intercept === undefined) return transport;
    try {
      const given = this.#intercept(transport, address) as Partial<Transport> | undefined;
      for (const name of ["read", "write", "closeWrite", "close"] as const) {
        if (typeof given?.[name] !== "function") {
          throw new TypeError(`What intercept gives is no transport: it has no ${name}()`);
        }
      }
      return given as Transport;
    } catch (error) {
      this.#engine.report(error, "intercept");
      this.#happened();
      return undefined;
    }
  }

  /** The connection, of which nothing is written before it is true. */
  #truthful(connection: BrokerConnection): DrivenConnection {
    const { protocol } = connection;
    if (this.#store === undefined) return protocol;
    return {
      get deadline() {
        return protocol.deadline;
      },
      get isClosed() {
        return protocol.isClosed;
      },
      get wantsBytes() {
        return protocol.wantsBytes;
      },
      receive: (chunk, now) => protocol.receive(chunk, now),
      receiveEnd: (now) => protocol.receiveEnd(now),
      tick: (now) => protocol.tick(now),
      probe: (now) => protocol.probe(now),
      abort: (error) => protocol.abort(error),
      nextEvent: () => protocol.nextEvent(),
      takeBytes: () => this.#engine.takeBytes(connection),
    };
  }

  /** There may be something to do later. */
  #happened(): void {
    this.#arm();
    const store = this.#store;
    if (store?.needsCommit !== true || this.#shutDown !== undefined) return;
    this.#cancelCommit ??= this.#clock.at(store.retryAt ?? this.#clock.now() + SOON, () => {
      this.#cancelCommit = undefined;
      this.#engine.commit();
      this.#happened();
    });
  }

  #arm(): void {
    const { deadline } = this.#engine;
    if (deadline >= this.#armedAt || this.#shutDown !== undefined) return;
    this.#disarm();
    this.#armedAt = deadline;
    this.#disarm = this.#clock.at(deadline, () => this.#tick());
  }

  #tick(): void {
    this.#armedAt = Infinity;
    this.#engine.tick();
    this.#engine.commit();
    this.#happened();
  }
}

/** Listens everywhere, or nowhere when one place cannot be had. */
async function listenAll(
  places: readonly ListenOptions[],
  limits: HandshakeLimits,
  onConnection: OnConnection,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const place of places) listeners.push(await listen(place, limits, onConnection));
    return listeners;
  } catch (error) {
    for (const listener of listeners) await listener.close();
    throw error;
  }
}

/**
 * Starts a broker of MQTT 5.0. Resolves when it listens: by default on 127.0.0.1, port 1883. Needs
 * the permission net for where it listens, and none with `listeners: []`.
 *
 * Rejects with `TypeError` or `RangeError` when an option is wrong, with {@linkcode StoreError}
 * when its file cannot be used, and with the platform's error when it cannot listen.
 *
 * @example A broker for a test
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { serve } from "jsr:@mqtt5/mqtt5/broker";
 *
 * async function test() {
 *   await using broker = await serve({ port: 0 });
 *   await using client = await connect(broker.url);
 *   await client.publish("a", "b", { qos: 2 });
 * }
 * ```
 */
export async function serve(options: ServeOptions = {}): Promise<Broker> {
  const store = options.path === undefined ? undefined : openStore(options.path);
  return await Broker.start(options, systemClock, store);
}

function openStore(path: string): Store {
  return new Store(path, { now: systemClock.now, wall: wallTime });
}

function atEndOfTurn(callback: () => void): void {
  void nextTurn().then(callback);
}
