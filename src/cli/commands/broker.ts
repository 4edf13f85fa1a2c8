// `broker`: a broker for use, until Ctrl-C, with a line for each thing that happens to a connection.

import type { ListenOptions } from "../../broker/serve.ts";
import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import {
  integerOption,
  type OptionTable,
  type OptionValues,
  type ParsedArguments,
} from "../options/parse.ts";
import { TRACE } from "../options/trace.ts";

const OPTIONS = {
  "host": {
    short: "h",
    value: "ADDRESS",
    help: "where; 127.0.0.1 by default, 0.0.0.0: all",
  },
  "port": { short: "p", value: "PORT", help: "TCP; 1883 if nothing else is given, 0 for any" },
  "ws-port": { value: "PORT", help: "WebSocket on this port" },
  "tls-port": { value: "PORT", help: "TLS on this port" },
  "wss-port": { value: "PORT", help: "WebSocket over TLS on this port" },
  "cert": { value: "FILE", isFile: true, help: "certificate, in PEM, for TLS" },
  "key": { value: "FILE", isFile: true, help: "its private key, in PEM" },
  "file": {
    short: "f",
    value: "FILE",
    isFile: true,
    help: "keep sessions and retained messages here",
  },
  "maximum-packet-size": { value: "N", help: "largest taken; 16777216 by default" },
  "maximum-qos": { value: "0|1|2", help: "highest QoS taken; 2 by default" },
  "session-expiry-interval": { value: "N", help: "longest life of a session" },
  ...TRACE,
  "cafile": {
    value: "FILE",
    isFile: true,
    help: "verify clients' certificates by these, in PEM",
    group: "TLS",
  },
  "require-certificate": { help: "refuse clients that have no certificate", group: "TLS" },
  "use-identity-as-username": {
    help: "the certificate's Common Name is the User Name",
    group: "TLS",
  },
  "ws-path": {
    value: "PATH",
    help: "of WebSockets, such as /mqtt; any by default",
    group: "WebSocket and Unix sockets",
  },
  "allow-origin": {
    value: "ORIGIN",
    many: true,
    help: "let pages of other hosts in; *: all",
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
  about: "Runs a broker of MQTT 5.0 until Ctrl-C, and tells of every connection in a line.",
  usage: "[options]",
  examples: [
    "broker",
    "broker -h 0.0.0.0 -f broker.db",
  ],
  notes: `On SIGHUP it reads the files of --cert, --key and --cafile again; clients stay.
`,
  exitCodes: "0 after Ctrl-C; 1 when it cannot listen; 2 for a wrong command line.",
  options: OPTIONS,
  permissions: ({ options }) => {
    const { file, cert, key, cafile, unix } = options;
    const written = [file, unix].filter((path) => path !== undefined);
    const read = [cert, key, cafile].filter((path) => path !== undefined);
    return {
      net: placesOf(options).flatMap(netOf),
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
  checkUse(options, places);
  return places.length > 0 ? places : [{ protocol: "mqtt", hostname, port: 1883 }];
}

/** Which options need which others. */
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
    throw usageFailure("TLS needs --cert and --key");
  }
  if (options["require-certificate"] && cafile === undefined) {
    throw usageFailure("--require-certificate needs --cafile");
  }
  if (options["use-identity-as-username"] && !options["require-certificate"]) {
    throw usageFailure("--use-identity-as-username needs --require-certificate");
  }
}

/** Whether a place has TLS. */
export function isSecure({ protocol }: ListenOptions): boolean {
  return protocol === "mqtts" || protocol === "wss";
}

function isWebSocket({ protocol }: ListenOptions): boolean {
  return protocol === "ws" || protocol === "wss";
}

/** What a place needs of the network, by Deno's names. */
function netOf(place: ListenOptions): readonly string[] {
  const { hostname = "", port, socketPath } = place;
  if (socketPath !== undefined) return [`unix:${socketPath}`];
  // TLS asks for the address that it listens at, too.
  const hosts = isSecure(place) && hostname === "localhost" ? [hostname, "127.0.0.1"] : [hostname];
  return hosts.map((host) => host.includes(":") ? `[${host}]` : host)
    .map((host) => port === 0 ? host : `${host}:${port}`);
}
