// Payloads of all sizes arrive whole, there and back.

import { assertEquals } from "@std/assert";
import { connect, type QoS, type ServerAddress } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { certificateAuthority, opensslTest } from "../io/certificates.ts";
import { interopTest, withinPatience } from "./interop.ts";
import { EVERY_WAY, everywhereTest, type Way } from "./transports.ts";
import { connectMqttJs } from "./mqttjs.ts";
import type { Buffer } from "node:buffer";

/** Mosquitto's WebSockets take 44 seconds for the 300 kB: those of our broker are in their place. */
const SIZES: readonly (readonly [string, number, readonly (Way | "our ws" | "our wss")[]])[] = [
  ["0 bytes", 0, EVERY_WAY],
  ["1 byte", 1, EVERY_WAY],
  ["300 kB", 300_000, ["mqtt", "mqtts", "mutual", "unix", "our ws", "our wss"]],
  ["1 MB", 1_000_000, ["mqtt", "mqtts", "mutual", "unix", "our ws", "our wss"]],
  ["8 MB", 8_000_000, ["mutual", "unix", "our wss"]],
  ["64 MB", 64_000_000, ["mqtt", "mqtts", "our ws"]],
];

/** MQTT.js takes its time with more. */
const MOST_FOR_MQTTJS = 1_000_000;

for (const [name, size, over] of SIZES) {
  const title = `A payload of ${name} arrives whole, whatever its QoS`;
  for (const way of over) {
    if (way !== "our ws" && way !== "our wss") {
      everywhereTest(title, ({ url }) => thereAndBack(url, size), { over: [way] });
      continue;
    }
    opensslTest(`${title}, over ${way}`, async () => {
      const authority = await certificateAuthority();
      const isSecure = way === "our wss";
      await using broker = await serve({
        protocol: isSecure ? "wss" : "ws",
        limits: {
          maximumPacketSize: 65_000_000,
          queuedBytes: 200_000_000,
          sessionBytes: 400_000_000,
          memory: 2_000_000_000,
        },
        port: 0,
        ...isSecure && await authority.server(),
      });
      const { url } = broker;
      const server = isSecure ? { url, tls: { ca: authority.cert } } : url;
      await withinPatience(thereAndBack(server, size));
    });
  }

  if (size > MOST_FOR_MQTTJS) continue;
  interopTest(
    `A payload of ${name} comes back whole from MQTT.js, whatever its QoS`,
    async (server) => {
      await using theirs = await connectMqttJs(server);
      await theirs.client.subscribeAsync("there", { qos: 2 });
      await using client = await connect(server.url);
      const back = await client.subscribe("back", { qos: 2 });
      const sent = payload(size);
      const hash = await hashOf(sent);
      for (const qos of [0, 1, 2] as const) {
        await client.publish("there", sent, { qos });
        const { payload } = await theirs.next();
        assertEquals(await hashOf(new Uint8Array(payload as Buffer)), hash);
        await theirs.client.publishAsync("back", payload as Buffer, { qos });
        for await (const message of back) {
          assertEquals([message.qos, await hashOf(message.payload)], [qos, hash]);
          message.ack();
          break;
        }
      }
    },
  );
}

/** Sends it to another client, by each QoS, and that one sends it back. */
async function thereAndBack(url: ServerAddress, size: number): Promise<void> {
  await using sender = await connect(url);
  await using receiver = await connect(url);
  const there = await receiver.subscribe("there", { qos: 2 });
  const back = await sender.subscribe("back", { qos: 2 });
  const sent = payload(size);
  const hash = await hashOf(sent);
  const echo = (async () => {
    let left = 3;
    for await (const message of there) {
      await receiver.publish("back", message.payload, { qos: message.qos });
      message.ack();
      if (--left === 0) return;
    }
  })();
  const returned: [QoS, string][] = [];
  for (const qos of [0, 1, 2] as const) {
    await sender.publish("there", sent, { qos });
    for await (const message of back) {
      returned.push([message.qos, await hashOf(message.payload)]);
      message.ack();
      break;
    }
  }
  await echo;
  assertEquals(returned, [[0, hash], [1, hash], [2, hash]]);
}

/** Bytes no two stretches of which are alike: what is cut, doubled or shifted has another hash. */
function payload(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const words = new Uint32Array(bytes.buffer, 0, size >> 2);
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2_654_435_761);
  bytes.fill(0xa5, words.length * 4);
  return bytes;
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return new Uint8Array(digest).toHex();
}
