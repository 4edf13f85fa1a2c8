// What it costs to be watched: a gigabyte of messages through `inspect`, beside a relay that looks at nothing and no relay at
// all, with the most memory that each of them took; and the broker with and without its page. It judges nothing: it prints.
// deno run --allow-env --allow-net=127.0.0.1 --allow-read --allow-run tests/bench/inspect.ts [MEGABYTES]

import { connectTcp } from "../../src/io/tcp.ts";
import { listen } from "../../src/io/listen.ts";
import { relay } from "../../src/cli/inspect/relay.ts";
import { freePort } from "../io/mosquitto.ts";
import { Child, linesOf } from "./child.ts";
import { median, table } from "./harness.ts";
import { connectPacket, publishPacket, repeated } from "./peer_bytes.ts";
import { PAYLOAD, TOPIC } from "./trial.ts";

const CLI = new URL("../../cli.ts", import.meta.url).pathname;
const SELF = new URL(import.meta.url).pathname;

const ROUNDS = 3;
const BLOCK = 262_144;
const CONNACK = new Uint8Array([0x20, 3, 0, 0, 0]);

/** A way to the server. */
interface Way {
  readonly name: string;
  /** The arguments of the process between client and server; none for no process. */
  readonly args?: (server: string, port: string) => readonly string[];
  /** Whether somebody looks at its page. */
  readonly isViewed?: boolean;
}

const inspect = (server: string, port: string): string[] => {
  return ["run", "--allow-net", CLI, "inspect", "--listen", port, server];
};
const withPage = (server: string, port: string): string[] => [...inspect(server, port), "--page=0"];

const WAYS: readonly Way[] = [
  { name: "direct" },
  {
    name: "plain relay",
    args: (server, port) => ["run", "--allow-all", SELF, "relay", server, port],
  },
  { name: "inspect > /dev/null", args: inspect },
  { name: "inspect --page", args: withPage },
  { name: "inspect --page, looked at", args: withPage, isViewed: true },
];

/** What is sent, and which part of the bytes: small packets cost more than their bytes. */
const WORKS: readonly (readonly [name: string, packet: Uint8Array, part: number])[] = [
  ["payload of 64 bytes", publishPacket(TOPIC, 0, new Uint8Array(0), PAYLOAD, 5), 0.02],
  ["payload of 64 kB", largePacket(65_536), 1],
  ["payload of 1 MB", largePacket(1_048_576), 1],
];

/** What `load.ts` does, and how often. */
const LOADS = [["one", 100_000], ["many", 5_000], ["acknowledged", 50_000]] as const;

if (import.meta.main) {
  const [first = "1000", server, port] = Deno.args;
  if (first === "relay") await relayTo(Number(new URL(server!).port), Number(port));
  else {
    if (first !== "0") await compareWays(Number(first) * 1e6);
    await compareBrokers();
    Deno.exit();
  }
}

async function compareWays(bytes: number): Promise<void> {
  const line = table([...WORKS.map(([name]) => name), ...WAYS.map(({ name }) => `  ${name}`)]);
  line(`${bytes / 1e6} MB`, "MB/s", "messages/s", "of direct", "most memory");
  for (const [name, packet, part] of WORKS) {
    line(name);
    let direct = 0;
    for (const way of WAYS) {
      const { speed, memory } = await measure(way, packet, bytes * part);
      direct ||= speed;
      line(
        `  ${way.name}`,
        (speed / 1e6).toFixed(0),
        Math.round(speed / packet.length).toLocaleString("en"),
        (speed / direct).toFixed(2),
        memory === undefined ? "" : `${(memory / 1e6).toFixed(0)} MB`,
      );
    }
  }
}

/** Bytes a second on a way, the median, and the most memory that its process took. */
async function measure(
  { args, isViewed = false }: Way,
  packet: Uint8Array,
  bytes: number,
): Promise<{ readonly speed: number; readonly memory: number | undefined }> {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = args === undefined ? server.addr.port : freePort();
  const given = args?.(`mqtt://127.0.0.1:${server.addr.port}`, String(port));
  const process = given && new Deno.Command(Deno.execPath(), {
    args: [...given],
    stdin: "null",
    stdout: "null",
    stderr: isViewed ? "piped" : "null",
  }).spawn();
  if (isViewed) void look(process!.stderr);
  const connection = await dial(port);
  const accepted = await server.accept();
  const speeds: number[] = [];
  await connection.write(connectPacket("bench", 0, 100, 5));
  await accepted.read(new Uint8Array(1024));
  await accepted.write(CONNACK);
  await connection.read(new Uint8Array(1024));
  const block = blockOf(packet);
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const count = Math.ceil(bytes / ROUNDS / block.length) * block.length;
    await Promise.all([send(connection, block, count), receive(accepted, count)]);
    speeds.push(count * 1000 / (performance.now() - start));
  }
  const memory = process && mostMemoryOf(process.pid);
  process?.kill("SIGKILL");
  await process?.status;
  for (const open of [connection, accepted, server]) open.close();
  return { speed: median(speeds), memory };
}

