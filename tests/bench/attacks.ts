// What attackers cost those who have nothing to do with them: the round trips of a bystander at rest and under each attack, and
// the memory of the broker before, at its most and after; ours and Mosquitto's in the same run. It judges nothing: it prints.
// Everything stays on 127.0.0.1, and each attack ends after some seconds.
// deno run --allow-all tests/bench/attacks.ts [SECONDS [PART OF A NAME [ours]]]

import { type AttackName, ATTACKS, ONLY_OURS } from "../attacks/attacks.ts";
import {
  type Attacked,
  certificate,
  residentMemory,
  startAttack,
  startMosquitto,
  startOurs,
} from "../attacks/attacked.ts";
import { Bystander, type Measured } from "../attacks/bystander.ts";
import { makeFolder } from "./brokers.ts";
import { table } from "./harness.ts";

/** How long each attack goes on, unless something else is said, in seconds. */
const SECONDS = 15;

/** Milliseconds before an attack, and after it. */
const REST = 2000;

/** Milliseconds between two looks at the memory. */
const BETWEEN_LOOKS = 50;

const NAMES = Object.keys(ATTACKS) as AttackName[];

const TITLE = "milliseconds of a round trip, megabytes of memory";

if (import.meta.main) {
  await using folder = await makeFolder();
  const [seconds = String(SECONDS), part = "", whose] = Deno.args;
  const chosen = NAMES.filter((name) => name.includes(part));
  const pem = await certificate();
  const line = table([TITLE, ...NAMES]);
  line(TITLE, ...["p50 at rest", "attacked", "p99 at rest", "attacked", "factor", "longest"], ...[
    "MB before",
    "peak",
    "after",
    "told",
  ]);
  for (const name of chosen) {
    line(name, ...await besiege(await startOurs(pem), name, Number(seconds)));
    if (whose === "ours" || ONLY_OURS.includes(name)) continue;
    const theirs = await startMosquitto(pem, folder.path);
    if (theirs === undefined) line("  Mosquitto", "missing");
    else line("  Mosquitto", ...await besiege(theirs, name, Number(seconds)));
  }
}

/** Attacks a broker, ends it, and returns what its line says. */
async function besiege(broker: Attacked, name: AttackName, seconds: number): Promise<string[]> {
  await using _ = broker;
  await using bystander = await Bystander.start(broker.port, "bystander");
  // The first round trips are slower.
  await rest(REST);
  await bystander.measure();
  await rest(REST);
  const before = await residentMemory(broker.pid);
  const atRest = await bystander.measure();
  await using attack = startAttack(broker, name, seconds * 1000);
  let peak: number | undefined = 0;
  let isOver = false;
  const told = attack.hear(seconds * 1000 + 60_000).catch(() => "{}").finally(() => isOver = true);
  while (!isOver && peak !== undefined) {
    const memory = await residentMemory(broker.pid);
    peak = memory === undefined ? undefined : Math.max(peak, memory);
    await rest(BETWEEN_LOOKS);
  }
  if (peak === undefined) return ["the broker has ended"];
  const attacked: Measured = await bystander.measure();
  const lost = attacked.lost ?? "";
  await rest(REST);
  const after = await residentMemory(broker.pid);
  const answers = Object.entries(JSON.parse(await told)).map(([what, count]) => `${count} ${what}`);
  return [
    ...[atRest.p50, attacked.p50, atRest.p99, attacked.p99].map((value) => value.toFixed(2)),
    (attacked.p99 / atRest.p99).toFixed(1),
    attacked.longest.toFixed(0),
    ...[before, peak, after].map((bytes) => bytes === undefined ? "gone" : megabytes(bytes)),
    [lost, ...answers].filter((text) => text !== "").join(", "),
  ];
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
