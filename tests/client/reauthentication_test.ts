// §4.12.1 Re-authentication of a client: by itself, and before a token expires.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import {
  tokenAuthentication,
  type TokenAuthenticationOptions,
} from "../../src/client/token_authentication.ts";
import type { Authenticator } from "../../src/session/authenticator.ts";
import { AUTHENTICATED, data, letters, step } from "./authenticators.ts";
import type { Peer } from "./peer.ts";
import { assertPending, outcome, settle, test, type TestWorld } from "./world.ts";

const CLIENT: ConnectOptions = { authentication: () => letters([]), keepAlive: 0 };

/** The server accepts what the client has begun. */
async function acceptAgain(peer: Peer): Promise<void> {
  assertStrictEquals((await peer.expect("auth")).reasonCode, 0x19);
  peer.send(step("end", 0x00));
  await settle();
}

test("A client authenticates again, and messages go on meanwhile [MQTT-4.12.1-1] [MQTT-4.12.0-3]", async (world) => {
  const told: string[] = [];
  const { client, peer } = await world.connected(
    { ...CLIENT, authentication: () => letters(told, true) },
    AUTHENTICATED,
  );
  told.length = 0;
  const again = client.reauthenticate();
  assertEquals(await peer.expect("auth"), step("start", 0x19));
  const published = client.publish("a", "b", { qos: 1 });
  const { packetId } = await peer.expect("publish");
  peer.send({ type: "puback", packetId }, step("x"));
  await published;
  assertEquals(await peer.expect("auth"), step("not x"));
  await assertPending(again);
  peer.send(step("end", 0x00));
  await again;
  assertEquals(told, ["start", "next x", "done end"]);
  await peer.expectNothing();
});

test("Exchanges that are asked for together are done one after the other", async (world) => {
  const { client, peer } = await world.connected(CLIENT, AUTHENTICATED);
  const [first, second] = [client.reauthenticate(), client.reauthenticate()];
  await acceptAgain(peer);
  await first;
  await assertPending(second);
  await acceptAgain(peer);
  await second;
  await peer.expectNothing();
});

test("A server that refuses closes the connection, and the client says its Reason Code [MQTT-4.12.1-2]", async (world) => {
  const { client, peer } = await world.connected(CLIENT, AUTHENTICATED);
  const rejected = assertRejects(() => client.reauthenticate(), RefusedError);
  await peer.expect("auth");
  peer.send({ type: "disconnect", reasonCode: 0x87 });
  await settle();
  peer.close();
  assertStrictEquals((await rejected).reasonCode, 0x87);
  assertStrictEquals((await client.closed)?.kind, "credentials");
});

test("A client that does not trust the server any more disconnects [MQTT-4.12.1-2]", async (world) => {
  let isTrusted = true;
  const authentication = (): Authenticator => ({
    method: "m",
    start: () => "",
    done: () => {
      if (!isTrusted) throw new Error("not the one");
    },
  });
  const { client, peer } = await world.connected({ authentication }, AUTHENTICATED);
  isTrusted = false;
  const says = "server:1883 did not pass authentication: not the one";
  const rejected = assertRejects(() => client.reauthenticate(), ConnectionClosedError, says);
  await acceptAgain(peer);
  assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x80);
  peer.close();
  await rejected;
  const closed = await client.closed;
  assertStrictEquals(closed?.message, says);
  assertStrictEquals(closed?.kind, "credentials");
});

test("A server that does not answer in time loses the client, which comes back", async (world) => {
  const { client, peer } = await world.connected(CLIENT, AUTHENTICATED);
  const says = "server:1883 did not finish the re-authentication within 500 ms";
  const rejected = assertRejects(
    () => client.reauthenticate({ timeout: 500 }),
    ConnectionClosedError,
    says,
  );
  await peer.expect("auth");
  await world.clock.advance(499);
  await peer.expectNothing();
  await world.clock.advance(1);
  await peer.expect("disconnect");
  peer.close();
  await rejected;
  world.expectTold("connected");
  assertStrictEquals(world.expectTold("disconnected").error.message, says);
  await world.accept(AUTHENTICATED);
  assertStrictEquals(client.state, "connected");
});

test("What goes wrong before anything is sent costs no connection", async (world) => {
  let made = 0;
  const authentication = (): Authenticator => {
    made++;
    if (made === 2) throw new Error("no ticket");
    if (made === 3) return { method: "other", start: () => "" };
    return { method: "m", start: () => made === 4 ? new Uint8Array(65_536) : "" };
  };
  const { client, peer } = await world.connected({ authentication }, AUTHENTICATED);
  await assertRejects(() => client.reauthenticate(), Error, "no ticket");
  await assertRejects(() => client.reauthenticate(), TypeError, '"m", as in CONNECT, got "other"');
  await assertRejects(() => client.reauthenticate(), RangeError);
  await peer.expectNothing();
  const again = client.reauthenticate();
  await acceptAgain(peer);
  await again;
});

