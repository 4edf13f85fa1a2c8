// deno task simulate --mutants: plants each mistake in a copy of the sources, and runs seeds until
// one of them finds it: a table of who found it and how soon. A seed that finds something without
// the mistake, too, does not count.

import { copyTree } from "../../mutation/tree.ts";
import { MUTANTS } from "./all.ts";
import type { Hunted } from "./hunt.ts";
import { type Mutant, plant } from "./mutant.ts";

/** What is wanted of a campaign. */
export interface CampaignOptions {
  /** Only mistakes whose name this regular expression matches. */
  readonly name?: string | undefined;
  /** The first seed. */
  readonly from: number;
  /** After how many seeds to give up at the latest. */
  readonly most: number;
  /** How many mistakes are looked for at the same time. */
  readonly workers: number;
}

/** How the search for one mistake has ended. */
interface Search {
  readonly mutant: Mutant;
  /** What has found it; `undefined` when nothing has. */
  readonly found: Hunted | undefined;
  /** How many seeds it took. */
  readonly seeds: number;
}

/** A seed that takes longer has no end, which is a find, too; in milliseconds. */
const LONGEST = 60_000;

/** What ends a campaign: Ctrl-C, an end of the terminal, `kill`. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Looks for all mistakes. Returns the exit code: 1 when one was not found in time, 130 after a
 * signal, when nothing of it is left.
 */
export async function hunt(options: CampaignOptions): Promise<number> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const name of SIGNALS) Deno.addSignalListener(name, stop);
  try {
    return await huntUntil(options, stopping.signal);
  } finally {
    for (const name of SIGNALS) Deno.removeSignalListener(name, stop);
  }
}

async function huntUntil(
  { name = "", from, most, workers }: CampaignOptions,
  stopped: AbortSignal,
): Promise<number> {
  const wanted = new RegExp(name);
  const mutants = MUTANTS.filter((mutant) => wanted.test(mutant.name));
  const left = [...mutants];
  const searches: Search[] = [];
  await using trees = new AsyncDisposableStack();
  const makeTree = async () => {
    const tree = await copyTree();
    trees.defer(() => Deno.remove(tree, { recursive: true }));
    return tree;
  };
  const sound = await makeTree();
  await Promise.all(Array.from({ length: workers }, async () => {
    const tree = await makeTree();
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const search = await searchFor(mutant, { tree, sound, from, most, stopped });
      if (stopped.aborted) return;
      searches.push(search);
      console.log(line(search));
    }
  }));
  if (stopped.aborted) return 130;
  const missed = searches.filter(({ found }) => found === undefined);
  console.log(`${searches.length} mistakes, ${missed.length} not found`);
  return missed.length === 0 ? 0 : 1;
}

/** Where to look, and how far. */
interface Trees extends Pick<CampaignOptions, "from" | "most"> {
  /** Where the mistake is planted. */
  readonly tree: URL;
  /** One without mistakes. */
  readonly sound: URL;
  /** Ends the search. */
  readonly stopped: AbortSignal;
}

/** Looks for one mistake. */
async function searchFor(mutant: Mutant, trees: Trees): Promise<Search> {
  const { tree, sound, from, most, stopped } = trees;
  const target = new URL(mutant.file, tree);
  const source = await Deno.readTextFile(target);
  await Deno.writeTextFile(target, plant(source, mutant));
  try {
    const count = Math.min(mutant.within, most);
    const end = from + count;
    for (let next = from; next < end;) {
      const hunted = await firstFind(tree, next, end, stopped);
      if (hunted === undefined) break;
      next = hunted.seed + 1;
      const seeds = next - from;
      const isFalse = await firstFind(sound, hunted.seed, next, stopped) !== undefined;
      if (!isFalse) return { mutant, found: hunted, seeds };
    }
    return { mutant, found: undefined, seeds: count };
  } finally {
    await Deno.writeTextFile(target, source);
  }
}

/** The first seed that finds something in a tree; none once the search is stopped. */
async function firstFind(
  tree: URL,
  from: number,
  to: number,
  stopped: AbortSignal,
): Promise<Hunted | undefined> {
  if (stopped.aborted) return undefined;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-lock", "--allow-read", "--quiet"],
      "--v8-flags=--max-old-space-size=1024",
      ...["tests/simulation/mutants/hunt.ts", `${from}`, `${to}`],
    ],
    cwd: tree,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: stopped,
  }).spawn();
  let last = from - 1;
  let found: Hunted | undefined;
  const stop = () => {
    found = { seed: last + 1, check: "none", message: "The run has no end" };
    child.kill("SIGKILL");
  };
  let timer = setTimeout(stop, LONGEST);
  for await (const line of linesOf(child.stdout)) {
    clearTimeout(timer);
    const hunted: Hunted = JSON.parse(line);
    last = hunted.seed;
    if (hunted.check !== undefined) found = hunted;
    timer = setTimeout(stop, LONGEST);
  }
  clearTimeout(timer);
  const { success } = await child.status;
  if (success || found !== undefined || stopped.aborted) return found;
  // It could not even begin, or ran out of memory.
  return { seed: last + 1, check: "none", message: "The run has failed" };
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

function line({ mutant: { name, within }, found, seeds }: Search): string {
  const by = found === undefined ? "NOT FOUND" : found.check!;
  const [what = ""] = found?.message?.slice(0, 90).split("\n") ?? [];
  const count = `${seeds}`.padStart(5);
  return `${name.padEnd(64)} ${by.padEnd(26)} ${count} of ${within}  ${what}`;
}
