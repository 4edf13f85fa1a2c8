// All attacks at once against one broker with its defaults, for minutes: it stays up, takes no more memory than it is to, and
// those who have nothing to do with it are served. What they would get on a machine that is as busy is measured beside it, at
// another broker that nobody attacks; when they get less, what they get at Mosquitto. A line each second, and a verdict. Everything stays on 127.0.0.1.
// deno run --allow-all tests/prove/siege.ts [MINUTES]

import { type AttackName, ATTACKS, ONLY_OURS } from "../attacks/attacks.ts";
import {
  type Attacked,
  certificate,
  residentMemory,
  startAttack,
  startMosquitto,
  startOurs,
} from "../attacks/attacked.ts";
import { Bystander, quantile } from "../attacks/bystander.ts";
import { makeFolder } from "../bench/brokers.ts";
import type { Child } from "../bench/child.ts";
import { table } from "../bench/harness.ts";
import type { Certificate } from "../io/certificates.ts";

const MINUTES = 10;

/** The most memory that the broker may take of the system. */
const MOST_MEMORY = 512 * 1024 * 1024;

/**
 * How many times as long as elsewhere 99 of 100 round trips of a bystander may take; or as many as
 * at Mosquitto under the same attacks.
 */
const MOST_FACTOR = 5;

/** Mosquitto is compared with for so many seconds at most. */
const COMPARED = 120;

const NAMES = Object.keys(ATTACKS) as AttackName[];

const BYSTANDERS = 3;

/** Milliseconds of measuring at rest. */
const REST = 5000;

if (import.meta.main) Deno.exit(await prove(Number(Deno.args[0] ?? MINUTES) * 60));

/** What a siege has shown. */
interface Outcome {
  readonly isUp: boolean;
  /** How long it went on. */
  readonly seconds: number;
  /** The most memory that the broker took. */
  readonly most: number;
  /** Of the bystanders' round trips. */
  readonly p99: number;
  /** The same of a broker that nobody attacked, at the same time or before. */
  readonly usual: number;
  readonly lost: readonly string[];
}

async function prove(seconds: number): Promise<number> {
  const pem = await certificate();
  const ours = await siege(await startOurs(pem), await startOurs(pem), NAMES, seconds);
  const factor = ours.p99 / ours.usual;
  let most = MOST_FACTOR;
  if (factor > MOST_FACTOR) most = Math.max(most, await factorOfMosquitto(pem, seconds) ?? 0);
  const verdicts: readonly (readonly [what: string, holds: boolean])[] = [
    [
      `the broker ${ours.isUp ? "is up" : `has ended after ${ours.seconds} s`}`,
      ours.isUp,
    ],
    [`it took ${(ours.most / 1_048_576).toFixed(0)} MiB at most`, ours.most <= MOST_MEMORY],
    [
      `p99 was ${ours.p99.toFixed(2)} ms, ${factor.toFixed(1)} times the ${
        ours.usual.toFixed(2)
      } ms of a broker without attackers; allowed is ${most.toFixed(1)}`,
      factor <= most,
    ],
    [
      ours.lost.length === 0 ? "no bystander was lost" : ours.lost.join(", "),
      ours.lost.length === 0,
    ],
  ];
  for (const [what, holds] of verdicts) console.log(`${holds ? "ok" : "NO"}: ${what}`);
  const hasPassed = verdicts.every(([, holds]) => holds);
  console.log(hasPassed ? "siege: passed" : "siege: FAILED");
  return hasPassed ? 0 : 1;
}

/** How many times as long as elsewhere bystanders wait at Mosquitto, under what it can be attacked with. */
async function factorOfMosquitto(
  pem: Certificate,
  seconds: number,
): Promise<number | undefined> {
  await using folder = await makeFolder();
  const mosquitto = await startMosquitto(pem, folder.path);
  const control = await startMosquitto(pem, folder.path);
  if (mosquitto === undefined || control === undefined) {
    console.log("Mosquitto is missing: there is nothing to compare with");
    return undefined;
  }
  console.log("The same at Mosquitto:");
  const names = NAMES.filter((name) => !ONLY_OURS.includes(name));
  const theirs = await siege(mosquitto, control, names, Math.min(seconds, COMPARED));
  const factor = theirs.p99 / theirs.usual;
  console.log(
    `Mosquitto ${theirs.isUp ? "is up" : "has ended"}: ${
      (theirs.most / 1_048_576).toFixed(0)
    } MiB at most, p99 ${theirs.p99.toFixed(2)} ms, ${factor.toFixed(1)} times the ${
      theirs.usual.toFixed(2)
    } ms of one without attackers; ${theirs.lost.length} bystanders lost`,
  );
  return factor;
}

/** Attacks a broker for so many seconds, beside another that is left alone, and ends both. */
async function siege(
  broker: Attacked,
  control: Attacked,
  names: readonly AttackName[],
  seconds: number,
): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  stack.use(broker);
  stack.use(control);
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
  console.log(`at rest: p99 ${atRest.toFixed(2)} ms; ${names.length} attacks begin`);
  const attacks = names.map((name) => {
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
  return { isUp, seconds: second, most, p99, usual, lost: [...lost] };
}

/** What the broker has told an attacker. */
async function toldBy(child: Child, seconds: number): Promise<string> {
  const text = await child.hear((seconds + 60) * 1000).catch((error) => String(error));
  return text === "{}" ? "nothing was refused" : text;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
