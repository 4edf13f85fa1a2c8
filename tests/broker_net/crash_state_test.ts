// What a broker with a file makes of clients that were there when it was killed, and of those that were not.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Client, connect, type ConnectOptions } from "../../mod.ts";
import type { ServeOptions } from "../../src/broker/mod.ts";
import { take, textsOf, until } from "./broker_net.ts";
import { Peer } from "./peer.ts";
import { type Persistent, persistentTest } from "./persistent.ts";

const SESSION = { cleanStart: false, sessionExpiryInterval: 1000, reconnect: false } as const;

const WILL = { topic: "wills", payload: "gone", qos: 1 } as const;

/** A client with a session that lives on, which does not connect again. */
function open({ broker }: Persistent, options: ConnectOptions): Promise<Client> {
  return connect(broker, { ...SESSION, ...options });
}

/** Sessions that want Wills: one is found before that of `"m"`, one after it. */
async function subscribe(persistent: Persistent): Promise<void> {
  for (const clientId of ["a", "z"]) {
    await using client = await open(persistent, { clientId });
    await client.subscribe("wills", { qos: 1 });
  }
}

/** What the sessions that want Wills have got. */
async function wills(persistent: Persistent): Promise<string[][]> {
  const all: string[][] = [];
  for (const clientId of ["a", "z"]) {
    await using client = await open(persistent, { clientId });
    await client.publish("wills", "end", { qos: 1 });
    const texts: string[] = [];
    for await (const message of client.messages) {
      message.ack();
      if (message.text() === "end") break;
      texts.push(message.text());
    }
    all.push(texts);
    await using other = await open(persistent, { clientId: clientId === "a" ? "z" : "a" });
    await take(other.messages, clientId === "a" ? 0 : 1);
  }
  return all;
}

/** What a broker would find of a session in the file, if this one were killed now. */
function saved({ path }: Persistent, clientId: string): Record<string, unknown> | undefined {
  const image = `${path}.image`;
  for (const part of ["", "-wal"]) Deno.copyFileSync(path + part, image + part);
  const database = new DatabaseSync(image);
  try {
    return database.prepare("SELECT * FROM session WHERE client_id = ?").get(clientId);
  } finally {
    database.close();
  }
}

persistentTest(
  "The Will of a client that was there at the crash is published, to all and once",
  async (persistent) => {
    await subscribe(persistent);
    await using _ = await open(persistent, { clientId: "m", will: WILL });
    await persistent.crash();
    await persistent.crash();
    assertEquals(await wills(persistent), [["gone"], ["gone"]]);
  },
);

persistentTest(
  "The Will of a client whose session would have ended with its connection is published after a crash, once [MQTT-3.1.2-8]",
  async (persistent) => {
    await subscribe(persistent);
    const will = { ...WILL, willDelayInterval: 100 };
    await using _ = await open(persistent, { clientId: "m", sessionExpiryInterval: 0, will });
    assert(saved(persistent, "m") !== undefined, "CONNACK came before the Will was stored");
    await persistent.crash();
    assertStrictEquals(saved(persistent, "m"), undefined);
    await persistent.crash();
    assertEquals(await wills(persistent), [["gone"], ["gone"]]);
    await using again = await open(persistent, { clientId: "m" });
    assertStrictEquals(again.server.sessionPresent, false);
  },
);

persistentTest(
  "A session that ends with its connection leaves no Will behind, however it ends [MQTT-3.1.2-10]",
  async (persistent) => {
    await subscribe(persistent);
    for (const reasonCode of [0x00, 0x04] as const) {
      const client = await open(persistent, {
        clientId: "m",
        sessionExpiryInterval: 0,
        will: WILL,
      });
      await client.disconnect({ reasonCode });
      await until(() => saved(persistent, "m") === undefined);
    }
    await persistent.crash();
    assertEquals(await wills(persistent), [["gone"], ["gone"]]);
  },
);

persistentTest(
  "A client that comes back after the crash in time has no Will published",
  async (persistent) => {
    await subscribe(persistent);
    const will = { ...WILL, willDelayInterval: 100 };
    await using _ = await open(persistent, { clientId: "m", will });
    await persistent.crash(50);
    await using client = await open(persistent, { clientId: "m" });
    assertStrictEquals(client.server.sessionPresent, true);
    await persistent.crash(200);
    assertEquals(await wills(persistent), [[], []]);
  },
);

