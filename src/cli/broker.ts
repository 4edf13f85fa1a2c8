// `broker`: a broker for use, until Ctrl-C, with a line for each thing that happens to a connection.

import type { ListenProtocol } from "../broker/serve.ts";
import { command } from "./definition.ts";
import {
  integerOption,
  type OptionTable,
  type OptionValues,
  type ParsedArguments,
} from "./options.ts";
import { TRACE } from "./tracing.ts";

const OPTIONS = {
  "host": {
    short: "h",
    value: "ADDRESS",
    help: "where; 127.0.0.1 by default, 0.0.0.0: all",
  },
  "port": { short: "p", value: "PORT", help: "port for TCP; 1883 by default, 0 for any" },
  "ws-port": { value: "PORT", help: "WebSocket, too, on this port" },
  "tls-port": { value: "PORT", help: "TLS, too, on this port" },
  "wss-port": { value: "PORT", help: "WebSocket over TLS, too, on this port" },
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
} as const satisfies OptionTable;

/** What it was given. */
export type BrokerArguments = ParsedArguments<typeof OPTIONS>;

/** The command `broker`. */
export const broker = command({
  name: "broker",
  about: "Runs a broker of MQTT 5.0 until Ctrl-C, and tells of every connection in a line.",
  usage: "[options]",
  examples: ["broker", "broker -h 0.0.0.0 -f broker.db"],
  exitCodes: "0 after Ctrl-C; 1 when it cannot listen; 2 for a wrong command line.",
  options: OPTIONS,
  permissions: ({ options }) => {
    const { file, cert, key } = options;
    const store = file === undefined ? [] : [file];
    return {
      net: placesOf(options).map(({ hostname, port }) => {
        const host = hostname.includes(":") ? `[${hostname}]` : hostname;
        return port === 0 ? host : `${host}:${port}`;
      }),
      read: [...store, ...[cert, key].flatMap((path) => path ?? [])],
      write: store,
    };
  },
  load: () => import("./serving.ts"),
});

/** Where to listen. */
export function placesOf(options: OptionValues<typeof OPTIONS>): readonly Place[] {
  const hostname = (options.host ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  const port = (name: "port" | "ws-port" | "tls-port" | "wss-port") =>
    options[name] === undefined ? undefined : integerOption(name, options[name], 0, 65_535);
  return [
    { protocol: "mqtt", hostname, port: port("port") ?? 1883 },
    { protocol: "ws", hostname, port: port("ws-port") },
    { protocol: "mqtts", hostname, port: port("tls-port") },
    { protocol: "wss", hostname, port: port("wss-port") },
  ].filter(({ port }) => port !== undefined) as readonly Place[];
}

/** A place to listen at. */
export interface Place {
  readonly protocol: ListenProtocol;
  readonly hostname: string;
  readonly port: number;
}
