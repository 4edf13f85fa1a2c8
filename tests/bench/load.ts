// The load of the broker benchmark, a process of its own and the same for every broker: bare sockets, packets made beforehand,
// messages counted and not looked at. What it costs itself is kept small, for broker and load may have to share a core.
//
// Each line of its standard input is a number of messages, or of connections. Each line of its standard output says how many
// nanoseconds one of them took, and which part of the time this process was busy.
// deno run --allow-net=127.0.0.1 tests/bench/load.ts URL 4|5 one|many|acknowledged|idle

import { cpuUsage } from "node:process";
import { type BareLink, type BareOptions, connect, dial } from "./bare.ts";
import { linesOf } from "./child.ts";
import { PatientLink, Pause } from "./patient_link.ts";
import { connectPacket, type ProtocolVersion, subscribePacket } from "./peer_bytes.ts";
import { source } from "./peer_link.ts";
import type { Server } from "./server.ts";
import { KEEP_ALIVE, PAYLOAD, TOPIC } from "./trial.ts";
import type { Wire } from "./wire.ts";

/** Where the broker is, and what it speaks. */
interface Target extends Server {
  readonly version: ProtocolVersion;
}

/** Brings so many messages through the broker, or makes so many connections. */
type Load = (count: number) => Promise<void>;

/** Messages of QoS 1 in flight from the publisher, at most. */
const IN_FLIGHT = 100;

/** So many of them are published together, or more: between 75 and 100 are in flight. */
const TOGETHER = 25;

/** Messages that a subscriber takes at QoS 1 before it has acknowledged them: all that there may be. */
const RECEIVE_MAXIMUM = 65_535;

/** A slice of messages of QoS 0 is published when the tenth before it has arrived everywhere: nobody has to drop any. */
const SLICES_UNDER_WAY = 10;

/** Connections that are made at the same time. */
const DIALLED_TOGETHER = 50;

const NO_IDENTIFIER = new Uint8Array(0);

const LOADS: Readonly<Record<string, (target: Target) => Load | Promise<Load>>> = {
  one: (target) => flood(target, 1, 1_000),
  many: (target) => flood(target, 100, 100),
  acknowledged,
  idle,
};

if (import.meta.main) {
  const [url, version, work, tls] = Deno.args;
  const target = {
    url: url!,
    version: Number(version) as ProtocolVersion,
    tls: JSON.parse(tls ?? "null") ?? undefined,
  };
  const load = await LOADS[work!]!(target);
  console.log("ready");
  for await (const line of linesOf(Deno.stdin.readable)) {
    console.log(await measured(load, Number(line)));
  }
  Deno.exit();
}

/** Nanoseconds for each of so many, and the busy part of the time. */
async function measured(load: Load, count: number): Promise<string> {
  const before = cpuUsage();
  const start = performance.now();
  await load(count);
  const milliseconds = performance.now() - start;
  const { user, system } = cpuUsage(before);
  return `${milliseconds * 1e6 / count} ${(user + system) / 1e3 / milliseconds}`;
}

/** Publishes at QoS 0, whole slices, to so many subscribers. A message counts when all of them have it. */
async function flood(target: Target, subscriberCount: number, slice: number): Promise<Load> {
  const publisher = await publish(target);
  const pause = new Pause();
  const makeLink = (connection: Wire, inFlight: number) =>
    new PatientLink(connection, inFlight, pause);
  const subscribers: BareLink[] = [];
  while (subscribers.length < subscriberCount) {
    const clientId = `subscriber-${subscribers.length}`;
    subscribers.push(await subscribe(target, { clientId, makeLink }, 0));
  }
  const messages = source(TOPIC, 0, NO_IDENTIFIER, PAYLOAD, 0, target.version);
  return async (count) => {
    const slices = Math.ceil(count / slice);
    for (let sent = 0, arrived = 0; arrived < slices;) {
      if (sent < slices && sent - arrived < SLICES_UNDER_WAY) {
        messages.left = slice;
        await publisher.send(messages);
        sent++;
      } else {
        for (const link of subscribers) await link.until("received", slice);
        arrived++;
      }
    }
  };
}

/** Publishes at QoS 1 to one subscriber, which acknowledges. A message counts when it is there and acknowledged. */
async function acknowledged(target: Target): Promise<Load> {
  const publisher = await publish(target);
  const link = await subscribe(target, { clientId: "subscriber" }, 1);
  return async (count) => {
    const messages = source(TOPIC, 1, NO_IDENTIFIER, PAYLOAD, count, target.version);
    messages.together = TOGETHER;
    await publisher.send(messages);
    await publisher.until("acknowledged", count);
    await link.until("received", count);
  };
}

/** Connects, and leaves it at that. */
function idle(target: Target): Load {
  const connections: Wire[] = [];
  const connectOne = async () => {
    const connection = await dial(target);
    const clientId = `idle-${connections.push(connection)}`;
    await connection.write(connectPacket(clientId, KEEP_ALIVE, IN_FLIGHT, target.version));
    // A CONNACK is small, and comes whole.
    if (await connection.read(new Uint8Array(1_024)) === null) throw new Error("Refused");
  };
  return async (count) => {
    for (const end = connections.length + count; connections.length < end;) {
      const together = Math.min(DIALLED_TOGETHER, end - connections.length);
      await Promise.all(Array.from({ length: together }, connectOne));
    }
  };
}

function publish(target: Target): Promise<BareLink> {
  const { version } = target;
  return connect(target, { clientId: "publisher", inFlight: IN_FLIGHT, version });
}

async function subscribe(
  target: Target,
  options: BareOptions,
  qos: 0 | 1,
): Promise<BareLink> {
  const { version } = target;
  const link = await connect(target, { ...options, inFlight: RECEIVE_MAXIMUM, version });
  await link.write(subscribePacket(TOPIC, qos, version));
  await link.until("agreed", 1);
  return link;
}
