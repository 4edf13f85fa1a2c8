// A server that opens connections of its own kind: its transports know nothing of signals, and are closed all the same.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { TransportSource } from "../../src/client/servers.ts";
import { ConnectionClosedError } from "../../src/errors.ts";
import type { Transport } from "../../src/io/transport.ts";
import { assertPending, outcome, settle, test, type TestWorld } from "./world.ts";

const NEVER = new AbortController().signal;

/** A source whose connections a test takes as those that are dialled. */
function sourceOf(world: TestWorld): { connect(): Transport } {
  return { connect: () => world.open({ address: "source" } as never, NEVER) };
}

test("connect() takes a source of connections in the place of a URL, and asks it at each attempt", async (world) => {
  let count = 0;
  const source = sourceOf(world);
  const client = world.client({}, {
    connect() {
      count++;
      return count % 2 === 0 ? Promise.resolve(source.connect()) : source.connect();
    },
  });
  const started = client.start();
  let peer = await world.accept();
  await started;
  for (let attempt = 2; attempt < 5; attempt++) {
    peer.far.cut();
    peer = await world.accept();
    assertStrictEquals(count, attempt);
  }
  assertStrictEquals(client.state, "connected");
  assertStrictEquals(world.dialled.length, 0);
});

test("A source of connections that has a URL is asked for them all the same", async (world) => {
  const source = { ...sourceOf(world), url: "mqtt://elsewhere" };
  const started = world.client({}, source).start();
  const peer = await world.accept();
  await started;
  assertStrictEquals(peer.server.address, "source");
  assertStrictEquals(world.dialled.length, 0);
});

test("connect() takes sources and URLs in one list", async (world) => {
  const failing = { connect: () => Promise.reject(new Error("no broker")) };
  const throwing: TransportSource = {
    connect() {
      throw new Error("no broker at all");
    },
  };
  const rejected = world.client({}, [failing, throwing]);
  const error = await assertRejects(() => rejected.start(), ConnectionClosedError, "no broker at");
  assertStrictEquals(error.kind, "transient");
  const client = world.client({}, [failing, throwing, "mqtt://server"]);
  const started = client.start();
  const peer = await world.accept();
  await started;
  assertStrictEquals(peer.server.hostname, "server");
});

test("A source that never answers is given up at the deadline, and what it opens later is closed", async (world) => {
  const opening = Promise.withResolvers<Transport>();
  const client = world.client({ connectTimeout: 100 }, { connect: () => opening.promise });
  const started = client.start();
  const rejected = assertRejects(() => started, ConnectionClosedError, "100 ms");
  await assertPending(started);
  await world.clock.advance(100);
  await rejected;
  opening.resolve(sourceOf(world).connect());
  await settle();
  world.assertNothingLeft();
});

test("A source that fails after it was given up is no unhandled rejection", async (world) => {
  const opening = Promise.withResolvers<Transport>();
  const client = world.client({ connectTimeout: 100 }, { connect: () => opening.promise });
  const rejected = assertRejects(() => client.start(), ConnectionClosedError);
  await world.clock.advance(100);
  await rejected;
  opening.reject(new Error("too late"));
  await settle();
});

test("A server that says nothing on a connection of a source is given up, and the connection is closed", async (world) => {
  const client = world.client({ connectTimeout: 100 }, sourceOf(world));
  const rejected = assertRejects(() => client.start(), ConnectionClosedError);
  const peer = await world.peer();
  await peer.expect("connect");
  await world.clock.advance(100);
  await rejected;
  await peer.expectClosed();
});

test("A signal that aborts in any moment in which a source opens a connection leaves none", async (world) => {
  for (let turns = 0; turns < 12; turns++) {
    const abort = new AbortController();
    const opening = Promise.withResolvers<Transport>();
    const client = world.client({ signal: abort.signal }, { connect: () => opening.promise });
    const started = client.start();
    started.catch(() => {});
    await settle();
    opening.resolve(sourceOf(world).connect());
    for (let turn = 0; turn < turns; turn++) await undefined;
    const reason = new Error("enough");
    abort.abort(reason);
    await world.clock.advance(2000);
    assertEquals(await outcome(started), { status: "rejected", reason });
    world.assertNothingLeft();
  }
  assert(world.transports.length === 12);
});
