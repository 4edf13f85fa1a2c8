// A server whose every packet a test decides: `connect()` takes it, and each connection is a peer
// with a script of its own.

import { systemClock } from "../io/clock.ts";
import type { Transport } from "../io/transport.ts";
import { ExpectationError } from "./expectation_error.ts";
import { type ResettableTransport, scriptedLink } from "./scripted_link.ts";
import {
  checkScriptOptions,
  SCRIPT_TIMEOUT,
  ScriptedPeer,
  type ScriptOptions,
} from "./scripted_peer.ts";

/**
 * What becomes of an attempt to connect that is not taken: it fails with an error, or never ends.
 */
type Refusal = Error | "ignored";

/**
 * A server for the client's tests that does what no real one would: it answers late, wrongly or not
 * at all. `connect()` takes it, without a network and without permissions. Every connection, also
 * one that the client makes again, is a {@linkcode ScriptedPeer}. Disposing it closes them all.
 *
 * @example A lost acknowledgement: the message comes again, with DUP
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { ScriptedServer } from "jsr:@mqtt5/mqtt5/testing";
 *
 * using server = new ScriptedServer();
 * const connecting = connect(server, {
 *   sessionExpiryInterval: 60,
 *   reconnect: { initialDelay: 1 },
 * });
 * const first = await server.accept();
 * first.answer(await first.expect("connect"));
 * await using client = await connecting;
 *
 * const publishing = client.publish("lamp", "on", { qos: 1 });
 * await first.expect("publish", { topic: "lamp", payload: "on", dup: false });
 * first.reset();
 *
 * const second = await server.accept();
 * second.answer(await second.expect("connect"), { sessionPresent: true });
 * second.answer(await second.expect("publish", { topic: "lamp", payload: "on", dup: true }));
 * await publishing;
 * ```
 */
export class ScriptedServer implements Disposable {
  readonly #options: ScriptOptions;
  readonly #peers: ScriptedPeer[] = [];
  /** Connections that nobody has taken yet. */
  readonly #unaccepted: ScriptedPeer[] = [];
  /** Those who wait for a connection. */
  readonly #waiting: ((peer: ScriptedPeer | undefined) => void)[] = [];
  readonly #refusals: Refusal[] = [];
  #isDisposed = false;

  /**
   * Makes a server; the options are for each of its connections, and `timeout` is also for
   * {@linkcode ScriptedServer.accept}.
   *
   * @throws {TypeError} when an option is unknown
   * @throws {RangeError} when `timeout` is not above 0
   */
  constructor(options: ScriptOptions = {}) {
    this.#options = checkScriptOptions(options);
  }

  /** Opens a connection. `connect()` of the client calls it. */
  connect({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    if (this.#isDisposed) return Promise.reject(refused());
    const refusal = this.#refusals.shift();
    if (refusal === "ignored") return never(signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    const [ours, theirs] = scriptedLink();
    this.#take(ours);
    return Promise.resolve(theirs);
  }

  /**
   * Takes a connection that was made by other means, as by a virtual network; `reset` breaks it.
   *
   * @internal
   */
  take(transport: Transport, reset: () => void): void {
    if (this.#isDisposed) return transport.close();
    this.#take({
      read: () => transport.read(),
      write: (bytes) => transport.write(bytes),
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
      reset,
    });
  }

  /**
   * The next connection, as soon as there is one; nothing has been read from it yet.
   *
   * Rejects with {@linkcode ExpectationError} when there is none in time.
   */
  async accept(): Promise<ScriptedPeer> {
    const peer = this.#unaccepted.shift();
    if (peer !== undefined) return peer;
    const { clock = systemClock, timeout = SCRIPT_TIMEOUT } = this.#options;
    const { promise, resolve } = Promise.withResolvers<ScriptedPeer | undefined>();
    if (this.#isDisposed) resolve(undefined);
    else this.#waiting.push(resolve);
    const cancel = clock.at(clock.now() + timeout, () => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
      resolve(undefined);
    });
    const accepted = await promise;
    cancel();
    if (accepted !== undefined) return accepted;
    throw this.#isDisposed
      ? new ExpectationError("a connection", "the end of the server")
      : new ExpectationError(`a connection within ${timeout} ms`, "nothing");
  }

  /** The next attempt to connect fails. Default: with "Connection refused". */
  refuseNext(error: Error = refused()): void {
    this.#refusals.push(error);
  }

  /** The next attempt to connect comes to nothing: it waits until the client gives it up. */
  ignoreNext(): void {
    this.#refusals.push("ignored");
  }

  /** Closes all connections, and refuses others. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const peer of this.#peers) peer[Symbol.dispose]();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #take(transport: ResettableTransport): void {
    const peer = new ScriptedPeer(transport, this.#options);
    this.#peers.push(peer);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#unaccepted.push(peer);
    else waiting(peer);
  }
}

function refused(): Error {
  return new Error("Connection refused");
}

/** Rejects when the signal aborts, and else never. */
function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal!.reason);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
