// `serve()`: runs the engine with listeners, a drive per connection, and one timer.

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
import { LISTEN_OPTIONS } from "../io/listen_options.ts";
import { memoryTransports } from "../io/memory.ts";
import { MemoryValve } from "../io/memory_valve.ts";
import { type ProcessMemory, processMemory } from "../io/process_memory.ts";
import { networkOf } from "../io/network.ts";
import { randomName } from "../io/random.ts";
import { nextTurn, SocketTurns } from "../io/runtime.ts";
import type { Transport } from "../io/transport.ts";
export type { Transport } from "../io/transport.ts";
import { type ProtocolVersion, ReasonCode, type ReasonCodeOf } from "../packets/mod.ts";
import { checkKnown } from "../session/option_checks.ts";
import type { PeerInfo } from "../session/peer.ts";
import { handshakesWith } from "./limits.ts";
import type { MessageContent } from "../session/publish_packet.ts";
import { SECURE_CONNECTION } from "./sizes.ts";
import { Store } from "./durability/store.ts";
import { BrokerEngine, type BrokerStatistics } from "./engine.ts";
import type { BrokerConnection } from "./model.ts";
import type { ConnectedClient, DisconnectClientOptions } from "./connected_clients.ts";
import type { LocalPublishOptions, LocalPublishResult } from "./local_publisher.ts";
import { BROKER_OPTIONS, type BrokerOptions, checkVersions } from "./options.ts";
import { earlyRefusal } from "./refusals.ts";

/**
 * All of the world that a broker needs. What is left out is that of this machine.
 *
 * @internal
 */
export interface BrokerTools {
  readonly clock: Clock;
  /** Makes a Client Identifier that cannot be guessed. */
  readonly newClientId?: () => string;
  /** Writes a line to the console. */
  readonly warn?: (line: string) => void;
  /** Calls back at the end of the event loop's turn. */
  readonly atEndOfTurn?: (callback: () => void) => void;
  /** Calls back after sockets and timers had their turn. */
  readonly onNextTurn?: (callback: () => void) => void;
  /** The memory of the process; `undefined` if nobody knows it. */
  readonly memory?: ProcessMemory | undefined;
  /** Opens a listener. */
  readonly listen?: typeof listen;
  /** Sees to it that a broker which shuts down comes to its end. */
  readonly untilClosed?: (closed: Promise<void>) => Promise<void>;
}

/** For how long changes that no client waits for may stay uncommitted, in milliseconds. */
const SOON = 100;

/** Where to listen, and for whom. */
export interface ListenerOptions extends ListenOptions {
  /** The versions of MQTT that clients of this listener may speak. Default: those of the broker. */
  readonly versions?: readonly ProtocolVersion[] | undefined;
}

/** Options of {@linkcode serve}: where to listen, where to store sessions, limits and hooks. */
export interface ServeOptions extends BrokerOptions, ListenOptions {
  /**
   * A file for sessions, their queued messages, and retained messages, which then survive a
   * restart. Whatever a packet promises to a client is committed before the packet is sent. No
   * other process can use the file meanwhile. Needs permission to read and write it. Default:
   * memory only.
   *
   * While the file cannot be written, above all because the disk is full, messages for stored
   * sessions and new subscriptions of these are refused with Quota exceeded (0x97), unsubscribing
   * with Implementation specific error (0x83), and connections to such sessions with Server
   * unavailable (0x88). A client whose QoS 2 exchange cannot be recorded is disconnected with Quota
   * exceeded (0x97). Everything else goes on; the error goes to `onError`, and the broker tries
   * again by itself.
   *
   * {@linkcode serve} rejects with a {@linkcode StoreError} when the file is in use, is not a
   * broker's, is damaged or empty, or was written by a later version. Files of earlier versions are
   * migrated.
   */
  readonly path?: string | undefined;
  /**
   * Several listeners, or none: with `[]` the broker accepts only connections within the process.
   */
  readonly listeners?: readonly ListenerOptions[] | undefined;
  /**
   * Wraps each new connection, for example to log, delay or break it; the broker uses the transport
   * that it returns. `address` is where the client connects from, `listener` the URL of the
   * listener that it has reached, if it is not in this process. When it throws, the connection is
   * closed and the error goes to `onError`. Default: the connection itself.
   */
  readonly intercept?:
    | ((transport: Transport, address: string, listener: string | undefined) => Transport)
    | undefined;
}

