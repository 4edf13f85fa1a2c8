// The servers that `connect()` is given: URLs, with options of their own or without, and whatever
// else opens a connection.

import type { WorldClock } from "../io/clock.ts";
import { type Destination, usesTls, usesWebSocket } from "../io/destination.ts";
import type { Proxy } from "../io/proxy_url.ts";
import { type ByteChannel, isByteChannel, transportOf } from "../io/stream.ts";
import type { connectionTransport } from "../io/tcp.ts";
import type { TlsOptions } from "../io/tls.ts";
import type { Transport } from "../io/transport.ts";
import { checkHeaders } from "../io/websocket_fields.ts";
import { hasZone } from "../io/zone.ts";
import { parseServerUrl } from "./server_url.ts";

/** How to reach a server, beside its URL. */
export interface ServerOptions {
  /** For `mqtts://` and `wss://`: whom to trust, and who this client is. */
  readonly tls?: TlsOptions | undefined;
  /**
   * For `ws://` and `wss://`: fields of the request for the WebSocket, such as `Authorization` or
   * `Cookie`. Browsers send none of a program's own.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * A proxy to connect through: `"socks5://user:password@host:1080"`, `"socks5h://…"`, which
   * resolves the server's name itself, or `"http://…"`, by CONNECT. TLS is spoken with the server,
   * inside the tunnel.
   */
  readonly proxy?: string | undefined;
}

/** A server by its URL, with options of its own in place of those of `connect()`. */
export interface ServerWithOptions extends ServerOptions {
  /** Its URL. */
  readonly url: string | URL;
}

/** Something that opens connections of its own kind: a broker within the process is one. */
export interface TransportSource {
  /** Opens one. `signal` aborts when nobody wants it any more. */
  connect(
    options: { readonly signal: AbortSignal },
  ): ByteChannel | Promise<ByteChannel>;
  /**
   * The clock of its clients, for connections that lie in a virtual world: all servers of a client
   * must have the same, and are to be given as they are, not by a function. Default: that of this
   * machine.
   */
  readonly clock?: WorldClock | undefined;
}

/**
 * A server: its URL, alone or with options of its own; what opens connections to it; or one
 * connection that is open already, which is not made again when it is lost.
 */
export type ServerAddress = string | URL | ServerWithOptions | TransportSource | ByteChannel;

/** The servers to try, in turn. */
export type ServerUrls = ServerAddress | readonly ServerAddress[];

/** Servers to try, or where to ask for them at each attempt. */
export type ServerSource = ServerUrls | (() => ServerUrls | Promise<ServerUrls>);

/** A server, by the way to it or by what opens connections to it. */
export interface Server {
  /** For messages. */
  readonly address: string;
  readonly destination?: Destination;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  /** Opens a connection, if there is no destination. */
  readonly open?: (signal: AbortSignal) => Promise<Transport>;
  /** The clock of its world, if that is not this machine. */
  readonly clock?: WorldClock | undefined;
  /** Whether it cannot be connected to any more: it was a connection, and has been used. */
  readonly isSpent: boolean;
}

/** What only programs with sockets need: a page leaves it out. */
export interface Sockets {
  /**
   * Refuses TLS options that cannot be used.
   *
   * @throws {TypeError} when they are wrong
   */
  readonly checkTls: (options: TlsOptions) => void;
  /**
   * The proxy of a URL.
   *
   * @throws {TypeError} when it is wrong
   */
  readonly parseProxy: (url: string) => Proxy;
  /** A connection of Deno's as a transport. */
  readonly connectionTransport?: typeof connectionTransport;
}

/**
 * The clock of the world in which the servers are, as far as it is known before they are asked for.
 */
export function clockOf(source: ServerSource): WorldClock | undefined {
  const [first] = Array.isArray(source) ? source as readonly ServerAddress[] : [source];
  if (typeof first !== "object" || first === null || !("clock" in first)) return undefined;
  return first.clock;
}

/**
 * The servers to try, all of which must be in the world of `clock`.
 *
 * @throws {TypeError} when a URL or an option is wrong, or there are none
 */
