// §6 MQTT over the platform's own WebSocket: all that a browser has. It knows no back-pressure, so
// what it holds for us is bounded here: what waits to be read by a limit, what waits to be sent by
// asking it again and again how much that is.

import { type Clock, systemClock } from "./clock.ts";
import { nextTurn } from "./runtime.ts";
import type { Transport } from "./transport.ts";

/** What is used of a `WebSocket` of the platform. */
export type PlatformWebSocket = Pick<
  WebSocket,
  "addEventListener" | "binaryType" | "bufferedAmount" | "close" | "protocol" | "send"
>;

/** How to open a WebSocket; a test gives another platform. */
export interface BrowserWebSocketOptions {
  /** Cancels the attempt to connect. Has no effect on a connection that is already open. */
  readonly signal: AbortSignal;
  /** Opens a WebSocket of the platform. */
  readonly open?: (url: string, subprotocols: string[]) => PlatformWebSocket;
  /**
   * Where the page comes from, such as `"https://example.org"`, which is all that a server is told
   * of it.
   */
  readonly origin?: string | undefined;
  /** When to look again. */
  readonly clock?: Clock;
}

/** The subprotocol of MQTT [MQTT-6.0.0-3]. */
const SUBPROTOCOL = "mqtt";

/**
 * How many bytes may wait to be read when another message comes. The platform goes on receiving
 * whatever we do, and the drive takes each message as it comes: more than this waits only where the
 * page itself stands still.
 */
const MOST_UNREAD = 67_108_864;

/** How many bytes may wait to be sent when a write ends, and how many go in one message at most. */
const MOST_UNSENT = 1_048_576;

/**
 * The same where timers are late. A tab in the background has them once a minute only, and looks so
 * seldom how much is left: what waits in between is what it can send in that time.
 */
const MOST_UNSENT_WHEN_LATE = 67_108_864;

/**
 * How often to look at once whether enough has been sent: on a fast network it has been after a few
 * turns.
 */
const TURNS = 32;

/** After that, how long to wait before looking again, at first and at most; in milliseconds. */
const FIRST_LOOK = 2;
const LAST_LOOK = 64;

/** A timer that is late by this much is one of a tab in the background, in milliseconds. */
const LATE = 500;

/**
 * Why we close a WebSocket (RFC 6455, §7.4): a page may use 1000 and what is left to applications,
 * and nothing else.
 */
const Close = { normal: 1000, notBinary: 4003, tooMuch: 4009 };

/** The codes of a server that has nothing to complain of: done, going away, none given. */
const WITHOUT_COMPLAINT = [1000, 1001, 1005];

/**
 * Opens the platform's WebSocket with the subprotocol `mqtt`. Resolves when the server has agreed
 * to it.
 *
 * @throws {Error} when it cannot be opened, in a sentence that says what to check, as the platform
 *   gives no reason; the signal's reason when it aborts
 */
export function openBrowserWebSocket(
  url: string,
  options: BrowserWebSocketOptions,
): Promise<Transport> {
  const { signal, clock = systemClock, origin = globalThis.location?.origin } = options;
  const { open = (url, subprotocols) => new WebSocket(url, subprotocols) } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const shown = withoutSecrets(url);
    let socket: PlatformWebSocket;
    try {
      socket = open(url, [SUBPROTOCOL]);
    } catch (cause) {
      // The platform says why it does not even try, as it does for a port that browsers keep from
      // pages.
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`The browser does not connect to ${shown}: ${reason}`, { cause });
    }
    socket.binaryType = "arraybuffer";
    const transport = new BrowserWebSocketTransport(socket, shown, clock);
    const onAbort = () => {
      socket.close();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.addEventListener("open", () => {
      signal.removeEventListener("abort", onAbort);
      if (socket.protocol === SUBPROTOCOL) return resolve(transport);
      socket.close(Close.normal);
      reject(new Error(notMqtt(shown, socket.protocol)));
    });
    socket.addEventListener("close", () => {
      signal.removeEventListener("abort", onAbort);
      reject(new Error(cannotConnect(shown, origin)));
    });
  });
}

/** The messages of a WebSocket that is open. */
class BrowserWebSocketTransport implements Transport {
  readonly #socket: PlatformWebSocket;
  readonly #url: string;
  readonly #clock: Clock;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #mostUnsent = MOST_UNSENT;
  /** How it ended: quietly, or with an error; `undefined` as long as it has not. */
  #end: { readonly error: Error | undefined } | undefined;
  /** Those who wait for bytes, for room, or for the end. */
  #wake = (): void => {};
  #happened!: Promise<void>;

