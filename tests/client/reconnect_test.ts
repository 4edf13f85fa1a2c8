// After a lost connection: when the client tries again, how often, with what, and what stops it.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import type { ConnectOptions } from "../../src/client/options.ts";
import { type CloseKind, ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import type { PacketInit } from "../../src/packets/mod.ts";
import type { Connack } from "./peer.ts";
import { settle, test, type TestWorld } from "./world.ts";

/** The delays that a client has told, and forgets. */
function delays(world: TestWorld): number[] {
  const told = world.told.splice(0).filter((event) => event.type === "reconnecting");
  return told.map(({ detail }) => detail.delay);
}

/** Every attempt to dial fails. */
function unreachable(world: TestWorld): void {
  world.onDial = () => Promise.reject(new Error("no route"));
}

/** A client that has lost its connection, and cannot make another. */
async function lost(world: TestWorld, options: ConnectOptions, chance: number): Promise<void> {
  const { peer } = await world.connected(options);
  world.clock.chance = chance;
  unreachable(world);
  peer.far.cut();
}

test("The longest wait doubles from a second to thirty, and each wait is any part of it", async (world) => {
  await lost(world, {}, 0.999);
  await world.clock.advance(150_000);
  const longest = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
  assertEquals(delays(world).slice(0, 8), longest.map((delay) => delay * 0.999));
});

test("A wait may be as good as none, and each has a chance of its own", async (world) => {
  await lost(world, {}, 0);
  await settle();
  world.clock.chance = 0.25;
  await world.clock.advance(0);
  world.clock.chance = 0.75;
  await world.clock.advance(500);
  assertEquals(delays(world), [0, 500, 3000]);
});

test("Waits are as the options say, and no attempt comes before its time", async (world) => {
  await lost(world, { reconnect: { initialDelay: 10, factor: 3, maximumDelay: 100 } }, 0.5);
  await settle();
  const dialled = world.dialled.length;
  await world.clock.advance(4.9);
  assertStrictEquals(world.dialled.length, dialled);
  await world.clock.advance(0.1);
  assertStrictEquals(world.dialled.length, dialled + 1);
  await world.clock.advance(200);
  assertEquals(delays(world).slice(0, 5), [5, 15, 45, 50, 50]);
});

test("Waits begin anew only after a connection that was stable", async (world) => {
  const { peer } = await world.connected({ reconnect: { stableAfter: 5000 }, keepAlive: 0 });
  world.clock.chance = 0.5;
  let last = peer;
  const next = async (lasting: number) => {
    await world.clock.advance(lasting);
    last.far.cut();
    await settle();
    const [delay] = delays(world);
    await world.clock.advance(delay!);
    last = await world.accept();
    return delay;
  };
  assertStrictEquals(await next(0), 500);
  assertStrictEquals(await next(4999), 1000);
  assertStrictEquals(await next(0), 2000);
  // What came after a wait of at most 4000 is stable when it has lasted twice as long.
  assertStrictEquals(await next(7999), 4000);
  assertStrictEquals(await next(16_000), 500);
  assertStrictEquals(await next(5000), 500);
  assertStrictEquals(await next(4999), 1000);
});

test("A client gives up after maximumAttempts in a row", async (world) => {
  await lost(world, { reconnect: { maximumAttempts: 3 } }, 0);
  await world.clock.advance(0);
  assertStrictEquals(world.dialled.length, 4);
  const closed = world.told.at(-1)!;
  assert(closed.type === "closed");
  const { error } = closed.detail as { error: ConnectionClosedError };
  assertStrictEquals(error.kind, "transient");
  assertStrictEquals(
    error.message,
    "Gave up after 3 attempts: Cannot connect to server:1883: no route",
  );
  assertInstanceOf(error.cause, ConnectionClosedError);
});

test("Attempts are counted until a connection is stable, so that a server that always hangs up is left in the end", async (world) => {
  const { client, peer } = await world.connected({ reconnect: { maximumAttempts: 3 } });
  peer.far.cut();
  for (let count = 0; count < 3; count++) (await world.accept()).far.cut();
  await settle();
  assertStrictEquals(client.state, "closed");
  assertInstanceOf(await client.closed, ConnectionClosedError);
});

test("reconnect: false ends the client with its connection", async (world) => {
  const { client, peer } = await world.connected({ reconnect: false });
  peer.far.cut(new Error("gone"));
  const error = await client.closed;
  assertStrictEquals(error?.kind, "transient");
  assertStrictEquals(error?.message, "The connection to server:1883 was lost: gone");
  await world.expectNoPeer();
  const told = world.told.find((event) => event.type === "disconnected");
  assertStrictEquals(told?.detail.willReconnect, false);
});

test("Each attempt asks for credentials anew, and sends the Will, the name and all else again [MQTT-3.1.3-2]", async (world) => {
  let asked = 0;
  const { peer } = await world.connected({
    clientId: "c",
    sessionExpiryInterval: 60,
    keepAlive: 17,
    will: { topic: "gone", payload: "c", willDelayInterval: 3 },
    userProperties: [["k", "v"]],
    credentials: () => ({ username: "u", password: `token ${++asked}` }),
  });
  let last = peer;
  for (let count = 2; count < 5; count++) {
    last.far.cut();
    last = await world.peer();
    const connect = await last.accept({ sessionPresent: true });
    assertStrictEquals(new TextDecoder().decode(connect.password), `token ${count}`);
    assertStrictEquals(connect.username, "u");
    assertStrictEquals(connect.clientId, "c");
    assertStrictEquals(connect.cleanStart, false);
    assertStrictEquals(connect.keepAlive, 17);
    assertStrictEquals(connect.will?.topic, "gone");
    assertEquals(connect.will?.properties, { willDelayInterval: 3 });
    assertEquals(connect.properties, {
      sessionExpiryInterval: 60,
      receiveMaximum: 65_535,
      userProperties: [["k", "v"]],
    });
  }
});

test("Credentials that fail, or take too long, are asked for again", async (world) => {
  let answer: () => object | Promise<object> = () => ({});
  const { client, peer } = await world.connected({
    connectTimeout: 100,
    credentials: () => answer(),
  });
  answer = () => Promise.reject(new Error("no vault"));
  world.clock.chance = 0.5;
  peer.far.cut();
  await world.clock.advance(500);
  answer = () => new Promise(() => {});
  await world.clock.advance(1100);
  answer = () => ({ username: "at last" });
  const errors = world.told.filter((event) => event.type === "reconnecting")
    .map(({ detail }) => detail.error?.message);
  assertEquals(errors, [
    undefined,
    "Cannot get credentials for server:1883: no vault",
    "server:1883 did not accept the connection within 100 ms; check the address, and that it is a " +
    "server of MQTT 5.0",
  ]);
  await world.clock.advance(2000);
  await world.accept();
  assertStrictEquals(client.state, "connected");
});

/** What a CONNACK or a DISCONNECT says about another attempt. */
const FAULTS: readonly (readonly [reasonCode: number, kind: CloseKind])[] = [
  [0x81, "protocol"],
  [0x82, "protocol"],
  [0x93, "protocol"],
  [0x94, "protocol"],
  [0x86, "credentials"],
  [0x87, "credentials"],
  [0x8a, "credentials"],
  [0x8c, "credentials"],
  [0x84, "configuration"],
  [0x85, "configuration"],
  [0x90, "configuration"],
  [0x95, "configuration"],
  [0x9a, "configuration"],
  [0x9b, "configuration"],
  [0x9d, "configuration"],
  [0x8e, "taken over"],
  ...[0x00, 0x80, 0x83, 0x88, 0x89, 0x8b, 0x8d, 0x96, 0x97, 0x98, 0x9c, 0x9f, 0xa0]
    .map((reasonCode) => [reasonCode, "transient"] as const),
];

/** Reason Codes of a CONNACK that says no, and those of a server's DISCONNECT (§3.2.2.2, §3.14.2.1). */
const IN_CONNACK = [
  ...[0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90],
  ...[0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
];
const NOT_IN_DISCONNECT = [0x84, 0x85, 0x86, 0x88, 0x8a];

for (const [reasonCode, kind] of FAULTS) {
  const code = `0x${reasonCode.toString(16).padStart(2, "0")}`;
  const goesOn = kind === "transient";
  const then = goesOn ? "is tried again" : `ends the client: ${kind}`;

  if (IN_CONNACK.includes(reasonCode)) {
    test(`A client whose new connection is refused with ${code} ${then}`, async (world) => {
      const { client, peer } = await world.connected();
      peer.far.cut();
      const properties = { reasonString: "why" };
      (await world.accept({ reasonCode, properties } as Connack)).close();
      await settle();
      assertStrictEquals(client.state, goesOn ? "reconnecting" : "closed");
      if (goesOn) return;
      const error = await client.closed;
      assertStrictEquals(error?.kind, kind);
      assertStrictEquals(error?.reasonCode, reasonCode);
      assertInstanceOf(error?.cause, RefusedError);
      assertStrictEquals((error?.cause as RefusedError).reasonString, "why");
      await world.clock.advance(100_000);
      assertStrictEquals(world.dialled.length, 2);
    });
  }

  if (NOT_IN_DISCONNECT.includes(reasonCode)) continue;
  test(`A client that is sent away with ${code} ${then}`, async (world) => {
    const { client, peer } = await world.connected();
    const properties = { reasonString: "why" };
    peer.send({ type: "disconnect", reasonCode, properties } as PacketInit);
    peer.close();
    await settle();
    assertStrictEquals(client.state, goesOn ? "reconnecting" : "closed");
    if (goesOn) return await world.accept().then(() => {});
    const error = await client.closed;
    assertStrictEquals(error?.kind, kind);
    assertStrictEquals(error?.reasonCode, reasonCode);
    assertInstanceOf(error?.cause, RefusedError);
    await world.clock.advance(100_000);
    assertStrictEquals(world.dialled.length, 1);
  });
}

test("A server that answers as MQTT 3 does, or breaks the standard, later on ends the client", async (world) => {
  for (
    const [hex, kind] of [["20 02 00 01", "configuration"], [
      "30 04 0001 61 00",
      "protocol",
    ]] as const
  ) {
    const { client, peer } = await world.connected();
    peer.far.cut();
    const second = await world.peer();
    await second.expect("connect");
    second.sendHex(hex);
    await settle();
    second.close();
    await settle();
    assertStrictEquals((await client.closed)?.kind, kind);
  }
});

test("A connection that is lost in the moment in which it is made is a lost connection", async (world) => {
  for (const ends of ["close", "disconnect", "cut"] as const) {
    const client = world.client();
    const started = client.start();
    let peer = await world.peer();
    const lose = async () => {
      await peer.expect("connect");
      if (ends === "disconnect") {
        peer.send({ type: "connack" }, { type: "disconnect", reasonCode: 0x8b });
      } else peer.send({ type: "connack" });
      if (ends === "cut") peer.far.cut();
      else peer.close();
      await settle();
    };
    if (ends === "cut") peer.send({ type: "connack" });
    await lose();
    if (ends !== "cut") assertStrictEquals(await started, client);
    else await started.catch(() => {});
    if (client.state === "closed") continue;
    peer = await world.peer();
    await lose();
    assertStrictEquals(client.state, "reconnecting");
    // It still can be told to stop, and does not wait for its next attempt.
    const dialled = world.dialled.length;
    await client.disconnect();
    assertStrictEquals(client.state, "closed");
    assertStrictEquals(world.dialled.length, dialled);
  }
});

test("A client has one connection at a time, and one that is lost is closed", async (world) => {
  const { client, peer } = await world.connected();
  let last = peer;
  for (let count = 0; count < 20; count++) {
    last.close();
    last = await world.accept();
    const open = world.transports.filter(({ isClosed }) => !isClosed);
    assertStrictEquals(open.length, 1);
  }
  assertStrictEquals(client.state, "connected");
});
