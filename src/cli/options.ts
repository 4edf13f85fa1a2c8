// Options of a command. One table gives the parser and the help.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { usageFailure } from "./command.ts";

/** One option. */
export interface Option {
  /** One letter for it. */
  readonly short?: string;
  /** What its value is, as it stands in the help; an option without is a flag. */
  readonly value?: string;
  /** Whether it may be given more than once. */
  readonly many?: boolean;
  /** What it does. */
  readonly help: string;
}

/** Options by their long names. */
export type OptionTable = { readonly [name: string]: Option };

/** What was given: `true` for a flag, the text of a value, or the texts of an option that may be repeated. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly value: string }
    ? Table[Name] extends { readonly many: true } ? readonly string[] : string | undefined
    : boolean;
};

/** A command line taken apart. */
export interface ParsedArguments<Table extends OptionTable> {
  /** What was given of each option. */
  readonly options: OptionValues<Table>;
  /** All that is no option. */
  readonly operands: readonly string[];
}

/** What every command takes. */
export const HELP = {
  help: { help: "show this help" },
} as const satisfies OptionTable;

/**
 * Takes a command line apart.
 *
 * @throws {Failure} when there is an option that the table does not have, or a value is missing
 */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  args: readonly string[],
): ParsedArguments<Table> {
  const names = Object.keys(table);
  const parsed: { readonly [name: string]: unknown; readonly _: readonly unknown[] } = parseArgs(
    withValues(table, args),
    {
      string: [...names.filter((name) => table[name]!.value !== undefined), "_"],
      boolean: names.filter((name) => table[name]!.value === undefined),
      collect: names.filter((name) => table[name]!.many === true),
      alias: shortNames(table),
      unknown: (argument: string, name?: string) => {
        if (name !== undefined) throw usageFailure(`There is no option ${argument}; see --help`);
      },
    },
  );
  return {
    options: parsed as unknown as OptionValues<Table>,
    operands: parsed._.map(String),
  };
}

function shortNames(table: OptionTable): Record<string, string> {
  const shorts: Record<string, string> = {};
  for (const [name, { short }] of Object.entries(table)) {
    if (short !== undefined) shorts[name] = short;
  }
  return shorts;
}

/** The arguments with each value in one with its option: the parser takes "" and "-x" for none. */
function withValues(table: OptionTable, args: readonly string[]): string[] {
  const names = new Map<string, string>();
  for (const [name, { short, value }] of Object.entries(table)) {
    if (value === undefined) continue;
    names.set(`--${name}`, name);
    if (short !== undefined) names.set(`-${short}`, name);
  }
  const joined: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const argument = args[index]!;
    if (argument === "--") return [...joined, ...args.slice(index)];
    const name = names.get(argument);
    if (name === undefined) {
      joined.push(argument);
      continue;
    }
    const value = args[++index];
    if (value === undefined) throw usageFailure(`${argument} needs a value; see --help`);
    joined.push(`--${name}=${value}`);
  }
  return joined;
}

/**
 * The number that an option's text stands for.
 *
 * @throws {Failure} when it stands for none from `minimum` to `maximum`
 */
export function integerOption(
  name: string,
  text: string,
  minimum: number,
  maximum: number,
): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= minimum && value <= maximum) return value;
  throw usageFailure(
    `--${name} must be a whole number from ${minimum} to ${maximum}, got ${JSON.stringify(text)}`,
  );
}

/** The options of the table as lines of help, in `columns`. */
export function optionsHelp(table: OptionTable): string {
  const rows = Object.entries(table).map(([name, { short, value, help }]) => {
    const left = `${short === undefined ? "    " : `-${short}, `}--${name}${
      value === undefined ? "" : ` ${value}`
    }`;
    return [left, help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}\n`).join("");
}
