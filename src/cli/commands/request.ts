// `request`: publishes a request and prints the response (§4.10).

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE, SHORT_EXIT_CODES } from "../options/help.ts";
import { ONE_INFLIGHT, PAYLOAD, PUBLISH, PUBLISH_NAMES } from "../options/message.ts";
import { FORMAT_LETTERS, OUTPUT } from "../options/output.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";
import type { PropertyNames } from "../options/properties.ts";

const OWN = {
  "topic": { short: "t", value: "TOPIC", help: "topic to publish the request to" },
  ...PAYLOAD,
  "response-topic": {
    short: "e",
    value: "TOPIC",
    help: "topic for the response; default: a unique one",
  },
  ...ONE_INFLIGHT,
  ...PUBLISH,
  "retain": { ...PUBLISH.retain, group: "Sending" },
  ...OUTPUT,
  "verbose": { ...OUTPUT.verbose, group: "Output" },
  "no-retained": { short: "R", help: "ignore retained responses", group: "Output" },
} as const satisfies OptionTable;

/** The properties of SUBSCRIBE: those of PUBLISH come first. */
export const REQUEST_SUBSCRIBE_NAMES = {
  holder: "subscribe",
  prefix: "subscribe-",
  only: new Set(["user-property"]),
} as const satisfies PropertyNames;

const OPTIONS = {
  ...OWN,
  ...connectionOptions("messages", PUBLISH_NAMES, REQUEST_SUBSCRIBE_NAMES),
  // The property, with the letter of mosquitto_rr.
  "response-topic": OWN["response-topic"],
};

/** What counts as the response. */
const ANSWERS = `The response is the first message on the Response Topic with the Correlation
Data of the request, or without any, unless that one is a retained message.
`;

/** What it was given. */
export type RequestArguments = ParsedArguments<typeof OPTIONS>;

/** The command `request`. */
export const request = command({
  name: "request",
  about: "Publishes a request, waits for the response (-W: at most so long) and prints it.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    "request -t clock/now -n -W 5",
    'request -t sum -m "[1, 2]" --json mqtt://broker.local',
  ],
  exitCodes: EXIT_CODES,
  shortExitCodes: SHORT_EXIT_CODES,
  notes: `${ANSWERS}\n${SERVER_NOTES}\n${FORMAT_LETTERS}`,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given), given.options.file),
  load: () => import("./request_run.ts"),
});
