// MQTT.js at work on Node for the benchmark of transports. Told the name of a transport in a line, it does its work over that,
// and tells how many nanoseconds one operation took. It ends when its standard input does.
// node theirs_worker.ts '{ "work": …, "servers": …, "turn": … }'

import process from "node:process";
import { createInterface } from "node:readline";
import { latency, type Measurement, opening, timing } from "./harness.ts";
import type { Server } from "./server.ts";
import * as theirs from "./theirs.ts";
import type { TheirWork } from "./theirs_on_node.ts";

/** Messages in one run: few, for WebSockets are slow here. */
const MESSAGES = 5_000;

const { work, servers, turn } = JSON.parse(process.argv[2]!) as {
  readonly work: TheirWork;
  readonly servers: Readonly<Record<string, Server>>;
  readonly turn: number;
};
const measurements = new Map<string, Measurement>();
for (const [name, server] of Object.entries(servers)) {
  measurements.set(name, await measurementOf(work, server));
}
console.log("ready");
for await (const name of createInterface({ input: process.stdin })) {
  console.log(await measurements.get(name)!());
}
process.exit();

async function measurementOf({ name, qos }: TheirWork, server: Server): Promise<Measurement> {
  switch (name) {
    case "publishUnawaited":
      return timing(await theirs.publishUnawaited(server, MESSAGES), turn);
    case "publishInFlight":
      return timing(await theirs.publishInFlight(server, 1, MESSAGES), turn);
    case "receive":
      return timing(await theirs.receive(server, qos, MESSAGES), turn);
    case "publishOne":
      return latency(await theirs.publishOne(server));
    case "connect":
      return opening(() => theirs.connect(server), (client) => client.endAsync());
  }
}
