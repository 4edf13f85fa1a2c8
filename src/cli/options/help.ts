// The help of a command, from its table of options: what fits a screen, or all of it.

import type { Option, OptionTable } from "./parse.ts";

/** What the help of a command says beside its options. */
export interface HelpParts {
  /** The command's name. */
  readonly name: string;
  /** What it does: a sentence or two, in lines of 80 columns. */
  readonly about: string;
  /** What stands after its name. */
  readonly usage: string;
  /** Two command lines that people would type, without the program's name. */
  readonly examples: readonly [string, string];
  /** What the exit codes mean. */
  readonly exitCodes: string;
  /** What else there is to know, in the whole help. */
  readonly notes?: string;
}

/** What every command that speaks to a server ends with. */
export const EXIT_CODES = `0; 2 for a wrong command line; 27 when the time ran out (-W); 128 to
162, the Reason Code, when the server said no; 130 after Ctrl-C; 1 for all else.`;

/** What stands for the server in a line of usage. */
export const SERVER_USAGE = "[mqtt[s]://[USER[:PASS]@]HOST[:PORT][/TOPIC]]";

/** What else there is to know of a server's URL, in the whole help. */
export const SERVER_NOTES =
  `A URL has the scheme mqtt or tcp; mqtts, ssl or tls; ws; wss; mqtt+unix or unix.
The path of ws:// and wss:// is the WebSocket's, and that of mqtt+unix:///PATH
is the socket's: a topic stands behind -t then. Without a URL, an option for TLS
or -p 8883 means mqtts. --cafile adds to what is trusted anyway.
`;

/** The help: with all options under their headings, or with those that people look for first. */
export function helpText(parts: HelpParts, table: OptionTable, all: boolean): string {
  const { name, about, usage, examples, exitCodes, notes } = parts;
  const rows = Object.entries(table).filter(([, { group }]) => all || group === undefined);
  const groups = Map.groupBy(rows, ([, { group }]) => group ?? "Options");
  const sections = [...groups].map(([title, rows]) => `${title}:\n${optionRows(rows)}`);
  return `${about}

Usage: ${["mqtt5", name, usage].join(" ").trimEnd()}

${sections.join(all ? "\n" : "")}${all && notes !== undefined ? `\n${notes}` : ""}
Examples:
${examples.map((example) => `  mqtt5 ${example}\n`).join("")}
Exit code: ${exitCodes}
`;
}

/** Options as lines, the short names and the help under each other. */
function optionRows(options: readonly (readonly [name: string, option: Option])[]): string {
  const rows = options.map(([name, option]) => [formOf(name, option), helpOf(option)] as const);
  const width = Math.max(...rows.map(([form]) => form.length));
  return rows.map(([form, help]) => `  ${form.padEnd(width)}  ${help}\n`).join("");
}

/** `"-t, --topic TOPIC"`. */
function formOf(name: string, { short, value, isOptional }: Option): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  if (value === undefined) return `${letter}--${name}`;
  return isOptional === true ? `${letter}--${name}[=${value}]` : `${letter}--${name} ${value}`;
}

function helpOf({ help, many }: Option): string {
  return many === true ? `${help}; repeatable` : help;
}
