// Translates errors of sockets, TLS, proxies and WebSocket servers into faults with one sentence
// each. Only this file and `tls_faults.ts` know what the platforms' messages and codes mean. Loaded
// only when there is an error.

import { type Destination, usesTls } from "./destination.ts";
import {
  codeOf,
  isGone,
  messageOf,
  nameOf,
  OPTION_NAMES,
  type OptionNames,
  type Told,
} from "./fault_texts.ts";
import { ConnectionFault } from "./faults.ts";
import { OptionError } from "./option_error.ts";
import { type Proxy, ProxyError } from "./proxy.ts";
import { isTlsAlert } from "./stranger_faults.ts";
import { alertFault, tlsFault } from "./tls_faults.ts";
import { WebSocketHandshakeError } from "./websocket_client.ts";
import { zoneFault } from "./zone_faults.ts";

/** The step during which an attempt to connect failed. */
export type Phase = "connect" | "tls" | "websocket" | "proxy";

/** The fault for an error thrown during an attempt to connect. */
export function connectFault(
  error: unknown,
  destination: Destination,
  phase: Phase,
  names: OptionNames = OPTION_NAMES,
): ConnectionFault {
  if (error instanceof ConnectionFault) return error;
  const { proxy } = destination;
  const told = phase === "proxy" && proxy !== undefined
    ? proxyFault(error, proxy, names)
    : faultOf(error, destination, phase, names);
  return cannotConnect(destination.address, told, error);
}

function cannotConnect(
  address: string,
  [code, cure, text]: Told,
  cause?: unknown,
): ConnectionFault {
  return new ConnectionFault(code, cure, `Cannot connect to ${address}: ${text}`, cause);
}

/**
 * The fault for an error thrown while waiting for the first packet; `undefined` when the error says
 * nothing about the cause.
 */
export function firstReadFault(
  error: unknown,
  destination: Destination,
  names: OptionNames = OPTION_NAMES,
): ConnectionFault | undefined {
  if (error instanceof ConnectionFault) return error;
  const alert = usesTls(destination)
    ? alertFault(messageOf(error), codeOf(error), names)
    : undefined;
  return alert && cannotConnect(destination.address, alert, error);
}

function faultOf(
  error: unknown,
  destination: Destination,
  phase: Phase,
  names: OptionNames,
): Told {
  const message = messageOf(error);
  const code = codeOf(error);
  if (error instanceof WebSocketHandshakeError) return webSocketFault(error, destination, names);
  if (isWrongOption(error, destination)) return ["other", "change", message];
  if (nameOf(error) === "NotCapable" || code === "EACCES" || code === "EPERM") {
    return permissionFault(error, destination);
  }
  return zoneFault(error, destination) ?? networkFault(message, code, destination, phase) ??
    (phase === "tls" ? tlsFault(message, code, destination, names) : undefined) ??
    // With TLS 1.3 a client certificate is refused when the handshake is over at this end.
    (phase === "websocket" ? alertFault(message, code, names) : undefined) ??
    ["other", "time", message];
}

/**
 * Whether the caller must change an option before there can be a connection. A `TypeError` alone
 * does not say so: a bug throws it, too, and a client must not give up for that.
 */
function isWrongOption(error: unknown, { scheme }: Destination): boolean {
  if (error instanceof OptionError) return true;
  // Deno says so of a server name for TLS, and of the path of a Unix socket that is too long.
  return /^Invalid hostname: /.test(messageOf(error)) ||
    scheme === "mqtt+unix" && codeOf(error) === "EINVAL";
}

function permissionFault(error: unknown, { scheme, address }: Destination): Told {
  // Deno's node: modules report a lookup that is not permitted as `getaddrinfo EPERM`.
  const isForbidden = nameOf(error) === "NotCapable" || /^getaddrinfo EPERM/.test(messageOf(error));
  if (!isForbidden) {
    return ["permission", "change", `the system does not permit it: ${messageOf(error)}`];
  }
  const needed = scheme === "mqtt+unix"
    ? `--allow-read=${address} --allow-write=${address} --allow-net=unix:${address}`
    : `--allow-net=${address}`;
  return ["permission", "change", `this program has no permission; run it with ${needed}`];
}

