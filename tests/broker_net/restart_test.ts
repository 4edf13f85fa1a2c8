// What a broker with a file has when it is started again.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Client, connect, type ConnectOptions } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { numbers, take, temporaryFolder, textsOf } from "./broker_net.ts";
import { Peer } from "./peer.ts";
import { type Persistent, persistentTest } from "./persistent.ts";

const SESSION = { clientId: "a", cleanStart: false, sessionExpiryInterval: 1000 } as const;

/** A client of the broker that runs now, which does not connect again. */
function open({ broker }: Persistent, options: ConnectOptions = {}): Promise<Client> {
  return connect(broker, { reconnect: false, ...options });
}

/** One of which a test decides what it acknowledges, with the session of {@linkcode SESSION}. */
async function openPeer({ broker }: Persistent, receiveMaximum?: number): Promise<Peer> {
  const peer = new Peer(broker.connect());
  const properties = { sessionExpiryInterval: 1000, receiveMaximum };
  await peer.open({ clientId: "a", cleanStart: false, properties });
  return peer;
}

/** Publishes texts to `"news"`, each when the one before is there. */
async function publish(persistent: Persistent, qos: 1 | 2, ...texts: string[]): Promise<void> {
  await using client = await open(persistent);
  for (const text of texts) await client.publish("news", text, { qos });
}

/** The topic, payload, QoS, identifiers and whether it is sent again, of the next messages. */
async function messages(
  peer: Peer,
  count: number,
): Promise<{ text: string; id: number; dup: boolean }[]> {
  const messages = [];
  while (messages.length < count) {
    const { payload, packetId: id, dup } = await peer.expect("publish");
    messages.push({ text: new TextDecoder().decode(payload), id, dup });
  }
  return messages;
}

persistentTest(
  "A session, its subscriptions and what waits for it are there after a restart [MQTT-4.1.0-1]",
  async (persistent) => {
    let identifiers: number[];
    {
      await using client = await open(persistent, SESSION);
      const news = await client.subscribe(["news", { topicFilter: "own", noLocal: true }], {
        qos: 2,
      });
      const jobs = await client.subscribe("$share/g/jobs", { qos: 1 });
      identifiers = [news.identifier, jobs.identifier];
      await client.subscribe({ topicFilter: "kept", retainAsPublished: true }, { qos: 1 });
    }
    await using other = await open(persistent);
    const properties = {
      contentType: "text/plain",
      responseTopic: "answers",
      correlationData: Uint8Array.of(0, 255),
      userProperties: [["b", "1"], ["a", "2"], ["b", "3"]],
    } as const;
    await other.publish("news", "1", { qos: 1, ...properties });
    await other.publish("news", "lost", { qos: 0 });
    await other.publish("jobs", "2", { qos: 2 });
    await other.publish("kept", "3", { qos: 2, retain: true });
    await persistent.restart();
    assertEquals(persistent.broker.statistics, {
      ...{ clients: 0, sessions: 1, subscriptions: 4, retained: 1, dropped: 0 },
    });
    await using client = await open(persistent, SESSION);
    assertStrictEquals(client.server.sessionPresent, true);
    await client.publish("own", "not to me", { qos: 2 });
    await client.publish("news", "4", { qos: 2 });
    const received = await take(client.messages, 4);
    assertEquals(
      received.map((message) => [message.topic, message.text(), message.qos, message.retain]),
      [["news", "1", 1, false], ["jobs", "2", 1, false], ["kept", "3", 1, true], [
        "news",
        "4",
        2,
        false,
      ]],
    );
    const { subscriptionIdentifiers, ...rest } = received[0]!.properties;
    assertEquals(rest, properties);
    const [, job] = received;
    assertEquals(
      [subscriptionIdentifiers, job!.properties.subscriptionIdentifiers].flat(),
      identifiers,
    );
  },
);

