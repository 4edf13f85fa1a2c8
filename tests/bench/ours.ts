// Our client at work for the client benchmark.

import { type Client, connect as connectTo } from "../../mod.ts";
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

/** Publishes at QoS 0 and waits for the last of every slice. */
export async function publishInSlices(server: Server): Promise<Trial> {
  const client = await connect(server);
  return trial(client, MANY, async () => {
    for (let count = 1; count < MANY; count++) {
      const accepted = client.publish(TOPIC, PAYLOAD);
      if (count % SLICE === 0) await accepted;
    }
    // It comes last, so its PUBACK says that the peer has all of them.
    await client.publish(TOPIC, PAYLOAD, { qos: 1 });
  });
}

/** Publishes at QoS 0 and waits for every call. */
export async function publishAwaited(server: Server): Promise<Trial> {
  const client = await connect(server);
  return trial(client, MANY, async () => {
    for (let count = 1; count < MANY; count++) await client.publish(TOPIC, PAYLOAD);
    await client.publish(TOPIC, PAYLOAD, { qos: 1 });
  });
}

/** Publishes with 1,000 messages in flight. */
export async function publishInFlight(server: Server, qos: 1 | 2): Promise<Trial> {
  const client = await connect(server);
  const options = { qos };
  return trial(client, FEWER, async () => {
    let left = FEWER;
    const publishers = Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) await client.publish(TOPIC, PAYLOAD, options);
    });
    await Promise.all(publishers);
  });
}

/** Subscribes to many messages, looks at each, and unsubscribes. */
export async function receive(server: Server, qos: 0 | 1 | 2): Promise<Trial> {
  const client = await connect(server);
  const count = qos === 0 ? MANY : FEWER;
  const topicFilter = sourceFilter(qos, count);
  return trial(client, count, async () => {
    await using subscription = await client.subscribe(topicFilter, { qos });
    let left = count;
    for await (const message of subscription) {
      look(message.topic, message.payload);
      if (--left === 0) break;
    }
  });
}

/** Publishes one message and waits until it has come back. */
export async function roundTrip(server: Server): Promise<Trial> {
  const client = await connect(server);
  const messages = (await client.subscribe(ECHO_TOPIC))[Symbol.asyncIterator]();
  return trial(client, 1, async () => {
    client.publish(ECHO_TOPIC, PAYLOAD);
    await messages.next();
  });
}

/** Publishes one message at QoS 1. */
export async function publishOne(server: Server): Promise<Trial> {
  const client = await connect(server);
  return trial(client, 1, async () => {
    await client.publish(TOPIC, PAYLOAD, { qos: 1 });
  });
}

/** A client with the same settings as theirs. */
export function connect({ url, tls }: Server, clientId = `ours ${url}`): Promise<Client> {
  return connectTo(url, {
    clientId,
    keepAlive: KEEP_ALIVE,
    receiveMaximum: IN_FLIGHT,
    reconnect: false,
    tls,
  });
}

function trial(client: Client, operations: number, run: () => Promise<void>): Trial {
  return {
    operations,
    run,
    async [Symbol.asyncDispose]() {
      await client.disconnect();
    },
  };
}