  constructor(socket: PlatformWebSocket, url: string, clock: Clock) {
    this.#socket = socket;
    this.#url = url;
    this.#clock = clock;
    this.#somethingHappens();
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ code, reason }) => this.#closed(code, reason));
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#unread.length === 0) {
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return undefined;
      }
      await this.#happened;
    }
    const bytes = this.#unread.shift()!;
    this.#unreadBytes -= bytes.length;
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length; sent += MOST_UNSENT) {
      this.#checkOpen();
      // The platform has copied what it is to send when this returns.
      this.#socket.send(bytes.subarray(sent, sent + MOST_UNSENT) as Uint8Array<ArrayBuffer>);
      if (this.#socket.bufferedAmount > this.#mostUnsent) await this.#untilSent();
    }
  }

  /**
   * A WebSocket has no half: the platform sends what is left, says that it closes, and hands out
   * nothing more.
   */
  closeWrite(): Promise<void> {
    this.#socket.close(Close.normal);
    return Promise.resolve();
  }

  close(): void {
    this.#finish(new Error(`The WebSocket to ${this.#url} has been closed`), Close.normal);
  }

  #receive(data: unknown): void {
    if (this.#end !== undefined) return;
    if (!(data instanceof ArrayBuffer)) {
      // [MQTT-6.0.0-1]
      const message = `${this.#url} sent a text frame: MQTT has binary frames only`;
      return this.#finish(new Error(message), Close.notBinary);
    }
    if (this.#unreadBytes > MOST_UNREAD) {
      const message = `More than ${MOST_UNREAD} bytes from ${this.#url} wait to be read`;
      return this.#finish(new Error(message), Close.tooMuch);
    }
    if (data.byteLength > 0) this.#unread.push(new Uint8Array(data));
    this.#unreadBytes += data.byteLength;
    this.#somethingHappens();
  }

  #closed(code: number, reason: string): void {
    if (this.#end !== undefined) return;
    const why = reason === "" ? "" : ` (${JSON.stringify(reason)})`;
    if (code === 1006) {
      this.#end = { error: new Error(`The WebSocket to ${this.#url} broke off`) };
    } else if (!WITHOUT_COMPLAINT.includes(code)) {
      this.#end = { error: new Error(`${this.#url} closed the WebSocket with ${code}${why}`) };
    } else this.#end = { error: undefined };
    this.#somethingHappens();
  }

  /** Nothing is waited for any more, least of all for the other end. */
  #finish(error: Error, code: number): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#unread = [];
    this.#unreadBytes = 0;
    this.#somethingHappens();
    this.#socket.close(code);
  }

  /**
   * Looks again until there is room to send more; also whenever something comes, as timers may be
   * late.
   */
  async #untilSent(): Promise<void> {
    for (let turn = 0; turn < TURNS && this.#isFull(); turn++) await nextTurn();
    for (let wait = FIRST_LOOK; this.#isFull(); wait = Math.min(wait * 2, LAST_LOOK)) {
      const due = this.#clock.now() + wait;
      let disarm = () => {};
      const timer = new Promise<void>((resolve) => disarm = this.#clock.at(due, resolve));
      await Promise.race([timer, this.#happened]);
      disarm();
      if (this.#clock.now() > due + LATE) this.#mostUnsent = MOST_UNSENT_WHEN_LATE;
    }
  }

  #isFull(): boolean {
    this.#checkOpen();
    return this.#socket.bufferedAmount > this.#mostUnsent;
  }

  #checkOpen(): void {
    if (this.#end === undefined) return;
    throw this.#end.error ?? new Error(`${this.#url} has closed the WebSocket`);
  }

  #somethingHappens(): void {
    this.#wake();
    this.#happened = new Promise((resolve) => this.#wake = resolve);
  }
}

/** The URL without user, password and query, which may be a signature. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return "a WebSocket";
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function notMqtt(url: string, subprotocol: string): string {
  const chosen = subprotocol === "" ? "no subprotocol" : JSON.stringify(subprotocol);
  const remedy = "check that its path is that of an MQTT server";
  return `${url} chose ${chosen} instead of "${SUBPROTOCOL}": ${remedy}`;
}

/**
 * All failures look alike to a page, so that it learns nothing of networks that are not its own.
 */
function cannotConnect(url: string, origin: string | undefined): string {
  const isSecure = url.startsWith("wss:");
  const certificate = isSecure ? ", that this browser trusts its certificate" : "";
  const page = origin === undefined ? "this page" : `pages from ${origin}`;
  // A page that came over TLS may not use less.
  const scheme = !isSecure && origin?.startsWith("https:")
    ? "; a page that came by https can only use wss://"
    : "";
  return `Cannot connect to ${url}, and the browser does not say why: check the address and the ` +
    `path, that the server is there${certificate}, and that it allows ${page}${scheme}`;
}
