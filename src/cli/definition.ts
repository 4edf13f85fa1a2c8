// A command: what it takes, what it needs, what it does. All that commands have in common is done here.

import type { Context, Output } from "./command.ts";
import { failed } from "./failed.ts";
import { type HelpParts, helpText } from "./help.ts";
import { type OptionTable, type ParsedArguments, parseOptions } from "./options.ts";
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
  /** Loads what does it: its help, and what it is not allowed, can be told without. */
  readonly load: () => Promise<{ readonly run: Run<Table> }>;
}

/** Does what a command does. Resolves to the exit code. */
export type Run<Table extends OptionTable> = (
  context: Context,
  given: ParsedArguments<Table>,
) => Promise<number>;

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
    help: "show the `deno run` line for just this",
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
    const work = await definition.load();
    return await work.run(context, given);
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
