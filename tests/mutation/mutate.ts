// Plants mistakes, one at a time, in a copy of the sources and runs the tests of the layer: a
// mistake that they let pass is a test that is missing, or it is none, and equivalent.json says why.
// deno task mutate [--layer NAME]... [--count 400] [--seed 1] [--from 0] [--to COUNT] [--limit 120]
// deno task mutate --file src/FILE [--line NUMBER]... --all: again, when a test has been added

import { parseArgs } from "jsr:@std/cli@^1/parse-args";
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

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const options = parseArgs([...args], {
    string: ["count", "seed", "from", "to", "limit", "layer", "file", "line"],
    boolean: ["all", "unchecked"],
    collect: ["layer", "file", "line"],
    default: { count: "400", seed: "1", from: "0", limit: "120" },
  });
  const tree = await copyTree();
  try {
    const suites = new Suites(tree);
    const wanted = (file: string) =>
      (options.layer.length === 0 || options.layer.includes(layerOf(file))) &&
      (options.file.length === 0 || options.file.includes(file));
    const all = (await allMutants()).filter(({ file, line }) =>
      wanted(file) && (options.line.length === 0 || options.line.includes(String(line)))
    );
    const chosen = options.all ? all : choose(all, Number(options.count), Number(options.seed));
    const part = chosen.slice(Number(options.from), Number(options.to ?? chosen.length));
    for (const { file, line } of await outdated()) console.log(`not there: ${file}: ${line}`);
    if (!options.unchecked) await checkUnchanged(tree, suites, part);
    const counts = { killed: 0, survived: 0, equivalent: 0 };
    for (const mutant of part) {
      const verdict = await fate(tree, suites, mutant, Number(options.limit) * 1000);
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
): Promise<void> {
  const files = new Set<string>();
  for (const source of new Set(mutants.map(({ file }) => file))) {
    for (const file of await suites.of(source)) files.add(file);
  }
  const failure = await failureOf(tree, [...files], 600_000);
  if (failure !== undefined) throw new Error(`The tests fail without a mistake: ${failure}`);
}

async function fate(
  tree: URL,
  suites: Suites,
  mutant: Planted,
  limit: number,
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
      const failure = some.length > 0 ? await failureOf(tree, some, limit) : undefined;
      if (failure !== undefined) return { is: "killed", by: failure };
    }
    return { is: "survived", by: `${tests.length} files of tests` };
  } finally {
    await Deno.writeTextFile(target, source);
  }
}

/** What fails first when tests run, or nothing. */
async function failureOf(
  tree: URL,
  tests: readonly string[],
  limit: number,
): Promise<string | undefined> {
  const flags = ["--no-check", "--no-lock", "--allow-all", "--fail-fast"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...flags, "--v8-flags=--max-old-space-size=2048", ...tests],
    cwd: tree,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
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
