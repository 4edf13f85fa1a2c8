// Reads a proxy's answer byte by byte, so that nothing behind it is consumed, and names the reasons
// for which a proxy does not connect.

import type { Proxy } from "./proxy_url.ts";
import type { Transport } from "./transport.ts";

/** Where a proxy is to connect to. */
export interface Destination {
  /** A host name or an IP address; IPv6 without brackets. */
  readonly hostname: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/**
 * Why a proxy did not connect to the server:
 *
 * - `"credentials"`: it requires a user name and a password, or rejects those it was given.
 * - `"refused"`: its rules do not allow the connection, or it does not support the request.
 * - `"unreachable"`: it could not reach the server, or cannot connect to anything at this time.
 * - `"not a proxy"`: what answered does not speak the protocol.
 * - `"closed"`: it closed the connection before it answered.
 * - `"not found"`: the server's name could not be resolved here (`socks5:` only).
 * - `"permission"`: Deno does not permit the lookup of the server's name (`socks5:` only).
 *
 * After `"unreachable"`, `"closed"` and `"not found"` another attempt may succeed.
 */
export type ProxyFault =
  | "credentials"
  | "refused"
  | "unreachable"
  | "not a proxy"
  | "closed"
  | "not found"
  | "permission";

/** A proxy did not connect to the server. The message names it and, where known, the remedy. */
export class ProxyError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "ProxyError";
  /** Why the proxy did not connect. */
  readonly why: ProxyFault;
  /** The HTTP status or the SOCKS reply (RFC 1928 §6) with which the proxy answered, if any. */
  readonly status: number | undefined;

  constructor(
    message: string,
    { why, status, cause }: {
      readonly why: ProxyFault;
      readonly status?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.why = why;
    this.status = status;
  }
}

/** Reads a proxy's answer byte by byte. Keeps what the transport returned beyond that. */
export class AnswerReader {
  readonly #transport: Transport;
  readonly #address: string;
  readonly #protocol: string;
  #unread: Uint8Array = new Uint8Array(0);

  /** Reads from `transport`, which is connected to the proxy. */
  constructor(transport: Transport, { address, protocol }: Proxy) {
    this.#transport = transport;
    this.#address = address;
    this.#protocol = protocol === "http" ? "HTTP" : "SOCKS5";
  }

  /** The bytes that have been received and not yet read. */
  get rest(): Uint8Array {
    return this.#unread;
  }

  /**
   * The next byte.
   *
   * @throws {ProxyError} when the proxy has closed the connection
   */
  async byte(): Promise<number> {
    if (this.#unread.length === 0) {
      const chunk = await this.#transport.read();
      if (chunk === undefined) {
        throw new ProxyError(
          `The proxy ${this.#address} closed the connection before it answered; ` +
            `check that it is a proxy for ${this.#protocol}`,
          { why: "closed" },
        );
      }
      this.#unread = chunk;
    }
    const byte = this.#unread[0]!;
    this.#unread = this.#unread.subarray(1);
    return byte;
  }

  /** Skips `count` bytes. */
  async skip(count: number): Promise<void> {
    for (let skipped = 0; skipped < count; skipped++) await this.byte();
  }
}