test("The signal ends the wait: before the exchange it does not begin, later it goes on", async (world) => {
  const slow = Promise.withResolvers<string>();
  let made = 0;
  const authentication = (): Authenticator => ({
    method: "m",
    start: () => ++made === 3 ? slow.promise : "",
  });
  const { client, peer } = await world.connected({ authentication }, AUTHENTICATED);
  const reason = new Error("enough");
  const controller = new AbortController();
  const first = client.reauthenticate({ signal: controller.signal });
  const waiting = client.reauthenticate({ signal: controller.signal });
  await peer.expect("auth");
  const ended = Promise.allSettled([first, waiting]);
  controller.abort(reason);
  assertEquals(await ended, [{ status: "rejected", reason }, { status: "rejected", reason }]);
  await assertRejects(() => client.reauthenticate({ signal: controller.signal }), Error, "enough");
  await peer.expectNothing();
  peer.send(step("end", 0x00));
  await peer.expectNothing();
  const another = new AbortController();
  const third = client.reauthenticate({ signal: another.signal });
  await assertPending(third);
  another.abort(reason);
  assertEquals(await outcome(third), { status: "rejected", reason });
  slow.resolve("too late");
  await peer.expectNothing();
  const last = client.reauthenticate();
  await acceptAgain(peer);
  await last;
});

test("A client that cannot authenticate again says why", async (world) => {
  const { client: plain } = await world.connected();
  await assertRejects(() => plain.reauthenticate(), TypeError, "needs the option authentication");
  const { client, peer } = await world.connected(CLIENT, AUTHENTICATED);
  await assertRejects(() => client.reauthenticate({ timeout: 0 }), RangeError, "timeout");
  const lost = assertRejects(() => client.reauthenticate(), ConnectionClosedError, "closed");
  const waiting = assertRejects(() => client.reauthenticate(), ConnectionClosedError);
  await peer.expect("auth");
  peer.close();
  assertStrictEquals((await lost).kind, "transient");
  assertStrictEquals(
    (await waiting).message,
    "The client is not connected; it authenticates when it connects again",
  );
  await client.disconnect();
  await assertRejects(() => client.reauthenticate(), ConnectionClosedError, "closed");
});

test("A client that is closed while it authenticates again is closed", async (world) => {
  const { client, peer } = await world.connected(CLIENT, AUTHENTICATED);
  const rejected = assertRejects(() => client.reauthenticate(), ConnectionClosedError);
  await peer.expect("auth");
  const disconnected = client.disconnect();
  await peer.expect("disconnect");
  peer.close();
  await disconnected;
  assertStrictEquals((await rejected).kind, "closed");
});

/** A client with tokens; the clock on the wall shows that of the test. */
async function withTokens(
  world: TestWorld,
  token: () => Promise<string> | { readonly token: string; readonly expiresAt: number | Date },
): Promise<Peer> {
  const authentication = tokenAuthentication({ method: "m", token, renewBefore: 60_000 });
  const { peer } = await world.connected({ authentication, keepAlive: 0 }, AUTHENTICATED);
  return peer;
}

test("A token is renewed before it expires, again and again [MQTT-4.12.1-1]", async (world) => {
  let count = 0;
  const peer = await withTokens(world, () => {
    const expiresAt = world.clock.now() + 3_600_000;
    return {
      token: `token ${++count}`,
      expiresAt: count % 2 === 0 ? expiresAt : new Date(expiresAt),
    };
  });
  for (let renewal = 2; renewal < 5; renewal++) {
    await world.clock.advance(3_540_000 - 1);
    await peer.expectNothing();
    await world.clock.advance(1);
    assertEquals(await peer.expect("auth"), step(`token ${renewal}`, 0x19));
    peer.send(step("", 0x00));
    await settle();
  }
});

test("A token's time is read from its claim exp, if it has one", async (world) => {
  const expiry = Math.ceil(world.clock.now() / 1000) + 3600;
  const claims = btoa(JSON.stringify({ exp: expiry, name: "\xFF\xFF?>" }))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const tokens = [`e30.${claims}.c2ln`, "e30.bm8.c2ln", "e30.e30.c2ln"];
  const peer = await withTokens(world, () => Promise.resolve(tokens.shift()!));
  await world.clock.advance((expiry - 60) * 1000 - world.clock.now() - 1);
  await peer.expectNothing();
  await world.clock.advance(1);
  await acceptAgain(peer);
  // What is no JSON, or has no expiry, is not renewed.
  assertStrictEquals(world.clock.timers, 0);
});

