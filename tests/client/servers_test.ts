// Several servers: tried in turn, at each attempt anew, and none of them in the way of the others. Where they are may be
// asked for at each attempt.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { assertPending, outcome, test, type TestWorld } from "./world.ts";

const THREE = ["mqtt://a", "mqtt://b:1", new URL("mqtt://c")];

/** Servers that cannot be reached, by name; `"hangs"` are those that never answer. */
function fail(world: TestWorld, hosts: Readonly<Record<string, "fails" | "hangs">>): void {
  const { onDial } = world;
  world.onDial = (server, signal) => {
    const how = hosts[server.hostname];
    if (how === "fails") return Promise.reject(new Error(`no ${server.hostname}`));
    if (how === undefined) return onDial(server, signal);
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  };
}

function hostsOf({ dialled }: TestWorld): string {
  return dialled.map(({ hostname }) => hostname).join("");
}

test("An option for some of the servers is accepted, and one that none of them uses is refused", async (world) => {
  const tls = { serverName: "a" };
  const client = world.client({ tls }, ["mqtt://a", "mqtts://b"]);
  const started = client.start();
  await world.accept();
  await started;
  assertStrictEquals(hostsOf(world), "a");
  const error = assertThrows(() => world.client({ tls }, THREE), TypeError);
  assertStrictEquals(error.message, "tls needs mqtts:// or wss://, which no URL here is");
});

test("connect() tries several servers in turn, and stays with the first that takes it", async (world) => {
  fail(world, { a: "fails" });
  const client = world.client({}, THREE);
  const started = client.start();
  const peer = await world.accept();
  assertStrictEquals(peer.server.address, "b:1");
  await started;
  assertStrictEquals(hostsOf(world), "ab");
});

test("One dead address does not block the others, at the first attempt or later", async (world) => {
  fail(world, { a: "hangs", b: "hangs" });
  const client = world.client({ connectTimeout: 100 }, THREE);
  const started = client.start();
  await world.clock.advance(200);
  const peer = await world.accept();
  assertStrictEquals(peer.server.hostname, "c");
  await started;
  peer.far.cut();
  await world.clock.advance(200);
  await world.accept();
  assertStrictEquals(client.state, "connected");
  assertStrictEquals(hostsOf(world), "abcabc");
});

test("connect() tries the next server when one refuses", async (world) => {
  const client = world.client({}, THREE);
  const started = client.start();
  (await world.accept({ reasonCode: 0x87 })).close();
  (await world.accept({ reasonCode: 0x89 })).close();
  await world.accept();
  await started;
  assertStrictEquals(hostsOf(world), "abc");
});

test("connect() tells of each server why none took it", async (world) => {
  fail(world, { a: "fails" });
  const client = world.client({}, ["mqtt://a", "mqtt://b"]);
  const rejected = assertRejects(() => client.start(), ConnectionClosedError);
  (await world.accept({ reasonCode: 0x87 })).close();
  const error = await rejected;
  assertStrictEquals(error.kind, "transient");
  assertStrictEquals(
    error.message,
    "Cannot connect to any of 2 servers: Cannot connect to a:1883: no a; " +
      "b:1883 refused the connection: 0x87 Not authorized",
  );
  const { cause } = error;
  assertInstanceOf(cause, AggregateError);
  assertStrictEquals(cause.errors.length, 2);
  assertInstanceOf(cause.errors[1].cause, RefusedError);
});

test("A client goes on as long as one of its servers may still take it, and stops when none will", async (world) => {
  const client = world.client({}, ["mqtt://a", "mqtt://b"]);
  const started = client.start();
  const peer = await world.accept();
  await started;
  peer.far.cut();
  (await world.accept({ reasonCode: 0x86 })).close();
  (await world.accept({ reasonCode: 0x88 })).close();
  await world.clock.advance(0);
  assertStrictEquals(client.state, "reconnecting");
  (await world.accept({ reasonCode: 0x86 })).close();
  (await world.accept({ reasonCode: 0x87 })).close();
  assertStrictEquals((await client.closed)?.kind, "credentials");
});

