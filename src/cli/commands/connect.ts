// `connect`: shows a CONNECT, its CONNACK and a DISCONNECT byte by byte.

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE, SHORT_EXIT_CODES } from "../options/help.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OWN = {
  "show-password": { help: "show the Password, tokens and cookies" },
  "full": { help: "show long values in full" },
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions("connect") };

/** What it was given. */
export type ConnectArguments = ParsedArguments<typeof OPTIONS>;

/** The command `connect`. */
export const connect = command({
  name: "connect",
  about: `Connects to a server and shows each step, including TLS and WebSocket, and the
meaning of every byte of CONNECT and CONNACK.`,
  usage: `[options] ${SERVER_USAGE.replace("[/TOPIC]", "")}`,
  examples: [
    "connect -i thermostat-7 -k 30",
    "connect -u alice -P secret mqtts://broker.hivemq.com",
  ],
  exitCodes: EXIT_CODES,
  shortExitCodes: SHORT_EXIT_CODES,
  notes: SERVER_NOTES,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given, "connect")),
  load: () => import("./connect_run.ts"),
});
