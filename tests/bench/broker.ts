// How fast the broker is, against aedes and Mosquitto, in the same run and under the same load. It judges nothing: it prints.
// What a relay reaches that looks at nothing is printed with it, and how busy the load was, to show that it held nobody up.
// deno run --allow-env --allow-net=127.0.0.1 --allow-read --allow-run --allow-write tests/bench/broker.ts

import {
  aedes,
  type BrokerKind,
  makeFolder,
  mosquitto,
  ourBroker,
  output,
  relay,
  type RunningBroker,
} from "./brokers.ts";
import { Child } from "./child.ts";
import { compare, type Measurement, median, table, takeTurns, verdict } from "./harness.ts";

/** What is done to every broker. */
interface Work {
  readonly name: string;
  /** What `load.ts` is to do. */
  readonly load: string;
  /** How many messages come out of the broker for one that goes in. */
  readonly copies: number;
  /** How many times as fast ours is to be, at least. */
  readonly atLeast: { readonly aedes: number; readonly mosquitto: number };
}

/** The brokers; one that is missing on this system is `undefined`. */
interface Brokers {
  readonly ours: BrokerKind;
  readonly aedes: BrokerKind | undefined;
  readonly mosquitto: BrokerKind | undefined;
  readonly relay: BrokerKind;
}

type BrokerName = "ours" | "aedes" | "mosquitto";

const BROKERS: readonly BrokerName[] = ["ours", "aedes", "mosquitto"];

/** A broker under load. */
interface Trial extends AsyncDisposable {
  /** Nanoseconds for each message delivered. */
  readonly measure: Measurement;
  /** The part of the time of each measurement that the load was busy. */
  readonly busy: readonly number[];
}

/** Turns for each work: an odd number, so that a median is one of them. */
const ROUNDS = 7;

/** Turns of the relay, which are not a part of the race. */
const RELAY_ROUNDS = 3;

/** How long a turn takes at least, in milliseconds. */
const TURN = 300;

/** Messages delivered in the first, shortest turn. */
const FIRST_MESSAGES = 10_000;

/** Idle connections: within the limits of a broker, if the system has file descriptors for them. */
const CONNECTIONS = 2_500;

/** Connections that are made before the measuring, so that what all of them share is there. */
const FIRST_CONNECTIONS = 100;

/** File descriptors that a broker needs for itself. */
const OTHER_FILES = 100;

/** Milliseconds until a broker is measured that has got its connections: it may collect its garbage. */
const REST = 2_000;

const TITLE = "topic 36 bytes, payload 64, messages delivered";

const BUSY = "  of that time the load was busy";

const OLDER = "  clients of MQTT 3.1.1 (aedes: ours, 5.0)";

/** How fast clients of MQTT 3.1.1 are to be, at least, beside those of 5.0. */
const AS_FAST = 0.95;

/** Cells between those of the brokers and that of the relay. */
const NO_VERDICTS = 6;

const WORKS: readonly Work[] = [
  {
    name: "QoS 0, 1 publisher, 1 subscriber",
    load: "one",
    copies: 1,
    atLeast: { aedes: 5, mosquitto: 1 },
  },
  {
    name: "QoS 0, 1 publisher, 100 subscribers",
    load: "many",
    copies: 100,
    atLeast: { aedes: 3, mosquitto: 1 },
  },
  {
    name: "QoS 1, 1 publisher, 1 subscriber, 100 in flight",
    load: "acknowledged",
    copies: 1,
    atLeast: { aedes: 5, mosquitto: 1 },
  },
];

if (import.meta.main) {
  await using folder = await makeFolder();
  const brokers: Brokers = {
    ours: ourBroker(),
    aedes: await aedes(folder),
    mosquitto: await mosquitto(folder),
    relay: relay(),
  };
  const connections = await mostConnections();
  const memory = `memory of an idle connection, one of ${connections.toLocaleString("en")}`;
  console.log(`${namesOf(brokers)}, ${Deno.build.target}\n`);
  const line = table([TITLE, memory, ...WORKS.map(({ name }) => name)]);
  const against = (name: string) => [`/ ${name}`, "at least", "met"];
  line(TITLE, "ours", "aedes", "Mosquitto", ...against("aedes"), ...against("Mosquitto"), "relay");
  for (const work of WORKS) {
    const { speeds, busy } = await race(work, brokers);
    line(work.name, ...speeds);
    line(BUSY, ...busy);
    line(OLDER, ...await raceOlder(work));
  }
  line(memory, ...await weigh(brokers, connections));
}

function namesOf({ ours, aedes, mosquitto }: Brokers): string {
  return [
    ours.name,
    aedes?.name ?? "aedes is missing: it takes Node, npm and its registry",
    mosquitto?.name ?? "Mosquitto is missing",
  ].join(", ");
}

