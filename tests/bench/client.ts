// How fast the client is, against MQTT.js, in the same run and with the same peer. It judges nothing: it prints. What a bare
// socket reaches is printed with it, to show that the peer held nobody up.
// deno run --allow-env --allow-net=127.0.0.1 --allow-run tests/bench/client.ts

import * as bare from "./bare.ts";
import { latency, type Measurement, race, type Side, table, timing, verdict } from "./harness.ts";
import * as ours from "./ours.ts";
import { type Peer, startPeer } from "./peer_process.ts";
import * as theirs from "./theirs.ts";
import type { Trial } from "./trial.ts";

/** A way to do the work. */
type Contender = (peer: Peer) => Promise<Trial>;

/** Two ways to do the same work, and what a bare socket makes of it. */
interface ClientRace {
  readonly work: string;
  readonly ours: Contender;
  readonly theirs: Contender;
  readonly bare?: Contender;
  /** How many times as fast ours is to be, at least. */
  readonly atLeast?: number;
  /** Throughput if it is absent. */
  readonly measures?: "latency";
}

/** Turns for each race: an odd number, so that a median is one of them. */
const ROUNDS = 7;

/** Turns for the memory, each of which takes two new processes. */
const MEMORY_ROUNDS = 3;

/** After so many milliseconds a race is given up: a message was lost. */
const PATIENCE = 30_000;

/** How long each side runs in a turn, in milliseconds. */
const TURN = 200;

const TITLE = "topic 36 bytes, payload 64, Receive Maximum 1,000";

const MEMORY = "memory of an idle client, one of 1,000";

const RACES: readonly ClientRace[] = [
  {
    work: "publish QoS 0, 1 call in 1,000 awaited (theirs: none)",
    ours: ours.publishInSlices,
    theirs: theirs.publishUnawaited,
    bare: bare.publishUnawaited,
    atLeast: 5,
  },
  {
    work: "publish QoS 0, 1 call in 1,000 awaited, both",
    ours: ours.publishInSlices,
    theirs: theirs.publishInSlices,
    bare: bare.publishUnawaited,
  },
  {
    work: "publish QoS 0, each call awaited (theirs: none)",
    ours: ours.publishAwaited,
    theirs: theirs.publishUnawaited,
    bare: bare.publishUnawaited,
    atLeast: 3,
  },
  {
    work: "publish QoS 0, each call awaited, both",
    ours: ours.publishAwaited,
    theirs: theirs.publishAwaited,
    bare: bare.publishUnawaited,
  },
  { work: "publish QoS 1, 1,000 in flight", ...publishingInFlight(1), atLeast: 8 },
  { work: "publish QoS 2, 1,000 in flight", ...publishingInFlight(2), atLeast: 8 },
  { work: "receive QoS 0 by for await (theirs: by event)", ...receiving(0), atLeast: 4 },
  { work: "receive QoS 1, likewise", ...receiving(1), atLeast: 3 },
  { work: "receive QoS 2, likewise", ...receiving(2), atLeast: 5 },
  {
    work: "round trip of one message, at rest",
    ours: ours.roundTrip,
    theirs: theirs.roundTrip,
    atLeast: 1,
    measures: "latency",
  },
  {
    work: "round trip of one message (theirs: bare TCP echo)",
    ours: ours.roundTrip,
    theirs: bare.roundTrip,
    measures: "latency",
  },
];

if (import.meta.main) {
  await using peer = await startPeer();
  console.log(`Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.target}\n`);
  const line = table([TITLE, MEMORY, ...RACES.map(({ work }) => work)]);
  line(TITLE, "ours", "theirs", "ratio", "at least", "met", "bare socket");
  for (const clientRace of RACES) line(clientRace.work, ...await cells(clientRace, peer));
  const result = await race(idleMemory("ours", peer), idleMemory("theirs", peer), MEMORY_ROUNDS);
  line(MEMORY, kilobytes(result.ours), kilobytes(result.theirs), ...verdict(result, 2));
}

/** Holds the race and returns what its line of the table says. */
async function cells(clientRace: ClientRace, peer: Peer): Promise<string[]> {
  const watchdog = setTimeout(() => {
    throw new Error(`No end of "${clientRace.work}"`);
  }, PATIENCE);
  using _ = { [Symbol.dispose]: () => clearTimeout(watchdog) };
  const [measurement, format] = clientRace.measures === "latency"
    ? [latency, microseconds] as const
    : [throughput, thousandsPerSecond] as const;
  await using ourTrial = await clientRace.ours(peer);
  await using theirTrial = await clientRace.theirs(peer);
  const result = await race(await measurement(ourTrial), await measurement(theirTrial), ROUNDS);
  const line = [format(result.ours), format(result.theirs), ...verdict(result, clientRace.atLeast)];
  if (clientRace.bare === undefined) return line;
  await using bareTrial = await clientRace.bare(peer);
  return [...line, format(await (await measurement(bareTrial))())];
}

function publishingInFlight(qos: 1 | 2) {
  return {
    ours: (peer: Peer) => ours.publishInFlight(peer, qos),
    theirs: (peer: Peer) => theirs.publishInFlight(peer, qos),
    bare: (peer: Peer) => bare.publishInFlight(peer, qos),
  };
}

function receiving(qos: 0 | 1 | 2) {
  return {
    ours: (peer: Peer) => ours.receive(peer, qos),
    theirs: (peer: Peer) => theirs.receive(peer, qos),
    bare: (peer: Peer) => bare.receive(peer, qos),
  };
}

function throughput(side: Side): Promise<Measurement> {
  return timing(side, TURN);
}

/** The bytes that an idle client takes. */
function idleMemory(name: "ours" | "theirs", peer: Peer): Measurement {
  const file = new URL("idle.ts", import.meta.url).pathname;
  const permissions = ["--allow-env", "--allow-net=127.0.0.1"];
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--v8-flags=--expose-gc",
      `--lock=${new URL("../deno.lock", import.meta.url).pathname}`,
      ...permissions,
      file,
      name,
      JSON.stringify({ url: peer.url }),
    ],
    stderr: "inherit",
  });
  return async () => {
    const { success, stdout } = await command.output();
    if (!success) throw new Error(`The idle clients (${name}) did not come about`);
    return Number(new TextDecoder().decode(stdout));
  };
}

function thousandsPerSecond(nanoseconds: number): string {
  return `${Math.round(1e6 / nanoseconds).toLocaleString("en")} k/s`;
}

function microseconds(nanoseconds: number): string {
  return `${(nanoseconds / 1e3).toFixed(1)} µs`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toFixed(1)} kB`;
}
