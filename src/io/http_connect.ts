// HTTP proxies: the method CONNECT (RFC 9110 §9.3.6), with user name and password (RFC 7617).

import { hostAndPort } from "./host_and_port.ts";
import { OptionError } from "./option_error.ts";
import { type AnswerReader, type Destination, ProxyError } from "./proxy_answer.ts";
import type { Proxy, ProxyCredentials } from "./proxy_url.ts";
import type { Transport } from "./transport.ts";

/** The limit for the head of an answer and all interim answers before it, in bytes. */
const LONGEST_HEAD = 16_384;

/** How much of the proxy's reason phrase is shown in an error, in characters. */
const LONGEST_REASON = 100;

const PREFIX = "HTTP/1.";

interface Head {
  readonly status: number;
  readonly reason: string;
  readonly lines: readonly string[];
}

/** Asks an HTTP proxy to connect to the destination. Resolves with the bytes after its answer. */
export async function askHttpProxy(
  proxy: Proxy,
  transport: Transport,
  reader: AnswerReader,
  { hostname, port }: Destination,
): Promise<Uint8Array> {
  const server = hostAndPort(hostname, port);
  if (!/^[\x21-\x7e]+$/.test(server)) {
    throw new OptionError(`${JSON.stringify(hostname)} is not a host name`);
  }
  const { credentials, address } = proxy;
  const lines = [`CONNECT ${server} HTTP/1.1`, `Host: ${server}`];
  if (credentials !== undefined) lines.push(`Proxy-Authorization: Basic ${basic(credentials)}`);
  await transport.write(new TextEncoder().encode([...lines, "\r\n"].join("\r\n")));
  const head = await readHead(reader, address);
  if (head.status >= 200 && head.status < 300) return reader.rest;
  throw refusal(head, proxy, server);
}

/** Reads the head of the final answer, skipping interim ones (RFC 9110 §15.2). */
async function readHead(reader: AnswerReader, address: string): Promise<Head> {
  let budget = LONGEST_HEAD;
  for (;;) {
    let text = "";
    // Lines may end with a bare LF (RFC 9112 §2.2).
    while (!/\n\r?\n$/.test(text.slice(-3))) {
      if (budget-- === 0) throw notHttp(address, "the head of its answer does not end");
      text += String.fromCharCode(await reader.byte());
      if (!PREFIX.startsWith(text.slice(0, PREFIX.length))) {
        throw notHttp(
          address,
          text === "\x05"
            ? `it answered as a SOCKS proxy does; perhaps it is socks5h://${address}`
            : "its answer is not HTTP",
        );
      }
    }
    const lines = text.split(/\r?\n/);
    const [, code, reason = ""] = /^HTTP\/1\.\d (\d{3})(?: (.*))?$/.exec(lines[0]!) ?? [];
    const status = Number(code ?? 0);
    if (status < 100 || status === 101) throw notHttp(address, "its answer is malformed");
    if (status >= 200) return { status, reason, lines };
  }
}

function refusal(head: Head, { address, credentials }: Proxy, server: string): ProxyError {
  const { status } = head;
  // The proxy's text is untrusted: only a bounded length of printable ASCII is shown.
  const reason = head.reason.trim().slice(0, LONGEST_REASON).replaceAll(/[^\x20-\x7e]/g, "?");
  const answer = `${status} ${reason}`.trim();
  const proxy = `The proxy ${address}`;
  if (status === 407) {
    const schemes = schemesOf(head);
    const message = schemes.length > 0 && !schemes.includes("basic")
      ? `${proxy} wants credentials by ${schemes.join(" or ")}; only Basic is supported`
      : credentials === undefined
      ? `${proxy} wants a user name and a password: write http://user:password@${address}`
      : `${proxy} does not accept the user name and password`;
    return new ProxyError(`${message} (${answer})`, { why: "credentials", status });
  }
  if (status >= 500 && status !== 501 && status !== 505) {
    const message = `${proxy} could not connect to ${server}: ${answer}`;
    return new ProxyError(message, { why: "unreachable", status });
  }
  const isNone = status === 404 || status === 405 || status === 501;
  return new ProxyError(
    isNone
      ? `${address} is not an HTTP proxy: it answered ${answer} as a web server does`
      : `${proxy} does not allow a connection to ${server}: ${answer}`,
    { why: isNone ? "not a proxy" : "refused", status },
  );
}

/** The authentication schemes that the proxy offers (RFC 9110 §11.7.1), in lower case. */
function schemesOf({ lines }: Head): string[] {
  return lines.flatMap((line) => {
    const [, scheme] = /^proxy-authenticate:[ \t]*([a-z\d-]{1,20})(?:[ \t,]|$)/i.exec(line) ?? [];
    return scheme === undefined ? [] : [scheme.toLowerCase()];
  });
}

/** Credentials for the Basic scheme (RFC 7617 §2), encoded as UTF-8. */
function basic({ username, password }: ProxyCredentials): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function notHttp(address: string, how: string): ProxyError {
  return new ProxyError(`${address} is not an HTTP proxy: ${how}`, { why: "not a proxy" });
}
