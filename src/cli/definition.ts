// A command: what it takes, what it needs, what it does. All that commands have in common is done here.

import { type Context, Failure, type Output, OutputClosed } from "./command.ts";
import { type HelpParts, helpText } from "./help.ts";
import { type OptionTable, type ParsedArguments, parseOptions } from "./options.ts";
import { escaped, paintFor } from "./text.ts";
import type { Permissions } from "./permissions.ts";

/** What a command is made of. */
export interface Definition<Table extends OptionTable> extends HelpParts {
  /** What it takes, beside what every command takes. */
  readonly options: Table;
  /**
   * What it may do, with these arguments, and no more.
   *
   * @throws {Failure} when the arguments are wrong
   */
  readonly permissions: (given: ParsedArguments<Table>) => Permissions;
  /** Runs it. Resolves to the exit code. */
  readonly run: (context: Context, given: ParsedArguments<Table>) => Promise<number>;
}

/** A command that can be run. */
export interface Command {
  /** What it takes. */
  readonly options: OptionTable;
  /** Its help: all of it, or what fits a screen. */
  help(all: boolean): string;
  /** Runs it, tells of failures, and resolves to the exit code. Never rejects. */
  run(context: Context): Promise<number>;
}

/** What every command takes. */
const COMMON = {
  "help": { value: "all", isOptional: true, help: "show this help, or that of all options" },
  "quiet": { help: "write nothing to standard error", group: "General" },
  "options": {
    value: "FILE",
    isFile: true,
    help: "defaults in a file: JSON, by long names",
    group: "General",
  },
  "print-permissions": {
    help: "show the `deno run` line with what this may do",
    group: "General",
  },
} as const satisfies OptionTable;

type CommonValues = ParsedArguments<typeof COMMON>["options"];

/** Makes a command. */
export function command<Table extends OptionTable>(definition: Definition<Table>): Command {
  const table = { ...definition.options, ...COMMON };
  const run = async (context: Context, onOptions: (options: CommonValues) => void) => {
    const typed = parseOptions<OptionTable>(table, context.args);
    const common = typed.options as CommonValues;
    onOptions(common);
    if (common.help !== undefined) {
      context.stdout.write(helpText(definition, table, common.help === "all"));
      return 0;
    }
    const given = (common.options === undefined ? typed : parseOptions<OptionTable>(
      table,
      context.args,
      await (await import("./options_file.ts")).readOptions(common.options, table),
    )) as ParsedArguments<Table>;
    if (common["print-permissions"]) {
      const { permissionLine } = await import("./permissions.ts");
      const needed = definition.permissions(given);
      context.stdout.write(permissionLine(context, definition.name, table, {
        ...needed,
        read: [...needed.read ?? [], common.options].filter((path) => path !== undefined),
      }));
      return 0;
    }
    return await definition.run(context, given);
  };
  return {
    options: table,
    help: (all) => helpText(definition, table, all),
    async run(outer) {
      let context = outer;
      try {
        return await run(outer, ({ quiet }) => {
          if (quiet) context = Object.create(outer, { stderr: { value: SILENCE } });
        });
      } catch (error) {
        return failed(error, context);
      }
    },
  };
}

const SILENCE: Output = {
  write() {},
  writeBytes: () => Promise.resolve(),
  isTerminal: false,
  colors: false,
  columns: 80,
};

/** The exit code of a program that was interrupted. */
const INTERRUPTED = 130;

/** Tells the person what has failed, and gives the exit code for it. */
export function failed(error: unknown, context: Context): number {
  if (error instanceof OutputClosed) return 0;
  if (context.signal.aborted) return INTERRUPTED;
  const { red } = paintFor(context.stderr);
  const message = error instanceof Error ? error.message : String(error);
  context.stderr.write(`${red("mqtt5:")} ${escaped(message)}\n`);
  return error instanceof Failure ? error.exitCode : 1;
}
