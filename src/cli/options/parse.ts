// The options of a command: one table makes the parser, the help and the completions.

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";
import { mosquittoAdvice } from "./mosquitto.ts";
import { nearest } from "./nearest.ts";

/** One option. */
export interface Option {
  /** Its letter. */
  readonly short?: string;
  /** What its value is, for the help; without, it is a flag. */
  readonly value?: string;
  /** Whether the value, written with `=`, may be left out; it is then `""`. */
  readonly isOptional?: boolean;
  /** Of an optional value: the next word is the value, too, if it looks like this. */
  readonly looksLike?: RegExp;
  /** Whether it may be given more than once. */
  readonly many?: boolean;
  /** Of all options with the same choice, only one can be given, once. */
  readonly choice?: string;
  /** Replaces it with another option, made from the words that follow. */
  readonly expand?: (nextWord: () => string) => string;
  /** Whether the value is the name of a file. */
  readonly isFile?: boolean;
  /** What it does, in a few words: a line of help has 80 columns. */
  readonly help: string;
  /** Its heading in `--help=all`; without one it is in the short help, too. */
  readonly group?: string;
}

/** Options by their long names. */
export type OptionTable = { readonly [name: string]: Option };

/** The parsed values: booleans for flags, strings, and lists for repeatable options. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly value: string }
    ? Table[Name] extends { readonly many: true } ? readonly string[] : string | undefined
    : boolean;
};

/** Parsed values by names that are computed. */
export type AnyValues = { readonly [name: string]: unknown };

/** A parsed command line. */
export interface ParsedArguments<Table extends OptionTable> {
  /** The value of each option. */
  readonly options: OptionValues<Table>;
  /** The arguments that are not options. */
  readonly operands: readonly string[];
}

/**
 * Parses a command line.
 *
 * @param defaults values by long names, for options that are not given
 * @throws {Failure} for an unknown option or a missing value
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
 * The arguments with long names, each value joined to its option, and the operands last: `URL
 * -ck30` becomes `--no-clean-start --keep-alive=30 -- URL`. The parser of `@std/cli` does not know
 * values in clusters, and does not take "" and "-x" for values.
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
  checkText(table, long, operands);
  checkChoices(table, long);
  return operands.length === 0 ? long : [...long, "--", ...operands];
}

/**
 * Rejects arguments that were not UTF-8: Deno has replaced their other bytes by U+FFFD, so what
 * would be sent is not what was given. The values are not shown: one may be a password.
 */
function checkText(
  table: OptionTable,
  long: readonly string[],
  operands: readonly string[],
): void {
  for (const argument of long) {
    if (!argument.includes(REPLACEMENT)) continue;
    const name = nameIn(argument);
    const place = placeOf(argument.slice(`--${name}=`.length));
    const instead = insteadOf(name, table[name]!);
    throw usageFailure(`--${name}: expected UTF-8, but ${place}${instead}`);
  }
  for (const [index, operand] of operands.entries()) {
    if (!operand.includes(REPLACEMENT)) continue;
    const place = placeOf(operand);
    throw usageFailure(`Argument ${index + 1}: expected UTF-8, but ${place}`);
  }
}

/** What Deno has in place of bytes that are not UTF-8. */
const REPLACEMENT = "\u{FFFD}";

/** The first place in question. A U+FFFD that somebody has typed looks like a replaced byte. */
function placeOf(text: string): string {
  return `character ${Array.from(text).indexOf(REPLACEMENT) + 1} is not, or is U+FFFD`;
}

/** How to give other bytes, where there is a way. */
function insteadOf(name: string, { value, isFile }: Option): string {
  if (name === "message") return "; give other bytes in a file (-f) or on standard input (-s)";
  if (value === "BYTES") return '; give other bytes as hexadecimal digits after "hex:"';
  if (name === "exec") return "; put the command in a script";
  return isFile === true ? "; rename the file" : "";
}

function checkChoices(table: OptionTable, long: readonly string[]): void {
  const chosen = new Map<string, string>();
  for (const name of long.map(nameIn)) {
    const { choice, value } = table[name]!;
    if (choice === undefined) continue;
    const other = chosen.get(choice);
    // A repeated flag changes nothing.
    if (other === name && value === undefined) continue;
    if (other === name) throw usageFailure(`--${name} can be given only once`);
    if (other !== undefined) throw usageFailure(`--${other} and --${name} cannot be used together`);
    chosen.set(choice, name);
  }
}

