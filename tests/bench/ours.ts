// Our client at work for the client benchmark.

import { type Client, connect as connectTo } from "../../mod.ts";
import type { Peer } from "./peer_process.ts";
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
export async function publishInSlices(peer: Peer): Promise<Trial> {
  const client = await connect(peer.port);
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
export async function publishAwaited(peer: Peer): Promise<Trial> {
  const client = await connect(peer.port);
  return trial(client, MANY, async () => {
    for (let count = 1; count < MANY; count++) await client.publish(TOPIC, PAYLOAD);
    await client.publish(TOPIC, PAYLOAD, { qos: 1 });
  });
}

/** Publishes with 1,000 messages in flight. */
export async function publishInFlight(peer: Peer, qos: 1 | 2): Promise<Trial> {
  const client = await connect(peer.port);
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
export async function receive(peer: Peer, qos: 0 | 1 | 2): Promise<Trial> {
  const client = await connect(peer.port);
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
export async function roundTrip(peer: Peer): Promise<Trial> {
  const client = await connect(peer.port);
  const messages = (await client.subscribe(ECHO_TOPIC))[Symbol.asyncIterator]();
  return trial(client, 1, async () => {
    client.publish(ECHO_TOPIC, PAYLOAD);
    await messages.next();
  });
}

/** A client with the same settings as theirs. */
export function connect(port: number, clientId = "ours"): Promise<Client> {
  return connectTo(`mqtt://127.0.0.1:${port}`, {
    clientId,
    keepAlive: KEEP_ALIVE,
    receiveMaximum: IN_FLIGHT,
    reconnect: false,
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
