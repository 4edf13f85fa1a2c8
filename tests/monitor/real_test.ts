// Our own client and our own broker under the monitor: it has nothing to say against them, and has seen most rules at work.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { type BrokerOptions, serve } from "../../src/broker/mod.ts";
import { WatchedBroker } from "./watched.ts";

/** Runs a conversation and expects that nothing is found in it, and nothing is owed after it. */
async function converse(
  options: BrokerOptions,
  conversation: (broker: WatchedBroker) => Promise<void>,
): Promise<WatchedBroker> {
  await using broker = await serve({ ...NOWHERE, ...options });
  const watched = new WatchedBroker(broker);
  await conversation(watched);
  assertEquals(watched.findings, []);
  return watched;
}

/** A broker without listeners. */
const NOWHERE = { listeners: [] } as const;

Deno.test("the monitor finds nothing in the conversation of a client with everything in it", async () => {
  const limits = { receiveMaximum: 10, topicAliasMaximum: 3, maximumPacketSize: 2000 } as const;
  const watched = await converse({ limits, topicAliases: "automatic" }, async (broker) => {
    await using sender = await connect(broker, {
      clientId: "sender",
      will: { topic: "gone", payload: "x" },
      username: "u",
      password: "p",
      topicAliases: "automatic",
      requestProblemInformation: false,
      topicAliasMaximum: 2,
      receiveMaximum: 1,
    });
    await using receiver = await connect(broker, {
      topicAliasMaximum: 2,
      receiveMaximum: 20,
      maximumPacketSize: 1000,
      sessionExpiryInterval: 100,
    });
    const all = await receiver.subscribe("#", { qos: 2 });
    const some = await receiver.subscribe([{
      topicFilter: "a/+",
      qos: 1,
      retainAsPublished: true,
    }]);
    const shared = await sender.subscribe("$share/group/b/#", { qos: 2 });
    const sent: Promise<unknown>[] = [];
    for (let count = 0; count < 60; count++) {
      const qos = count % 3 as 0 | 1 | 2;
      const options = { qos, retain: count % 7 === 0, contentType: "text/plain" };
      sent.push(
        sender.publish(
          `${count % 2 ? "a" : "b"}/a long topic, worth an alias: ${count % 5}`,
          `${count}`,
          options,
        ),
      );
    }
    const take = async (subscription: AsyncIterable<unknown>, most: number) => {
      let count = 0;
      for await (const _ of subscription) if (++count === most) break;
    };
    await Promise.all([...sent, take(all, 60), take(some, 30), take(shared, 30)]);
    await receiver.publish("c", "x", {
      qos: 1,
      responseTopic: "d",
      userProperties: [["a", "b"]],
    });
  });
  const { exercised } = watched.tally;
  assert(watched.packets > 300);
  for (
    const statement of [
      "MQTT-3.1.0-1",
      "MQTT-3.3.4-7",
      "MQTT-3.3.4-9",
      "MQTT-3.3.2-9",
      "MQTT-3.3.2-11",
      "MQTT-3.3.2-3",
      "MQTT-4.6.0-2",
      "MQTT-4.3.3-11",
      "MQTT-3.8.4-6",
      "MQTT-3.1.2-29",
    ]
  ) assert(exercised.has(statement), statement);
});
