// Where to connect to, by which transport, and through what.

import type { Proxy } from "./proxy.ts";
import type { TlsOptions } from "./tls.ts";

/**
 * How a server is reached: MQTT over TCP, over TLS, over WebSocket with and without TLS (§6), or
 * over a Unix socket.
 */
export type Scheme = "mqtt" | "mqtts" | "ws" | "wss" | "mqtt+unix";

/** A server, and the way to it. */
export interface Destination {
  readonly scheme: Scheme;
  /** A host name or an IP address, without brackets; `""` for a Unix socket. */
  readonly hostname: string;
  /** 1 to 65,535; 0 for a Unix socket. */
  readonly port: number;
  /** The path and the query of a WebSocket's URL, the path of a Unix socket, or `""`. */
  readonly path: string;
  /** `host:port`, or the path of a Unix socket, for messages. */
  readonly address: string;
  /** For `mqtts` and `wss`. */
  readonly tls?: TlsOptions | undefined;
  /** Fields of the request for a WebSocket, such as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Where to connect through. */
  readonly proxy?: Proxy | undefined;
}

/** Whether the connection uses TLS. */
export function usesTls({ scheme }: Pick<Destination, "scheme">): boolean {
  return scheme === "mqtts" || scheme === "wss";
}

/** Whether the connection is a WebSocket. */
export function usesWebSocket({ scheme }: Pick<Destination, "scheme">): boolean {
  return scheme === "ws" || scheme === "wss";
}

/** The default port of each scheme; 0 for Unix sockets, which have none. */
export const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = {
  "mqtt": 1883,
  "mqtts": 8883,
  "ws": 80,
  "wss": 443,
  "mqtt+unix": 0,
};