/** Holds a race and returns what its two lines of the table say. */
async function race(
  { load, copies, atLeast }: Work,
  brokers: Brokers,
): Promise<{ readonly speeds: string[]; readonly busy: string[] }> {
  await using stack = new AsyncDisposableStack();
  const begin = async (kind: BrokerKind) => stack.use(await startTrial(kind, load, copies));
  const trials: Partial<Record<BrokerName, Trial>> = {};
  for (const name of BROKERS) {
    const kind = brokers[name];
    if (kind !== undefined) trials[name] = await begin(kind);
  }
  const present = BROKERS.filter((name) => trials[name] !== undefined);
  const measured = await takeTurns(present.map((name) => trials[name]!.measure), ROUNDS);
  const relay = await begin(brokers.relay);
  const [relayed] = await takeTurns([relay.measure], RELAY_ROUNDS);
  const speeds = cells((name) => measured[present.indexOf(name)], thousandsPerSecond, atLeast);
  const busy = BROKERS.map((name) => trials[name] === undefined ? "" : percent(trials[name].busy));
  return {
    speeds: [...speeds, thousandsPerSecond(median(relayed!))],
    busy: [...busy, ...Array(NO_VERDICTS).fill(""), percent(relay.busy)],
  };
}

/** The same race between clients of MQTT 3.1.1 and of 5.0 at our broker. */
async function raceOlder({ load, copies }: Work): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const older = stack.use(await startTrial(ourBroker(4), load, copies));
  const newer = stack.use(await startTrial(ourBroker(5), load, copies));
  const [ours, theirs] = await takeTurns([older.measure, newer.measure], ROUNDS);
  const speeds = [ours!, theirs!].map((times) => thousandsPerSecond(median(times)));
  return [...speeds, "", ...verdict(compare(ours!, theirs!), AS_FAST)];
}

/** Weighs the idle connections of each broker and returns what their line of the table says. */
async function weigh(brokers: Brokers, connections: number): Promise<string[]> {
  const weights: Partial<Record<BrokerName, number[]>> = {};
  for (const name of BROKERS) {
    const kind = brokers[name];
    if (kind !== undefined) weights[name] = [await idleMemory(kind, connections)];
  }
  return cells((name) => weights[name], kilobytes);
}

/** What a line says: what each broker measured, and how the others compare with ours. */
function cells(
  measuredBy: (name: BrokerName) => readonly number[] | undefined,
  format: (value: number) => string,
  atLeast: Partial<Work["atLeast"]> = {},
): string[] {
  const ours = measuredBy("ours")!;
  const against = (name: "aedes" | "mosquitto") => {
    const theirs = measuredBy(name);
    return theirs === undefined ? ["", "", ""] : verdict(compare(ours, theirs), atLeast[name]);
  };
  const medians = BROKERS.map((name) => {
    const values = measuredBy(name);
    return values === undefined ? "missing" : format(median(values));
  });
  return [...medians, ...against("aedes"), ...against("mosquitto")];
}

/** Starts a broker and its load, and warms both up, to find how many messages fill a turn. */
async function startTrial(kind: BrokerKind, load: string, copies: number): Promise<Trial> {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await kind.start());
  const child = stack.use(await startLoad(broker, kind, load));
  const busy: number[] = [];
  const measure = async (count: number) => {
    await child.tell(String(count));
    const [nanoseconds, busyPart] = (await child.hear()).split(" ").map(Number);
    busy.push(busyPart!);
    return nanoseconds!;
  };
  let count = FIRST_MESSAGES / copies;
  while (await measure(count) * count < TURN * 1e6) count *= 2;
  busy.length = 0;
  const held = stack.move();
  return {
    busy,
    measure: async () => await measure(count) / copies,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The bytes that an idle connection takes in a broker. */
async function idleMemory(kind: BrokerKind, connections: number): Promise<number> {
  await using broker = await kind.start();
  await using child = await startLoad(broker, kind, "idle");
  const connect = async (count: number) => {
    await child.tell(String(count));
    await child.hear();
    await new Promise((resolve) => setTimeout(resolve, REST));
    return Number(await output("ps", ["-o", "rss=", "-p", String(broker.pid)])) * 1_024;
  };
  const before = await connect(FIRST_CONNECTIONS);
  const after = await connect(connections - FIRST_CONNECTIONS);
  return (after - before) / (connections - FIRST_CONNECTIONS);
}

async function startLoad(
  { port }: RunningBroker,
  { version }: BrokerKind,
  load: string,
): Promise<Child> {
  const file = new URL("load.ts", import.meta.url).pathname;
  const args = [
    "run",
    "--allow-net=127.0.0.1",
    file,
    `mqtt://127.0.0.1:${port}`,
    String(version),
    load,
  ];
  const child = new Child(Deno.execPath(), args);
  await child.hear();
  return child;
}

/** How many connections the file descriptors allow. */
async function mostConnections(): Promise<number> {
  const files = Number(await output("sh", ["-c", "ulimit -Hn"]));
  // Where there is no limit, that is no number.
  return files > 0 ? Math.min(CONNECTIONS, files - OTHER_FILES) : CONNECTIONS;
}

function thousandsPerSecond(nanoseconds: number): string {
  return `${Math.round(1e6 / nanoseconds).toLocaleString("en")} k/s`;
}

function percent(parts: readonly number[]): string {
  return `${Math.round(100 * median(parts))} %`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toFixed(1)} kB`;
}
