// connect() always ends: with a client, or with what kept it from one. Afterwards nothing of it is left, no connection and no
// timer.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import type { ConnectOptions } from "../../src/client/options.ts";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { encodePacket } from "../../src/packets/mod.ts";
import { assertPending, outcome, settle, test, type TestWorld } from "./world.ts";

/** A dial that is answered when it is given up, and not before. */
function dialNever(_: unknown, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** Where an attempt may hang. */
const STAGES: readonly (readonly [
  stage: string,
  options: ConnectOptions,
  prepare: (world: TestWorld) => void,
  dials: number,
])[] = [
  ["credentials", { credentials: () => new Promise(() => {}) }, () => {}, 0],
  ["dialling", {}, (world) => world.onDial = dialNever, 1],
  ["CONNACK", {}, () => {}, 1],
  ["a server that reads nothing", {}, (world) => {
    const { onDial } = world;
    world.onDial = async (server, signal) => {
      const transport = await onDial(server, signal);
      world.transports.at(-1)!.stall();
      return transport;
    };
  }, 1],
];

for (const [stage, options, prepare, dials] of STAGES) {
  test(`connect() gives up when ${stage} takes longer than connectTimeout`, async (world) => {
    prepare(world);
    const started = world.client({ ...options, connectTimeout: 5000 }).start();
    await world.clock.advance(4999);
    await assertPending(started);
    await world.clock.advance(1);
    const error = await assertRejects(() => started, ConnectionClosedError, "server:1883");
    assertStrictEquals(error.kind, "transient");
    assertStrictEquals(world.dialled.length, dials);
    world.assertNothingLeft();
  });

  test(`connect() ends with the signal's reason when it aborts during ${stage}`, async (world) => {
    prepare(world);
    const abort = new AbortController();
    const client = world.client({ ...options, signal: abort.signal });
    const started = client.start();
    await assertPending(started);
    const reason = new Error("enough");
    abort.abort(reason);
    assertStrictEquals(await assertRejects(() => started), reason);
    world.assertNothingLeft();
    assertStrictEquals(client.state, "closed");
    assertStrictEquals(await client.closed, undefined);
  });
}

test("connect() with a signal that has aborted dials nobody", async (world) => {
  const reason = new Error("too late");
  const client = world.client({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(() => client.start()), reason);
  assertStrictEquals(world.dialled.length, 0);
});

test("connect() has one deadline over credentials, dialling and CONNACK", async (world) => {
  const { onDial, clock } = world;
  world.onDial = async (server, signal) => {
    await new Promise<void>((resolve) => clock.at(clock.now() + 2000, resolve));
    return await onDial(server, signal);
  };
  const credentials = () =>
    new Promise<object>((resolve) => clock.at(clock.now() + 2000, () => resolve({})));
  const started = world.client({ credentials, connectTimeout: 5000 }).start();
  await clock.advance(4500);
  const peer = await world.peer();
  await peer.expect("connect");
  await assertPending(started);
  await clock.advance(500);
  await assertRejects(() => started, ConnectionClosedError);
  await peer.expectClosed();
});

test("A signal that aborts when the client is connected does nothing more", async (world) => {
  const abort = new AbortController();
  const { client, peer } = await world.connected({ signal: abort.signal });
  abort.abort(new Error("too late"));
  await peer.expectNothing();
  assertStrictEquals(client.state, "connected");
  peer.far.cut();
  await world.accept();
  assertStrictEquals(client.state, "connected");
});

test("connect() has 30 seconds where nothing else is said", async (world) => {
  const started = world.client().start();
  await world.clock.advance(29_999);
  await assertPending(started);
  await world.clock.advance(1);
  await assertRejects(() => started, ConnectionClosedError);
});

test("A connection that is there in the moment in which its signal aborts is closed", async (world) => {
  const abort = new AbortController();
  const { onDial } = world;
  world.onDial = async (server, signal) => {
    const transport = await onDial(server, signal);
    abort.abort(new Error("enough"));
    return transport;
  };
  await assertRejects(() => world.client({ signal: abort.signal }).start(), Error, "enough");
  world.assertNothingLeft();
});

test("A CONNACK that comes in the moment in which the signal aborts leaves nothing behind", async (world) => {
  const abort = new AbortController();
  const client = world.client({ signal: abort.signal });
  const started = outcome(client.start());
  const peer = await world.peer();
  peer.send({ type: "connack" });
  abort.abort(new Error("enough"));
  await started;
  await settle();
  // Whichever was first, there is a client or there is none.
  assert(client.state === "closed" || client.state === "reconnecting", client.state);
});

test("connect() rejects with what a server says that refuses [MQTT-3.2.2-7]", async (world) => {
  const client = world.client();
  const rejected = assertRejects(() => client.start(), RefusedError);
  const peer = await world.accept({
    reasonCode: 0x87,
    properties: { reasonString: "not you", userProperties: [["b", "1"], ["a", "2"]] },
  });
  assert(peer.near.hasClosedWrite);
  peer.close();
  const error = await rejected;
  assertStrictEquals(error.reasonCode, 0x87);
  assertStrictEquals(error.reasonString, "not you");
  assertEquals(error.userProperties, [["b", "1"], ["a", "2"]]);
  assertStrictEquals(
    error.message,
    'server:1883 refused the connection: 0x87 Not authorized ("not you")',
  );
  assertStrictEquals(client.state, "closed");
  await peer.expectClosed();
  world.assertNothingLeft();
});

test("connect() rejects when the connection is closed, not before, though the server keeps it open", async (world) => {
  const started = world.client().start();
  const rejected = assertRejects(() => started, RefusedError);
  const peer = await world.accept({ reasonCode: 0x87 });
  await world.clock.advance(999);
  await assertPending(started);
  await world.clock.advance(1);
  await rejected;
  await peer.expectClosed();
});

test("connect() tries once: even a server that is busy ends it", async (world) => {
  const rejected = assertRejects(() => world.client().start(), RefusedError);
  await world.accept({ reasonCode: 0x89 });
  await world.clock.advance(100_000);
  assertStrictEquals((await rejected).reasonCode, 0x89);
  assertStrictEquals(world.dialled.length, 1);
});

test("connect() rejects with why there is no way to the server, or no credentials", async (world) => {
  const cause = new Error("no route");
  world.onDial = () => Promise.reject(cause);
  const dialled = await assertRejects(() => world.client().start(), ConnectionClosedError);
  assertStrictEquals(dialled.message, "Cannot connect to server:1883: no route");
  assertStrictEquals(dialled.cause, cause);
  const credentials = () => Promise.reject(cause);
  const asked = await assertRejects(
    () => world.client({ credentials }).start(),
    ConnectionClosedError,
  );
  assertStrictEquals(asked.message, "Cannot get credentials for server:1883: no route");
  assertStrictEquals(asked.kind, "transient");
  assertStrictEquals(world.dialled.length, 1);
});

test("Connected means CONNACK: connect() does not wait for what is to be sent again", async (world) => {
  const queued = ([1, 2] as const).map((qos) => {
    const packet = { type: "publish", topic: "a", packetId: 1, qos } as const;
    return { publish: encodePacket(packet).toBase64() };
  });
  const session = { clientId: "c", inFlight: [], unreleased: [], queued };
  const client = world.client({ session });
  const started = client.start();
  const peer = await world.accept({ sessionPresent: true });
  assertStrictEquals((await outcome(started)).status, "fulfilled");
  assertInstanceOf(await started, client.constructor);
  assertStrictEquals((await peer.takePackets()).length, 2);
});
