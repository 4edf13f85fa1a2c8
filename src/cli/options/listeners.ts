// Where `broker` and `inspect` listen: `--listen` as a URL or a port, and what a listener needs.

import type { ListenOptions } from "../../io/listen.ts";
import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";

/** Where clients connect to, unless something else is said. */
const DEFAULT = "mqtt://127.0.0.1:1884";

const PROTOCOLS = ["mqtt", "mqtts", "ws", "wss"] as const;

/**
 * Where to listen, without certificates; pages of `allowedOrigins` may connect by WebSocket.
 *
 * @throws {Failure} when one of them is not a place to listen at
 */
export function listenersOf(
  given: readonly string[],
  allowedOrigins: readonly string[],
): readonly ListenOptions[] {
  return (given.length === 0 ? [DEFAULT] : given).map((text) => listenerOf(text, allowedOrigins));
}

/** Whether a listener uses TLS. */
export function isSecure({ protocol }: ListenOptions): boolean {
  return protocol === "mqtts" || protocol === "wss";
}

/** Whether a listener is for WebSockets. */
export function isWebSocket({ protocol }: ListenOptions): boolean {
  return protocol === "ws" || protocol === "wss";
}

/** The net permissions that a listener needs. */
export function netOf(place: ListenOptions): readonly string[] {
  const { hostname = "", port, socketPath } = place;
  if (socketPath !== undefined) return [`unix:${socketPath}`];
  // TLS needs permission for the address, too.
  const hosts = isSecure(place) && hostname === "localhost" ? [hostname, "127.0.0.1"] : [hostname];
  return hosts.map((host) => host.includes(":") ? `[${host}]` : host)
    .map((host) => port === 0 ? host : `${host}:${port}`);
}

function listenerOf(text: string, allowedOrigins: readonly string[]): ListenOptions {
  const isPort = /^\d+$/.test(text);
  const whole = isPort ? `mqtt://127.0.0.1:${text}` : text;
  const [, scheme, host = "", port = "", path = ""] =
    /^([a-z]+):\/\/(\[[^\]]+\]|[^:/?#@[\]]+):(\d+)(\/[^?#]*)?$/i.exec(whole) ?? [];
  const protocol = PROTOCOLS.find((name) => name === scheme?.toLowerCase());
  if (protocol === undefined || Number(port) > 65_535) {
    throw usageFailure(
      `--listen: expected a port or a URL with one, such as ${DEFAULT}, mqtts://0.0.0.0:8883 or ` +
        `ws://127.0.0.1:8080, got ${quoted(text)}`,
    );
  }
  const isForPages = isWebSocket({ protocol });
  if (!isForPages && path !== "" && path !== "/") {
    throw usageFailure(`--listen: ${protocol}:// URLs end after the port, got ${quoted(text)}`);
  }
  return {
    protocol,
    hostname: host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    ...isForPages && path.length > 1 && { websocketPath: path },
    ...isForPages && allowedOrigins.length > 0 && { allowedOrigins },
  };
}