export function serversOf(
  urls: ServerUrls,
  options: ServerOptions,
  sockets: Sockets,
  clock: WorldClock | undefined,
): readonly Server[] {
  const addresses = Array.isArray(urls) ? urls as readonly ServerAddress[] : [urls];
  const servers = addresses.map((address) => serverOf(address as ServerAddress, options, sockets));
  if (servers.length === 0) throw new TypeError("connect() needs the URL of at least one server");
  if (servers.some((server) => server.clock !== clock)) {
    throw new TypeError(
      "The servers of a client must all be in one world: it has the clock of the first one",
    );
  }
  checkUsed("tls", options.tls, servers, usesTls, "mqtts:// or wss://");
  checkUsed("headers", options.headers, servers, usesWebSocket, "ws:// or wss://");
  checkUsed("proxy", options.proxy, servers, usesTcp, "a server that is reached by TCP");
  return servers;
}

/** An option that no server has a use for was meant for another URL. */
function checkUsed(
  name: string,
  value: unknown,
  servers: readonly Server[],
  uses: (destination: Destination) => boolean,
  what: string,
): void {
  if (value === undefined) return;
  if (servers.some(({ destination }) => destination !== undefined && uses(destination))) return;
  throw new TypeError(`${name} needs ${what}, which no URL here is`);
}

function usesTcp({ scheme }: Destination): boolean {
  return scheme !== "mqtt+unix";
}

function serverOf(
  address: ServerAddress,
  defaults: ServerOptions,
  sockets: Sockets,
): Server {
  if (typeof address === "string" || address instanceof URL) {
    return withOptions(String(address), defaults, sockets);
  }
  if (isByteChannel(address)) return openedServer(address, sockets);
  if (typeof address === "object" && address !== null) {
    if ("url" in address && !("connect" in address)) {
      return serverWithOptions(address, defaults, sockets);
    }
    if ("connect" in address && typeof address.connect === "function") {
      const source = address as TransportSource;
      return {
        address: "The server",
        open: async (signal) =>
          transportOf(await source.connect({ signal }), sockets.connectionTransport),
        clock: source.clock,
        isSpent: false,
      };
    }
  }
  throw new TypeError(
    "connect() needs a URL, { url, tls, headers }, { readable, writable }, a connection of Deno " +
      "or { connect() }",
  );
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof ServerWithOptions>([
  "url",
  "tls",
  "headers",
  "proxy",
]);

function serverWithOptions(
  { url, ...own }: ServerWithOptions,
  defaults: ServerOptions,
  sockets: Sockets,
): Server {
  for (const name of Object.keys(own)) {
    if (!OPTION_NAMES.has(name)) throw new TypeError(`Unknown option ${name} beside url`);
  }
  const server = withOptions(String(url), { ...defaults, ...own }, sockets);
  checkUsed("tls", own.tls, [server], usesTls, "mqtts:// or wss://");
  checkUsed("headers", own.headers, [server], usesWebSocket, "ws:// or wss://");
  return server;
}

/** The server of a URL with those of the options that it has a use for. */
function withOptions(
  url: string,
  { tls, headers, proxy }: ServerOptions,
  sockets: Sockets,
): Server {
  const { username, password, ...parsed } = parseServerUrl(url);
  if (proxy !== undefined && hasZone(parsed.hostname)) {
    throw new TypeError(
      `proxy cannot be used with ${parsed.address}: only this machine knows its interfaces`,
    );
  }
  if (tls !== undefined) sockets.checkTls(tls);
  if (headers !== undefined) checkHeaders(headers);
  const destination: Destination = {
    ...parsed,
    tls: usesTls(parsed) ? tls : undefined,
    headers: usesWebSocket(parsed) ? headers : undefined,
    proxy: proxy === undefined || !usesTcp(parsed) ? undefined : sockets.parseProxy(proxy),
  };
  return { address: parsed.address, destination, username, password, isSpent: false };
}

/** A connection that is there already: it is used once, and cannot be made again. */
function openedServer(channel: ByteChannel, { connectionTransport }: Sockets): Server {
  const transport = transportOf(channel, connectionTransport);
  let isSpent = false;
  return {
    address: "The server",
    open() {
      isSpent = true;
      return Promise.resolve(transport);
    },
    get isSpent() {
      return isSpent;
    },
  };
}
