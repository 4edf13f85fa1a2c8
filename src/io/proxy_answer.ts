// What a proxy answers: read byte by byte, so that none too many is taken, and what its no means.

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
 * - `"credentials"`: it wants a user name and a password, or others.
 * - `"refused"`: it does not do what is asked for, by its rules or by what it can.
 * - `"unreachable"`: it tried, or is not able to at this time.
 * - `"not a proxy"`: what answered does not speak the protocol.
 * - `"closed"`: it closed the connection before it had answered.
 * - `"not found"`: the server's name is not known here (`socks5:` only).
 * - `"permission"`: Deno does not permit to look the server's name up (`socks5:` only).
 *
 * `"unreachable"`, `"closed"` and `"not found"` may be otherwise at another attempt.
 */
export type ProxyFault =
  | "credentials"
  | "refused"
  | "unreachable"
  | "not a proxy"
  | "closed"
  | "not found"
  | "permission";

/** A proxy did not connect to the server. The message says which, and what to do where known. */
export class ProxyError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "ProxyError";
  /** Why it did not. */
  readonly why: ProxyFault;
  /** The status of HTTP or the reply of SOCKS (RFC 1928 §6), where it is one that told why. */
  readonly status: number | undefined;

  /** Makes the error. */
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

/** The bytes of a proxy's answer, as many as are asked for. What was read beyond them is kept. */
export class AnswerReader {
  readonly #transport: Transport;
  readonly #address: string;
  readonly #protocol: string;
  #unread: Uint8Array = new Uint8Array(0);

  /** Reads from a transport that leads to the proxy. */
  constructor(transport: Transport, { address, protocol }: Proxy) {
    this.#transport = transport;
    this.#address = address;
    this.#protocol = protocol === "http" ? "HTTP" : "SOCKS5";
  }

  /** What came behind the bytes that were asked for. */
  get rest(): Uint8Array {
    return this.#unread;
  }

  /**
   * The next byte.
   *
   * @throws {ProxyError} when there will be none
   */
  async byte(): Promise<number> {
    if (this.#unread.length === 0) {
      const chunk = await this.#transport.read();
      if (chunk === undefined) {
        throw new ProxyError(
          `The proxy ${this.#address} closed the connection before it had answered; ` +
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

  /** Skips so many bytes. */
  async skip(count: number): Promise<void> {
    for (let skipped = 0; skipped < count; skipped++) await this.byte();
  }
}
