// `connect`: one CONNECT, its CONNACK and a DISCONNECT, shown byte by byte.

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE } from "../options/help.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OWN = {
  "show-password": { help: "show the Password, and tokens and cookies, too" },
  "full": { help: "show long values to their last byte" },
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions("connect") };

/** What it was given. */
export type ConnectArguments = ParsedArguments<typeof OPTIONS>;

/** The command `connect`. */
export const connect = command({
  name: "connect",
  about: `Connects to a server and shows each step of it, TLS and WebSocket, too, and what
each byte of CONNECT and CONNACK means.`,
  usage: `[options] ${SERVER_USAGE.replace("[/TOPIC]", "")}`,
  examples: [
    "connect -i thermostat-7 -k 30",
    "connect -u alice -P secret mqtts://broker.hivemq.com",
  ],
  exitCodes: EXIT_CODES,
  notes: SERVER_NOTES,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given, "connect")),
  load: () => import("./connect_run.ts"),
});
