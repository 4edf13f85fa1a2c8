// §4.12.1 Re-authentication: one exchange at a time, while messages go on; and the exchanges that
// are due before a token expires.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import type { Clock } from "../io/clock.ts";
import { type AuthPacket, ReasonCode } from "../packets/mod.ts";
import { checkPositive } from "../session/option_checks.ts";
import { AuthenticationExchange } from "./authentication.ts";
import type { Link } from "./connection_attempt.ts";
import { unlessAborted, within } from "./deadline.ts";
import type { ClientEvents } from "./events.ts";
import type { Settings } from "./options.ts";
import { DEFAULT_RECONNECT, delayBefore } from "./reconnect.ts";

/** The options of {@linkcode ReauthenticateOptions}. */
export const REAUTHENTICATE_NAMES: ReadonlySet<string> = new Set<keyof ReauthenticateOptions>([
  "timeout",
  "signal",
]);

/** Options of `client.reauthenticate()`. */
export interface ReauthenticateOptions {
  /** How long it may take, in milliseconds. Default: the `connectTimeout` of the client. */
  readonly timeout?: number | undefined;
  /**
   * Ends the wait. What has not begun is not done; once it has begun, it goes on without anybody
   * who waits.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Dependencies of {@linkcode Reauthentication}. */
export interface ReauthenticationSetup {
  readonly clock: Clock;
  readonly settings: Settings;
  /** The connection, if there is one. */
  readonly link: () => Link | undefined;
  /** Why nothing more can be asked of the client. */
  readonly refusal: () => ConnectionClosedError | undefined;
  readonly tell: (
    type: "reauthenticating",
    detail: ClientEvents["reauthenticating"],
  ) => void;
}

/** The shortest time between two exchanges that nobody has asked for, in milliseconds. */
const LEAST_PAUSE = 10_000;

/** Authenticates a client again. */
export class Reauthentication {
  readonly #setup: ReauthenticationSetup;
  /** Resolves when the exchange that was asked for last is over. */
  #last: Promise<void> = Promise.resolve();
  /** Aborts when the connection is lost. */
  #lost: AbortController | undefined;
  #onAuth: ((packet: AuthPacket) => void) | undefined;
  #cancelRenewal: () => void = () => {};

  constructor(setup: ReauthenticationSetup) {
    this.#setup = setup;
  }

  /** Authenticates again, after the exchanges that were asked for before. */
  authenticate({ timeout, signal }: ReauthenticateOptions): Promise<void> {
    const { settings: { connectTimeout } } = this.#setup;
    checkPositive("timeout", timeout ?? connectTimeout);
    signal?.throwIfAborted();
    const exchange = this.#last.then(() => this.#exchange(timeout ?? connectTimeout, signal));
    this.#last = exchange.catch(() => {});
    return signal === undefined ? exchange : unlessAborted(signal, exchange);
  }

  /** A step of the server has come. */
  handleAuth(packet: AuthPacket): void {
    this.#onAuth?.(packet);
  }

  /** A connection is there, which has been authenticated. */
  connected({ exchange }: Link): void {
    this.#renewAt(exchange?.renewAt);
  }

  /** The connection is lost. */
  lost(error: ConnectionClosedError): void {
    this.#cancelRenewal();
    this.#lost?.abort(error.cause instanceof RefusedError ? error.cause : error);
  }

  async #exchange(timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock, settings, refusal } = this.#setup;
    signal?.throwIfAborted();
    const link = this.#setup.link();
    const error = refusal() ?? (link === undefined ? notConnected() : undefined);
    if (error !== undefined) throw error;
    const { connection, drive, connect, server } = link!;
    const lost = this.#lost = new AbortController();
    const giveUp = () => lost.abort(signal?.reason);
    signal?.addEventListener("abort", giveUp);
    const late = `${server.address} did not finish the re-authentication within ${timeout} ms`;
    let hasBegun = false;
    try {
      await within({ clock, signal: lost.signal, timeout, late }, async (within) => {
        const make = settings.options.authentication!;
        const method = connect.properties?.authenticationMethod;
        const exchange = await AuthenticationExchange.begin(make, method, within);
        let answer = this.#nextAuth();
        connection.authenticate({ authenticationData: exchange.first.authenticationData });
        hasBegun = true;
        signal?.removeEventListener("abort", giveUp);
        for (;;) {
          drive.wake();
          const packet = await unlessAborted(within, answer);
          if (packet.reasonCode === ReasonCode.success) {
            await exchange.done(packet, within);
            return this.#renewAt(exchange.renewAt);
          }
          answer = this.#nextAuth();
          await exchange.answer(connection, packet, within);
        }
      });
    } catch (error) {
      if (!hasBegun || connection.isClosed) throw error;
      // Waking reports the lost connection, and lost() is told why.
      connection.failAuthentication(error);
      drive.wake();
      throw lost.signal.reason;
    } finally {
      signal?.removeEventListener("abort", giveUp);
      this.#onAuth = undefined;
      this.#lost = undefined;
    }
  }

  #nextAuth(): Promise<AuthPacket> {
    return new Promise((resolve) => this.#onAuth = resolve);
  }

  #renewAt(time: number | undefined): void {
    this.#cancelRenewal();
    if (time === undefined) return;
    const { clock } = this.#setup;
    const due = Math.max(time - clock.lead(), clock.now() + LEAST_PAUSE);
    this.#cancelRenewal = clock.at(due, () => this.#renew(1));
  }

  /** Authenticates again although nobody has asked; tries again until the connection is lost. */
  #renew(attempt: number): void {
    const { clock, settings, tell } = this.#setup;
    const link = this.#setup.link();
    this.authenticate({}).catch((error) => {
      // The next connection is authenticated anyway.
      if (link === undefined || link !== this.#setup.link()) return;
      if (this.#setup.refusal() !== undefined) return;
      const reconnect = settings.reconnect ?? DEFAULT_RECONNECT;
      const delay = delayBefore(attempt, reconnect, clock.random());
      this.#cancelRenewal = clock.at(clock.now() + delay, () => this.#renew(attempt + 1));
      tell("reauthenticating", { attempt, delay, error });
    });
  }
}

function notConnected(): ConnectionClosedError {
  const message = "The client is not connected; it authenticates when it connects again";
  return new ConnectionClosedError(message, { kind: "transient" });
}
