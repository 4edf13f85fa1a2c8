// §4.11 Server redirection: a client follows a Server Reference only where it was told to, never to
// a connection without TLS, and never for ever.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { ConnectOptions } from "../../src/client/options.ts";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { settle, test, type TestWorld } from "./world.ts";

const TEMPORARY = 0x9c;
const PERMANENT = 0x9d;

/** The server refuses the client, and points elsewhere. */
async function refuse(
  world: TestWorld,
  serverReference: string,
  reasonCode: 0x9c | 0x9d = TEMPORARY,
): Promise<void> {
  (await world.accept({ reasonCode, properties: { serverReference } })).close();
}

/** What was dialled, as URLs. */
function dialled(world: TestWorld): string[] {
  return world.dialled.map(({ scheme, address, path }) => `${scheme}://${address}${path}`);
}

test("A Server Reference is not followed by default, and the error says where it points", async (world) => {
  const started = world.client({}, "mqtt://a").start();
  const rejected = assertRejects(() => started, RefusedError);
  await refuse(world, "b:2");
  const error = await rejected;
  assertStrictEquals(error.serverReference, "b:2");
  assertStrictEquals(
    error.message,
    'a:1883 refused the connection: 0x9C Use another server; it points to "b:2"',
  );
  assertEquals(dialled(world), ["mqtt://a:1883"]);
});

const FOLLOWED: readonly [from: string, reference: string, to: string][] = [
  ["mqtt://a", "b", "mqtt://b:1883"],
  ["mqtt://a:7", "b:2", "mqtt://b:2"],
  ["mqtts://a", "[::1]:2", "mqtts://[::1]:2"],
  ["ws://a/mqtt?k=1", "b:2", "ws://b:2/mqtt?k=1"],
  ["wss://a/mqtt", "wss://b/other", "wss://b:443/other"],
  ["mqtts://a", "mqtts://b", "mqtts://b:8883"],
];

for (const [from, reference, to] of FOLLOWED) {
  test(`From ${from} the reference ${reference} leads to ${to} by the same scheme`, async (world) => {
    const client = world.client({ redirect: "same scheme" }, from);
    const started = client.start();
    await refuse(world, reference);
    await world.accept();
    await started;
    assertStrictEquals(dialled(world)[1], to);
  });
}

test("What is redirected takes its options and credentials along, but not the name in the certificate", async (world) => {
  const tls = { alpn: "mqtt", serverName: "a.example" };
  const options = { redirect: "same scheme", tls, proxy: "socks5h://p" } as const;
  const started = world.client(options, "mqtts://user:pw@a").start();
  await refuse(world, "b");
  const { username, password } = await (await world.peer()).accept();
  await started;
  assertEquals([username, new TextDecoder().decode(password)], ["user", "pw"]);
  const [, there] = world.dialled;
  assertEquals(there?.tls, { alpn: "mqtt", serverName: undefined });
  assertStrictEquals(there?.proxy?.address, "p:1080");
});

test("Several references are tried in turn", async (world) => {
  world.onDial = (server, signal) => {
    if (server.hostname === "b") return Promise.reject(new Error("no b"));
    return Promise.resolve(world.open(server, signal));
  };
  const started = world.client({ redirect: "same scheme" }, "mqtt://a").start();
  await refuse(world, "b c");
  await world.accept();
  await started;
  assertEquals(world.dialled.map(({ hostname }) => hostname), ["a", "b", "c"]);
});

test("A function decides where a Server Reference leads, now or later, or that it does not", async (world) => {
  const asked: string[] = [];
  const redirect: ConnectOptions["redirect"] = (reference) => {
    asked.push(reference);
    return reference === "no" ? undefined : Promise.resolve(`mqtts://${reference}.example`);
  };
  const started = world.client({ redirect }, "mqtt://a").start();
  await refuse(world, "one");
  await world.accept();
  await started;
  assertStrictEquals(dialled(world)[1], "mqtts://one.example:8883");
  const refused = world.client({ redirect }, "mqtt://a").start();
  const rejected = assertRejects(() => refused, RefusedError, 'it points to "no"');
  await refuse(world, "no");
  await rejected;
  assertEquals(asked, ["one", "no"]);
});

