// Signals live longer than what they are given to: nothing of the client may stay at them when it is over.

import { assertRejects, assertStrictEquals } from "@std/assert";
import { settle, test } from "./world.ts";

/** A signal that counts who listens to it. */
function counted(): { readonly signal: AbortSignal; readonly listeners: () => number } {
  const { signal } = new AbortController();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let count = 0;
  signal.addEventListener = (type: string, listener: EventListener) => {
    count++;
    add(type, listener);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    count--;
    remove(type, listener);
  };
  return { signal, listeners: () => count };
}

test("Nothing of connect() stays at its signal", async (world) => {
  const { signal, listeners } = counted();
  await world.connected({ signal });
  assertStrictEquals(listeners(), 0);
  world.onDial = () => Promise.reject(new Error("no route"));
  await assertRejects(() => world.client({ signal }).start());
  assertStrictEquals(listeners(), 0);
});

test("Nothing of publish() stays at its signal, whatever becomes of the message", async (world) => {
  const { signal, listeners } = counted();
  const { client, peer } = await world.connected({ sendQueue: { messages: 2 } });
  await client.publish("a", "", { signal });
  const published = ([1, 2] as const).map((qos) => client.publish("a", "", { qos, signal }));
  assertStrictEquals(listeners(), 2);
  peer.send({ type: "puback", packetId: 1 });
  peer.send({ type: "pubrec", packetId: 2 }, { type: "pubcomp", packetId: 2 });
  await Promise.all(published);
  assertStrictEquals(listeners(), 0);

  const refused = assertRejects(() => client.publish("a", "", { qos: 1, signal }));
  peer.send({ type: "puback", packetId: 3, reasonCode: 0x87 });
  await refused;
  await assertRejects(() => client.publish("#", "", { signal }));
  const lost = assertRejects(() => client.publish("a", "", { qos: 1, signal }));
  await peer.takePackets();
  peer.far.cut();
  await settle();
  const expired = assertRejects(() =>
    client.publish("a", "", { messageExpiryInterval: 0, signal })
  );
  const waits = client.publish("a", "", { signal });
  await assertRejects(() => client.publish("a", "", { signal }));
  await world.accept({ sessionPresent: false });
  await Promise.all([lost, expired, waits]);
  assertStrictEquals(listeners(), 0);
});

test("Nothing of subscribe() and unsubscribe() stays at their signals", async (world) => {
  const { signal, listeners } = counted();
  const { client, peer } = await world.connected();
  const granted = client.subscribe("a", { signal });
  await peer.grant();
  await granted;
  const refused = assertRejects(() => client.subscribe("b", { signal }));
  await peer.grant([0x87]);
  await refused;
  const ended = client.unsubscribe("a", { signal });
  await peer.release();
  await ended;
  await assertRejects(() => client.subscribe("#/", { signal }));
  assertStrictEquals(listeners(), 0);
  const waits = assertRejects(() => client.subscribe("c", { signal }));
  const asks = assertRejects(() => client.unsubscribe("d", { signal }));
  await peer.takePackets();
  const closed = client.disconnect();
  await peer.expect("disconnect");
  peer.close();
  await Promise.all([waits, asks, closed]);
  assertStrictEquals(listeners(), 0);
});

test("Nothing of request() stays at its signal, with a response and without", async (world) => {
  const { signal, listeners } = counted();
  const { client, peer } = await world.connected();
  const response = client.request("a", "", { signal });
  const late = assertRejects(() => client.request("a", "", { signal, timeout: 1000 }));
  assertStrictEquals(listeners(), 2);
  await peer.grant();
  const { packetId, properties: { responseTopic = "", correlationData } } = await peer.expect(
    "publish",
  );
  peer.send({ type: "puback", packetId });
  peer.send({ type: "publish", topic: responseTopic, properties: { correlationData } });
  await response;
  await world.clock.advance(1000);
  await late;
  assertStrictEquals(listeners(), 0);
});
