// `pub`: publishes messages, from the command line, a file, or standard input.

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE, SHORT_EXIT_CODES } from "../options/help.ts";
import { LINES, MAX_INFLIGHT, PAYLOAD, PUBLISH, PUBLISH_NAMES } from "../options/message.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OWN = {
  "topic": { short: "t", value: "TOPIC", many: true, help: "topic to publish to" },
  ...PAYLOAD,
  ...LINES,
  "timing": { help: "with --json: keep the time between messages", group: "Sending" },
  "repeat": { value: "N", help: "publish the message N times", group: "Sending" },
  "repeat-delay": {
    value: "SECONDS",
    help: "wait this long before each repetition",
    group: "Sending",
  },
  ...MAX_INFLIGHT,
  ...PUBLISH,
  "retain": { ...PUBLISH.retain, group: "Sending" },
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions("messages", PUBLISH_NAMES) };

/** What it was given. */
export type PubArguments = ParsedArguments<typeof OPTIONS>;

/** The command `pub`. */
export const pub = command({
  name: "pub",
  about: "Publishes messages. Ends once the server has them; at QoS 0, once they are sent.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    "pub -t home/lamp -m on --retain -q 1",
    "pub -l mqtt://broker.local/home/log < events.txt",
  ],
  exitCodes: EXIT_CODES,
  shortExitCodes: SHORT_EXIT_CODES,
  notes: SERVER_NOTES,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given), given.options.file),
  load: () => import("./pub_run.ts"),
});
