// Plants mistakes, one at a time, in a copy of the sources and runs the tests of the layer: a
// mistake that they let pass is a test that is missing, or it is none, and equivalent.json says why.
// What does not type-check is found, too: deno task ok comes before every delivery.
// deno task mutate --help says how to choose them.

import { Failure, reportFailure, usageFailure } from "../../src/cli/failure.ts";
import { type HelpParts, helpText } from "../../src/cli/options/help.ts";
import {
  integerOption,
  type OptionTable,
  type OptionValues,
  parseOptions,
} from "../../src/cli/options/parse.ts";
import { processContext } from "../../src/cli/terminal/process.ts";
import type { Context } from "../../src/cli/context.ts";
import { Random } from "../../src/testing/random.ts";
import listed from "./equivalent.json" with { type: "json" };
import { apply, type Mutant, mutantsOf } from "./mutants.ts";
import { layerOf, Suites } from "./suites.ts";
import { copyTree, ROOT } from "./tree.ts";

/** A mutant with its file, from the root. */
interface Planted extends Mutant {
  readonly file: string;
}

/** Why a change is none that a test could tell. */
interface Equivalent {
  readonly file: string;
  /** The line, without the spaces at its ends. */
  readonly line: string;
  /** Which change, such as `"< -> <="`; any on the line where it is left out. */
  readonly change?: string;
  /** What stands before the token on its line, where the line has several of them. */
  readonly after?: string;
  readonly reason: string;
}

/** So many files of tests are run before the others. */
const NEAREST = 8;

const EQUIVALENTS: readonly Equivalent[] = listed;

/** How a mutant fared; what is said is the first test that failed, or the reason. */
interface Verdict {
  readonly is: "killed" | "survived" | "equivalent";
  readonly by: string;
}

const OPTIONS = {
  layer: { value: "NAME", many: true, help: "only of a folder under src/, such as session" },
  file: { value: "FILE", many: true, help: "only of a file, such as src/topics.ts" },
  line: { value: "NUMBER", many: true, help: "only on a line of it" },
  all: { help: "all of them, not a sample: when a test has been added" },
  count: { value: "NUMBER", help: "how many to choose; default 400" },
  seed: { value: "NUMBER", help: "which to choose; default 1" },
  from: { value: "NUMBER", help: "leave out so many of those chosen; default 0" },
  to: { value: "NUMBER", help: "and those from this one on" },
  limit: { value: "SECONDS", help: "how long the tests may take; default 120" },
  unchecked: { help: "do not run the tests without a mistake first" },
  help: { help: "show this help" },
} as const satisfies OptionTable;

const HELP: HelpParts = {
  name: "mutate",
  about: `Plants mistakes of one token in a copy of the sources, one at a time, and runs the
tests of the layer: what survives is a test that is missing.`,
  usage: "[options]",
  examples: ["mutate --layer session --count 20", "mutate --file src/topics.ts --line 30 --all"],
  exitCodes: "0 when none has survived; 2 for a wrong command line; 1 otherwise.",
};

if (import.meta.main) Deno.exit(await main(processContext("tests/mutation/mutate.ts")));

/** Does what its command line says, and returns the exit code. Never throws. */
export async function main(context: Context): Promise<number> {
  try {
    const { options, operands } = parseOptions(OPTIONS, context.args);
    if (operands.length > 0) throw usageFailure(`Unexpected argument "${operands[0]}"; see --help`);
    if (!options.help) return await run(options, context.signal);
    const text = helpText(HELP, OPTIONS, true);
    context.stdout.write(text.replaceAll("mqtt5 mutate", "deno task mutate"));
    return 0;
  } catch (error) {
    return reportFailure(error, context);
  }
}

/** The value of an option that is a number. */
function numberOf(name: string, text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : integerOption(name, text, 0, Number.MAX_SAFE_INTEGER);
}

