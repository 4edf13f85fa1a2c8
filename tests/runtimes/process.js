// Runs the checks in a process of Node or Bun; the first argument says where and how.

import * as mqtt5 from "@mqtt5/mqtt5";
import { serve } from "@mqtt5/mqtt5/broker";
import process from "node:process";
import { equal, runChecks, take } from "./checks.js";

/** Checks for what has files and sockets. */
export const MORE = {
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

await runChecks({ ...JSON.parse(process.argv[2]), mqtt5, serve, more: MORE });
