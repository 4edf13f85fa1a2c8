// The program: finds the command that the first argument names, and runs it.

import type { Context } from "./context.ts";
import { reportFailure, usageFailure } from "./failure.ts";
import { COMMANDS } from "./registry.ts";
import { quoted } from "./terminal/text.ts";

const WIDTH = Math.max(...[...COMMANDS.keys()].map((name) => name.length));

const HELP_TEXT = `MQTT 5.0 on the command line.

Usage: mqtt5 COMMAND [options]

Commands:
${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(WIDTH)}  ${summary}\n`).join("")}
  help COMMAND  show the help of a command; so does COMMAND --help
  --version     print the version

Without installing it: deno run --allow-net jsr:@mqtt5/mqtt5/cli COMMAND

Exit code: 0; 2 for a wrong command line; see also the help of each command.
`;

/** Runs the command that the arguments name and returns the exit code. Never throws. */
export async function main(context: Context): Promise<number> {
  try {
    return await run(context);
  } catch (error) {
    return reportFailure(error, context);
  }
}

async function run(context: Context): Promise<number> {
  const { args, stdout } = context;
  const [first, second] = args;
  const [name, ...others] = first === "help" && second !== undefined ? [second, "--help"] : args;
  if (name === "--help" || name === "help") {
    stdout.write(HELP_TEXT);
    return 0;
  }
  if (name === "--version") {
    const { default: { version } } = await import("../../deno.json", { with: { type: "json" } });
    stdout.write(`mqtt5 ${version}\n`);
    return 0;
  }
  const names = [...COMMANDS.keys()];
  if (name === undefined) {
    throw usageFailure(`Expected a command: ${names.join(", ")}; see --help`);
  }
  const entry = COMMANDS.get(name);
  if (entry === undefined) {
    const { nearest } = await import("./options/nearest.ts");
    const near = nearest(name, [...names, "help", "--help", "--version"]);
    const instead = near === undefined ? "see --help" : `did you mean ${near}?`;
    throw usageFailure(`Unknown command ${quoted(name)}; ${instead}`);
  }
  const command = await entry.load();
  return await command.run(Object.create(context, { args: { value: others } }));
}
