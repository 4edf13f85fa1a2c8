// MQTT.js at work for the client benchmark. Its rule: what its documentation has to make it fast is used, as long as it
// does no less for it than our client does.

import { Buffer } from "node:buffer";
import mqtt, { type MqttClient } from "../npm/mqtt.ts";
import type { Server } from "./server.ts";
import {
  ECHO_TOPIC,
  FEWER,
  IN_FLIGHT,
  KEEP_ALIVE,
  look,
  MANY,
  PAYLOAD,
  SLICE,
  sourceFilter,
  TOPIC,
  type Trial,
} from "./trial.ts";

/** It is quickest with a `Buffer`. */
const BUFFER = Buffer.from(PAYLOAD);

/** Messages published at once when as many were acknowledged: it writes once for all it is given in one turn. */
const REFILL = 100;

/** Publishes at QoS 0 and waits for nothing but the end. */
export async function publishUnawaited(server: Server, messages = MANY): Promise<Trial> {
  const client = await connect(server);
  return trial(client, messages, async () => {
    for (let count = 1; count < messages; count++) client.publish(TOPIC, BUFFER);
    // It comes last, so its PUBACK says that the peer has all of them.
    await client.publishAsync(TOPIC, BUFFER, { qos: 1 });
  });
}

/** Publishes at QoS 0 and waits for the last of every slice. */
export async function publishInSlices(server: Server): Promise<Trial> {
  const client = await connect(server);
  return trial(client, MANY, async () => {
    for (let count = 1; count < MANY; count++) {
      if (count % SLICE === 0) await client.publishAsync(TOPIC, BUFFER);
      else client.publish(TOPIC, BUFFER);
    }
    await client.publishAsync(TOPIC, BUFFER, { qos: 1 });
  });
}

/** Publishes at QoS 0 and waits for every call. */
export async function publishAwaited(server: Server): Promise<Trial> {
  const client = await connect(server);
  return trial(client, MANY, async () => {
    for (let count = 1; count < MANY; count++) await client.publishAsync(TOPIC, BUFFER);
    await client.publishAsync(TOPIC, BUFFER, { qos: 1 });
  });
}

/** Publishes with 1,000 messages in flight. */
export async function publishInFlight(
  server: Server,
  qos: 1 | 2,
  messages = FEWER,
): Promise<Trial> {
  const client = await connect(server);
  const options = { qos };
  return trial(client, messages, () =>
    new Promise((resolve, reject) => {
      let acknowledged = 0;
      const publish = (count: number) => {
        for (let begun = 0; begun < count; begun++) {
          client.publish(TOPIC, BUFFER, options, acknowledge);
        }
      };
      const acknowledge = (error?: Error | null) => {
        if (error) return reject(error);
        acknowledged++;
        if (acknowledged === messages) resolve();
        else if (acknowledged % REFILL === 0 && acknowledged <= messages - IN_FLIGHT) {
          publish(REFILL);
        }
      };
      publish(IN_FLIGHT);
    }));
}

/** Subscribes to many messages, looks at each, and unsubscribes. */
export async function receive(
  server: Server,
  qos: 0 | 1 | 2,
  count = qos === 0 ? MANY : FEWER,
): Promise<Trial> {
  const client = await connect(server);
  const topicFilter = sourceFilter(qos, count);
  let left = 0;
  let finish = () => {};
  client.on("message", (topic, payload) => {
    look(topic, payload);
    if (--left === 0) finish();
  });
  return trial(client, count, async () => {
    left = count;
    const finished = new Promise<void>((resolve) => finish = resolve);
    await client.subscribeAsync(topicFilter, { qos });
    await finished;
    await client.unsubscribeAsync(topicFilter);
  });
}

/** Publishes one message and waits until it has come back. */
export async function roundTrip(server: Server): Promise<Trial> {
  const client = await connect(server);
  let finish = () => {};
  client.on("message", () => finish());
  await client.subscribeAsync(ECHO_TOPIC);
  return trial(client, 1, () =>
    new Promise((resolve) => {
      finish = resolve;
      client.publish(ECHO_TOPIC, BUFFER);
    }));
}

/** Publishes one message at QoS 1. */
export async function publishOne(server: Server): Promise<Trial> {
  const client = await connect(server);
  return trial(client, 1, async () => {
    await client.publishAsync(TOPIC, BUFFER, { qos: 1 });
  });
}

/** A client of protocol version 5 without the calls of its debug log and without a new timer at each acknowledgement. */
export function connect({ url, tls }: Server, clientId = `theirs ${url}`): Promise<MqttClient> {
  const options = {
    clientId,
    keepalive: KEEP_ALIVE,
    log() {},
    properties: { receiveMaximum: IN_FLIGHT },
    protocolVersion: 5,
    reconnectPeriod: 0,
    reschedulePings: false,
    ...tls,
  } as const;
  return mqtt.connectAsync(url, options, false);
}

function trial(client: MqttClient, operations: number, run: () => Promise<void>): Trial {
  return {
    operations,
    run,
    async [Symbol.asyncDispose]() {
      await client.endAsync();
    },
  };
}
