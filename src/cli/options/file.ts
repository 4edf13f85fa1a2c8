// `--options`: a file with defaults of options, a JSON object with their long names.

import { usageFailure } from "../failure.ts";
import { unreadable } from "../files.ts";
import { quoted } from "../terminal/text.ts";
import {
  type AnyValues,
  isGiven,
  type Option,
  type OptionTable,
  type ParsedArguments,
  unknownOption,
} from "./parse.ts";

/** The options that name a server, as an operand does. */
const SERVER = ["host", "port", "url"];

/**
 * The defaults in a file for the options of a table. Options of other commands are ignored, so that
 * one file serves all, and so are those for which the command line gives an alternative.
 *
 * @throws {Failure} when the file cannot be read or is invalid
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
          throw usageFailure(`${quoted(path)}: "${other}" and "${name}" cannot be used together`);
        }
        chosen.set(choice, name);
        values[name] = text;
      }
    } else if (!await isKnownElsewhere(name)) {
      throw usageFailure(
        `${quoted(path)}: ${unknownOption(name, table).replace("Unknown", "unknown")}`,
      );
    }
  }
  return values;
}

/** Whether an option is given on the command line. */
function isTyped(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : isGiven(value);
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  const given = parsed(path, await textIn(path));
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    return given as Record<string, unknown>;
  }
  throw usageFailure(`${quoted(path)}: expected a JSON object with long names of options`);
}

async function textIn(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw usageFailure(unreadable("the options file", path, error));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw usageFailure(`${quoted(path)}: expected UTF-8`);
  }
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageFailure(`${quoted(path)}: invalid JSON: ${(error as Error).message}`);
  }
}

async function isKnownElsewhere(name: string): Promise<boolean> {
  const { COMMANDS } = await import("../registry.ts");
  const commands = await Promise.all([...COMMANDS.values()].map(({ load }) => load()));
  return commands.some(({ options }) => Object.hasOwn(options, name) && name !== "options");
}

function valueOf(path: string, name: string, option: Option, value: unknown): unknown {
  if (option.value === undefined) {
    if (typeof value === "boolean") return value;
    throw usageFailure(`${quoted(path)}: "${name}": expected true or false`);
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
      throw usageFailure(`${quoted(path)}: "${name}": expected a string or a number`);
  }
}