/** The name in a long option. */
function nameIn(argument: string): string {
  return argument.slice(2).replace(/=.*$/s, "");
}

/** Options of one letter each; the last may have a value, in the same argument or the next. */
function cluster(table: OptionTable, argument: string, rest: string[]): string[] {
  const long: string[] = [];
  const letters = [...argument.slice(1)];
  for (let letter = letters.shift(); letter !== undefined; letter = letters.shift()) {
    const name = Object.keys(table).find((name) => table[name]!.short === letter);
    if (name === undefined) {
      const advice = mosquittoAdvice(letter, table) ?? "see --help";
      throw usageFailure(`Unknown option -${letter}; ${advice}`);
    }
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

/** An option without value, as the parser takes it. */
function flag(table: OptionTable, name: string): string {
  return table[name]!.value === undefined ? `--${name}` : `--${name}=`;
}

function longOption(table: OptionTable, argument: string, rest: string[]): string {
  const name = nameIn(argument);
  const option = Object.hasOwn(table, name) ? table[name] : undefined;
  if (option === undefined) throw usageFailure(unknownOption(name, table));
  const hasValue = argument.includes("=");
  if (option.value === undefined) {
    if (hasValue) throw usageFailure(`--${name} takes no value; see --help`);
    return argument;
  }
  if (option.expand !== undefined && !hasValue) {
    return option.expand(() => nextWord(`--${name}`, option.value!, rest));
  }
  if (hasValue) return argument;
  const isValue = option.isOptional !== true || option.looksLike?.test(rest[0] ?? "") === true;
  if (!isValue) return flag(table, name);
  const value = rest.shift();
  if (value === undefined) throw usageFailure(`--${name} needs a value; see --help`);
  return `--${name}=${value}`;
}

/** The next word that belongs to an option. */
function nextWord(form: string, kind: string, rest: string[]): string {
  const word = rest.shift();
  if (word === undefined) throw usageFailure(`${form} needs ${kind}; see --help=all`);
  return word;
}

/** The message for an unknown option. */
export function unknownOption(name: string, table: OptionTable): string {
  const advice = mosquittoAdvice(name, table);
  if (advice !== undefined) return `Unknown option --${name}; ${advice}`;
  const near = nearest(name, Object.keys(table));
  const instead = near === undefined ? "see --help=all" : `did you mean --${near}?`;
  return `Unknown option --${name}; ${instead}`;
}

/**
 * The integer value of an option.
 *
 * @throws {Failure} when it is not an integer from `minimum` to `maximum`
 */
export function integerOption(
  name: string,
  text: string,
  minimum: number,
  maximum: number,
): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= minimum && value <= maximum) return value;
  throw usageFailure(`--${name}: expected ${rangeOf(minimum, maximum)}, got ${quoted(text)}`);
}

function rangeOf(minimum: number, maximum: number): string {
  if (maximum === Number.MAX_SAFE_INTEGER) return `an integer from ${minimum} up`;
  switch (maximum - minimum) {
    case 1:
      return `${minimum} or ${maximum}`;
    case 2:
      return `${minimum}, ${minimum + 1} or ${maximum}`;
    default:
      return `an integer from ${minimum} to ${maximum}`;
  }
}

/** The count that an option limits; without it, `Infinity`. */
export function countOption(name: string, text: string | undefined): number {
  return text === undefined ? Infinity : integerOption(name, text, 1, Number.MAX_SAFE_INTEGER);
}

/** Whether an option was given; an unset flag is `false`. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false;
}

/** The longest duration, in seconds, that the platform's timers support. */
const LONGEST = 2_147_483;

/**
 * The duration of an option that is given in seconds, in milliseconds.
 *
 * @throws {Failure} when it is not a number of seconds
 */
export function secondsOption(name: string, text: string): number {
  const value = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : NaN;
  if (value <= LONGEST) return value * 1000;
  throw usageFailure(
    `--${name}: expected a number of seconds from 0 to ${LONGEST}, got ${quoted(text)}`,
  );
}
