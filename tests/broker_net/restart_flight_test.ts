// Messages that are on their way when a broker with a file is started again: each is where it was.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, connect, type ConnectOptions } from "../../mod.ts";
import { Store } from "../../src/broker/durability/store.ts";
import { Broker } from "../../src/broker/serve.ts";
import { systemClock } from "../../src/io/clock.ts";
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

Deno.test("A broker that starts again does not begin with the Packet Identifiers that it may have given out last: others are in use", async () => {
  await using folder = await temporaryFolder();
  let wall = 1000;
  const begin = () => {
    const clocks = { now: systemClock.now, wall: () => wall };
    const store = new Store(`${folder.path}/broker.db`, clocks);
    return new Broker({ listeners: [] }, { clock: systemClock }, store);
  };
  const identifiers: number[] = [];
  for (; identifiers.length < 3; wall += 70_000) {
    const broker = begin();
    using peer = new Peer(broker.connect());
    const properties = { sessionExpiryInterval: 1000 };
    await peer.open({ clientId: "a", cleanStart: false, properties });
    const subscriptions = [{ topicFilter: "news", qos: 1 } as const];
    await peer.send({ type: "subscribe", packetId: 1, subscriptions });
    await peer.expect("suback");
    await broker.publish("news", "", { qos: 1 });
    const { packetId } = await peer.expect("publish");
    identifiers.push(packetId);
    await peer.send({ type: "puback", packetId }, { type: "disconnect" });
    await peer.expectEnd();
    await broker.shutDown();
  }
  // By the clock on the wall, as nothing else is certain to be stored.
  assertEquals(identifiers, [1, 71_002 % 65_535, 141_002 % 65_535]);
});