test("A token that cannot be had in time is asked for again, and the client tells", async (world) => {
  world.clock.chance = 0.5;
  let count = 0;
  const peer = await withTokens(world, () => {
    count++;
    if (count === 2 || count === 3) throw new Error("no token today");
    return { token: `token ${count}`, expiresAt: world.clock.now() + 120_000 };
  });
  world.expectTold("connected");
  await world.clock.advance(60_000);
  for (const [attempt, delay] of [[1, 500], [2, 1000]] as const) {
    const told = world.expectTold("reauthenticating");
    assertEquals([told.attempt, told.delay], [attempt, delay]);
    assertStrictEquals((told.error as Error).message, "no token today");
    await peer.expectNothing();
    await world.clock.advance(delay);
  }
  assertEquals(await peer.expect("auth"), step("token 4", 0x19));
  peer.send(step("", 0x00));
  await settle();
  assertEquals(world.told, []);
});

test("Tokens that are not good for long are not asked for all the time", async (world) => {
  const peer = await withTokens(world, () => ({ token: "t", expiresAt: world.clock.now() + 1 }));
  for (let renewal = 0; renewal < 3; renewal++) {
    await world.clock.advance(9999);
    await peer.expectNothing();
    await world.clock.advance(1);
    await acceptAgain(peer);
  }
});

test("A lost connection needs no renewal; the next one has a token of its own", async (world) => {
  let count = 0;
  const peer = await withTokens(world, () => {
    return { token: `token ${++count}`, expiresAt: world.clock.now() + 120_000 };
  });
  peer.close();
  await settle();
  assertStrictEquals(world.clock.timers, 1);
  const again = await world.peer();
  const { properties } = await again.accept(AUTHENTICATED);
  assertEquals(properties.authenticationData, data("token 2"));
  await world.clock.advance(59_999);
  await again.expectNothing();
  await world.clock.advance(1);
  assertEquals(await again.expect("auth"), step("token 3", 0x19));
});

test("A token that is none is no token", async (world) => {
  for (const token of [undefined, 1, {}, { token: "t" }, { token: 1, expiresAt: 1 }]) {
    const authentication = tokenAuthentication({ method: "m", token: () => token as string });
    const client = world.client({ authentication });
    await assertRejects(() => client.start(), ConnectionClosedError, "{ token, expiresAt }");
  }
});

Deno.test("Options of tokenAuthentication() that cannot be used are refused", () => {
  const token = () => "t";
  const make = (options: object) => () =>
    tokenAuthentication({ method: "m", token, ...options } as TokenAuthenticationOptions);
  assertThrows(make({ renewBefore: -1 }), RangeError, "renewBefore must not be negative");
  assertThrows(make({ method: 1 }), TypeError, "method must be a string, got number");
  assertThrows(make({ token: "t" }), TypeError, "token must be a function, got string");
});

for (const what of ["credentials", "authentication"] as const) {
  test(`A server that ends a connection of some time for its ${what} is given new ones, once`, async (world) => {
    let count = 0;
    const options: ConnectOptions = what === "credentials"
      ? { credentials: () => ({ username: `${++count}` }) }
      : { authentication: () => ({ method: "m", start: () => `${++count}` }) };
    const connack = what === "credentials" ? {} : AUTHENTICATED;
    const { client, peer } = await world.connected({ ...options, keepAlive: 0 }, connack);
    await world.clock.advance(10_000);
    peer.send({ type: "disconnect", reasonCode: 0x87 });
    await settle();
    peer.close();
    const again = await world.accept(connack);
    assertStrictEquals(count, 2);
    assertStrictEquals(client.state, "connected");
    // One that is ended at once is ended for another reason.
    await world.clock.advance(9999);
    again.send({ type: "disconnect", reasonCode: 0x87 });
    await settle();
    again.close();
    assertStrictEquals((await client.closed)?.kind, "credentials");
    assert(world.told.some(({ type }) => type === "disconnected"));
  });
}

for (
  const [what, reasonCode, kind, options] of [
    ["credentials that the client has not", 0x87, "credentials", {}],
    ["a fault, though there are credentials", 0x82, "protocol", {
      credentials: () => ({ username: "u" }),
    }],
  ] as const
) {
  test(`A server that ends a connection of some time for ${what} is not asked again`, async (world) => {
    const { client, peer } = await world.connected({ ...options, keepAlive: 0 });
    await world.clock.advance(10_000);
    peer.send({ type: "disconnect", reasonCode });
    await settle();
    peer.close();
    assertStrictEquals((await client.closed)?.kind, kind);
  });
}
