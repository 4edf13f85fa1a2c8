// What each transport costs the client: TLS, WebSocket and Unix sockets against plain TCP, and beside MQTT.js on Node, in the
// same run. It judges nothing: it prints. What a bare end reaches is printed with it, to show that the peer held nobody up.
// deno run --allow-all tests/bench/transports.ts: Unix sockets are not for less.

import type { Client } from "../../mod.ts";
import * as bare from "./bare.ts";
import { makeFolder, output } from "./brokers.ts";
import type { Child } from "./child.ts";
import {
  compare,
  latency,
  type Measurement,
  median,
  opening,
  table,
  takeTurns,
  timing,
} from "./harness.ts";
import * as ours from "./ours.ts";
import type { Server } from "./server.ts";
import { type TheirsOnNode, theirsOnNode, type TheirWork } from "./theirs_on_node.ts";
import {
  makeCertificates,
  type ServerProcess,
  type Servers,
  startMosquittoServers,
  startServers,
  type TransportName,
} from "./transport_servers.ts";
import type { Trial } from "./trial.ts";

/** Work that is done over every transport. */
interface Work {
  readonly name: string;
  readonly ours: (server: Server, stack: AsyncDisposableStack) => Promise<Measurement>;
  readonly theirs: TheirWork;
  /** Wants answers, of a server that does not wait for more to send. */
  readonly isPrompt?: true;
  /** Throughput if it is absent. */
  readonly measures?: "latency";
  readonly bare?: (server: Server) => Promise<Trial>;
  /** Whether it is done at our broker, too. */
  readonly isForBroker?: true;
  /** How many times as long as over TCP it may take. */
  readonly atMost: Partial<Record<TransportName, number>>;
}

/** What one transport measured. */
interface Measured {
  readonly our: readonly number[];
  readonly tcp: readonly number[];
  readonly their?: readonly number[] | undefined;
}

const NAMES: Readonly<Record<TransportName, string>> = {
  tcp: "TCP",
  unix: "Unix socket",
  ws: "WebSocket",
  tls: "TLS",
  mutual: "TLS, client certificate",
  wss: "WebSocket over TLS",
};

const TRANSPORTS = Object.keys(NAMES) as TransportName[];

/** Turns for each work: an odd number, so that a median is one of them. */
const ROUNDS = 5;

/** How long each side runs in a turn, in milliseconds. */
const TURN = 80;

/** Clients whose memory is measured. */
const CLIENTS = 300;

const TITLE = "topic 36 bytes, payload 64, Receive Maximum 1,000";

/** TLS may cost as much again as all the rest, WebSocket half of that. */
const THROUGHPUT = { tls: 2, ws: 1.5 };

/** A handshake costs more round trips, and signatures; more of them where the server is Deno, as all but Mosquitto are. */
const CONNECT = { tls: 5, mutual: 8 };

const WORKS: readonly Work[] = [
  {
    name: "publish QoS 0",
    ours: throughput(ours.publishInSlices),
    theirs: { name: "publishUnawaited", qos: 0 },
    bare: bare.publishUnawaited,
    atMost: THROUGHPUT,
  },
  {
    name: "publish QoS 1, 1,000 in flight",
    ours: throughput((server) => ours.publishInFlight(server, 1)),
    theirs: { name: "publishInFlight", qos: 1 },
    isPrompt: true,
    bare: (server) => bare.publishInFlight(server, 1),
    isForBroker: true,
    atMost: THROUGHPUT,
  },
  { name: "receive QoS 0", ...receiving(0), atMost: THROUGHPUT },
  { name: "receive QoS 1", ...receiving(1), isPrompt: true, atMost: THROUGHPUT },
  {
    name: "publish one at QoS 1, at rest",
    ours: async (server, stack) => await latency(stack.use(await ours.publishOne(server))),
    theirs: { name: "publishOne", qos: 1 },
    isForBroker: true,
    isPrompt: true,
    measures: "latency",
    atMost: {},
  },
  {
    name: "connect, until CONNACK",
    ours: (server) => {
      const close = (client: Client) => client.disconnect();
      return Promise.resolve(opening(() => ours.connect(server), close));
    },
    theirs: { name: "connect", qos: 0 },
    isForBroker: true,
    isPrompt: true,
    measures: "latency",
    atMost: CONNECT,
  },
];

if (import.meta.main) {
  await using folder = await makeFolder();
  const certificates = await makeCertificates();
  const theirs = await theirsOnNode(folder.path);
  await using peer = await startServers("peer", folder.path, certificates);
  console.log(`Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.target}`);
  console.log(theirs?.name ?? "MQTT.js is missing: it takes Node 22.18, npm and its registry");
  if (certificates === undefined) console.log("openssl cannot be found: nothing over TLS");
  const line = table([TITLE, ...TRANSPORTS.map((name) => `  ${NAMES[name]}`)]);
  console.log(`\n${TITLE}`);
  const print = async (name: string, rows: () => Promise<string[][]>) => {
    console.log();
    line(name, "ours", "times TCP", "at most", "met", "MQTT.js", "ratio", "bare");
    for (const row of await rows()) line(...row as [string, ...string[]]);
  };
  for (const work of WORKS) await print(work.name, () => hold(work, peer, theirs));
  {
    await using mosquitto = await startMosquittoServers(certificates);
    const connecting = WORKS.find(({ theirs }) => theirs.name === "connect")!;
    if (mosquitto !== undefined) {
      await print(`${connecting.name}, Mosquitto`, () => hold(connecting, mosquitto, theirs));
    }
  }
  await print("memory of an idle client", () => weighClients(peer.servers, theirs));
  {
    await using broker = await startServers("broker", folder.path, certificates);
    for (const { bare: _, ...work } of WORKS) {
      if (!work.isForBroker) continue;
      await print(`${work.name}, our broker`, () => hold(work, broker, theirs));
    }
  }
}