/** Looks at the page, the link of which comes on standard error. */
async function look(stderr: ReadableStream<Uint8Array>): Promise<void> {
  for await (const line of linesOf(stderr)) {
    const [, origin, token] = /(http:\S+)#(\S+)/.exec(line) ?? [];
    if (origin === undefined) continue;
    const { body } = await fetch(`${origin}events?token=${token}`);
    // It ends with the process.
    body!.pipeTo(new WritableStream()).catch(() => {});
  }
}

async function send(connection: Deno.TcpConn, block: Uint8Array, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += block.length) {
    for (let at = 0; at < block.length;) at += await connection.write(block.subarray(at));
  }
}

async function receive(connection: Deno.TcpConn, count: number): Promise<void> {
  const buffer = new Uint8Array(BLOCK);
  for (let received = 0; received < count;) received += await connection.read(buffer) ?? Infinity;
}

/** Connects as soon as somebody listens. */
async function dial(port: number): Promise<Deno.TcpConn> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("Nobody listens");
}

/** Packets one after the other, in a block that is written at once. */
function blockOf(packet: Uint8Array): Uint8Array {
  return repeated(packet, Math.ceil(BLOCK / packet.length));
}

/** A PUBLISH at QoS 0 of this size. */
function largePacket(size: number): Uint8Array {
  const rest = size - 4;
  const packet = new Uint8Array(size).fill(0x61);
  packet.set([0x30, rest & 0x7f | 0x80, rest >> 7 & 0x7f | 0x80, rest >> 14, 0, 1, 0x61, 0]);
  return packet;
}

/** The most memory that a process has had, in bytes, where the system tells. */
function mostMemoryOf(pid: number): number | undefined {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
    return Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** A relay that looks at nothing. */
async function relayTo(server: number, port: number): Promise<void> {
  const { signal } = new AbortController();
  const limits = { handshakeTimeout: 10_000, handshakes: 10, onRefused() {} };
  await listen({ protocol: "mqtt", hostname: "127.0.0.1", port }, limits, async (client) => {
    const ends = {
      client,
      server: await connectTcp({ hostname: "127.0.0.1", port: server, signal }),
    };
    await relay(ends, { pass() {}, end() {} });
  });
}

/** The broker with and without its page, under the loads of the broker's own benchmark. */
async function compareBrokers(): Promise<void> {
  const line = table(LOADS.map(([load]) => `broker, ${load}`));
  line("messages in a second", "no page", "page", "ratio");
  for (const [load, count] of LOADS) {
    const speeds = [
      await brokerSpeed([], load, count),
      await brokerSpeed(["--page=0"], load, count),
    ];
    const shown = speeds.map((speed) => Math.round(speed).toLocaleString("en"));
    line(`broker, ${load}`, ...shown, (speeds[1]! / speeds[0]!).toFixed(2));
  }
}

async function brokerSpeed(args: readonly string[], load: string, count: number): Promise<number> {
  const cli = ["run", "--allow-net=127.0.0.1", CLI, "broker", "--port", "0", ...args];
  await using broker = new Child(Deno.execPath(), cli);
  let port: string | undefined;
  while (port === undefined) [, port] = /listening on .*:(\d+)$/.exec(await broker.hear()) ?? [];
  void broker.ignore();
  const file = new URL("load.ts", import.meta.url).pathname;
  const url = `mqtt://127.0.0.1:${port}`;
  await using client = new Child(Deno.execPath(), [
    "run",
    "--allow-net=127.0.0.1",
    file,
    url,
    "5",
    load,
  ]);
  await client.hear();
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    await client.tell(String(count));
    const [nanoseconds] = (await client.hear()).split(" ");
    // The first is for warming up.
    if (round > 0) times.push(Number(nanoseconds));
  }
  return 1e9 / median(times);
}