persistentTest(
  "Messages in flight are sent again in their order, after one restart and after two [MQTT-4.4.0-1] [MQTT-4.6.0-1]",
  async (persistent) => {
    {
      using peer = await openPeer(persistent, 4);
      await peer.send({
        type: "subscribe",
        packetId: 1,
        subscriptions: [{ topicFilter: "news", qos: 2 }],
      });
      await peer.expect("suback");
      await publish(persistent, 1, ...numbers(6));
      assertEquals(
        await messages(peer, 4),
        [1, 2, 3, 4].map((id) => ({ text: String(id - 1), id, dup: false })),
      );
      await peer.send({ type: "puback", packetId: 2 });
      assertEquals(await messages(peer, 1), [{ text: "4", id: 5, dup: false }]);
    }
    const expected = [[1, "0"], [3, "2"], [4, "3"], [5, "4"]].map(([id, text]) => ({
      text,
      id,
      dup: true,
    }));
    await persistent.restart();
    {
      using peer = await openPeer(persistent, 4);
      assertEquals(await messages(peer, 4), expected as never);
      await publish(persistent, 1, "6");
      await peer.send({ type: "puback", packetId: 1 });
      const [{ text, id, dup }] = await messages(peer, 1) as [
        { text: string; id: number; dup: boolean },
      ];
      assertEquals([text, dup], ["5", false]);
      expected.push({ text, id, dup: true });
    }
    await persistent.restart();
    using peer = await openPeer(persistent);
    assertEquals(await messages(peer, 4), expected.slice(1) as never);
    assertEquals((await messages(peer, 1)).map(({ text }) => text), ["6"]);
  },
);

persistentTest(
  "A message whose PUBREC has come is released after a restart, and not sent again [MQTT-4.3.3-6]",
  async (persistent) => {
    {
      using peer = await openPeer(persistent);
      await peer.send({
        type: "subscribe",
        packetId: 1,
        subscriptions: [{ topicFilter: "news", qos: 2 }],
      });
      await peer.expect("suback");
      await publish(persistent, 2, "0", "1", "2");
      await messages(peer, 3);
      await peer.send({ type: "pubrec", packetId: 3 }, { type: "pubrec", packetId: 1 });
      for (const packetId of [3, 1]) {
        assertStrictEquals((await peer.expect("pubrel")).packetId, packetId);
      }
      await peer.send({ type: "pubcomp", packetId: 3 }, { type: "pingreq" });
      await peer.expect("pingresp");
    }
    await persistent.restart();
    using peer = await openPeer(persistent);
    assertStrictEquals((await peer.expect("pubrel")).packetId, 1);
    assertEquals(await messages(peer, 1), [{ text: "1", id: 2, dup: true }]);
    await peer.send({ type: "pubcomp", packetId: 1 }, { type: "pubrec", packetId: 2 });
    assertStrictEquals((await peer.expect("pubrel")).packetId, 2);
  },
);

persistentTest(
  "A message that was received before a restart is not delivered again after it [MQTT-4.3.3-10]",
  async (persistent) => {
    const message = {
      type: "publish",
      topic: "news",
      qos: 2,
      payload: new TextEncoder().encode("once"),
    } as const;
    {
      await using watcher = await open(persistent, { ...SESSION, clientId: "watcher" });
      await watcher.subscribe("news", { qos: 2 });
      using peer = await openPeer(persistent);
      await peer.send({ ...message, packetId: 1 }, { ...message, packetId: 2 });
      for (const packetId of [1, 2]) {
        assertStrictEquals((await peer.expect("pubrec")).packetId, packetId);
      }
      await peer.send({ type: "pubrel", packetId: 2 });
      await peer.expect("pubcomp");
    }
    await persistent.restart();
    await using watcher = await open(persistent, { ...SESSION, clientId: "watcher" });
    using peer = await openPeer(persistent);
    await peer.send({ ...message, packetId: 1, dup: true }, { type: "pubrel", packetId: 1 });
    assertStrictEquals((await peer.expect("pubrec")).reasonCode, 0);
    assertStrictEquals((await peer.expect("pubcomp")).reasonCode, 0);
    // It is free, for a message of its own.
    await peer.send({ ...message, packetId: 1 });
    await peer.expect("pubrec");
    await publish(persistent, 2, "end");
    assertEquals(textsOf(await take(watcher.messages, 4)), ["once", "once", "once", "end"]);
  },
);