/** Does some work over all transports in turn, and returns what the lines of the table say. */
async function hold(
  work: Work,
  { servers, prompt }: ServerProcess,
  theirs: TheirsOnNode | undefined,
): Promise<string[][]> {
  const places = work.isPrompt ? prompt : servers;
  // A client certificate changes nothing but the handshake.
  const { mutual: _, ...others } = places;
  const used: Servers = work.atMost.mutual === undefined ? others : places;
  const names = TRANSPORTS.filter((name) => used[name] !== undefined);
  await using stack = new AsyncDisposableStack();
  const measurements: Measurement[] = [];
  for (const name of names) measurements.push(await work.ours(used[name]!, stack));
  const worker = theirs === undefined
    ? undefined
    : stack.use(await theirs.work(work.theirs, used, TURN));
  if (worker !== undefined) { for (const name of names) measurements.push(ask(worker, name)); }
  const measured = await takeTurns(measurements, ROUNDS);
  const format = work.measures === "latency" ? microseconds : thousandsPerSecond;
  const rows: string[][] = [];
  for (const [index, name] of names.entries()) {
    const our = measured[index]!;
    const bare = await work.bare?.(used[name]!);
    rows.push([
      ...cells(name, { our, tcp: measured[0]!, their: measured[names.length + index] }, {
        format,
        atMost: work.atMost[name],
      }),
      bare === undefined ? "" : format(await (await timing(stack.use(bare), TURN))()),
    ]);
  }
  return rows;
}

/** Has a process of theirs measure. */
function ask(worker: Child, name: TransportName): Measurement {
  return async () => {
    await worker.tell(name);
    return Number(await worker.hear());
  };
}

/** Weighs idle clients, each kind in a process of its own. */
async function weighClients(
  servers: Servers,
  theirs: TheirsOnNode | undefined,
): Promise<string[][]> {
  const file = new URL("idle.ts", import.meta.url).pathname;
  const ourWeight = async (server: Server) => {
    const lock = `--lock=${new URL("../deno.lock", import.meta.url).pathname}`;
    const flags = [lock, "--v8-flags=--expose-gc", "--allow-env", "--allow-net", "--allow-read"];
    const args = ["ours", JSON.stringify(server), String(CLIENTS)];
    // What may be read and written is the Unix socket.
    const told = await output(Deno.execPath(), ["run", ...flags, "--allow-write", file, ...args]);
    if (told === undefined) throw new Error("The idle clients did not come about");
    return Number(told);
  };
  const weights: Weights = {};
  for (const name of TRANSPORTS) {
    const server = servers[name];
    if (server === undefined) continue;
    weights[name] = {
      our: [await ourWeight(server)],
      ...theirs && { their: [await theirs.idle(server, CLIENTS)] },
    };
  }
  return rowsOf(weights);
}

/** What each transport weighs. */
type Weights = Partial<Record<TransportName, Pick<Measured, "our" | "their">>>;

function rowsOf(weights: Weights): string[][] {
  return TRANSPORTS.flatMap((name) => {
    const weight = weights[name];
    if (weight === undefined) return [];
    return [cells(name, { ...weight, tcp: weights.tcp!.our }, { format: kilobytes })];
  });
}

/** What a line says: what ours measured, against TCP, and what theirs did. */
function cells(
  name: TransportName,
  { our, tcp, their }: Measured,
  { format, atMost }: { format: (value: number) => string; atMost?: number | undefined },
): string[] {
  const { ratio } = compare(tcp, our);
  const theirs = their === undefined ? undefined : compare(our, their);
  return [
    `  ${NAMES[name]}`,
    format(median(our)),
    ratio.toFixed(2),
    atMost?.toString() ?? "",
    atMost === undefined ? "" : ratio <= atMost ? "yes" : "NO",
    theirs === undefined ? "" : format(theirs.theirs),
    theirs?.ratio.toFixed(2) ?? "",
  ];
}

function throughput(contender: (server: Server) => Promise<Trial>): Work["ours"] {
  return async (server, stack) => await timing(stack.use(await contender(server)), TURN);
}

function receiving(qos: 0 | 1) {
  return {
    ours: throughput((server) => ours.receive(server, qos)),
    theirs: { name: "receive", qos },
    bare: (server: Server) => bare.receive(server, qos),
  } as const;
}

function thousandsPerSecond(nanoseconds: number): string {
  return `${Math.round(1e6 / nanoseconds).toLocaleString("en")} k/s`;
}

function microseconds(nanoseconds: number): string {
  return `${(nanoseconds / 1e3).toFixed(0)} µs`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toFixed(1)} kB`;
}
