// A broker and its clients in one process, with no network between them.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { connect, ConnectionClosedError } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { brokerTest, numbers, once, QUICKLY, take, textsOf, until } from "./broker_net.ts";
import { Peer } from "./peer.ts";
import { runScript } from "./script.ts";

/** Listens nowhere. */
const NOWHERE = { listeners: [] } as const;

Deno.test("A broker and its clients in one process need no permission at all", async () => {
  const ending = await runScript(`
import { connect } from "jsr:@mqtt5/mqtt5";
import { serve } from "jsr:@mqtt5/mqtt5/broker";

const broker = await serve({ listeners: [] });
const watcher = await connect(broker);
const wills = await watcher.subscribe("wills", { qos: 1 });
const options = { clientId: "a", sessionExpiryInterval: 60, will: { topic: "wills", payload: "gone" } };
const first = await connect(broker, options);
const news = await first.subscribe("news", { qos: 2 });
await watcher.publish("news", "1", { qos: 2, retain: true });
for await (const message of news) {
  console.log(message.text());
  message.ack();
  break;
}
await first.disconnect({ reasonCode: 0x04 });
for await (const message of wills) {
  console.log(message.text());
  break;
}
await watcher.publish("news", "2", { qos: 1 });
const second = await connect(broker, { ...options, cleanStart: false });
console.log(second.server.sessionPresent);
for await (const message of second.messages) {
  console.log(message.text());
  message.ack();
  break;
}
await second.disconnect();
await watcher.disconnect();
console.log(broker.statistics.clients, broker.statistics.retained);
await broker.shutDown();
`);
  assertEquals(ending, { code: 0, output: "1\ngone\ntrue\n2\n0 1\n", errors: "" });
});

Deno.test("A broker without permission reports what is not permitted, and does not prompt", async () => {
  const { code, errors } = await runScript(`
import { serve } from "jsr:@mqtt5/mqtt5/broker";
await serve({ port: 0 });
`);
  assertStrictEquals(code, 1);
  assertStringIncludes(errors, "net access");
});

Deno.test("Several brokers in one process are independent", async () => {
  await using first = await serve({ port: 0 });
  await using second = await serve({ port: 0 });
  await using third = await serve(NOWHERE);
  const brokers = [first, second, third];
  for (const [index, broker] of brokers.entries()) {
    await using client = await connect(broker, { clientId: "a" });
    await client.publish("state", String(index), { qos: 1, retain: true });
  }
  for (const [index, broker] of brokers.entries()) {
    await using client = await connect(broker, { clientId: "a" });
    const state = await client.subscribe("#");
    assertEquals(textsOf(await take(state, 1)), [String(index)]);
    assertEquals([state.waiting, broker.statistics.retained], [0, 1]);
  }
});

Deno.test("Clients in the process and over the network share one broker", async () => {
  const mine = { protocol: "mqtt", port: 0 } as const;
  await using broker = await serve({ listeners: [mine, mine, { protocol: "ws", port: 0 }] });
  assertEquals(new Set(broker.listeners.map(({ port }) => port)).size, 3);
  await using near = await connect(broker);
  await using far = await connect(broker.listeners[1]!.url);
  const all = await near.subscribe("#", { qos: 2 });
  await far.publish("a", "far", { qos: 2 });
  await near.publish("a", "near", { qos: 2 });
  assertEquals(textsOf(await take(all, 2)), ["far", "near"]);
});

Deno.test("A broker that has no listener has neither port nor URL", async () => {
  await using broker = await serve(NOWHERE);
  assertEquals(broker.listeners, []);
  assertThrows(() => broker.port, TypeError);
  assertThrows(() => broker.url, TypeError);
});

