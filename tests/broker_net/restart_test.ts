// What a broker with a file has when it is started again.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Client, connect, type ConnectOptions, RefusedError } from "../../mod.ts";
import { type BrokerStatistics, serve } from "../../src/broker/mod.ts";
import { writeVersion0 } from "./version_0.ts";
import { take, temporaryFolder, textsOf } from "./broker_net.ts";
import { type Persistent, persistentTest } from "./persistent.ts";

const SESSION = { clientId: "a", cleanStart: false, sessionExpiryInterval: 1000 } as const;

/** A client of the broker that runs now, which does not connect again. */
function open({ broker }: Persistent, options: ConnectOptions = {}): Promise<Client> {
  return connect(broker, { reconnect: false, ...options });
}

/** Publishes texts to `"news"`, each when the one before is there. */
async function publish(persistent: Persistent, qos: 1 | 2, ...texts: string[]): Promise<void> {
  await using client = await open(persistent);
  for (const text of texts) await client.publish("news", text, { qos });
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
    assertEquals(countsOf(persistent), {
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
    assertEquals(countsOf(persistent), {
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
    assertEquals(countsOf(persistent), {
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

Deno.test("A broker that shut down while a hook was pending restarts with its sessions", async () => {
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

persistentTest("A session is its owner's after a restart, too", async (persistent) => {
  const bob = { ...SESSION, username: "bob" };
  const mallory = { ...SESSION, username: "mallory" };
  const authenticate = () => true;
  await persistent.restart({ authenticate });
  {
    await using client = await open(persistent, bob);
    await client.subscribe("news", { qos: 1 });
  }
  await persistent.restart({ authenticate });
  {
    const refused = await assertRejects(() => open(persistent, mallory), RefusedError);
    assertStrictEquals(refused.reasonCode, 0x87);
    await using client = await open(persistent, bob);
    assertStrictEquals(client.server.sessionPresent, true);
  }
  await persistent.restart({ sessionOwner: ({ username }) => `owner ${username}` });
  await assertRejects(() => open(persistent, bob), RefusedError);
  await persistent.restart();
  await using client = await open(persistent, mallory);
  assertStrictEquals(client.server.sessionPresent, true);
});

persistentTest("A file of a broker that knew no owners is its users'", async (persistent) => {
  await persistent.broker.shutDown();
  await Deno.remove(persistent.path);
  writeVersion0(persistent.path, { clientId: SESSION.clientId, username: "bob" });
  await persistent.restart({ authenticate: () => true });
  await assertRejects(() => open(persistent, { ...SESSION, username: "mallory" }), RefusedError);
  await using client = await open(persistent, { ...SESSION, username: "bob" });
  assertStrictEquals(client.server.sessionPresent, true);
});

/** What there is after a restart. Its bytes are counted, too. */
function countsOf({ broker }: Persistent): Omit<BrokerStatistics, "memory"> {
  const { memory, ...counts } = broker.statistics;
  assertStrictEquals(memory > 0, counts.sessions + counts.retained > 0, `${memory} bytes`);
  return counts;
}
