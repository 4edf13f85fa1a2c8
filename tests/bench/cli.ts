// How fast the command line is: its start against an empty script, its lines against mosquitto_pub and mosquitto_sub, in the
// same run and at the same Mosquitto. It judges nothing: it prints. Without Mosquitto it prints the start alone.
// deno run --allow-all tests/bench/cli.ts: the memory of another process is not for less.

import { type Mosquitto, startMosquitto } from "../io/mosquitto.ts";
import { compare, median, table, takeTurns, verdict } from "./harness.ts";

const ROUNDS = 9;
const LINE_ROUNDS = 5;

/** So many lines go through: few enough for mosquitto_pub, which has all of them in memory at once. */
const LINES = 300_000;

const CLI = new URL("../../cli.ts", import.meta.url).pathname;
const FOLDER = await Deno.makeTempDir({ prefix: "mqtt5-bench-" });
const EMPTY = `${FOLDER}/empty.ts`;
const INPUT = `${FOLDER}/lines.txt`;

/** A program with its arguments. */
type Line = readonly [program: string, ...args: string[]];

/** How a program ended: how long it took, and the most memory that it had, as far as that can be told. */
interface Run {
  readonly milliseconds: number;
  readonly kilobytes: number;
}

function ours(...args: readonly string[]): Line {
  return [Deno.execPath(), "run", "--no-prompt", "--allow-net=127.0.0.1", CLI, ...args];
}

/** Starts a program, with the lines as standard input if it wants them, and resolves when it has ended well. */
async function run([program, ...args]: Line, wantsLines = false): Promise<Run> {
  const begun = performance.now();
  const child = new Deno.Command(program, {
    args,
    stdin: wantsLines ? "piped" : "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const memory = peakOf(child.pid, child.status);
  const feeding = wantsLines ? feed(child.stdin) : undefined;
  const [stderr, { success }] = await Promise.all([
    new Response(child.stderr).text(),
    child.status,
    feeding,
  ]);
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${stderr}`);
  return { milliseconds: performance.now() - begun, kilobytes: await memory };
}

async function feed(stdin: WritableStream<Uint8Array>): Promise<void> {
  using file = await Deno.open(INPUT);
  await file.readable.pipeTo(stdin);
}

/** The most memory that a process has had, in kB; `NaN` where the system does not say. */
async function peakOf(pid: number, end: Promise<unknown>): Promise<number> {
  let hasEnded = false;
  void end.then(() => hasEnded = true);
  let most = NaN;
  while (!hasEnded) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    most = Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? most);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return most;
}

async function start(server: Mosquitto | undefined): Promise<void> {
  await Deno.writeTextFile(EMPTY, "");
  const port = server === undefined ? [] : ["-h", "127.0.0.1", "-p", String(server.port)];
  const works: [string, Line][] = [
    ["--help", ours("--help")],
    ["pub --help", ours("pub", "--help")],
    ["decode", ours("decode", "C000")],
    ...server === undefined ? [] : [
      ["pub -m", ours("pub", ...port, "-t", "a", "-m", "b")],
      ["sub -E", ours("sub", ...port, "-t", "a", "-E")],
    ] as [string, Line][],
  ];
  const line = table(["start, to the end", ...works.map(([name]) => name)]);
  line("start, to the end", "ours ms", "empty ms", "times");
  for (const [name, command] of works) {
    const [our, empty] = await takeTurns([
      async () => (await run(command)).milliseconds,
      async () => (await run([Deno.execPath(), "run", EMPTY])).milliseconds,
    ], ROUNDS);
    const { ours: mine, theirs, ratio } = compare(our!, empty!);
    line(name, mine.toFixed(1), theirs.toFixed(1), (1 / ratio).toFixed(2));
  }
}

async function lines({ port }: Mosquitto): Promise<void> {
  await Deno.writeTextFile(INPUT, Array.from({ length: LINES }, (_, at) => `${at}\n`).join(""));
  const place = ["-h", "127.0.0.1", "-p", String(port), "-q", "1"];
  const publish = (topic: string) => [...place, "-t", topic, "-l"];
  const subscribe = [...place, "-t", "lines", "-C", String(LINES)];
  const line = table([`${LINES} lines at QoS 1`, "pub -l", "sub -C"]);
  line(`${LINES} lines at QoS 1`, "ours /s", "theirs /s", "ratio", "", "", "ours kB", "theirs kB");
  const subscribed = async (subscriber: Line) => {
    const receiving = run(subscriber);
    // Nobody says when it has subscribed: a message that is too early is missed, and it never ends.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const begun = performance.now();
    await run(ours("pub", ...publish("lines")), true);
    const { kilobytes } = await receiving;
    return { milliseconds: performance.now() - begun, kilobytes };
  };
  for (
    const [name, work] of [
      ["pub -l", [
        () => run(ours("pub", ...publish("nobody")), true),
        () => run(["mosquitto_pub", "-V", "5", ...publish("nobody")], true),
      ]],
      ["sub -C", [
        () => subscribed(ours("sub", ...subscribe)),
        () => subscribed(["mosquitto_sub", "-V", "5", ...subscribe]),
      ]],
    ] as const
  ) {
    const memory: number[][] = [[], []];
    const [our, their] = await takeTurns(
      work.map((once, side) => async () => {
        const { milliseconds, kilobytes } = await once();
        memory[side]!.push(kilobytes);
        return milliseconds;
      }),
      LINE_ROUNDS,
    );
    const result = compare(our!, their!);
    const rate = (milliseconds: number) =>
      Math.round(LINES / milliseconds * 1000).toLocaleString("en");
    line(
      name,
      rate(result.ours),
      rate(result.theirs),
      ...verdict(result, undefined),
      ...memory.map((values) => median(values).toLocaleString("en")),
    );
  }
}

const server = await startMosquitto({
  configuration: ["max_queued_messages 0", "max_inflight_messages 1000"],
}).catch(() => undefined);
try {
  await start(server);
  if (server === undefined) console.log("Mosquitto is not installed: nothing to compare with");
  else await lines(server);
} finally {
  await server?.[Symbol.asyncDispose]();
  await Deno.remove(FOLDER, { recursive: true });
}