function networkFault(
  message: string,
  code: string,
  destination: Destination,
  phase: Phase,
): Told | undefined {
  const { scheme, hostname } = destination;
  const isUnix = scheme === "mqtt+unix";
  if (code === "ECONNREFUSED") {
    return isUnix
      ? ["refused", "time", "nothing listens on this socket; check that the server is running"]
      : ["refused", "time", "connection refused; check that a server listens on this port"];
  }
  if (isUnix && ["ENOENT", "ENOTDIR"].includes(code)) {
    return [
      "refused",
      "time",
      "no such file; check the path, and that the server is running",
    ];
  }
  if (["ENOTFOUND", "EAI_AGAIN"].includes(code) || /^failed to lookup/.test(message)) {
    const name = JSON.stringify(hostname);
    return ["host not found", "time", `no host ${name}; check its name and your network`];
  }
  if (["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL"].includes(code)) {
    return ["unreachable", "time", "the host cannot be reached; check your network"];
  }
  if (code === "ETIMEDOUT") {
    return ["unreachable", "time", "the host does not answer; check the host and your network"];
  }
  if (!isGone(message, code)) return undefined;
  switch (phase) {
    case "tls":
      return [
        "closed",
        "time",
        "the server closed the connection during the TLS handshake; check that this is its port " +
        "for TLS, and whether it requires a client certificate",
      ];
    case "websocket":
      return webSocketClosed(destination);
    default:
      return ["closed", "time", "the server closed the connection at once"];
  }
}

function proxyFault(
  error: unknown,
  { hostname, port, address }: Proxy,
  names: OptionNames,
): Told {
  if (error instanceof OptionError) return ["proxy", "change", error.message];
  if (!(error instanceof ProxyError)) {
    const itself = { scheme: "mqtt", hostname, port, address, path: "" } as const;
    const [code, cure, text] = faultOf(error, itself, "connect", names);
    if (code === "permission") return [code, cure, text];
    return ["proxy", cure, `the proxy ${address} cannot be reached: ${text}`];
  }
  const { why } = error;
  // The message becomes the second half of a sentence.
  const message = error.message.replace(/^The/, "the");
  switch (why) {
    case "permission":
      return ["permission", "change", message];
    case "not found":
      return ["host not found", "time", message];
    case "unreachable":
    case "closed":
      return ["proxy", "time", message];
    case "credentials":
    case "refused":
    case "not a proxy":
      return ["proxy", "server", message];
  }
}

function webSocketFault(
  error: WebSocketHandshakeError,
  destination: Destination,
  names: OptionNames,
): Told {
  switch (error.why) {
    case "closed":
      return webSocketClosed(destination);
    case "not HTTP":
    case "too long":
      return ["wrong protocol", "server", noWebSocketText(error, destination)];
    case "subprotocol":
      return [
        "websocket",
        "server",
        'the server does not take the subprotocol "mqtt"; check that the path is the one for ' +
        "MQTT, often /mqtt",
      ];
    case "status":
      return statusFault(error, names);
    default:
      return ["websocket", "server", `${error.message.replace(/^The/, "the")}; check the URL`];
  }
}

function noWebSocketText(
  { received }: WebSocketHandshakeError,
  destination: Destination,
): string {
  if (isTlsAlert(received)) {
    return "the server speaks TLS on this port; use wss:// if it serves MQTT over WebSocket, or " +
      "mqtts://";
  }
  const other = usesTls(destination) ? "mqtts://" : "mqtt://";
  return "the server does not speak WebSocket on this port; " +
    `use ${other}, or its port for WebSocket`;
}

function webSocketClosed(destination: Destination): Told {
  const [other, port] = usesTls(destination) ? ["mqtts://", "443"] : ["mqtt://", "80"];
  return [
    "closed",
    "time",
    "the server closed the connection without an answer to the request for a WebSocket; check " +
    `that it serves WebSocket on this port, usually ${port}, or use ${other}`,
  ];
}

function statusFault(
  { status = 0, reason = "", body = "", location }: WebSocketHandshakeError,
  names: OptionNames,
): Told {
  const said = body.trim() === "" ? "" : `, ${JSON.stringify(body.trim())}`;
  const answer = `the server answered ${status} ${reason}`.trimEnd() + said;
  switch (status) {
    case 200:
    case 404:
    case 405:
      return ["websocket", "server", `${answer}; check the path of the URL, often /mqtt`];
    case 401:
    case 403:
    case 407:
      return ["websocket", "server", `${answer}; check the token or cookie in ${names.headers}`];
    case 426:
      return ["websocket", "server", `${answer}; it wants another version of WebSocket`];
    case 429:
      return ["websocket", "time", `${answer}; connect less often`];
  }
  if (status >= 300 && status < 400) {
    const where = location === undefined ? "the new URL" : JSON.stringify(location);
    return ["websocket", "server", `${answer}; redirections are not followed, give ${where}`];
  }
  if (status >= 500) return ["websocket", "time", `${answer}; try again later`];
  return ["websocket", "server", `${answer}; check the URL and ${names.headers}`];
}
