// `respond`: answers requests (§4.10) with their own payload, a fixed one, or a program's output.

import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "../options/connection.ts";
import { EXIT_CODES, SERVER_NOTES, SERVER_USAGE, SHORT_EXIT_CODES } from "../options/help.ts";
import { PAYLOAD, PUBLISH, PUBLISH_NAMES } from "../options/message.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OWN = {
  "topic": { short: "t", value: "FILTER", many: true, help: "Topic Filter of the requests" },
  ...PAYLOAD,
  "exec": {
    value: "COMMAND",
    choice: "payload",
    help: `respond with its first line; for a shell: "sh -c '…'"`,
  },
  "exec-timeout": {
    value: "SECONDS",
    help: "kill the command after this long; default 30",
    group: "Responding",
  },
  "count": { short: "C", value: "N", help: "end after N responses", group: "Responding" },
  ...PUBLISH,
  "retain": { ...PUBLISH.retain, group: "Sending" },
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions("messages", PUBLISH_NAMES) };

/** How the command line of `--exec` is read. */
const SHELL = `--exec splits its value into words at spaces; '…' and "…" keep a word together.
There is no shell, so $, *, | and > mean nothing; use one as in
  mqtt5 respond -t upper --exec "sh -c 'tr a-z A-Z | head -c 100'"
`;

/** What it was given. */
export type RespondArguments = ParsedArguments<typeof OPTIONS>;

/** The command `respond`. */
export const respond = command({
  name: "respond",
  about: `Responds to requests with their own payload, a fixed one, or the first line that
a command prints (request on standard input, topic in MQTT_TOPIC), until Ctrl-C.`,
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    "respond -t echo",
    'respond -t clock/now --exec "date +%H:%M"',
  ],
  exitCodes: EXIT_CODES,
  shortExitCodes: SHORT_EXIT_CODES,
  notes: `${SHELL}\n${SERVER_NOTES}`,
  options: OPTIONS,
  permissions: (given) => ({
    ...connectionPermissions(connectionOf(given), given.options.file),
    run: given.options.exec === undefined ? [] : [wordsOf(given.options.exec)[0]!],
  }),
  load: () => import("./respond_run.ts"),
});

/**
 * The words of a command line; quotation marks group them. It is not passed to a shell.
 *
 * @throws {Failure} when there are no words, or a quotation mark is not closed
 */
export function wordsOf(text: string): readonly string[] {
  if (/["']/.test(unquoted(text))) {
    throw usageFailure("--exec: a quotation mark is not closed");
  }
  const words = Array.from(
    text.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g),
    ([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"),
  );
  if (words.length === 0 || words[0] === "") throw usageFailure("--exec: expected a command");
  return words;
}

/** What only a shell understands in a command line, such as `|`; `undefined` if there is none. */
export function shellSyntaxIn(text: string): string | undefined {
  return /(?<!\S)(?:\|\|?|&&?|;|\d?>>?|<)(?!\S)|\$\w+/.exec(unquoted(text))?.[0];
}

/** A command line without what is in quotation marks. */
function unquoted(text: string): string {
  return text.replaceAll(/"[^"]*"|'[^']*'/g, "");
}
