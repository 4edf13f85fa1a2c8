// The disk of the broker is full again and again, at moments that a seed chooses, while messages go to a session that is
// offline and are retained; sometimes the broker is killed when it is. What was acknowledged is there in the end, what goes at
// QoS 2 comes once, and clients that need no disk are served all the time.
// deno run --allow-all tests/prove/disk.ts [RUNS [FIRST SEED]]: as a user who may mount a file system

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, connect, type ConnectOptions, RefusedError } from "../../mod.ts";
import { QUICKLY } from "../broker_net/broker_net.ts";
import { BrokerProcess } from "../broker_net/broker_process.ts";
import { Random } from "../../src/testing/random.ts";
import { runAll } from "./runs.ts";

const RUNS = 50;

/** The disk, in bytes. It grows by as much when it has been full: what waits for the session needs room. */
const SIZE = 4_194_304;

/** How often the disk fills up in a run. */
const TIMES = 4;

/** Payloads are no longer, in bytes. */
const LONGEST = 6000;

const SESSION = { cleanStart: false, sessionExpiryInterval: 1000 } as const;

if (import.meta.main) Deno.exit(await runAll("disk", disk, RUNS, Deno.args));

/** The last message to a topic whose fate is told, and whether it is retained now. */
interface Settled {
  readonly number: number;
  readonly isKnown: boolean;
}

async function disk(
  seed: number,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<string> {
  await runProgram("mount", "-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", folder);
  stack.defer(() => runProgram("umount", folder));
  const random = new Random(seed);
  const broker = stack.use(await BrokerProcess.start("--file", `${folder}/broker.db`));
  const open = async (options: ConnectOptions) =>
    stack.use(await connect(() => broker.url, { reconnect: QUICKLY, ...options }));
  const offline = await open({ ...SESSION, clientId: "offline" });
  await offline.subscribe("news", { qos: 2 });
  await offline.disconnect();
  const publisher = await open({ ...SESSION, clientId: "publisher" });
  const bystander = await open({ clientId: "bystander" });
  const echo = (await bystander.subscribe("echo"))[Symbol.asyncIterator]();
  const acknowledged = new Map<string, 1 | 2>();
  const retained = new Map<string, Settled>();
  let number = 0;
  let refused = 0;
  let kills = 0;
  /** A message of QoS 1 may be settled before one of QoS 2 that was sent earlier: the last one sent counts. */
  const settle = (topic: string, settled: Settled) => {
    if (settled.number > (retained.get(topic)?.number ?? -1)) retained.set(topic, settled);
  };
  /** Publishes, and notes what was promised. */
  const publish = async () => {
    const qos = random.onceIn(2) ? 1 : 2;
    const mine = number++;
    const text = `${mine} ${"x".repeat(random.below(LONGEST))}`;
    const isRetained = random.onceIn(4);
    const topic = isRetained ? `state/${random.below(5)}` : "news";
    try {
      await publisher.publish(topic, text, { qos, retain: isRetained });
      if (isRetained) settle(topic, { number: mine, isKnown: true });
      else acknowledged.set(text, qos);
      return true;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      assertStrictEquals(error.reasonCode, 0x97);
      // What was retained before may be of any publisher's: it is not known.
      if (isRetained) settle(topic, { number: mine, isKnown: false });
      refused++;
      return false;
    }
  };
  const ballast = `${folder}/ballast`;
  for (let time = 0; time < TIMES; time++) {
    const room = random.below(60);
    for (let count = 0; count < room; count++) await publish();
    await fillUp(ballast);
    for (let last = true; last || random.below(4) > 0;) {
      last = await publish();
      await bystander.publish("echo", "1", { qos: 1 });
      assertStrictEquals((await echo.next()).value?.text(), "1");
    }
    if (random.onceIn(3)) {
      kills++;
      // In the middle of some.
      const under = Promise.all(Array.from({ length: random.below(10) }, publish));
      await broker.stop("SIGKILL");
      const isFullAtStart = random.onceIn(2);
      if (!isFullAtStart) await Deno.remove(ballast);
      await broker.start();
      if (isFullAtStart) await Deno.remove(ballast);
      await under;
    } else await Deno.remove(ballast);
    // It tries again after a while.
    for (let isThere = false; !isThere;) {
      isThere = await publish();
      if (!isThere) await new Promise((resolve) => setTimeout(resolve, 50));
      if (number > 5000) throw new Error("It does not recover");
      await grow(folder, SIZE * (time + 2));
    }
  }
  if (random.onceIn(2)) await broker.crash();
  const again = await open({ ...SESSION, clientId: "offline" });
  assertStrictEquals(again.server.sessionPresent, true);
  await verify(again, acknowledged, retained, publisher);
  return `${acknowledged.size} acknowledged, ${refused} refused, ${kills} kills`;
}

/** Everything that was acknowledged is there; what is at QoS 2 once. */
async function verify(
  client: Client,
  acknowledged: ReadonlyMap<string, 1 | 2>,
  retained: ReadonlyMap<string, Settled>,
  publisher: Client,
): Promise<void> {
  await publisher.publish("news", "end", { qos: 2 });
  const came = new Map<string, number>();
  for await (const message of client.messages) {
    const text = message.text();
    if (text === "end") break;
    came.set(text, (came.get(text) ?? 0) + 1);
  }
  const lost = [...acknowledged.keys()].filter((text) => !came.has(text));
  assertEquals(lost.map(numberOf), [], "these are lost");
  const twice = [...acknowledged].filter(([text, qos]) => qos === 2 && came.get(text)! > 1);
  assertEquals(twice.map(([text]) => numberOf(text)), [], "these have come more than once");
  for (const [topic, { number, isKnown }] of retained) {
    if (!isKnown) continue;
    const { value } = await (await client.subscribe(topic))[Symbol.asyncIterator]().next();
    assertEquals(numberOf(value!.text()), `${number}`, `what is retained at ${topic}`);
  }
}

function numberOf(text: string): string {
  return text.split(" ")[0]!;
}

/** Leaves next to nothing. */
async function fillUp(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const block = new Uint8Array(4096);
  for (let written = 0; written < 10 * SIZE; written += block.length) {
    try {
      await file.write(block);
    } catch {
      return;
    }
  }
}

async function grow(folder: string, size: number): Promise<void> {
  await runProgram("mount", "-o", `remount,size=${size}`, folder);
}

async function runProgram(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}
