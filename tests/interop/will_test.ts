// What Mosquitto publishes for a client that is gone.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { connect, type ConnectOptions } from "../../mod.ts";
import type { Mosquitto } from "../io/mosquitto.ts";
import { interopTest, once, publishOnce, QUICKLY, take, textsOf, textsUntil } from "./interop.ts";
import { connectMqttJs } from "./mqttjs.ts";
import { Relay } from "./relay.ts";

const WILL = { topic: "wills/a", payload: "a is gone", qos: 1 } as const;

/** A client of another name that waits for wills. */
async function watch({ url }: Mosquitto) {
  const client = await connect(url);
  const wills = await client.subscribe("wills/#", { qos: 2 });
  return { client, wills, [Symbol.asyncDispose]: () => client.disconnect() };
}

interopTest(
  "A Will is published, with all its properties, when the connection breaks",
  async (server) => {
    await using watcher = await watch(server);
    await using relay = new Relay(server);
    await using _ = await connect(relay.url, {
      reconnect: false,
      will: {
        topic: "wills/a",
        payload: Uint8Array.of(1, 2, 3),
        qos: 2,
        retain: true,
        contentType: "application/octet-stream",
        responseTopic: "answers",
        correlationData: Uint8Array.of(4),
        payloadFormatIndicator: 0,
        messageExpiryInterval: 1000,
        userProperties: [["b", "1"], ["a", "2"]],
      },
    });
    relay.cut();
    const [will] = await take(watcher.wills, 1);
    assertEquals([will!.topic, will!.qos, will!.retain], ["wills/a", 2, false]);
    assertEquals(will!.payload, Uint8Array.of(1, 2, 3));
    const { messageExpiryInterval: _left, subscriptionIdentifiers: _ours, ...properties } =
      will!.properties;
    assertEquals(properties, {
      contentType: "application/octet-stream",
      responseTopic: "answers",
      correlationData: Uint8Array.of(4),
      payloadFormatIndicator: 0,
      userProperties: [["b", "1"], ["a", "2"]],
    });
    const later = await watcher.client.subscribe("wills/a");
    const [retained] = await take(later, 1);
    assertStrictEquals(retained!.retain, true);
  },
);

interopTest(
  "A Will is published after disconnect() with 0x04, and not after disconnect() alone",
  async (server) => {
    await using watcher = await watch(server);
    const polite = await connect(server.url, { will: { ...WILL, payload: "not this" } });
    await polite.disconnect();
    const other = await connect(server.url, { will: WILL });
    await other.disconnect({ reasonCode: 0x04 });
    await publishOnce(server, "wills/end", "end");
    assertEquals(await textsUntil(watcher.wills, "end"), ["a is gone"]);
  },
);

interopTest(
  "A Will that is delayed is not published when the client is back in time",
  async (server) => {
    await using watcher = await watch(server);
    await using relay = new Relay(server);
    const delayed = (clientId: string, willDelayInterval: number): ConnectOptions => ({
      clientId,
      sessionExpiryInterval: 60,
      reconnect: QUICKLY,
      will: { ...WILL, payload: `${clientId} is gone`, willDelayInterval },
    });
    await using client = await connect(relay.url, delayed("comes-back", 1));
    await using doomed = await connect(relay.url, {
      ...delayed("stays-away", 2),
      reconnect: false,
    });
    const back = once(client, "connected");
    relay.cut();
    assertStrictEquals((await back).server.sessionPresent, true);
    await doomed.closed;
    // Its delay is the longer one: when its Will is there, the other would have been.
    assertEquals(textsOf(await take(watcher.wills, 1)), ["stays-away is gone"]);
    assertStrictEquals(watcher.wills.waiting, 0);
  },
);

interopTest(
  "A Will is published when another client begins a new session in the place of the old",
  async (server) => {
    await using watcher = await watch(server);
    const options = { clientId: "a", sessionExpiryInterval: 60 };
    await using _ = await connect(server.url, { ...options, will: WILL });
    await using _successor = await connect(server.url, { ...options, cleanStart: true });
    assertEquals(textsOf(await take(watcher.wills, 1)), ["a is gone"]);
  },
);

interopTest("The Will of MQTT.js reaches our client", async (server) => {
  await using watcher = await watch(server);
  await using theirs = await connectMqttJs(server, {
    will: { topic: "wills/js", payload: new TextEncoder().encode("js is gone") as never, qos: 1 },
  });
  theirs.cut();
  assertEquals(textsOf(await take(watcher.wills, 1)), ["js is gone"]);
});