persistentTest(
  "Retained messages are there after a restart, and those removed are not",
  async (persistent) => {
    {
      await using client = await open(persistent);
      const options = { qos: 2, retain: true } as const;
      for (const text of ["a", "b", "c"]) await client.publish(`state/${text}`, text, options);
      await client.publish("state/b", "", options);
      await client.publish("state/c", "d", {
        ...options,
        contentType: "x",
        messageExpiryInterval: 1000,
      });
    }
    await persistent.restart();
    assertStrictEquals(persistent.broker.statistics.retained, 2);
    await using client = await open(persistent);
    const received = await take(await client.subscribe("state/#", { qos: 1 }), 2);
    assertEquals(textsOf(received).sort(), ["a", "d"]);
    assert(received.every(({ retain }) => retain));
    assertStrictEquals(received.find((message) => message.text() === "d")!.contentType, "x");
  },
);

persistentTest(
  "What expires while the broker is down is gone, and the rest has less time left",
  async (persistent) => {
    for (const clientId of ["short", "long"]) {
      const sessionExpiryInterval = clientId === "short" ? 10 : 1000;
      await using client = await open(persistent, { ...SESSION, clientId, sessionExpiryInterval });
      await client.subscribe("news", { qos: 1 });
    }
    {
      await using client = await open(persistent);
      for (const messageExpiryInterval of [10, 100]) {
        const options = { qos: 1, messageExpiryInterval } as const;
        await client.publish("news", String(messageExpiryInterval), options);
        await client.publish(`state/${messageExpiryInterval}`, "", { ...options, retain: true });
        await client.publish(`state/${messageExpiryInterval}`, "x", { ...options, retain: true });
      }
    }
    await persistent.restart({}, 50);
    // Nobody needs to wait for it.
    assertEquals(persistent.broker.statistics, {
      ...{ clients: 0, sessions: 1, subscriptions: 1, retained: 1, dropped: 0 },
    });
    await using client = await open(persistent, { ...SESSION, clientId: "long" });
    assertStrictEquals(client.server.sessionPresent, true);
    const [news] = await take(client.messages, 1);
    const [state] = await take(await client.subscribe("state/+", { qos: 1 }), 1);
    for (const message of [news!, state!]) {
      const { messageExpiryInterval } = message.properties;
      assert(
        messageExpiryInterval! <= 50 && messageExpiryInterval! > 40,
        `${messageExpiryInterval}`,
      );
    }
    await persistent.restart({}, 2000);
    assertEquals(persistent.broker.statistics, {
      ...{ clients: 0, sessions: 0, subscriptions: 0, retained: 0, dropped: 0 },
    });
  },
);

persistentTest(
  "A session that never expires is there after a hundred years",
  async (persistent) => {
    {
      await using _ = await open(persistent, { ...SESSION, sessionExpiryInterval: 0xffff_ffff });
    }
    await persistent.restart({}, 100 * 365 * 86_400);
    await using client = await open(persistent, SESSION);
    assertStrictEquals(client.server.sessionPresent, true);
  },
  { limits: { sessionExpiryInterval: Infinity } },
);

persistentTest(
  "A Will that was due while the broker was down is published when it is back, once",
  async (persistent) => {
    {
      await using client = await open(persistent, { ...SESSION, clientId: "zero" });
      await client.subscribe("wills", { qos: 1 });
      await using last = await open(persistent, { ...SESSION, clientId: "z" });
      await last.subscribe("wills", { qos: 1 });
    }
    {
      const will = { topic: "wills", payload: "gone", qos: 1, willDelayInterval: 100 } as const;
      await using client = await open(persistent, { ...SESSION, clientId: "m", will });
      await client.disconnect({ reasonCode: 0x04 });
    }
    await persistent.restart();
    await persistent.restart({}, 200);
    await persistent.restart();
    await publish(persistent, 1);
    await using other = await open(persistent);
    await other.publish("wills", "end", { qos: 1 });
    // Whatever the order in which they are found.
    for (const clientId of ["zero", "z"]) {
      await using client = await open(persistent, { ...SESSION, clientId });
      assertEquals(textsOf(await take(client.messages, 2)), ["gone", "end"], clientId);
    }
  },
);

