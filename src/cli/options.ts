// Options of a command. One table gives the parser and the help.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { usageFailure } from "./command.ts";
import { quoted } from "./text.ts";

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
    withLongNames(table, args),
    {
      string: [...names.filter((name) => table[name]!.value !== undefined), "_"],
      boolean: names.filter((name) => table[name]!.value === undefined),
      collect: names.filter((name) => table[name]!.many === true),
    },
  );
  return {
    options: parsed as unknown as OptionValues<Table>,
    operands: parsed._.map(String),
  };
}

/**
 * The arguments with long names alone, each value in one with its option, and the operands last: `URL -ck30` becomes
 * `--no-clean-start --keep-alive=30 -- URL`. The parser knows no values in clusters, and takes "" and "-x" for none.
 */
function withLongNames(table: OptionTable, args: readonly string[]): string[] {
  const long: string[] = [];
  const operands: string[] = [];
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === "--") operands.push(...rest.splice(0));
    else if (argument.startsWith("--")) long.push(longOption(table, argument, rest));
    else if (/^-./s.test(argument)) long.push(...cluster(table, argument, rest));
    else operands.push(argument);
  }
  return [...long, "--", ...operands];
}

/** Flags of one letter each, of which the last may be an option with a value, here or in the next argument. */
function cluster(table: OptionTable, argument: string, rest: string[]): string[] {
  const long: string[] = [];
  const letters = [...argument.slice(1)];
  for (let letter = letters.shift(); letter !== undefined; letter = letters.shift()) {
    const name = Object.keys(table).find((name) => table[name]!.short === letter);
    if (name === undefined) throw usageFailure(`There is no option -${letter}; see --help`);
    if (table[name]!.value === undefined) {
      long.push(`--${name}`);
      continue;
    }
    const value = letters.length > 0 ? letters.join("") : rest.shift();
    if (value === undefined) throw usageFailure(`-${letter} needs a value; see --help`);
    return [...long, `--${name}=${value}`];
  }
  return long;
}

function longOption(table: OptionTable, argument: string, rest: string[]): string {
  const name = argument.slice(2).replace(/=.*$/s, "");
  const option = Object.hasOwn(table, name) ? table[name] : undefined;
  if (option === undefined) throw usageFailure(`There is no option --${name}; see --help`);
  const hasValue = argument.includes("=");
  if (option.value === undefined) {
    if (hasValue) throw usageFailure(`--${name} takes no value; see --help`);
    return argument;
  }
  if (hasValue) return argument;
  const value = rest.shift();
  if (value === undefined) throw usageFailure(`--${name} needs a value; see --help`);
  return `--${name}=${value}`;
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
    `--${name} must be a whole number from ${minimum} to ${maximum}, got ${quoted(text)}`,
  );
}

/** The options of the table as lines of help. */
export function optionsHelp(table: OptionTable): string {
  const rows = Object.entries(table).map(([name, { short, value, many, help }]) => {
    const left = `${short === undefined ? "    " : `-${short}, `}--${name}${
      value === undefined ? "" : ` ${value}`
    }`;
    return [left, many === true ? `${help}; may be repeated` : help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}\n`).join("");
}
