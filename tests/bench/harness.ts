// Races between two ways to do the same work. The two take turns, and each turn gives a ratio of its own: what slows the
// machine down for a while slows both, and leaves the median of the ratios alone.

/** One way to do some work. */
export interface Side {
  /** How many operations one call of `run` is. */
  readonly operations: number;
  /** Does them. */
  run(): void;
}

/** Two ways to do the same work. */
export interface Race {
  /** What they do. */
  readonly work: string;
  /** Ours. */
  readonly ours: Side;
  /** What it is measured against. */
  readonly theirs: Side;
  /** How many times as fast ours is to be, at least. */
  readonly atLeast?: number;
}

/** Turns for each race: an odd number, so that a median is one of them. */
const ROUNDS = 11;

/** How long each side runs in a turn, in milliseconds. */
const TURN = 60;

/** Runs the races and prints a table of medians, a line as soon as it is known. */
export function runRaces(title: string, races: readonly Race[]): void {
  const width = Math.max(title.length, ...races.map(({ work }) => work.length));
  const line = (work: string, ...cells: readonly string[]) =>
    console.log([work.padEnd(width), ...cells.map((cell) => cell.padStart(12))].join(" "));
  line(title, "ours ns/op", "ours op/s", "theirs ns/op", "ratio", "at least", "met");
  for (const { work, ours, theirs, atLeast } of races) {
    const { oursTime, theirsTime, ratio } = race(ours, theirs);
    line(
      work,
      oursTime.toFixed(0),
      Math.round(1e9 / oursTime).toLocaleString("en"),
      theirsTime.toFixed(0),
      ratio.toFixed(2),
      atLeast?.toString() ?? "",
      atLeast === undefined ? "" : ratio >= atLeast ? "yes" : "NO",
    );
  }
}

function race(ours: Side, theirs: Side) {
  const [oursRuns, theirsRuns] = [runsInATurn(ours), runsInATurn(theirs)];
  const turns = Array.from({ length: ROUNDS }, (_, round) => {
    // Who is first changes, too: the second may find the caches or the collector as the first left them.
    if (round % 2 === 0) return { ours: time(ours, oursRuns), theirs: time(theirs, theirsRuns) };
    return { theirs: time(theirs, theirsRuns), ours: time(ours, oursRuns) };
  });
  return {
    oursTime: median(turns.map(({ ours }) => ours)),
    theirsTime: median(turns.map(({ theirs }) => theirs)),
    ratio: median(turns.map(({ ours, theirs }) => theirs / ours)),
  };
}

/** Warms up and finds how many runs fill a turn. */
function runsInATurn(side: Side): number {
  let runs = 1;
  while (time(side, runs) * runs * side.operations < TURN * 1e6) runs *= 2;
  return runs;
}

/** Nanoseconds for one operation. */
function time(side: Side, runs: number): number {
  const start = performance.now();
  for (let count = 0; count < runs; count++) side.run();
  return (performance.now() - start) * 1e6 / (runs * side.operations);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