test("A connection that is there already is used once, and its client goes on with the servers beside it", async (world) => {
  const over = { readable: new Blob().stream(), writable: new WritableStream() };
  const client = world.client({}, [over, "mqtt://b"]);
  const started = client.start();
  const peer = await world.accept();
  await started;
  peer.far.cut();
  await world.accept();
  assertStrictEquals(client.state, "connected");
});

test("A client stops trying its servers when it is disconnected", async (world) => {
  fail(world, { b: "hangs" });
  const client = world.client({}, THREE);
  const started = client.start();
  const peer = await world.accept();
  await started;
  fail(world, { a: "fails" });
  peer.far.cut();
  await world.clock.advance(0);
  assertStrictEquals(hostsOf(world), "aab");
  await client.disconnect();
  assertStrictEquals(hostsOf(world), "aab");
});

test("connect() rejects with the signal's reason alone, whatever it is and however many servers there are", async (world) => {
  fail(world, { a: "fails", b: "hangs" });
  const abort = new AbortController();
  const started = world.client({ signal: abort.signal }, THREE).start();
  await assertPending(started);
  const reason = new ConnectionClosedError("enough", { kind: "transient" });
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => started), reason);
  assertStrictEquals(hostsOf(world), "ab");
});

test("A function gives fresh servers at each attempt, now or later", async (world) => {
  let attempt = 0;
  const client = world.client({}, () => {
    const url = `mqtt://server-${++attempt}`;
    return attempt % 2 === 0 ? url : Promise.resolve([url]);
  });
  const started = client.start();
  let peer = await world.accept();
  await started;
  for (let count = 1; count <= 3; count++) {
    assertStrictEquals(peer.server.hostname, `server-${count}`);
    peer.far.cut();
    peer = await world.accept();
  }
});

test("connect() rejects when the function for its servers fails or gives none", async (world) => {
  const cause = new Error("no directory");
  const failing = world.client({}, () => Promise.reject(cause));
  const error = await assertRejects(() => failing.start(), ConnectionClosedError, "no directory");
  assertStrictEquals(error.cause, cause);
  assertStrictEquals(error.kind, "transient");
  await assertRejects(() => world.client({}, () => []).start(), TypeError, "needs the URL");
  await assertRejects(() => world.client({}, () => "a").start(), TypeError, "not the URL");
});

test("A function for the servers that fails while the client reconnects is asked again", async (world) => {
  let fails = false;
  const client = world.client({}, () => {
    if (fails) throw new Error("no directory");
    return "mqtt://a";
  });
  const started = client.start();
  const peer = await world.accept();
  await started;
  fails = true;
  peer.far.cut();
  world.clock.chance = 0.5;
  await world.clock.advance(3000);
  assertStrictEquals(client.state, "reconnecting");
  fails = false;
  await world.clock.advance(30_000);
  await world.accept();
  assertStrictEquals(client.state, "connected");
});

test("A function that gives no URL later on ends the client", async (world) => {
  let url = "mqtt://a";
  const client = world.client({}, () => url);
  const started = client.start();
  const peer = await world.accept();
  await started;
  url = "nonsense";
  peer.far.cut();
  await world.clock.advance(0);
  const error = await client.closed;
  assertStrictEquals(error?.kind, "configuration");
  assertInstanceOf(error?.cause, TypeError);
});

test("A function for the servers that never answers holds nobody up for ever", async (world) => {
  const abort = new AbortController();
  const hangs = () => new Promise<never>(() => {});
  const aborted = world.client({ signal: abort.signal }, hangs).start();
  await assertPending(aborted);
  const reason = new Error("enough");
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => aborted), reason);

  const late = world.client({ connectTimeout: 500 }, hangs).start();
  const rejected = assertRejects(() => late, ConnectionClosedError, "500 ms");
  await assertPending(late);
  await world.clock.advance(500);
  assert((await rejected).message.startsWith("The list of servers was not there"));

  let urls: () => string | Promise<never> = () => "mqtt://a";
  const client = world.client({}, () => urls());
  const started = client.start();
  const peer = await world.accept();
  await started;
  urls = hangs;
  peer.far.cut();
  await world.clock.advance(0);
  assertStrictEquals(client.state, "reconnecting");
  assertEquals((await outcome(client.disconnect())).status, "fulfilled");
});
