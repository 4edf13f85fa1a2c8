// Options of a command. One table gives the parser, the help and the completions.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";
import { nearest } from "./nearest.ts";

/** One option. */
export interface Option {
  /** One letter for it. */
  readonly short?: string;
  /** What its value is, as it stands in the help; an option without is a flag. */
  readonly value?: string;
  /** Whether the value may be left out: then it is `""`. It stands in one word with the option, or nowhere. */
  readonly isOptional?: boolean;
  /** Whether it may be given more than once. */
  readonly many?: boolean;
  /** Of the options with the same name here one may be given, and once. */
  readonly choice?: string;
  /** Makes another option of the words that follow. They are asked for one by one. */
  readonly expand?: (nextWord: () => string) => string;
  /** Whether the value is the name of a file. */
  readonly isFile?: boolean;
  /** What it does, in a few words: a line of help has 80 columns. */
  readonly help: string;
  /** Under which heading it stands in the whole help; without, it stands in the short one, too. */
  readonly group?: string;
}

/** Options by their long names. */
export type OptionTable = { readonly [name: string]: Option };

/** What was given: `true` for a flag, the text of a value, or the texts of an option that may be repeated. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly value: string }
    ? Table[Name] extends { readonly many: true } ? readonly string[] : string | undefined
    : boolean;
};

/** What was given, for those who look for names that no type knows. */
export type AnyValues = { readonly [name: string]: unknown };

/** A command line taken apart. */
export interface ParsedArguments<Table extends OptionTable> {
  /** What was given of each option. */
  readonly options: OptionValues<Table>;
  /** All that is no option. */
  readonly operands: readonly string[];
}

/**
 * Takes a command line apart.
 *
 * @param defaults what holds where the command line says nothing: texts, flags, or lists of texts, by long names
 * @throws {Failure} when there is an option that the table does not have, or a value is missing
 */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  args: readonly string[],
  defaults: AnyValues = {},
): ParsedArguments<Table> {
  const names = Object.keys(table);
  const parsed: { readonly [name: string]: unknown; readonly _: readonly unknown[] } = parseArgs(
    longNames(table, args),
    {
      string: [...names.filter((name) => table[name]!.value !== undefined), "_"],
      boolean: names.filter((name) => table[name]!.value === undefined),
      collect: names.filter((name) => table[name]!.many === true),
      default: defaults,
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
export function longNames(table: OptionTable, args: readonly string[]): string[] {
  const long: string[] = [];
  const operands: string[] = [];
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === "--") operands.push(...rest.splice(0));
    else if (argument.startsWith("--")) long.push(longOption(table, argument, rest));
    else if (/^-./s.test(argument)) long.push(...cluster(table, argument, rest));
    else operands.push(argument);
  }
  checkChoices(table, long);
  return operands.length === 0 ? long : [...long, "--", ...operands];
}

function checkChoices(table: OptionTable, long: readonly string[]): void {
  const chosen = new Map<string, string>();
  for (const name of long.map(nameIn)) {
    const { choice, value } = table[name]!;
    if (choice === undefined) continue;
    const other = chosen.get(choice);
    // A flag says the same again.
    if (other === name && value === undefined) continue;
    if (other === name) throw usageFailure(`--${name} may be given once`);
    if (other !== undefined) throw usageFailure(`--${other} and --${name} exclude each other`);
    chosen.set(choice, name);
  }
}

/** The name in a long option. */
function nameIn(argument: string): string {
  return argument.slice(2).replace(/=.*$/s, "");
}

/** Flags of one letter each, of which the last may be an option with a value, here or in the next argument. */
function cluster(table: OptionTable, argument: string, rest: string[]): string[] {
  const long: string[] = [];
  const letters = [...argument.slice(1)];
  for (let letter = letters.shift(); letter !== undefined; letter = letters.shift()) {
    const name = Object.keys(table).find((name) => table[name]!.short === letter);
    if (name === undefined) throw usageFailure(`There is no option -${letter}; see --help`);
    const { value: kind, isOptional, expand } = table[name]!;
    if (kind === undefined || isOptional === true) {
      long.push(flag(table, name));
      continue;
    }
    if (expand !== undefined) {
      if (letters.length > 0) rest.unshift(letters.join(""));
      return [...long, expand(() => nextWord(`-${letter}`, kind, rest))];
    }
    const value = letters.length > 0 ? letters.join("") : rest.shift();
    if (value === undefined) throw usageFailure(`-${letter} needs a value; see --help`);
    return [...long, `--${name}=${value}`];
  }
  return long;
}

/** The option alone, as the parser takes it. */
function flag(table: OptionTable, name: string): string {
  return table[name]!.value === undefined ? `--${name}` : `--${name}=`;
}

function longOption(table: OptionTable, argument: string, rest: string[]): string {
  const name = nameIn(argument);
  const option = Object.hasOwn(table, name) ? table[name] : undefined;
  if (option === undefined) throw usageFailure(noOption(name, table));
  const hasValue = argument.includes("=");
  if (option.value === undefined) {
    if (hasValue) throw usageFailure(`--${name} takes no value; see --help`);
    return argument;
  }
  if (option.expand !== undefined && !hasValue) {
    return option.expand(() => nextWord(`--${name}`, option.value!, rest));
  }
  if (hasValue) return argument;
  if (option.isOptional === true) return flag(table, name);
  const value = rest.shift();
  if (value === undefined) throw usageFailure(`--${name} needs a value; see --help`);
  return `--${name}=${value}`;
}

/** One more of the words that belong to an option. */
function nextWord(form: string, kind: string, rest: string[]): string {
  const word = rest.shift();
  if (word === undefined) throw usageFailure(`${form} needs ${kind}; see --help=all`);
  return word;
}

/** What to say of an option that is none. */
export function noOption(name: string, table: OptionTable): string {
  const near = nearest(name, Object.keys(table));
  const instead = near === undefined ? "see --help=all" : `did you mean --${near}?`;
  return `There is no option --${name}; ${instead}`;
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

/** How many of something an option lets pass; without it there is no end. */
export function countOption(name: string, text: string | undefined): number {
  return text === undefined ? Infinity : integerOption(name, text, 1, Number.MAX_SAFE_INTEGER);
}

/** Whether an option was given: a flag that is not set was not. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false;
}

/** The longest time that an option takes, in seconds: the platform's timers know none that is longer. */
const LONGEST = 2_147_483;

/**
 * The time that an option's text stands for, in milliseconds.
 *
 * @throws {Failure} when it is no number of seconds
 */
export function secondsOption(name: string, text: string): number {
  const value = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : NaN;
  if (value <= LONGEST) return value * 1000;
  throw usageFailure(
    `--${name} must be a number of seconds from 0 to ${LONGEST}, got ${quoted(text)}`,
  );
}
