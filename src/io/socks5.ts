// SOCKS version 5 (RFC 1928), with user name and password (RFC 1929): the client's part of CONNECT.

import { hostAndPort } from "./host_and_port.ts";
import { ipAddress } from "./ip_address.ts";
import { OptionError } from "./option_error.ts";
import { type AnswerReader, type Destination, ProxyError } from "./proxy_answer.ts";
import type { Proxy, ProxyCredentials } from "./proxy_url.ts";
import type { Transport } from "./transport.ts";

const VERSION = 5;
const CONNECT = 1;

const Method = { noAuthentication: 0x00, usernamePassword: 0x02, noneAcceptable: 0xff } as const;

const AddressType = { ipv4: 1, domainName: 3, ipv6: 4 } as const;

/** The meaning of replies 1 to 8 (RFC 1928 §6), as the end of a sentence about the proxy. */
const REPLIES: readonly (readonly ["refused" | "unreachable", (server: string) => string])[] = [
  ["unreachable", (server) => `could not connect to ${server}: general failure`],
  ["refused", (server) => `does not allow connections to ${server}`],
  ["unreachable", (server) => `could not connect to ${server}: network unreachable`],
  ["unreachable", (server) => `could not connect to ${server}: host unreachable`],
  ["unreachable", (server) => `could not connect to ${server}: connection refused`],
  ["unreachable", (server) => `could not connect to ${server}: no answer in time (TTL expired)`],
  ["refused", () => "does not support the command CONNECT"],
  ["refused", (server) => `does not support addresses of the type of ${server}`],
];
const UNASSIGNED = ["refused", (server: string) => `did not connect to ${server}`] as const;

/**
 * Asks a SOCKS proxy to connect to `host`, the destination's name or its address. Resolves with the
 * bytes that followed the proxy's answer.
 */
export async function askSocksProxy(
  proxy: Proxy,
  transport: Transport,
  reader: AnswerReader,
  { hostname, port }: Destination,
  host: string,
): Promise<Uint8Array> {
  const request = [VERSION, CONNECT, 0, ...addressBytes(host), port >> 8, port & 0xff];
  const { credentials, address } = proxy;
  const methods = credentials === undefined
    ? [Method.noAuthentication]
    : [Method.noAuthentication, Method.usernamePassword];
  await transport.write(Uint8Array.of(VERSION, methods.length, ...methods));
  await readVersion(reader, address);
  const method = await reader.byte();
  if (method === Method.usernamePassword && credentials !== undefined) {
    await authenticate(credentials, address, transport, reader);
  } else if (method !== Method.noAuthentication) throw noMethod(method, proxy);
  await transport.write(Uint8Array.from(request));
  await readVersion(reader, address);
  const reply = await reader.byte();
  if (reply !== 0) {
    const [why, sentence] = REPLIES[reply - 1] ?? UNASSIGNED;
    const server = hostAndPort(hostname, port);
    throw new ProxyError(
      `The proxy ${address} ${sentence(server)} (reply ${reply})${hint(reply, proxy, host)}`,
      { why, status: reply },
    );
  }
  await skipBoundAddress(reader, address);
  return reader.rest;
}

/** RFC 1929 §2. */
async function authenticate(
  credentials: ProxyCredentials,
  address: string,
  transport: Transport,
  reader: AnswerReader,
): Promise<void> {
  const [username, password] = [credentials.username, credentials.password].map((text) => {
    return new TextEncoder().encode(text);
  }) as [Uint8Array, Uint8Array];
  await transport.write(
    Uint8Array.of(1, username.length, ...username, password.length, ...password),
  );
  const version = await reader.byte();
  // Some proxies send the version of SOCKS instead of 1: accepted, as it is unambiguous.
  if (version !== 1 && version !== VERSION) throw notSocks(address, "its answer is malformed");
  if (await reader.byte() !== 0) {
    throw new ProxyError(`The proxy ${address} does not accept the user name and password`, {
      why: "credentials",
    });
  }
}

async function readVersion(reader: AnswerReader, address: string): Promise<void> {
  const version = await reader.byte();
  if (version === VERSION) return;
  throw notSocks(
    address,
    version === 0x48
      ? `it answered as a web server does; perhaps it is http://${address}`
      : version === 0x00 || version === 0x04
      ? "it speaks version 4"
      : "its answer is malformed",
  );
}

/** Skips the address from which the proxy connects to the server: it is not needed. */
async function skipBoundAddress(reader: AnswerReader, address: string): Promise<void> {
  await reader.byte();
  const type = await reader.byte();
  switch (type) {
    case AddressType.ipv4:
      return await reader.skip(4 + 2);
    case AddressType.ipv6:
      return await reader.skip(16 + 2);
    case AddressType.domainName:
      return await reader.skip(await reader.byte() + 2);
    default:
      throw notSocks(address, "its answer is malformed");
  }
}

function addressBytes(host: string): number[] {
  const ip = ipAddress(host);
  if (ip !== undefined) return [ip.length === 4 ? AddressType.ipv4 : AddressType.ipv6, ...ip];
  const name = new TextEncoder().encode(host);
  if (name.length > 255 || name.length === 0) {
    throw new OptionError(`A SOCKS proxy takes host names of 1 to 255 bytes, got ${name.length}`);
  }
  return [AddressType.domainName, name.length, ...name];
}

function noMethod(method: number, { address, protocol, credentials }: Proxy): ProxyError {
  if (method !== Method.noneAcceptable && method !== Method.usernamePassword) {
    return notSocks(address, `it chose method ${method} of authentication, which was not offered`);
  }
  return new ProxyError(
    credentials === undefined
      ? `The proxy ${address} wants a user name and a password: ` +
        `write ${protocol}://user:password@${address}`
      : `The proxy ${address} accepts neither a user name and password nor anonymous clients`,
    { why: "credentials" },
  );
}

function notSocks(address: string, how: string): ProxyError {
  return new ProxyError(`${address} is not a SOCKS5 proxy: ${how}`, { why: "not a proxy" });
}

/** Advice for when the proxy does not support the type of an address that was looked up here. */
function hint(reply: number, { protocol }: Proxy, host: string): string {
  return reply === 8 && protocol === "socks5" && host.includes(":")
    ? `: ${host} is IPv6; with socks5h:// the proxy looks the name up`
    : "";
}
