// How fast clients may publish, and how many may connect from one address.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, publishOf } from "./client.ts";
import { World } from "./world.ts";

/** Messages with these numbers. */
function numbers(count: number, size = 0) {
  return Array.from(
    { length: count },
    (_, index) => publishOf("a", String(index).padEnd(size, "x")),
  );
}

async function witnessOf(world: World): Promise<Client> {
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  return witness;
}

/** How many messages come in each of the next seconds. */
async function perSecond(world: World, witness: Client, seconds: number): Promise<number[]> {
  const counts: number[] = [];
  for (let second = 0; second < seconds; second++) {
    counts.push((await witness.receive()).length);
    await world.advance(1000);
  }
  return counts;
}

Deno.test("limits.messagesPerSecond makes what a client sends faster wait, and drops nothing", async () => {
  await using world = new World({ limits: { messagesPerSecond: 10 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  await client.send(...numbers(35));
  // Those of a second are saved up; the one beyond them is paid for afterwards.
  assertEquals(await perSecond(world, witness, 5), [11, 10, 10, 4, 0]);
});

Deno.test("limits.bytesPerSecond counts topics and payloads", async () => {
  await using world = new World({ limits: { bytesPerSecond: 1000 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  await client.send(...numbers(12, 499));
  assertEquals(await perSecond(world, witness, 6), [3, 2, 2, 2, 2, 1]);
});

Deno.test("A message larger than the bytes of a second is taken, and the next one waits for it", async () => {
  await using world = new World({ limits: { bytesPerSecond: 1000 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  await client.send(...numbers(2, 4999));
  assertEquals(await perSecond(world, witness, 6), [1, 0, 0, 0, 1, 0]);
});

Deno.test("Clients that are slow enough do not wait, and each has a limit of its own", async () => {
  await using world = new World({ limits: { messagesPerSecond: 10, bytesPerSecond: 1000 } });
  const witness = await witnessOf(world);
  const fast = await world.connect("fast");
  const slow = await world.connect("slow");
  await fast.send(...numbers(100));
  await witness.receive();
  for (let count = 0; count < 30; count++) {
    await slow.publish("slow", "1", { qos: 1 });
    await world.advance(100);
  }
});

Deno.test("A client that waits for its limit is not disconnected for its Keep Alive", async () => {
  await using world = new World({ limits: { messagesPerSecond: 10 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c", { keepAlive: 2 });
  await client.send(...numbers(80), { type: "pingreq" });
  await world.advance(5000);
  client.expectNothing();
  await world.advance(3000);
  client.expect("pingresp");
  assertStrictEquals((await witness.receive()).length, 80);
});

Deno.test("What a client has sent before DISCONNECT is published, however fast, and its Will is not", async () => {
  await using world = new World({ limits: { messagesPerSecond: 20 } });
  const witness = await witnessOf(world);
  const will = { topic: "will", payload: new Uint8Array() };
  const client = await world.connect("c", { will });
  await client.send(...numbers(300), { type: "disconnect" });
  await world.advance(20_000);
  const texts = await witness.receiveTexts();
  assertEquals(texts, numbers(300).map((_, index) => String(index)));
});

Deno.test("What has been read when a connection ends is published at once", async () => {
  await using world = new World({ limits: { messagesPerSecond: 1 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  await client.send(...numbers(10));
  assertEquals(await witness.receiveTexts(), ["0", "1"]);
  await client.cut();
  assertEquals(await witness.receiveTexts(), ["2", "3", "4", "5", "6", "7", "8", "9"]);
});

Deno.test("A client that has waited longer than a hook may take loses nothing when it goes", async () => {
  await using world = new World({ limits: { bytesPerSecond: 100, hookTimeout: 1000 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  await client.send(...numbers(4, 5000));
  await world.advance(20_000);
  assertStrictEquals((await witness.receive()).length, 1);
  await client.cut();
  assertStrictEquals((await witness.receive()).length, 3);
});

Deno.test("The limit holds where a hook decides about each message", async () => {
  await using world = new World({
    limits: { messagesPerSecond: 10 },
    authorizePublish: (_client, { topic }) => Promise.resolve(topic === "a"),
  });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  await client.send(...numbers(25));
  await world.settle();
  assertEquals(await perSecond(world, witness, 3), [11, 10, 4]);
});

Deno.test("A message that has waited so long that it has expired is not delivered", async () => {
  await using world = new World({ limits: { messagesPerSecond: 1 } });
  const witness = await witnessOf(world);
  const client = await world.connect("c");
  const properties = { messageExpiryInterval: 3 };
  await client.send(...numbers(8).map((message) => ({ ...message, properties })));
  assertEquals(await perSecond(world, witness, 8), [2, 1, 1, 0, 0, 0, 0, 0]);
});

/** A world in which the address is the network. */
function crowded(connectionsPerAddress: number): World {
  return new World({ limits: { connectionsPerAddress } }, {
    networkOf: (address) => address === "memory" ? undefined : address,
  });
}

Deno.test("limits.connectionsPerAddress refuses further connections from an address, until one ends", async () => {
  await using world = crowded(2);
  const connect = async (clientId: string, address: string) => {
    const client = world.open(address);
    await client.sendConnect(clientId);
    return client;
  };
  const first = await connect("1", "a");
  await connect("2", "a");
  const { properties } = (await connect("3", "a")).expectRefusal(0x97);
  assertStrictEquals(
    properties.reasonString,
    "There are too many connections from this address",
  );
  assertStrictEquals((await connect("4", "b")).expect("connack").reasonCode, 0x00);
  await first.cut();
  assertStrictEquals((await connect("5", "a")).expect("connack").reasonCode, 0x00);
  for (const clientId of ["6", "7", "8"]) {
    const client = await connect(clientId, "memory");
    assertStrictEquals(client.expect("connack").reasonCode, 0x00);
  }
});

Deno.test("Connections from an address far beyond its limit are closed at once", async () => {
  await using world = crowded(1);
  for (let count = 0; count < 65; count++) world.open("a");
  assertStrictEquals(world.engine.hasRoomFor({ address: "a" }), false);
  assertStrictEquals(world.engine.hasRoomFor({ address: "b" }), true);
  await world.cutAll();
  assertStrictEquals(world.engine.hasRoomFor({ address: "a" }), true);
});
