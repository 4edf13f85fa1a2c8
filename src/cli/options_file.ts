// Defaults of options in a file: JSON, an object with the long names.

import { usageFailure } from "./command.ts";
import { type AnyValues, noOption, type Option, type OptionTable } from "./options.ts";
import { quoted } from "./text.ts";

/**
 * What the file says for the options of a table. Names that only other commands know are passed over, so that one file
 * serves all.
 *
 * @throws {Failure} when the file cannot be read, or what it says makes no sense
 */
export async function readOptions(path: string, table: OptionTable): Promise<AnyValues> {
  const given = await readObject(path);
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (name in table && name !== "options") {
      values[name] = valueOf(path, name, table[name]!, value);
    } else if (!await isKnownElsewhere(name)) {
      throw usageFailure(`${quoted(path)}: ${noOption(name, table)}`);
    }
  }
  return values;
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
  const { COMMANDS } = await import("./commands.ts");
  const commands = await Promise.all([...COMMANDS.values()].map(({ load }) => load()));
  return commands.some(({ options }) => name in options && name !== "options");
}

function valueOf(path: string, name: string, option: Option, value: unknown): unknown {
  if (option.value === undefined) {
    if (typeof value === "boolean") return value;
    throw usageFailure(`${quoted(path)}: ${name} must be true or false`);
  }
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
