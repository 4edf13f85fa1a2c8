// Runs the checks in a process of Node or Bun; the first argument says where and how.

import * as mqtt5 from "@mqtt5/mqtt5";
import * as broker from "@mqtt5/mqtt5/broker";
import process from "node:process";
import { equal, runChecks, take } from "./checks.js";

const { serve } = broker;
const { certificate, ...plan } = JSON.parse(process.argv[2]);

/** Checks for what has files and sockets. */
const MORE = {
  "a broker listens by mqtt, mqtts, ws and wss": async () => {
    const listeners = ["mqtt", "mqtts", "ws", "wss"].map((protocol) => {
      const isSecure = ["mqtts", "wss"].includes(protocol);
      return { protocol, port: 0, ...isSecure && certificate };
    });
    const broker = await serve({ listeners });
    for (const { url } of broker.listeners) {
      const { tls } = plan;
      const client = await mqtt5.connect(url, /^(mqtts|wss):/.test(url) ? { tls } : {});
      const messages = await client.subscribe("topic", { qos: 2 });
      const payload = new Uint8Array(1_000_000).fill(7);
      for (const qos of [0, 1, 2]) await client.publish("topic", payload, { qos });
      const lengths = (await take(messages, 3)).map((message) => message.payload.length);
      equal(lengths, [1_000_000, 1_000_000, 1_000_000]);
      await client.disconnect();
    }
    await broker.shutDown();
  },

  "a broker keeps its sessions in a file": async () => {
    const options = { clientId: "a", cleanStart: false, sessionExpiryInterval: 100 };
    const subscribing = await serve({ listeners: [], path: "broker.db" });
    const before = await mqtt5.connect(subscribing, options);
    await before.subscribe("topic", { qos: 1 });
    await before.disconnect();
    const sender = await mqtt5.connect(subscribing);
    await sender.publish("topic", "kept", { qos: 1 });
    await sender.disconnect();
    await subscribing.shutDown();

    const broker = await serve({ listeners: [], path: "broker.db" });
    const client = await mqtt5.connect(broker, options);
    equal(client.server.sessionPresent, true);
    equal((await take(client.messages, 1)).map((message) => message.text()), ["kept"]);
    await client.disconnect();
    await broker.shutDown();
  },
};

await runChecks({ ...plan, mqtt5, broker, more: MORE });
