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
  const withValue = names.filter((name) => table[name]!.value !== undefined);
  const parsed: { readonly [name: string]: unknown; readonly _: readonly unknown[] } = parseArgs(
    [...args],
    {
      string: [...withValue, "_"],
      boolean: names.filter((name) => table[name]!.value === undefined),
      collect: names.filter((name) => table[name]!.many === true),
      alias: Object.fromEntries(
        names.flatMap((name) =>
          table[name]!.short === undefined ? [] : [[name, table[name]!.short]]
        ),
      ),
      unknown: (argument: string, name?: string) => {
        if (name !== undefined) throw usageFailure(`There is no option ${argument}; see --help`);
      },
    },
  );
  for (const name of withValue) {
    if ([parsed[name]].flat().includes("") && !hasEmptyValue(args)) {
      throw usageFailure(`--${name} needs a value; see --help`);
    }
  }
  return {
    options: parsed as unknown as OptionValues<Table>,
    operands: parsed._.map(String),
  };
}

/** The parser gives "" for a value that is missing, too. */
function hasEmptyValue(args: readonly string[]): boolean {
  return args.some((argument) => argument === "" || argument.endsWith("="));
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
