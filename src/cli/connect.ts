// `connect`: one CONNECT, its CONNACK and a DISCONNECT, shown byte by byte.

import { connectionOf, connectionOptions, connectionPermissions } from "./connection_options.ts";
import { command } from "./definition.ts";
import { EXIT_CODES } from "./help.ts";
import type { OptionTable, ParsedArguments } from "./options.ts";

const OWN = {
  "show-password": { help: "show the bytes of the Password too" },
  "full": { help: "show long values to their last byte" },
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions("connect") };

/** What it was given. */
export type ConnectArguments = ParsedArguments<typeof OPTIONS>;

/** The command `connect`. */
export const connect = command({
  name: "connect",
  about: "Connects to a server and shows what each byte of CONNECT and CONNACK means.",
  usage: "[options] [mqtt://[USER[:PASSWORD]@]HOST[:PORT]]",
  examples: [
    "connect -i thermostat-7 -k 30",
    "connect -u alice -P secret mqtt://broker.hivemq.com",
  ],
  exitCodes: EXIT_CODES,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given, "connect")),
  load: () => import("./handshake.ts"),
});
