// Validates the options of a listener. An option that would have no effect is an error: ignoring a
// `clientCertificate`, for example, would be dangerous.

import { checkOneOf } from "../session/option_checks.ts";
import type { ListenOptions, ListenProtocol } from "./listen.ts";
import { checkWebSocketServerOptions } from "./websocket_handshake.ts";

/** The protocols to which each option applies. */
const MEANT_FOR = {
  hostname: ["mqtt", "mqtts", "ws", "wss"],
  port: ["mqtt", "mqtts", "ws", "wss"],
  socketPath: ["mqtt+unix"],
  cert: ["mqtts", "wss"],
  key: ["mqtts", "wss"],
  ca: ["mqtts", "wss"],
  clientCertificate: ["mqtts", "wss"],
  certificateUsername: ["mqtts", "wss"],
  websocketPath: ["ws", "wss"],
  allowedOrigins: ["ws", "wss"],
} as const satisfies Record<Exclude<keyof ListenOptions, "protocol">, readonly ListenProtocol[]>;

/** The names of all options of a listener. */
export const LISTEN_OPTIONS: readonly (keyof ListenOptions)[] = [
  "protocol",
  ...Object.keys(MEANT_FOR) as (keyof typeof MEANT_FOR)[],
];

const PROTOCOLS = ["mqtt", "mqtts", "ws", "wss", "mqtt+unix"];

/**
 * Validates the options of a listener.
 *
 * @throws {TypeError} when an option is unknown, missing, or has no effect beside the others
 */
export function checkListenOptions(options: ListenOptions): void {
  const { websocketPath: path, allowedOrigins } = options;
  const { protocol = "mqtt", clientCertificate = "none", certificateUsername, ca } = options;
  checkOneOf("protocol", protocol, PROTOCOLS);
  for (const [name, protocols] of Object.entries(MEANT_FOR)) {
    if (options[name as keyof typeof MEANT_FOR] === undefined) continue;
    if (protocols.some((each) => each === protocol)) continue;
    throw new TypeError(`${name} is an option of ${protocols.join(" and ")}, not of ${protocol}`);
  }
  const isSecure = protocol === "mqtts" || protocol === "wss";
  if (isSecure && (options.cert === undefined || options.key === undefined)) {
    throw new TypeError(`${protocol} needs cert and key, a certificate and its private key in PEM`);
  }
  if (protocol === "mqtt+unix" && !options.socketPath) {
    throw new TypeError("mqtt+unix needs socketPath, the file of the socket");
  }
  checkOneOf("clientCertificate", clientCertificate, ["none", "request", "require"]);
  checkOneOf("certificateUsername", certificateUsername, ["common name", "subject"]);
  if (ca !== undefined && clientCertificate === "none") {
    throw new TypeError('ca is for clientCertificate: "request" or "require", got "none"');
  }
  if (certificateUsername !== undefined && clientCertificate !== "require") {
    throw new TypeError(
      `certificateUsername is for clientCertificate: "require", got "${clientCertificate}"`,
    );
  }
  checkWebSocketServerOptions({ path, allowedOrigins });
}
