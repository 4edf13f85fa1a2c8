// A command: its options, permissions and work. What all commands have in common is done here.

import type { Context, Output } from "./context.ts";
import { reportFailure, usageFailure } from "./failure.ts";
import { type HelpParts, helpText } from "./options/help.ts";
import { type OptionTable, type ParsedArguments, parseOptions } from "./options/parse.ts";
import type { Permissions } from "./permissions.ts";

/** What a command is made of. */
export interface Definition<Table extends OptionTable> extends HelpParts {
  /** Its options, beside those that every command has. */
  readonly options: Table;
  /**
   * The permissions that it needs with these arguments.
   *
   * @throws {Failure} when the arguments are wrong
   */
  readonly permissions: (given: ParsedArguments<Table>) => Permissions;
  /** Loads what does the work. Help and permissions are printed without it. */
  readonly load: () => Promise<{ readonly run: Run<Table> }>;
}

/** Does the work of a command. Resolves to the exit code. */
export type Run<Table extends OptionTable> = (
  context: Context,
  given: ParsedArguments<Table>,
) => Promise<number>;

/** A command that can be run. */
export interface Command {
  /** Its options. */
  readonly options: OptionTable;
  /** Its help: with all options, or as much as fits a screen. */
  help(all: boolean): string;
  /** Runs it, reports failures, and resolves to the exit code. Never rejects. */
  run(context: Context): Promise<number>;
}

/** The options that every command has. */
const COMMON = {
  "help": { value: "all", isOptional: true, help: "show this help; =all: every option" },
  "quiet": { help: "write nothing to standard error", group: "General" },
  "options": {
    value: "FILE",
    isFile: true,
    help: "read defaults, by long names, from JSON",
    group: "General",
  },
  "print-permissions": {
    help: "print the least-permission `deno run` line",
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
      // It holds for errors of parsing, too.
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

/** The values of a command's own options, and of those that every command has. */
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
    if (!["", "all"].includes(help)) throw usageFailure("Expected --help or --help=all");
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

/** The same without standard error. Getters of the original that nobody reads never run. */
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