/**
 * A running broker, started by {@linkcode serve}. Disposing it shuts it down.
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
  readonly #valve: MemoryValve;
  readonly #drives = new Set<Drive>();
  readonly #untilClosed: NonNullable<BrokerTools["untilClosed"]>;
  #shutDown: Promise<void> | undefined;
  #armedAt = Infinity;
  #disarm = (): void => {};
  #cancelCommit: (() => void) | undefined;

  /** Use {@linkcode serve}. */
  constructor(options: ServeOptions, tools: BrokerTools, store: Store | undefined) {
    const { clock } = tools;
    this.#clock = clock;
    this.#store = store;
    this.#intercept = options.intercept;
    this.#untilClosed = tools.untilClosed ?? ((closed) => closed);
    const engineTools = {
      now: () => clock.now(),
      newClientId: tools.newClientId ?? randomName,
      warn: tools.warn ?? writeToConsole,
      atEndOfTurn: tools.atEndOfTurn ?? atEndOfTurn,
      onNextTurn: tools.onNextTurn ?? onNextTurn(),
      networkOf,
      hasCertificateUsernames: (options.listeners ?? [options])
        .some(({ certificateUsername }) => certificateUsername !== undefined),
    };
    this.#engine = new BrokerEngine(options, engineTools, store);
    const memory = "memory" in tools ? tools.memory : processMemory();
    this.#valve = new MemoryValve(clock, this.#engine.limits.memory, memory);
    if (store !== undefined) store.onFailed = (error) => this.#engine.report(error, "the store");
    // What has expired while the broker was not running must be gone before a client connects.
    this.#tick();
  }

  /** Use {@linkcode serve}. */
  static async start(
    options: ServeOptions,
    tools: BrokerTools,
    store: Store | undefined,
  ): Promise<Broker> {
    let broker: Broker;
    try {
      checkServeOptions(options);
      broker = new Broker(options, tools, store);
    } catch (error) {
      store?.close();
      throw error;
    }
    const { limits, handshakes: account } = broker.#engine;
    const handshakes: HandshakeLimits = {
      handshakeTimeout: limits.connectTimeout,
      handshakes: handshakesWith(limits),
      onHandshake: () => account.tryCharge(SECURE_CONNECTION),
      onHandshakeEnded: () => account.release(SECURE_CONNECTION),
      onRefused({ why, message, address }, listener) {
        broker.#engine.reportRefused(earlyRefusal(why, message, { address, listener }));
      },
    };
    try {
      broker.#listeners = await listenAll(
        tools.listen ?? listen,
        options.listeners ?? [options],
        handshakes,
        (transport, peer, versions) => broker.#open(transport, peer, versions),
      );
      return broker;
    } catch (error) {
      await broker.shutDown();
      throw error;
    }
  }

  /** Its listeners. */
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

  /** The numbers of clients, sessions, messages and so on. */
  get statistics(): BrokerStatistics {
    return this.#engine.statistics;
  }

  /**
   * The clients that are connected, as they are now.
   *
   * @example Who is connected, and who falls behind
   * ```ts
   * import type { Broker } from "jsr:@mqtt5/mqtt5/broker";
   *
   * function report(broker: Broker) {
   *   for (const { clientId, address, since, queued } of broker.clients()) {
   *     console.log(clientId, address, new Date(since).toISOString(), queued);
   *   }
   * }
   * ```
   */
  clients(): ConnectedClient[] {
    return this.#engine.clients(this.#clock.lead());
  }

  /**
   * Publishes a message of this program to the subscribers, as no client (§3.3.4); it may go to
   * `$SYS/…`, too. Neither `authorizePublish` nor `allowPublishToSys` is asked; `authorizeDelivery`
   * is, and `onMessage` is told, without a client. Messages are routed in the order of the calls.
   *
   * Resolves to Success (0x00) or No matching subscribers (0x10), at QoS 1 and 2 when what has to
   * be stored is stored. Await it when publishing a lot: at most `limits.queuedMessages` may be
   * under way. At QoS 0 it resolves, too, when there is no room (0x97).
   *
   * Rejects with `TypeError` or `RangeError` when an argument is wrong; at QoS 1 and 2 with
   * `RefusedError` when no subscriber has room, or the message cannot be stored; with
   * `ConnectionClosedError` when the broker has been shut down.
   *
   * @param content text, sent as UTF-8, or bytes, or either with properties, such as what `json()`
   *   gives
   */
  async publish(
    topic: string,
    content: string | Uint8Array | MessageContent,
    options: LocalPublishOptions = {},
  ): Promise<LocalPublishResult> {
    try {
      return await this.#engine.publish(topic, content, options);
    } finally {
      this.#happened();
    }
  }

  /**
   * Disconnects a client, by default with Administrative action (0x98). Its session goes on as
   * after any lost connection, and its Will is published (§3.1.2.5). The client may connect again:
   * to keep it out, let `authenticate` refuse it.
   *
   * Returns false when no client with this Client Identifier is connected.
   *
   * @throws {TypeError} when an option is wrong
   * @throws {RangeError} when a server may not send the Reason Code (§3.14.2.1)
   */
  disconnect(
    clientId: string,
    reasonCode: ReasonCodeOf<"disconnect"> = ReasonCode.administrativeAction,
    options: DisconnectClientOptions = {},
  ): boolean {
    const isDone = this.#engine.disconnect(clientId, reasonCode, options);
    this.#happened();
    return isDone;
  }

  /** Opens a connection within the process, without any permission. `connect(broker)` uses it. */
  connect(): Transport {
    const [ours, theirs] = memoryTransports();
    this.#open(ours, { address: "memory" });
    return theirs;
  }

  /**
   * Replaces the certificate of every TLS listener. New connections use it; existing ones are not
   * affected. Without `ca` the present authorities are kept. For a single listener, see
   * {@linkcode Listener.setCertificate}.
   *
   * @throws {TypeError} when the certificate is invalid, or no listener uses TLS; then nothing
   *   changes
   *
   * @example Renewing a certificate
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
    if (secure.length === 0) throw new TypeError("The broker has no TLS listener");
    // If one of them rejects it, the first one does: they all make the same checks.
    for (const listener of secure) listener.setCertificate(certificate);
  }

  /**
   * Discards the results of `authorizeDelivery` for a client, or for all of them. Call it when your
   * rules have changed: the hook is called again, also for queued messages. Messages in flight are
   * not affected.
   */
  clearAuthorizations(clientId?: string): void {
    this.#engine.clearAuthorizations(clientId);
    this.#happened();
  }

  /**
   * Stops listening, disconnects every client with Server shutting down (0x8B), and resolves when
   * all connections are closed.
   */
  shutDown(): Promise<void> {
    return this.#shutDown ??= this.#untilClosed(this.#end());
  }

  /** Same as {@linkcode Broker.shutDown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutDown();
  }

  get #first(): Listener {
    const [first] = this.#listeners;
    if (first === undefined) throw new TypeError("The broker has no listener");
    return first;
  }

  async #end(): Promise<void> {
    const closing = this.#listeners.map((listener) => listener.close());
    this.#valve.end();
    await this.#engine.shutDown();
    this.#disarm();
    this.#cancelCommit?.();
    await Promise.all([...this.#drives].map(({ finished }) => finished));
    await Promise.all(closing);
    this.#store?.close();
  }

  #open(transport: Transport, peer: PeerInfo, versions?: readonly ProtocolVersion[]): void {
    if (this.#shutDown !== undefined) return transport.close();
    if (!this.#engine.hasRoomFor(peer)) {
      const message = "the broker has no room for another connection";
      this.#engine.reportRefused(earlyRefusal("limit", message, peer));
      return transport.close();
    }
    const used = this.#intercepted(transport, peer);
    if (used === undefined) return transport.close();
    const connection = this.#engine.open(peer, () => {
      drive.wake();
      this.#happened();
    }, versions);
    const mayPass = this.#valve.gate();
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
      (bytes) => {
        if (this.#engine.isDoneWith(connection)) used.release?.();
        return mayPass(bytes);
      },
    );
    this.#drives.add(drive);
    void drive.finished.then(() => {
      this.#drives.delete(drive);
      this.#engine.close(connection);
    });
  }

  /** What `intercept` returns for a connection; `undefined` when it fails. */
  #intercepted(transport: Transport, peer: PeerInfo): Transport | undefined {
    if (this.#intercept === undefined) return transport;
    try {
      const { address, listener } = peer;
      const given: Partial<Transport> | undefined = this.#intercept(transport, address, listener);
      for (const name of ["read", "write", "closeWrite", "close"] as const) {
        if (typeof given?.[name] !== "function") {
          throw new TypeError(`intercept() must return a transport; ${name}() is missing`);
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

  /** Arms the timers, since there may be more to do later. */
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

const SERVE_OPTIONS: ReadonlySet<string> = new Set([
  ...BROKER_OPTIONS,
  ...LISTEN_OPTIONS,
  ...Object.keys(
    { path: true, listeners: true, intercept: true } satisfies Record<
      Exclude<keyof ServeOptions, keyof BrokerOptions | keyof ListenOptions>,
      true
    >,
  ),
]);

const LISTENER_OPTIONS: ReadonlySet<string> = new Set([...LISTEN_OPTIONS, "versions"]);

/** Refuses options that would do nothing. The engine checks what they are. */
function checkServeOptions(options: ServeOptions): void {
  checkKnown(options, SERVE_OPTIONS, "serve()");
  if (options.listeners === undefined) return;
  for (const listener of options.listeners) {
    checkKnown(listener, LISTENER_OPTIONS, "a listener");
    checkVersions(listener.versions);
  }
  const without = LISTEN_OPTIONS.find((name) => options[name] !== undefined);
  if (without === undefined) return;
  throw new TypeError(`${without} cannot be combined with listeners: it belongs to one of them`);
}

/** Opens all listeners, or none when one of them fails. */
async function listenAll(
  open: typeof listen,
  places: readonly ListenerOptions[],
  limits: HandshakeLimits,
  onConnection: (
    ...connection: [...Parameters<OnConnection>, versions: ListenerOptions["versions"]]
  ) => void,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const { versions, ...place } of places) {
      const listener = await open(
        place,
        limits,
        (transport, peer) => onConnection(transport, peer, versions),
      );
      listeners.push(listener);
    }
    return listeners;
  } catch (error) {
    for (const listener of listeners) await listener.close();
    throw error;
  }
}

/**
 * Starts a broker of MQTT 5.0, 3.1.1 and 3.1. Resolves when it listens, by default on 127.0.0.1,
 * port 1883. Needs net permission for the addresses it listens on, and none with `listeners: []`.
 *
 * Rejects with `TypeError` or `RangeError` when an option is invalid, with {@linkcode StoreError}
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
  return await Broker.start(options, { clock: systemClock }, store);
}

function openStore(path: string): Store {
  return new Store(path, { now: systemClock.now, wall: wallTime });
}

function atEndOfTurn(callback: () => void): void {
  void nextTurn().then(callback);
}

function onNextTurn(): (callback: () => void) => void {
  const turns = new SocketTurns();
  return (callback) => void turns.next().then(callback);
}
