// The command line: which command, and what is told of a failure. A command is loaded only when it runs.

import { type Command, type Context, Failure, OutputClosed, usageFailure } from "./command.ts";
import { escaped, paintFor, quoted } from "./text.ts";

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: ReadonlyMap<string, Entry> = new Map(Object.entries({
  demo: {
    summary: "show a whole conversation between a client and a broker of its own",
    load: async () => (await import("./demo.ts")).demo,
  },
  broker: {
    summary: "run a broker",
    load: async () => (await import("./broker.ts")).broker,
  },
  connect: {
    summary: "connect to a server and show the handshake byte by byte",
    load: async () => (await import("./connect.ts")).connect,
  },
  decode: {
    summary: "explain the bytes of packets",
    load: async () => (await import("./decode.ts")).decode,
  },
}));

const HELP_TEXT = `MQTT 5.0 from the command line.

Usage: deno run --allow-net cli.ts COMMAND [options]

Commands:
${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}\n`).join("")}
  help      show this help, or that of a command
  --version tell the version

Exit code: 0; 2 when the command line is wrong; else what the help of the command says.
`;

/** The exit code of a program that was interrupted. */
const INTERRUPTED = 130;

/** Runs the command that the arguments name and returns the exit code. Never throws. */
export async function main(context: Context): Promise<number> {
  try {
    return await run(context);
  } catch (error) {
    if (context.signal.aborted) return INTERRUPTED;
    if (error instanceof OutputClosed) return 0;
    const { red } = paintFor(context.stderr);
    const message = error instanceof Error ? error.message : String(error);
    context.stderr.write(`${red("mqtt5:")} ${escaped(message)}\n`);
    return error instanceof Failure ? error.exitCode : 1;
  }
}

async function run({ args, ...rest }: Context): Promise<number> {
  const [first, second] = args;
  const [name, ...others] = first === "help" && second !== undefined ? [second, "--help"] : args;
  if (name === "--help" || name === "help") {
    rest.stdout.write(HELP_TEXT);
    return 0;
  }
  if (name === "--version") {
    const { default: { version } } = await import("../../deno.json", { with: { type: "json" } });
    rest.stdout.write(`mqtt5 ${version}\n`);
    return 0;
  }
  const list = [...COMMANDS.keys()].join(" or ");
  if (name === undefined) throw usageFailure(`Give a command, ${list}; see --help`);
  const entry = COMMANDS.get(name);
  if (entry === undefined) {
    throw usageFailure(`There is no command ${quoted(name)}, only ${list}; see --help`);
  }
  const command = await entry.load();
  return await command({ args: others, ...rest });
}
