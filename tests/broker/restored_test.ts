// What a broker stores of its sessions, and knows again when it is started with their file.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Store } from "../../src/broker/durability/store.ts";
import { checksum } from "../../src/store/checksum.ts";
import {
  messageBytes,
  PLACE,
  sessionBytes,
  subscriptionBytes,
  UNRELEASED,
} from "../../src/broker/sizes.ts";
import { bytesOfText, publishOf } from "./client.ts";
import { World } from "./world.ts";

const LASTING = { properties: { sessionExpiryInterval: 3600 } };

/** What is queued for the session. */
const TEXTS = ["in flight", "x".repeat(5000)];

Deno.test("A restored session is charged for itself, its subscriptions, its messages and what it has not released", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-restored-" });
  const open = () => new Store(`${folder}/broker.db`, { now: () => 0, wall: () => 0 });
  try {
    const store = open();
    await using world = new World({}, {}, store);
    const client = await world.connect("c", LASTING);
    await client.subscribe("a/#", { qos: 1 });
    const publisher = await world.connect("p");
    await publisher.publish("a/b", TEXTS[0], { qos: 1 });
    await client.send(publishOf("n", "", { qos: 2, packetId: 7 }));
    await client.cut();
    await publisher.publish("a/b", TEXTS[1], { qos: 1 });
    store.close();
    const again = open();
    await using restored = new World({}, {}, again);
    const messages = TEXTS.map((text) => {
      return PLACE + messageBytes({ topic: "a/b", payload: bytesOfText(text), properties: {} });
    });
    const names = { clientId: "c", username: undefined, certificate: undefined };
    assertStrictEquals(
      restored.engine.statistics.memory,
      sessionBytes({ ...names, address: "", listener: undefined, origin: undefined }, undefined) +
        subscriptionBytes("a/#") + messages[0]! + messages[1]! + UNRELEASED,
    );
    const { client: sleeper } = await restored.join("c", { ...LASTING, cleanStart: false });
    assertEquals(await sleeper.receiveTexts(), TEXTS);
    again.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Of two messages with one Packet Identifier, whose broker was killed before it deleted the first, the second is there", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-restored-" });
  const path = `${folder}/broker.db`;
  const open = () => new Store(path, { now: () => 0, wall: () => 0 });
  try {
    const store = open();
    await using world = new World({}, {}, store);
    const client = await world.connect("c", LASTING);
    await client.subscribe("a", { qos: 1 });
    const publisher = await world.connect("p");
    for (const text of ["acknowledged", "later"]) await publisher.publish("a", text, { qos: 1 });
    await client.cut();
    store.close();
    using database = new DatabaseSync(path);
    const row = database.prepare("SELECT * FROM message WHERE packet_id = 2").get()!;
    delete row["checksum"];
    const values = Object.values({ ...row, packet_id: 1 });
    database.prepare("UPDATE message SET packet_id = 1, checksum = ? WHERE packet_id = 2")
      .run(checksum(values));
    database.close();
    const again = open();
    await using restored = new World({}, {}, again);
    const { client: sleeper } = await restored.join("c", { ...LASTING, cleanStart: false });
    assertEquals(await sleeper.receiveTexts(), ["later"]);
    again.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Nothing of a session that ends with its connection is to be stored", async () => {
  const store = new Store(":memory:", { now: () => 0, wall: () => 0 });
  await using world = new World({}, {}, store);
  const client = await world.connect("c");
  const changes = [store.needsCommit];
  await client.subscribe("a", { qos: 1 });
  changes.push(store.needsCommit);
  await client.publish("a", "", { qos: 1 });
  changes.push(store.needsCommit);
  await client.unsubscribe("a");
  changes.push(store.needsCommit);
  assertEquals(changes, [false, false, false, false]);
  store.close();
});