/** Once `stopped` aborts, programs that run are killed, and nothing is left behind. */
async function run(options: OptionValues<typeof OPTIONS>, stopped: AbortSignal): Promise<number> {
  const count = numberOf("count", options.count, 400);
  const seed = numberOf("seed", options.seed, 1);
  const from = numberOf("from", options.from, 0);
  const to = numberOf("to", options.to, Infinity);
  const limit = numberOf("limit", options.limit, 120) * 1000;
  for (const line of options.line) numberOf("line", line, 0);
  const tree = await copyTree();
  try {
    const suites = new Suites(tree);
    const wanted = (file: string) =>
      (options.layer.length === 0 || options.layer.includes(layerOf(file))) &&
      (options.file.length === 0 || options.file.includes(file));
    const all = (await allMutants()).filter(({ file, line }) =>
      wanted(file) && (options.line.length === 0 || options.line.includes(String(line)))
    );
    // A name that is mistyped must not pass for one without mistakes.
    if (all.length === 0) throw new Failure("No token is in what was chosen");
    const part = (options.all ? all : choose(all, count, seed)).slice(from, to);
    for (const { file, line } of await outdated()) console.log(`not there: ${file}: ${line}`);
    if (!options.unchecked) await checkUnchanged(tree, suites, part, stopped);
    const counts = { killed: 0, survived: 0, equivalent: 0 };
    for (const mutant of part) {
      const verdict = await fate(tree, suites, mutant, limit, stopped);
      if (stopped.aborted) return 130;
      counts[verdict.is]++;
      const { file, line, from, to } = mutant;
      console.log(`${verdict.is} ${file}:${line} ${from} -> ${to || "nothing"} (${verdict.by})`);
    }
    const { killed, survived, equivalent } = counts;
    const share = (100 * killed / Math.max(1, killed + survived)).toFixed(1);
    console.log(
      `${killed} killed, ${survived} survived, ${equivalent} equivalent: ${share} % of those that ` +
        "are mistakes",
    );
    return survived === 0 ? 0 : 1;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

async function allMutants(): Promise<Planted[]> {
  const git = new Deno.Command("git", { args: ["ls-files", "src"], cwd: ROOT });
  const files = new TextDecoder().decode((await git.output()).stdout).trim().split("\n");
  const mutants: Planted[] = [];
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    for (const mutant of mutantsOf(source)) mutants.push({ ...mutant, file });
  }
  return mutants;
}

/** What is listed of lines that are no more. */
async function outdated(): Promise<Equivalent[]> {
  const texts = new Map<string, string[]>();
  for (const file of new Set(EQUIVALENTS.map((known) => known.file))) {
    const text = await Deno.readTextFile(new URL(file, ROOT)).catch(() => "");
    texts.set(file, text.split("\n").map((line) => line.trim()));
  }
  return EQUIVALENTS.filter(({ file, line }) => !texts.get(file)!.includes(line));
}

/** Some of the mutants, the same ones for the same seed, in the order of their files. */
function choose(mutants: readonly Planted[], count: number, seed: number): Planted[] {
  const random = new Random(seed);
  const indices = mutants.map((_, index) => index);
  const chosen: number[] = [];
  while (chosen.length < count && indices.length > 0) chosen.push(random.takeFrom(indices)!);
  return chosen.sort((one, other) => one - other).map((index) => mutants[index]!);
}

/** A tree whose tests fail anyway would kill every mutant. */
async function checkUnchanged(
  tree: URL,
  suites: Suites,
  mutants: readonly Planted[],
  stopped: AbortSignal,
): Promise<void> {
  const files = new Set<string>();
  for (const source of new Set(mutants.map(({ file }) => file))) {
    for (const file of await suites.of(source)) files.add(file);
  }
  const failure = await failureOf(tree, [...files], 600_000, stopped);
  if (failure !== undefined && !stopped.aborted) {
    throw new Error(`The tests fail without a mistake: ${failure}`);
  }
}

async function fate(
  tree: URL,
  suites: Suites,
  mutant: Planted,
  limit: number,
  stopped: AbortSignal,
): Promise<Verdict> {
  const target = new URL(mutant.file, tree);
  const source = await Deno.readTextFile(target);
  const reason = reasonOf(source, mutant);
  if (reason !== undefined) return { is: "equivalent", by: reason };
  const tests = await suites.of(mutant.file);
  if (tests.length === 0) return { is: "survived", by: "no test of the layer reaches the file" };
  await Deno.writeTextFile(target, apply(source, mutant));
  try {
    // Most mutants fall to the nearest tests: then the others need not even be loaded.
    for (const some of [tests.slice(0, NEAREST), tests.slice(NEAREST)]) {
      const failure = some.length > 0 ? await failureOf(tree, some, limit, stopped) : undefined;
      if (failure !== undefined) return { is: "killed", by: failure };
    }
    if (!await isTypeCorrect(tree, mutant.file, stopped)) return { is: "killed", by: "the types" };
    return { is: "survived", by: `${tests.length} files of tests` };
  } finally {
    await Deno.writeTextFile(target, source);
  }
}

/** Whether a file is without type errors, as a list of names is not where one is marked `false`. */
async function isTypeCorrect(tree: URL, file: string, signal: AbortSignal): Promise<boolean> {
  const args = ["check", "--quiet", "--no-lock", file];
  const child = new Deno.Command(Deno.execPath(), { args, cwd: tree, stdin: "null", signal });
  return (await child.output()).success;
}

/** What fails first when tests run, or nothing. */
async function failureOf(
  tree: URL,
  tests: readonly string[],
  limit: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const flags = ["--no-check", "--no-lock", "--allow-all", "--fail-fast"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...flags, "--v8-flags=--max-old-space-size=2048", ...tests],
    cwd: tree,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, limit);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (success) return undefined;
  if (isLate) return `no end after ${limit / 1000} s`;
  const said = new TextDecoder().decode(stdout);
  return /^(.*) \.\.\. FAILED/m.exec(said)?.[1] ??
    new TextDecoder().decode(stderr).trim().split("\n")[0] ?? "";
}

/** Why a change is no mistake, where the list says so: it is known by its line, not by its number. */
function reasonOf(source: string, { file, offset, line, from, to }: Planted): string | undefined {
  const start = source.lastIndexOf("\n", offset - 1) + 1;
  const text = source.split("\n")[line - 1]!;
  const before = source.slice(start, offset).trimStart();
  return EQUIVALENTS.find((known) =>
    known.file === file && known.line === text.trim() &&
    (known.change === undefined || known.change === `${from} -> ${to}`) &&
    (known.after === undefined || before.endsWith(known.after))
  )?.reason;
}
