// A command: what it takes, what it needs, what it does. All that commands have in common is done here.

import type { Context, Output } from "./context.ts";
import { reportFailure, usageFailure } from "./failure.ts";
import { type HelpParts, helpText } from "./options/help.ts";
import { type OptionTable, type ParsedArguments, parseOptions } from "./options/parse.ts";
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
  return {
    options: table,
    help: (all) => helpText(definition, table, all),
    async run(outer) {
      // What cannot be parsed may have it, too.
      let context = outer.args.includes("--quiet") ? silent(outer) : outer;
      try {
        const typed = parseOptions<OptionTable>(table, outer.args);
        const { quiet, options: path } = typed.options as CommonValues;
        context = quiet ? silent(outer) : outer;
        const given = path === undefined ? typed : await withDefaults(path, table, outer, typed);
        const common = given.options as CommonValues;
        if (common.quiet) context = silent(outer);
        return await runAs(definition, table, context, given as Given<Table>);
      } catch (error) {
        return reportFailure(error, context);
      }
    },
  };
}

/** What was given of the command's own options, and of those that all have. */
type Given<Table extends OptionTable> = ParsedArguments<Table> & {
  readonly options: CommonValues;
};

async function runAs<Table extends OptionTable>(
  definition: Definition<Table>,
  table: OptionTable,
  context: Context,
  given: Given<Table>,
): Promise<number> {
  const { help, options: path } = given.options as CommonValues;
  if (help !== undefined) {
    if (!["", "all"].includes(help)) throw usageFailure("--help stands alone, or as --help=all");
    context.stdout.write(helpText(definition, table, help === "all"));
    return 0;
  }
  if (!given.options["print-permissions"]) {
    const work = await definition.load();
    return await work.run(context, given);
  }
  const { permissionLine } = await import("./permissions.ts");
  const needed = definition.permissions(given);
  const read = [...needed.read ?? [], path].filter((path) => path !== undefined);
  context.stdout.write(permissionLine(context, definition.name, table, { ...needed, read }));
  return 0;
}

async function withDefaults(
  path: string,
  table: OptionTable,
  { args }: Context,
  typed: ParsedArguments<OptionTable>,
): Promise<ParsedArguments<OptionTable>> {
  const { readOptions } = await import("./options/file.ts");
  return parseOptions(table, args, await readOptions(path, table, typed));
}

/** The same, but nothing is told. Where it is not looked at, nothing of it is set up. */
function silent(context: Context): Context {
  return Object.create(context, { stderr: { value: SILENCE } });
}

const SILENCE: Output = {
  write() {},
  writeBytes: () => Promise.resolve(),
  status() {},
  isTerminal: false,
  colors: false,
  columns: 80,
};
