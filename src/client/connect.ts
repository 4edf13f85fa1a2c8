// `connect()`: a client on the network of this machine.

import { systemClock } from "../io/clock.ts";
import { connectTcp } from "../io/tcp.ts";
import { Client } from "./client.ts";
import type { ServerSource } from "./connector.ts";
import type { World } from "./link.ts";
import type { ConnectOptions } from "./options.ts";

const WORLD: World = {
  clock: systemClock,
  dial: ({ hostname, port }, signal) => connectTcp({ hostname, port, signal }),
};

/**
 * Connects to a server of MQTT 5.0. Resolves when the server has accepted the client (CONNACK). Needs the permission net
 * for that host and no other.
 *
 * `urls` is one URL, such as `mqtt://user:password@host:1883`, or several, which are tried in turn, at each attempt; or a
 * function that is asked for them at each attempt. `options` has every field and property of CONNECT.
 *
 * Rejects with
 * - `TypeError` or `RangeError` when an argument is wrong: then nothing was sent;
 * - {@linkcode RefusedError} when the only server refuses the client;
 * - {@linkcode ConnectionClosedError} when no server is there, or none answers in time or as it should;
 * - the signal's reason when it aborts.
 *
 * @example There and back, with one server
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 *
 * async function main() {
 *   await using client = await connect("mqtt://localhost:1883", { clientId: "thermostat-7" });
 *   const readings = await client.subscribe("home/+/temperature", { qos: 1 });
 *   await client.publish("home/kitchen/temperature", "21.5", { qos: 1, retain: true });
 *   for await (const message of readings) console.log(message.topic, message.text());
 * }
 * ```
 */
export async function connect(urls: ServerSource, options: ConnectOptions = {}): Promise<Client> {
  return await new Client(WORLD, urls, options).start();
}
