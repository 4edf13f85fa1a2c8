// Defaults of options in a file: JSON, an object with the long names.

import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";
import {
  type AnyValues,
  isGiven,
  noOption,
  type Option,
  type OptionTable,
  type ParsedArguments,
} from "./parse.ts";

/** The options that say which server, as an operand does. */
const SERVER = ["host", "port", "url"];

/**
 * What the file that was named says for the options of a table. Names that only other commands know are passed over, so
 * that one file serves all; so are those to which the command line has an alternative.
 *
 * @throws {Failure} when the file cannot be read, or what it says makes no sense
 */
export async function readOptions(
  path: string,
  table: OptionTable,
  { options, operands }: ParsedArguments<OptionTable>,
): Promise<AnyValues> {
  const typed = Object.keys(table).filter((name) => isTyped(options[name]));
  const choices = new Set(typed.map((name) => table[name]!.choice));
  const saysServer = operands.length > 0 || typed.some((name) => SERVER.includes(name));
  const chosen = new Map<string, string>();
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(await readObject(path))) {
    if (Object.hasOwn(table, name) && name !== "options") {
      const { choice } = table[name]!;
      const text = valueOf(path, name, table[name]!, value);
      if (!isGiven(text) || saysServer && SERVER.includes(name)) continue;
      if (choice === undefined) values[name] = text;
      else if (!choices.has(choice)) {
        const other = chosen.get(choice);
        if (other !== undefined) {
          throw usageFailure(`${quoted(path)}: ${other} and ${name} exclude each other`);
        }
        chosen.set(choice, name);
        values[name] = text;
      }
    } else if (!await isKnownElsewhere(name)) {
      throw usageFailure(`${quoted(path)}: ${noOption(name, table)}`);
    }
  }
  return values;
}

/** Whether an option stands on the command line. */
function isTyped(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : isGiven(value);
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  let given: unknown;
  try {
    given = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw usageFailure(`Cannot read the options in ${quoted(path)}: ${(error as Error).message}`);
  }
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    return given as Record<string, unknown>;
  }
  throw usageFailure(`${quoted(path)} must have one JSON object, with the long names of options`);
}

async function isKnownElsewhere(name: string): Promise<boolean> {
  const { COMMANDS } = await import("../registry.ts");
  const commands = await Promise.all([...COMMANDS.values()].map(({ load }) => load()));
  return commands.some(({ options }) => Object.hasOwn(options, name) && name !== "options");
}

function valueOf(path: string, name: string, option: Option, value: unknown): unknown {
  if (option.value === undefined) {
    if (typeof value === "boolean") return value;
    throw usageFailure(`${quoted(path)}: ${name} must be true or false`);
  }
  if (option.isOptional === true && typeof value === "boolean") return value ? "" : undefined;
  if (option.many === true) return [value].flat().map((item) => textOf(path, name, item));
  return textOf(path, name, value);
}

function textOf(path: string, name: string, value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return String(value);
    case "boolean":
      return value ? "1" : "0";
    default:
      throw usageFailure(`${quoted(path)}: ${name} must be a text or a number`);
  }
}
