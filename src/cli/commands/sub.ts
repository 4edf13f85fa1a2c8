// `sub`: subscribes and prints the messages that arrive.

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE, SHORT_EXIT_CODES } from "../options/help.ts";
import { ONE_INFLIGHT } from "../options/message.ts";
import { FORMAT_LETTERS, OUTPUT } from "../options/output.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";
import { SUBSCRIBE_NAMES, UNSUBSCRIBE_NAMES } from "../options/properties.ts";

const SELECTING = "Filtering";
const SUBSCRIBING = "Subscribing";

const OWN = {
  "topic": { short: "t", value: "FILTER", many: true, help: "Topic Filter to subscribe to" },
  "qos": { short: "q", value: "0|1|2", help: "maximum QoS; default 0" },
  ...OUTPUT,
  "count": { short: "C", value: "N", help: "end after N messages" },
  "exit-after-subscribe": {
    short: "E",
    help: "end once the server has granted the subscriptions",
    group: SUBSCRIBING,
  },
  "no-retained": { short: "R", help: "skip retained messages", group: SELECTING },
  "retained-only": { help: "end at the first message that is not retained", group: SELECTING },
  "remove-retained": {
    help: "remove each printed retained message from the server",
    group: SELECTING,
  },
  "filter-out": {
    short: "T",
    value: "FILTER",
    many: true,
    help: "skip messages whose topic matches",
    group: SELECTING,
  },
  "unsubscribe": {
    short: "U",
    value: "FILTER",
    many: true,
    help: "end this subscription of the session",
    group: SUBSCRIBING,
  },
  ...ONE_INFLIGHT,
  "filters-per-packet": {
    value: "N",
    help: "most Topic Filters in one packet; default 8",
    group: SUBSCRIBING,
  },
  "no-local": { help: "skip messages published by this client", group: SUBSCRIBING },
  "retain-as-published": { help: "keep the RETAIN flag as published", group: SUBSCRIBING },
  "retain-handling": {
    value: "0|1|2",
    help: "get retained messages: always, if new, never",
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
  about: "Subscribes and prints the messages that arrive, until Ctrl-C.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    'sub -v -t "home/+/temperature"',
    "sub -t home/log -C 1 -W 5 mqtt://broker.local",
  ],
  exitCodes: EXIT_CODES,
  shortExitCodes: SHORT_EXIT_CODES,
  notes: `${SERVER_NOTES}\n${FORMAT_LETTERS}`,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given)),
  load: () => import("./sub_run.ts"),
});