const NOT_FOLLOWED: readonly [
  what: string,
  from: string,
  reference: string,
  redirect: ConnectOptions["redirect"],
  says: string,
][] = [
  ["to another scheme", "mqtts://a", "mqtt://b", "same scheme", "expected mqtts://, got mqtt://"],
  ["that is none", "mqtt://a", "b:0", "same scheme", "The port must be from 1 to 65535, got 0"],
  ["without TLS", "mqtts://a", "b", () => "mqtt://b", "it does not use TLS"],
  ["of a function that fails", "mqtt://a", "b", () => Promise.reject(new Error("x")), ": x"],
  ["of a function that gives no URL", "mqtt://a", "b", () => "b", "is not the URL of a server"],
];

for (const [what, from, reference, redirect, says] of NOT_FOLLOWED) {
  test(`A reference ${what} is not followed, and the error says why`, async (world) => {
    const started = world.client({ redirect }, from).start();
    const rejected = assertRejects(() => started, ConnectionClosedError, says);
    await refuse(world, reference);
    const error = await rejected;
    assertStrictEquals(error.kind, "configuration");
    assert(error.message.includes(`points to ${JSON.stringify(reference)}, which is not`));
    assertStrictEquals(world.dialled.length, 1);
  });
}

test("At most five redirections in a row are followed", async (world) => {
  const started = world.client({ redirect: "same scheme" }, "mqtt://a").start();
  const rejected = assertRejects(() => started, ConnectionClosedError, "5 redirections in a row");
  for (let count = 0; count < 6; count++) await refuse(world, `b${count}`);
  await rejected;
  assertStrictEquals(world.dialled.length, 6);
});

test("A server that has moved for good is not asked again, one that points elsewhere for now is", async (world) => {
  for (const [reasonCode, second] of [[PERMANENT, "b"], [TEMPORARY, "a"]] as const) {
    const started = world.client({ redirect: "same scheme" }, "mqtt://a").start();
    await refuse(world, "b", reasonCode);
    const peer = await world.accept();
    await started;
    peer.far.cut();
    const again = await world.accept();
    assertStrictEquals(again.server.hostname, second);
  }
});

for (const reasonCode of [TEMPORARY, PERMANENT] as const) {
  test(`A connected client that is sent elsewhere with ${reasonCode.toString(16)} goes there`, async (world) => {
    const { client, peer } = await world.connected({ redirect: "same scheme" });
    peer.send({ type: "disconnect", reasonCode, properties: { serverReference: "b" } });
    peer.close();
    const { server } = await world.accept();
    assertStrictEquals(server.hostname, "b");
    assertStrictEquals(client.state, "connected");
  });
}

test("A connected client that is sent elsewhere for good, and may not go there, is at its end", async (world) => {
  const { client, peer } = await world.connected({ redirect: () => undefined });
  const serverReference = "b";
  peer.send({ type: "disconnect", reasonCode: PERMANENT, properties: { serverReference } });
  peer.close();
  const error = await client.closed;
  assertStrictEquals(error?.kind, "configuration");
  assert(error?.message.endsWith('it points to "b"'));
});

test("A function that never says where a reference leads is given up", async (world) => {
  const redirect = () => new Promise<never>(() => {});
  const started = world.client({ redirect, connectTimeout: 100 }, "mqtt://a").start();
  const rejected = assertRejects(() => started, ConnectionClosedError, "within 100 ms");
  await refuse(world, "b");
  await settle();
  await world.clock.advance(100);
  await rejected;
});

test("A client that waits for where a reference leads can be disconnected", async (world) => {
  const redirect = () => new Promise<never>(() => {});
  const { client, peer } = await world.connected({ redirect });
  const properties = { serverReference: "b" };
  peer.send({ type: "disconnect", reasonCode: TEMPORARY, properties });
  peer.close();
  await settle();
  await client.disconnect();
  assertStrictEquals(await client.closed, undefined);
});
