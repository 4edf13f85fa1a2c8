// The help of a command, made from its table of options: in short, or with every option.

import type { Option, OptionTable } from "./parse.ts";

/** The help of a command beside its options. */
export interface HelpParts {
  /** The command's name. */
  readonly name: string;
  /** What it does: a sentence or two, in lines of 80 columns. */
  readonly about: string;
  /** What stands after its name. */
  readonly usage: string;
  /** Two command lines, without the name of the program. */
  readonly examples: readonly [string, string];
  /** What the exit codes mean. */
  readonly exitCodes: string;
  /** The same in one line, for the short help. */
  readonly shortExitCodes?: string;
  /** Notes for the help with every option. */
  readonly notes?: string;
}

/** The exit codes of every command that connects to a server. */
export const EXIT_CODES = `0; 2 for a wrong command line; 27 when -W timed out; 128 to 162, the
Reason Code, if the server refused; 130 after Ctrl-C; 1 for anything else.`;

/** The same, in a line. */
export const SHORT_EXIT_CODES =
  "0; 2 usage; 27 timed out; 128-162 Reason Code; 130 Ctrl-C; 1 other.";

/** The server, in a line of usage. */
export const SERVER_USAGE = "[mqtt[s]://[USER[:PASS]@]HOST[:PORT][/TOPIC]]";

/** Notes on the URL of a server. */
export const SERVER_NOTES =
  `URL schemes: mqtt (or tcp), mqtts (or ssl, tls), ws, wss, mqtt+unix (or unix).
The path of ws://, wss:// and mqtt+unix:// URLs belongs to the connection: give
topics with -t. Without a URL, any TLS option or -p 8883 selects mqtts. --cafile
and --capath add to the certificates that Deno trusts.
`;

/** The help, with all options under headings or with the most common ones. */
export function helpText(parts: HelpParts, table: OptionTable, all: boolean): string {
  const { name, about, usage, examples, exitCodes, shortExitCodes = exitCodes, notes } = parts;
  const rows = Object.entries(table).filter(([, { group }]) => all || group === undefined);
  const groups = Map.groupBy(rows, ([, { group }]) => group ?? "Options");
  const sections = [...groups].map(([title, rows]) => `${title}:\n${optionRows(rows)}`);
  return `${about}

Usage: ${["mqtt5", name, usage].join(" ").trimEnd()}

${sections.join(all ? "\n" : "")}${all && notes !== undefined ? `\n${notes}` : ""}
Examples:
${examples.map((example) => `  mqtt5 ${example}\n`).join("")}
Exit code: ${all ? exitCodes : shortExitCodes}
`;
}

/** Options as lines in columns. */
function optionRows(options: readonly (readonly [name: string, option: Option])[]): string {
  const rows = options.map(([name, option]) => [formOf(name, option), helpOf(option)] as const);
  const width = Math.max(...rows.map(([form]) => form.length));
  return rows.map(([form, help]) => `  ${form.padEnd(width)}  ${help}\n`).join("");
}

/** `"-t, --topic TOPIC"`. */
function formOf(name: string, { short, value, isOptional, looksLike }: Option): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  if (value === undefined) return `${letter}--${name}`;
  const form = isOptional !== true ? ` ${value}` : looksLike ? ` [${value}]` : `[=${value}]`;
  return `${letter}--${name}${form}`;
}

function helpOf({ help, many }: Option): string {
  return many === true ? `${help}; repeatable` : help;
}
