// All attacks at once against one broker with its defaults, for minutes: it stays up, takes no more memory than it is to, and
// those who have nothing to do with it are served. What they would get on a machine that is as busy is measured beside it, at
// another broker that nobody attacks. A line each second, and a verdict. Everything stays on 127.0.0.1.
// deno run --allow-all tests/prove/siege.ts [MINUTES]

import { ATTACKS } from "../attacks/attacks.ts";
import { certificate, residentMemory, startAttack, startOurs } from "../attacks/attacked.ts";
import { Bystander, quantile } from "../attacks/bystander.ts";
import type { Child } from "../bench/child.ts";
import { table } from "../bench/harness.ts";

const MINUTES = 10;

/** The most memory that the broker may take of the system. */
const MOST_MEMORY = 512 * 1024 * 1024;

/** How many times as long as elsewhere 99 of 100 round trips of a bystander may take. */
const MOST_FACTOR = 5;

const BYSTANDERS = 3;

/** Milliseconds of measuring at rest. */
const REST = 5000;

if (import.meta.main) Deno.exit(await siege(Number(Deno.args[0] ?? MINUTES) * 60));

async function siege(seconds: number): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const pem = await certificate();
  const broker = stack.use(await startOurs(pem));
  const control = stack.use(await startOurs(pem));
  const bystanders: Bystander[] = [];
  for (let index = 0; index < BYSTANDERS; index++) {
    bystanders.push(stack.use(await Bystander.start(broker.port, `bystander-${index}`)));
  }
  const unaffected = stack.use(await Bystander.start(control.port, "unaffected"));
  const all = () => Promise.all(bystanders.map((bystander) => bystander.measure()));
  await wait(2000);
  await all();
  await wait(REST);
  const atRest = quantile((await all()).flatMap((measured) => measured.durations), 0.99);
  await unaffected.measure();
  console.log(`at rest: p99 ${atRest.toFixed(2)} ms; ${Object.keys(ATTACKS).length} attacks begin`);
  const attacks = Object.keys(ATTACKS).map((name) => {
    const child = stack.use(startAttack(broker, name, seconds * 1000));
    return { name, told: toldBy(child, seconds) };
  });

  const line = table(["second"]);
  line("second", "MB", "p50", "p99", "longest", "p99 elsewhere");
  const durations: number[] = [];
  /** How long those have been due that have not come back. */
  let waiting: readonly number[] = [];
  const elsewhere: number[] = [];
  const lost = new Set<string>();
  let most = 0;
  let second = 0;
  for (; second < seconds; second++) {
    await wait(1000);
    const memory = await residentMemory(broker.pid);
    if (memory === undefined) break;
    most = Math.max(most, memory);
    const now = await all();
    const { durations: there, p99 } = await unaffected.measure();
    for (const measured of now) {
      for (const duration of measured.durations) durations.push(duration);
      if (measured.lost !== undefined) lost.add(measured.lost);
    }
    waiting = now.flatMap((measured) => measured.waiting);
    for (const duration of there) elsewhere.push(duration);
    // Of the one who was served worst.
    const cells = (["p50", "p99", "longest"] as const).map((name) =>
      Math.max(...now.map((measured) => measured[name]))
    );
    line(
      String(second + 1),
      (memory / 1e6).toFixed(0),
      ...[...cells, p99].map((value) => value.toFixed(2)),
    );
  }
  const isUp = second === seconds;
  if (isUp) {
    for (const { name, told } of attacks) console.log(`${name}: ${await told}`);
  }
  const p99 = quantile([...durations, ...waiting], 0.99);
  const usual = Math.max(atRest, quantile(elsewhere, 0.99));
  const verdicts: readonly (readonly [what: string, holds: boolean])[] = [
    [`the broker ${isUp ? "is up" : `has ended after ${second} s`}`, isUp],
    [`it took ${(most / 1_048_576).toFixed(0)} MiB at most`, most <= MOST_MEMORY],
    [
      `p99 was ${p99.toFixed(2)} ms, ${(p99 / usual).toFixed(1)} times the ${
        usual.toFixed(2)
      } ms ` +
      `of a broker without attackers (at rest ${atRest.toFixed(2)} ms)`,
      p99 <= MOST_FACTOR * usual,
    ],
    [lost.size === 0 ? "no bystander was lost" : [...lost].join(", "), lost.size === 0],
  ];
  for (const [what, holds] of verdicts) console.log(`${holds ? "ok" : "NO"}: ${what}`);
  const hasPassed = verdicts.every(([, holds]) => holds);
  console.log(hasPassed ? "siege: passed" : "siege: FAILED");
  return hasPassed ? 0 : 1;
}

/** What the broker has told an attacker. */
async function toldBy(child: Child, seconds: number): Promise<string> {
  const text = await child.hear((seconds + 60) * 1000).catch((error) => String(error));
  return text === "{}" ? "nothing was refused" : text;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
