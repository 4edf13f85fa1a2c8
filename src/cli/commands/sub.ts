// `sub`: subscribes, and prints what comes.

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE } from "../options/help.ts";
import { FORMAT_LETTERS, OUTPUT } from "../options/output.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";
import { SUBSCRIBE_NAMES, UNSUBSCRIBE_NAMES } from "../options/properties.ts";

const SELECTING = "Selecting";
const SUBSCRIBING = "Subscribing";

const OWN = {
  "topic": { short: "t", value: "FILTER", many: true, help: "what to subscribe to" },
  "qos": { short: "q", value: "0|1|2", help: "the highest QoS to receive at; 0 by default" },
  ...OUTPUT,
  "count": { short: "C", value: "N", help: "end after N messages" },
  "exit-after-subscribe": {
    short: "E",
    help: "end as soon as the server has granted all",
    group: SUBSCRIBING,
  },
  "no-retained": { short: "R", help: "leave out what the server had retained", group: SELECTING },
  "retained-only": { help: "end at the first message that was not retained", group: SELECTING },
  "remove-retained": { help: "remove each retained message that comes", group: SELECTING },
  "filter-out": {
    short: "T",
    value: "FILTER",
    many: true,
    help: "leave out what matches this",
    group: SELECTING,
  },
  "unsubscribe": {
    short: "U",
    value: "FILTER",
    many: true,
    help: "end this subscription of the session",
    group: SUBSCRIBING,
  },
  "no-local": { help: "leave out what this client has published", group: SUBSCRIBING },
  "retain-as-published": { help: "keep RETAIN as it was published", group: SUBSCRIBING },
  "retain-handling": {
    value: "0|1|2",
    help: "retained messages: always, if new, never",
    group: SUBSCRIBING,
  },
} as const satisfies OptionTable;

const OPTIONS = {
  ...OWN,
  ...connectionOptions("messages", SUBSCRIBE_NAMES, UNSUBSCRIBE_NAMES),
};

/** What it was given. */
export type SubArguments = ParsedArguments<typeof OPTIONS>;

/** The command `sub`. */
export const sub = command({
  name: "sub",
  about: "Subscribes, and prints the messages that come. Ends on Ctrl-C.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    'sub -v -t "home/+/temperature"',
    "sub -t home/log -C 1 -W 5 mqtt://broker.local",
  ],
  exitCodes: EXIT_CODES,
  notes: `${SERVER_NOTES}\n${FORMAT_LETTERS}`,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given)),
  load: () => import("./sub_run.ts"),
});