persistentTest(
  "A client that does not come back after the crash has its Will published in time",
  async (persistent) => {
    await subscribe(persistent);
    const will = { ...WILL, willDelayInterval: 100 };
    await using _ = await open(persistent, { clientId: "m", will });
    // The time begins when the broker is there again.
    await persistent.crash(50);
    await persistent.crash(60);
    await persistent.crash(60);
    assertEquals(await wills(persistent), [["gone"], ["gone"]]);
  },
);

persistentTest(
  "A client that had left before the crash has no Will, though nobody was told of anything since [MQTT-3.1.2-10]",
  async (persistent) => {
    await subscribe(persistent);
    const client = await open(persistent, { clientId: "m", will: WILL });
    await client.disconnect();
    await until(() => saved(persistent, "m")?.["will"] === null);
    await persistent.crash();
    assertEquals(await wills(persistent), [[], []]);
  },
);

persistentTest(
  "A session that was to end with its connection is gone after the crash",
  async (persistent) => {
    {
      await using client = await open(persistent, { clientId: "m" });
      await client.subscribe("news", { qos: 1 });
    }
    {
      await using client = await open(persistent, { clientId: "m", sessionExpiryInterval: 0 });
      assertStrictEquals(client.server.sessionPresent, true);
      await persistent.crash();
    }
    assertEquals([
      persistent.broker.statistics.sessions,
      persistent.broker.statistics.subscriptions,
    ], [0, 0]);
  },
);

persistentTest(
  "The time of a session whose client was there at the crash begins afterwards",
  async (persistent) => {
    await using _ = await open(persistent, { clientId: "m" });
    await persistent.crash(2000);
    assertStrictEquals(persistent.broker.statistics.sessions, 1);
    await persistent.crash(600);
    assertStrictEquals(persistent.broker.statistics.sessions, 1);
    await persistent.crash(600);
    assertStrictEquals(persistent.broker.statistics.sessions, 0);
  },
);

persistentTest("What a client was told is there after the crash", async (persistent) => {
  await using client = await open(persistent, { clientId: "m" });
  await client.subscribe("news", { qos: 2 });
  await client.publish("state", "on", { qos: 1, retain: true });
  await client.unsubscribe("news");
  await client.subscribe("more", { qos: 2 });
  await persistent.crash();
  await using again = await open(persistent, { clientId: "m" });
  await again.publish("news", "no", { qos: 2 });
  await again.publish("more", "yes", { qos: 2 });
  const state = await again.subscribe("state", { qos: 1 });
  assertEquals(textsOf(await take(again.messages, 1)), ["yes"]);
  assertEquals(textsOf(await take(state, 1)), ["on"]);
});

/** Asked about the topic `"slow"` it does not answer, the first time. */
function slowAtFirst(): ServeOptions & { readonly asked: Promise<void> } {
  const asked = Promise.withResolvers<void>();
  let isFirst = true;
  return {
    asked: asked.promise,
    authorizePublish(_, { topic }) {
      if (topic !== "slow" || !isFirst) return true;
      isFirst = false;
      asked.resolve();
      return new Promise(() => {});
    },
  };
}

const slow = slowAtFirst();

persistentTest(
  "A message about which a hook was being asked at the crash is taken when it comes again",
  async (persistent) => {
    const message = { type: "publish", topic: "slow", qos: 2, packetId: 7 } as const;
    const properties = { sessionExpiryInterval: 1000 };
    {
      using peer = new Peer(persistent.broker.connect());
      await peer.open({ clientId: "m", cleanStart: false, properties });
      await peer.send({
        type: "subscribe",
        packetId: 1,
        subscriptions: [{ topicFilter: "#", qos: 1 }],
      });
      await peer.expect("suback");
      await peer.send(message);
      await slow.asked;
      // Something that is told to the same client brings its session to disk.
      await using other = await open(persistent, { clientId: "other" });
      await other.publish("news", "", { qos: 1 });
      await peer.expect("publish");
      await persistent.crash();
    }
    using peer = new Peer(persistent.broker.connect());
    await peer.open({ clientId: "m", cleanStart: false, properties });
    await peer.expect("publish");
    await peer.send({ ...message, dup: true });
    const types = [(await peer.next())?.type, (await peer.next())?.type];
    assertEquals(types.sort(), ["pubrec", "publish"].sort());
  },
  slow,
);
