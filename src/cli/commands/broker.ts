// `broker`: runs a broker until Ctrl-C, with a line in its log for each connection.

import type { ListenOptions } from "../../broker/serve.ts";
import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { PAGE, pageAddress } from "../inspect/page_address.ts";
import { isSecure, isWebSocket, netOf } from "../options/listeners.ts";
import {
  integerOption,
  type OptionTable,
  type OptionValues,
  type ParsedArguments,
} from "../options/parse.ts";
import { TRACE } from "../options/trace.ts";
import { ACCESS, checkAccess } from "./broker_access_options.ts";

const OPTIONS = {
  "host": {
    short: "h",
    value: "ADDRESS",
    help: "listen here; default 127.0.0.1; 0.0.0.0: all",
  },
  "port": { short: "p", value: "PORT", help: "TCP; 1883 if no other is given; 0: any free" },
  "ws-port": { value: "PORT", help: "WebSocket port" },
  "tls-port": { value: "PORT", help: "TLS port" },
  "wss-port": { value: "PORT", help: "port for WebSocket over TLS" },
  "cert": { value: "FILE", isFile: true, help: "certificate for TLS, PEM" },
  "key": { value: "FILE", isFile: true, help: "private key of the certificate, PEM" },
  "file": {
    short: "f",
    value: "FILE",
    isFile: true,
    help: "keep sessions and retained messages here",
  },
  ...PAGE,
  ...TRACE,
  ...ACCESS,
  "maximum-packet-size": {
    value: "N",
    help: "largest packet accepted; default 16777216",
    group: "Limits",
  },
  "maximum-qos": { value: "0|1|2", help: "highest QoS accepted; default 2", group: "Limits" },
  "accept-protocol-versions": {
    value: "V",
    help: "versions accepted; default 5,311,31",
    group: "Limits",
  },
  "session-expiry-interval": {
    value: "N",
    help: "longest session, in seconds; default a week",
    group: "Limits",
  },
  "connections-per-address": {
    value: "N",
    help: "connections from one address, or IPv6 /64",
    group: "Limits",
  },
  "messages-per-second": {
    value: "N",
    help: "messages of a client; more are read later",
    group: "Limits",
  },
  "bytes-per-second": { value: "N", help: "the same in bytes", group: "Limits" },
  "login-delay": {
    value: "MS",
    help: "delay after failed logins, at most; 4000",
    group: "Limits",
  },
  "cafile": {
    value: "FILE",
    isFile: true,
    help: "verify client certificates with these CAs, PEM",
    group: "TLS",
  },
  "require-certificate": { help: "refuse clients without a certificate", group: "TLS" },
  "use-identity-as-username": {
    help: "use the certificate's Common Name as User Name",
    group: "TLS",
  },
  "ws-path": {
    value: "PATH",
    help: "path for WebSockets, such as /mqtt; default any",
    group: "WebSocket and Unix sockets",
  },
  "allow-origin": {
    value: "ORIGIN",
    many: true,
    help: "accept pages of this origin; * for all",
    group: "WebSocket and Unix sockets",
  },
  "unix": {
    value: "PATH",
    isFile: true,
    help: "listen on this Unix socket",
    group: "WebSocket and Unix sockets",
  },
} as const satisfies OptionTable;

/** What it was given. */
export type BrokerArguments = ParsedArguments<typeof OPTIONS>;

/** The command `broker`. */
export const broker = command({
  name: "broker",
  about: "Runs an MQTT broker until Ctrl-C; logs each connection, refused ones too.",
  usage: "[options]",
  examples: [
    "broker",
    "broker -h 0.0.0.0 --password-file passwords -f broker.db",
  ],
  notes: `--password-file and --acl-file have the format of mosquitto_passwd and of
Mosquitto's acl_file. Beyond 127.0.0.1 and ::1, clients without User Name are
let in only with --allow-anonymous.

SIGHUP reloads --cert, --key and --cafile; existing connections stay open. It
reloads --password-file, too, and disconnects users who are gone or have another
password, and --acl-file. A faulty file changes nothing.
--page looks at every packet, which slows a broker under full load down.
`,
  exitCodes: "0 after Ctrl-C; 1 if it cannot listen; 2 for a wrong command line.",
  options: OPTIONS,
  permissions: ({ options }) => {
    const { file, cert, key, cafile, unix, "password-file": passwords, "acl-file": acl } = options;
    const page = pageAddress(options.page);
    const written = [file, unix].filter((path) => path !== undefined);
    const read = [cert, key, cafile, passwords, acl].filter((path) => path !== undefined);
    return {
      net: [...placesOf(options), ...page === undefined ? [] : [page]].flatMap(netOf),
      read: [...written, ...read],
      write: written,
    };
  },
  load: () => import("./broker_run.ts"),
});

/**
 * Where to listen, without certificates.
 *
 * @throws {Failure} when an option is wrong, or would do nothing
 */
export function placesOf(options: OptionValues<typeof OPTIONS>): readonly ListenOptions[] {
  const hostname = (options.host ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  const at = (name: "port" | "ws-port" | "tls-port" | "wss-port") => {
    const text = options[name];
    return text === undefined ? [] : [{ hostname, port: integerOption(name, text, 0, 65_535) }];
  };
  const { cafile, unix } = options;
  const asked = options["require-certificate"] ? "require" : "request";
  const tls = {
    ...cafile !== undefined && { clientCertificate: asked } as const,
    ...options["use-identity-as-username"] && { certificateUsername: "common name" } as const,
  };
  const websocket = {
    websocketPath: options["ws-path"],
    ...options["allow-origin"].length > 0 && { allowedOrigins: options["allow-origin"] },
  };
  const places: ListenOptions[] = [
    ...at("port").map((place) => ({ protocol: "mqtt", ...place }) as const),
    ...at("ws-port").map((place) => ({ protocol: "ws", ...place, ...websocket }) as const),
    ...at("tls-port").map((place) => ({ protocol: "mqtts", ...place, ...tls }) as const),
    ...at("wss-port").map((place) =>
      ({ protocol: "wss", ...place, ...tls, ...websocket }) as const
    ),
    ...unix === undefined ? [] : [{ protocol: "mqtt+unix", socketPath: unix } as const],
  ];
  const all = places.length > 0 ? places : [{ protocol: "mqtt", hostname, port: 1883 } as const];
  checkUse(options, all);
  return all;
}

/** Which options need which ports. */
const NEEDS = [
  ["cert", "--tls-port or --wss-port", isSecure],
  ["key", "--tls-port or --wss-port", isSecure],
  ["cafile", "--tls-port or --wss-port", isSecure],
  ["ws-path", "--ws-port or --wss-port", isWebSocket],
  ["allow-origin", "--ws-port or --wss-port", isWebSocket],
] as const;

function checkUse(
  options: OptionValues<typeof OPTIONS>,
  places: readonly ListenOptions[],
): void {
  for (const [name, needed, isFor] of NEEDS) {
    const isGiven = options[name] !== undefined && options[name].length > 0;
    if (isGiven && !places.some(isFor)) throw usageFailure(`--${name} needs ${needed}`);
  }
  const { cert, key, cafile } = options;
  if (places.some(isSecure) && (cert === undefined || key === undefined)) {
    throw usageFailure("--tls-port and --wss-port need --cert and --key");
  }
  if (options["require-certificate"] && cafile === undefined) {
    throw usageFailure("--require-certificate needs --cafile");
  }
  if (options["use-identity-as-username"] && !options["require-certificate"]) {
    throw usageFailure("--use-identity-as-username needs --require-certificate");
  }
  checkAccess(options, places);
}