persistentTest(
  "The Will of a client that is there when the broker shuts down is published",
  async (persistent) => {
    {
      await using client = await open(persistent, SESSION);
      await client.subscribe("wills", { qos: 1 });
    }
    const will = { topic: "wills", payload: "gone", qos: 1 } as const;
    await using _ = await open(persistent, { will });
    await persistent.restart();
    await using client = await open(persistent, SESSION);
    assertEquals(textsOf(await take(client.messages, 1)), ["gone"]);
  },
);

persistentTest("What was given up before a restart does not come back", async (persistent) => {
  {
    await using client = await open(persistent, SESSION);
    await client.subscribe(["a", "b"], { qos: 1 });
    await client.unsubscribe("a");
    await using ended = await open(persistent, { ...SESSION, clientId: "ended" });
    await ended.subscribe("a");
    await ended.disconnect({ sessionExpiryInterval: 0 });
    await using anew = await open(persistent, { ...SESSION, clientId: "anew" });
    await anew.subscribe("a", { qos: 1 });
  }
  await publish(persistent, 1, "x");
  {
    await using _ = await open(persistent, { ...SESSION, clientId: "anew", cleanStart: true });
  }
  await persistent.restart();
  assertEquals(
    [persistent.broker.statistics.sessions, persistent.broker.statistics.subscriptions],
    [2, 1],
  );
});

persistentTest("Messages for which there is no room any more are given up", async (persistent) => {
  {
    await using client = await open(persistent, SESSION);
    await client.subscribe("news", { qos: 1 });
  }
  await publish(persistent, 1, "1", "2", "3");
  await persistent.restart({ limits: { queuedMessages: 2 } });
  await persistent.restart();
  await using client = await open(persistent, SESSION);
  await publish(persistent, 1, "4");
  assertEquals(textsOf(await take(client.messages, 3)), ["1", "2", "4"]);
});

Deno.test("A broker that shuts down while a hook is asked is there again, with its sessions", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<boolean>();
  const broker = await serve({
    ...{ listeners: [], path },
    authorizePublish() {
      asked.resolve();
      return answer.promise;
    },
  });
  const client = await connect(broker, { ...SESSION, reconnect: false });
  await client.subscribe("news", { qos: 1 });
  const settled = client.publish("slow", "x", { qos: 2 }).catch(() => "given up");
  await asked.promise;
  await broker.shutDown();
  answer.resolve(true);
  assertStrictEquals(await settled, "given up");
  await using again = await serve({ listeners: [], path });
  assertStrictEquals(again.statistics.sessions, 1);
});

Deno.test("A file that another broker uses is refused, until that one ends", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  {
    await using _ = await serve({ listeners: [], path });
    const error = await assertRejects(() => serve({ listeners: [], path }), Error);
    assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  }
  await (await serve({ listeners: [], path })).shutDown();
});

Deno.test("A file that is no database is refused, and left as it is", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  await Deno.writeTextFile(path, "no database\n".repeat(100));
  const error = await assertRejects(() => serve({ listeners: [], path }), Error);
  assert(error.message.startsWith(`${path} cannot be used: `), error.message);
  assertStrictEquals(await Deno.readTextFile(path), "no database\n".repeat(100));
});

Deno.test("A broker that cannot listen leaves its file to others", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broker.db`;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertRejects(() => serve({ port: listener.addr.port, path }), Deno.errors.AddrInUse);
  await (await serve({ listeners: [], path })).shutDown();
});
