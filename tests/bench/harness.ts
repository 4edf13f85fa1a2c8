// Races between two ways to do the same work. The two take turns, and each turn gives a ratio of its own: what slows the
// machine down for a while slows both, and leaves the median of the ratios alone.

/** One way to do some work. */
export interface Side {
  /** How many operations one call of `run` is. */
  readonly operations: number;
  /** Does them; what cannot be done at once is done when the promise resolves. */
  run(): void | Promise<void>;
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

/** What came out of a race: medians. */
export interface Result {
  /** What ours measured. */
  readonly ours: number;
  /** What theirs measured. */
  readonly theirs: number;
  /** How many times as much theirs measured as ours, in the same turn. */
  readonly ratio: number;
}

/** Measures a way to do some work once more; less is better. */
export type Measurement = () => Promise<number>;

/** Prints a line of a table. */
export type Line = (work: string, ...cells: readonly string[]) => void;

/** Turns for each race: an odd number, so that a median is one of them. */
const ROUNDS = 11;

/** How long each side runs in a turn, in milliseconds. */
const TURN = 60;

/** What each side opens in a turn. */
const OPENED = 51;

/** Round trips of each side in a turn. */
const ROUND_TRIPS = 1_000;

/** Runs the races and prints a table of medians, a line as soon as it is known. */
export async function runRaces(title: string, races: readonly Race[]): Promise<void> {
  const line = table([title, ...races.map(({ work }) => work)]);
  line(title, "ours ns/op", "ours op/s", "theirs ns/op", "ratio", "at least", "met");
  for (const { work, atLeast, ...sides } of races) {
    const ours = await timing(sides.ours, TURN);
    const theirs = await timing(sides.theirs, TURN);
    const result = await race(ours, theirs, ROUNDS);
    line(
      work,
      result.ours.toFixed(0),
      Math.round(1e9 / result.ours).toLocaleString("en"),
      result.theirs.toFixed(0),
      ...verdict(result, atLeast),
    );
  }
}

/** Lines whose first cell is as wide as the longest of `works`. */
export function table(works: readonly string[]): Line {
  const width = Math.max(...works.map(({ length }) => length));
  return (work, ...cells) =>
    console.log([work.padEnd(width), ...cells.map((cell) => cell.padStart(12))].join(" "));
}

/** The last three cells of a line: the ratio, what it was to be, and whether it is. */
export function verdict({ ratio }: Result, atLeast: number | undefined): string[] {
  return [
    ratio.toFixed(2),
    atLeast?.toString() ?? "",
    atLeast === undefined ? "" : ratio >= atLeast ? "yes" : "NO",
  ];
}

/** Lets the two take turns. An odd number of rounds makes each median one of them. */
export async function race(
  ours: Measurement,
  theirs: Measurement,
  rounds: number,
): Promise<Result> {
  const [first, second] = await takeTurns([ours, theirs], rounds);
  return compare(first!, second!);
}

/** Lets any number take turns. Resolves to what each of them measured, round by round. */
export async function takeTurns(
  measurements: readonly Measurement[],
  rounds: number,
): Promise<number[][]> {
  const measured = measurements.map((measure) => ({ measure, values: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { measure, values } of measured) values.push(await measure());
    // Who is first changes, too: the second may find the caches or the collector as the first left them.
    measured.reverse();
  }
  if (rounds % 2 === 1) measured.reverse();
  return measured.map(({ values }) => values);
}

/** What two have measured in the same rounds. */
export function compare(ours: readonly number[], theirs: readonly number[]): Result {
  return {
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(ours.map((value, round) => theirs[round]! / value)),
  };
}

/** Nanoseconds for one operation, in turns of so many milliseconds. Warms up to find how many runs fill a turn. */
export async function timing(side: Side, turn: number): Promise<Measurement> {
  let runs = 1;
  while (await time(side, runs) * runs * side.operations < turn * 1e6) runs *= 2;
  return () => time(side, runs);
}

/** Nanoseconds for one operation. */
async function time(side: Side, runs: number): Promise<number> {
  const start = performance.now();
  for (let count = 0; count < runs; count++) {
    const done = side.run();
    if (done !== undefined) await done;
  }
  return (performance.now() - start) * 1e6 / (runs * side.operations);
}

/** The median of the nanoseconds that one run takes after another. */
export async function latency(side: Side): Promise<Measurement> {
  const measure = async () => {
    const durations: number[] = [];
    while (durations.length < ROUND_TRIPS) {
      const start = performance.now();
      await side.run();
      durations.push((performance.now() - start) * 1e6);
    }
    return median(durations);
  };
  await measure();
  return measure;
}

/** The median of the nanoseconds that it takes to open something, which is closed before the next is opened. */
export function opening<Open>(
  open: () => Promise<Open>,
  close: (open: Open) => Promise<unknown>,
): Measurement {
  return async () => {
    const durations: number[] = [];
    while (durations.length < OPENED) {
      const start = performance.now();
      const opened = await open();
      durations.push((performance.now() - start) * 1e6);
      await close(opened);
    }
    return median(durations);
  };
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
