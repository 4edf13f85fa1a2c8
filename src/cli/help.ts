// The help of a command, from its table of options: what fits a screen, or all of it.

import type { Option, OptionTable } from "./options.ts";

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
export const SERVER_USAGE = "[mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC]]";

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
