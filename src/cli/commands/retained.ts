// `retained`: lists or removes retained messages.

import { command } from "../command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE, SHORT_EXIT_CODES } from "../options/help.ts";
import { FORMAT_LETTERS, OUTPUT } from "../options/output.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const { verbose: _, ...FORMATS } = OUTPUT;

const OWN = {
  "topic": { short: "t", value: "FILTER", many: true, help: "Topic Filter; # for all topics" },
  "remove": { help: "remove the listed messages from the server" },
  "settle": { value: "SECONDS", help: "end when none arrived for this long; default 1" },
  ...FORMATS,
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions("messages") };

/** What it was given. */
export type RetainedArguments = ParsedArguments<typeof OPTIONS>;

/** The command `retained`. */
export const retained = command({
  name: "retained",
  about: `Lists the retained messages that match a filter, or removes them. Ends when no
more arrive: a server does not say how many there are.`,
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    'retained -t "home/#"',
    'retained -t "test/#" --remove mqtt://broker.local',
  ],
  exitCodes: EXIT_CODES,
  shortExitCodes: SHORT_EXIT_CODES,
  notes: `${SERVER_NOTES}\n${FORMAT_LETTERS}`,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given)),
  load: () => import("./retained_run.ts"),
});