brokerTest(
  "Who publishes without end within the process leaves time for others",
  async (broker) => {
    await using client = await connect(broker);
    await using other = await connect(broker);
    let isOver = false;
    const timer = setTimeout(() => isOver = true, 20);
    let count = 0;
    // Without a turn for the timer it would never end: then the count does it.
    while (!isOver && count < 200_000) {
      await client.publish("a", "x", { qos: 1 });
      count++;
    }
    clearTimeout(timer);
    assert(isOver, "no timer had its turn");
    await other.publish("a", "x", { qos: 1 });
  },
  NOWHERE,
);

brokerTest("Large messages of several clients come whole", async (broker) => {
  await using client = await connect(broker);
  const all = await client.subscribe("#", { qos: 1 });
  const texts = ["a", "b", "c"].map((letter) => letter.repeat(4_000_000));
  await Promise.all(texts.map(async (text) => {
    await using client = await connect(broker);
    await client.publish("large", text, { qos: 1 });
  }));
  assert(textsOf(await take(all, 3)).sort().every((text, index) => text === texts[index]));
}, NOWHERE);

brokerTest("A client that was taken over is told so [MQTT-3.1.4-3]", async (broker) => {
  await using first = await connect(broker, { clientId: "a", reconnect: false });
  await using second = await connect(broker, { clientId: "a" });
  assertStrictEquals((await first.closed)?.reasonCode, 0x8e);
  await second.publish("a", "", { qos: 1 });
}, NOWHERE);

Deno.test("A broker that has been shut down accepts nobody, and may be shut down again", async () => {
  const broker = await serve(NOWHERE);
  const client = await connect(broker, { reconnect: false });
  const [first, second] = [broker.shutDown(), broker.shutDown()];
  await Promise.all([first, second]);
  assertStrictEquals((await client.closed)?.reasonCode, 0x8b);
  await assertRejects(() => connect(broker, { reconnect: false }), ConnectionClosedError);
  await broker.shutDown();
});

Deno.test("A client connects again to a broker within the process", async () => {
  let broker = await serve(NOWHERE);
  await using client = await connect(() => broker, { reconnect: QUICKLY });
  const news = await client.subscribe("news", { qos: 1 });
  const back = once(client, "connected");
  await broker.shutDown();
  broker = await serve(NOWHERE);
  await back;
  await until(() => broker.statistics.subscriptions === 1);
  await client.publish("news", "1", { qos: 1 });
  assertEquals(textsOf(await take(news, 1)), ["1"]);
  await client.disconnect();
  await broker.shutDown();
});

brokerTest("A flood within the process waits for a reader that is slow", async (broker) => {
  await using client = await connect(broker);
  const all = await client.subscribe("#", { qos: 1 });
  await using other = await connect(broker);
  const published = Promise.all(numbers(5000).map((text) => other.publish("a", text, { qos: 1 })));
  for (let count = 0; count < 5000; count += 500) {
    assertEquals(textsOf(await take(all, 500)), numbers(5000).slice(count, count + 500));
  }
  await published;
}, NOWHERE);

brokerTest("A connection within the process that says nothing is given up", async (broker) => {
  using peer = new Peer(broker.connect());
  await peer.expectEnd();
}, { ...NOWHERE, limits: { connectTimeout: 50 } });

Deno.test("intercept receives every connection, and the broker uses what it returns", async () => {
  const seen: string[] = [];
  let bytes = 0;
  await using broker = await serve({
    port: 0,
    intercept(transport, address) {
      seen.push(address.replace(/:\d+$/, ""));
      return {
        read: async () => {
          const chunk = await transport.read();
          bytes += chunk?.length ?? 0;
          return chunk;
        },
        write: (chunk) => transport.write(chunk),
        closeWrite: () => transport.closeWrite(),
        close: () => transport.close(),
      };
    },
  });
  for (const place of [broker, broker.url]) {
    await using client = await connect(place, { reconnect: false });
    await client.publish("a", "b", { qos: 1 });
  }
  assertEquals(seen, ["memory", "127.0.0.1"]);
  assert(bytes > 2 * "CONNECT".length);
});
