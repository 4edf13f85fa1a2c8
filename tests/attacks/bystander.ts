// A client that has nothing to do with an attack: every few milliseconds it publishes at QoS 1 to itself, and takes the time
// until the message has come back and is acknowledged. A message that is due while the one before is still under way counts
// from when it was due: who is held up for a second is held up fifty times.
// deno run --allow-net=127.0.0.1 tests/attacks/bystander.ts PORT NAME

import { encodePacket, PacketDecoder } from "../../mod.ts";
import { Child, linesOf } from "../bench/child.ts";

/** Milliseconds between two messages. */
const INTERVAL = 20;

/** What was measured since the last time; durations in milliseconds. */
export interface Measured {
  /** Round trips. */
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** Why the client is gone, if it is. */
  readonly lost?: string;
  /** How long each round trip took. */
  readonly durations: readonly number[];
  /** How long those have been due that have not come back: they count in the numbers above. */
  readonly waiting: readonly number[];
}

/** A bystander in a process of its own. */
export class Bystander implements AsyncDisposable {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Starts one. Resolves when it is served. */
  static async start(port: number, name: string): Promise<Bystander> {
    const file = new URL(import.meta.url).pathname;
    const args = ["run", "--quiet", "--allow-net=127.0.0.1", file, String(port), name];
    const child = new Child(Deno.execPath(), args);
    await child.hear();
    return new Bystander(child);
  }

  /** What was measured since the last call. */
  async measure(): Promise<Measured> {
    await this.#child.tell("tell");
    return JSON.parse(await this.#child.hear());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}

/** The value below which that part of them is. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

async function stand(port: number, name: string): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const decoder = new PacketDecoder();
  const topic = `bystander/${name}`;
  const next = async () => {
    for (;;) {
      const packet = decoder.next();
      if (packet !== undefined) return packet;
      const buffer = new Uint8Array(4096);
      const length = await connection.read(buffer);
      if (length === null) throw new Error("the broker has closed the connection");
      decoder.push(buffer.subarray(0, length));
    }
  };
  const expect = async (type: string) => {
    const packet = await next();
    if (packet.type !== type) throw new Error(`${packet.type} came instead of ${type}`);
  };
  await connection.write(encodePacket({ type: "connect", clientId: name, keepAlive: 0 }));
  await expect("connack");
  const subscriptions = [{ topicFilter: topic, qos: 1 }] as const;
  await connection.write(encodePacket({ type: "subscribe", packetId: 1, subscriptions }));
  await expect("suback");
  console.log("here");

  let durations: number[] = [];
  let due = performance.now();
  let lost: string | undefined;
  const message = encodePacket({ type: "publish", topic, qos: 1, packetId: 1, payload: PAYLOAD });
  let isUnderWay = false;
  const roundTrip = async () => {
    isUnderWay = true;
    await connection.write(message);
    for (let isBack = false, isAcknowledged = false; !isBack || !isAcknowledged;) {
      const packet = await next();
      if (packet.type === "puback") {
        if (packet.reasonCode >= 0x80) {
          throw new Error(`PUBACK 0x${packet.reasonCode.toString(16)}`);
        }
        isAcknowledged = true;
      } else if (packet.type === "publish") {
        await connection.write(encodePacket({ type: "puback", packetId: packet.packetId }));
        isBack = true;
      } else if (packet.type === "disconnect") {
        throw new Error(`DISCONNECT 0x${packet.reasonCode.toString(16)}`);
      } else throw new Error(`${packet.type} came`);
    }
    isUnderWay = false;
  };
  const going = (async () => {
    for (;;) {
      due += INTERVAL;
      const wait = due - performance.now();
      if (wait > 0) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        // That a timer is late is not the broker's doing.
        due = performance.now();
      }
      await roundTrip();
      durations.push(performance.now() - due);
    }
  })().catch((error) => void (lost = (error as Error).message));
  for await (const _ of linesOf(Deno.stdin.readable)) {
    // Those that are due and have not come back count as what they have taken so far.
    const now = performance.now();
    const late = lost === undefined && isUnderWay ? dueBetween(due, now) : [];
    const waiting = late.map((time) => now - time);
    const all = [...durations, ...waiting];
    const measured: Measured = {
      count: all.length,
      p50: quantile(all, 0.5),
      p99: quantile(all, 0.99),
      longest: quantile(all, 1),
      ...lost !== undefined && { lost },
      durations,
      waiting,
    };
    durations = [];
    console.log(JSON.stringify(measured));
  }
  await going;
}

function dueBetween(first: number, end: number): number[] {
  const times: number[] = [];
  for (let time = first; time < end; time += INTERVAL) times.push(time);
  return times;
}

const PAYLOAD = new Uint8Array(16);

if (import.meta.main) await stand(Number(Deno.args[0]), Deno.args[1]!);
