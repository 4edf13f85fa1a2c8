// `connect()`: a client on the network of this machine.

import { systemClock } from "../io/clock.ts";
import { nextTurn } from "../io/runtime.ts";
import { dial } from "../io/dial.ts";
import { type Client, startClient } from "./client.ts";
import { DURABLE_SESSIONS } from "./durable_session.ts";
import { SOCKETS } from "./sockets.ts";
import type { World } from "./connection_attempt.ts";
import type { ConnectOptions } from "./options.ts";
import type { ServerSource } from "./servers.ts";

const WORLD: World = {
  clock: systemClock,
  dial: (destination, signal) => dial(destination, { signal }),
  sockets: SOCKETS,
  endOfTurn: nextTurn,
  durable: DURABLE_SESSIONS,
};

/**
 * Connects to a server of MQTT 5.0. Resolves when the server has accepted the client (CONNACK).
 * Needs the permission net for that host and no other; for a Unix socket, read and write for its
 * path, too.
 *
 * `urls` says where the server is:
 * - a URL, `mqtt://user:password@host:1883` for TCP, `mqtts://host:8883` for TLS,
 *   `ws://host:80/mqtt`
 *   and `wss://host:443/mqtt` for WebSocket, `mqtt+unix:///run/mqtt.sock` for a Unix socket;
 * - `{ url, tls, headers, proxy }`, a URL with options of its own;
 * - `{ readable, writable }` or a `Deno.Conn`, any byte stream that is open already, or
 *   `{ connect({ signal }) }`, which opens one at each attempt;
 * - several of these, which are tried in turn at each attempt;
 * - a function that is asked for any of these at each attempt, as for URLs that are signed.
 *
 * `options` has every field and property of CONNECT. Browsers reach `ws://` and `wss://` alone.
 *
 * Rejects with
 * - `TypeError` or `RangeError` when an argument is wrong: then nothing was sent;
 * - {@linkcode RefusedError} when the only server refuses the client;
 * - {@linkcode ConnectionClosedError} when no server is there, or none answers in time or as it
 *   should;
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
 *
 * @example TLS with an authority of one's own, and a client certificate
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 *
 * async function main() {
 *   await using client = await connect("mqtts://broker.example:8883", {
 *     tls: {
 *       ca: await Deno.readTextFile("ca.pem"),
 *       cert: await Deno.readTextFile("device.pem"),
 *       key: await Deno.readTextFile("device.key"),
 *     },
 *   });
 *   await client.publish("home/kitchen/temperature", "21.5");
 * }
 * ```
 */
export async function connect(urls: ServerSource, options: ConnectOptions = {}): Promise<Client> {
  return await startClient(WORLD, urls, options);
}
