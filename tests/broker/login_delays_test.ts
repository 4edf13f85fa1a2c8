// Failed logins slow down the next ones from the same address, and from no other.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerOptions } from "../../src/broker/mod.ts";
import { LoginDelays } from "../../src/broker/login_delays.ts";
import { bytesOfText, type Client } from "./client.ts";
import { World } from "./world.ts";

const RIGHT = { username: "alice", password: bytesOfText("secret") };
const WRONG = { username: "alice", password: bytesOfText("wrong") };

/** A broker with one user. The network of an address is what comes before its colon. */
function worldOf(options: BrokerOptions = {}): World {
  return new World({
    authenticate: (_client, { password }) =>
      password !== undefined && new TextDecoder().decode(password) === "secret" || 0x86,
    ...options,
  }, { networkOf: (address) => /^(.+):/.exec(address)?.[1] });
}

/** A client from an address that has sent CONNECT. */
async function ask(world: World, address: string, options = WRONG): Promise<Client> {
  const client = world.open(address);
  await client.sendConnect(`${Math.floor(world.now)}-${address}`, options);
  return client;
}

/** So many logins from an address fail. */
async function fail(world: World, address: string, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    const client = await ask(world, address);
    await world.advance(10_000);
    client.expectRefusal(0x86);
  }
}

Deno.test("Five failed logins have no consequence", async () => {
  await using world = worldOf();
  for (let count = 0; count < 5; count++) (await ask(world, "a:1")).expectRefusal(0x86);
  assertStrictEquals((await ask(world, "a:1", RIGHT)).expect("connack").reasonCode, 0x00);
});

Deno.test("After six failed logins from an address each waits twice as long, for at most four seconds", async () => {
  await using world = worldOf();
  for (let count = 0; count < 6; count++) (await ask(world, "a:1")).expectRefusal(0x86);
  for (const wait of [250, 500, 1000, 2000, 4000, 4000]) {
    const client = await ask(world, "a:2");
    await world.advance(wait - 1);
    client.expectNothing();
    await world.advance(1);
    client.expectRefusal(0x86);
    // The pause before the next one.
    await world.advance(wait);
  }
});

Deno.test("The right password waits, too: else it would be found at once", async () => {
  await using world = worldOf();
  for (let count = 0; count < 6; count++) (await ask(world, "a:1")).expectRefusal(0x86);
  const client = await ask(world, "a:1", RIGHT);
  client.expectNothing();
  await world.advance(250);
  assertStrictEquals(client.expect("connack").reasonCode, 0x00);
});

Deno.test("Logins from other addresses do not wait, nor those whose address is not known", async () => {
  await using world = worldOf();
  await fail(world, "a:1", 8);
  assertStrictEquals((await ask(world, "b:1", RIGHT)).expect("connack").reasonCode, 0x00);
  for (let count = 0; count < 20; count++) (await ask(world, "memory")).expectRefusal(0x86);
});

Deno.test("Logins from one address take place one after the other, and too many are refused", async () => {
  await using world = worldOf();
  for (let count = 0; count < 6; count++) (await ask(world, "a:1")).expectRefusal(0x86);
  const clients: Client[] = [];
  for (let count = 0; count < 10; count++) clients.push(await ask(world, "a:1"));
  const refused = clients.filter(({ link }) => link.isOver);
  assertEquals(refused.length, 2);
  for (const client of refused) {
    const { properties } = client.expectRefusal(0x9f);
    assertStrictEquals(properties.reasonString, "Too many logins from this address have failed");
  }
  const waiting = clients.filter((client) => !refused.includes(client));
  for (const client of waiting) {
    client.expectNothing();
    await world.advance(250);
    client.expectRefusal(0x86);
  }
});

Deno.test("A failed login is forgiven after a minute", async () => {
  await using world = worldOf();
  for (let count = 0; count < 6; count++) (await ask(world, "a:1")).expectRefusal(0x86);
  await world.advance(60_000);
  assertStrictEquals((await ask(world, "a:1", RIGHT)).expect("connack").reasonCode, 0x00);
});

Deno.test("A client that goes while its login waits is not authenticated", async () => {
  let asked = 0;
  await using world = worldOf({ authenticate: () => ++asked > 100 });
  for (let count = 0; count < 6; count++) (await ask(world, "a:1")).expectRefusal(0x87);
  const client = await ask(world, "a:1");
  await client.cut();
  assertStrictEquals(world.engine.deadline, Infinity);
  await world.advance(10_000);
  assertStrictEquals(asked, 6);
});

Deno.test("A CONNECT without User Name is not a failed login, a failed step of authentication is", async () => {
  await using world = worldOf({
    authenticate: () => false,
    authenticateStep: () => ({ result: "refuse" }),
  });
  for (let count = 0; count < 10; count++) {
    const client = world.open("a:1");
    await client.sendConnect("c");
    client.expectRefusal(0x87);
  }
  const properties = { authenticationMethod: "m" };
  for (let count = 0; count < 6; count++) {
    const client = world.open("a:1");
    await client.sendConnect("c", { properties });
    client.expectRefusal(0x87);
  }
  const client = world.open("a:1");
  await client.sendConnect("c", { properties });
  client.expectNothing();
});

Deno.test("With limits.loginDelay 0 no login waits", async () => {
  await using world = worldOf({ limits: { loginDelay: 0 } });
  for (let count = 0; count < 20; count++) (await ask(world, "a:1")).expectRefusal(0x86);
});

Deno.test("limits.loginDelay is the longest delay", async () => {
  await using world = worldOf({ limits: { loginDelay: 300 } });
  await fail(world, "a:1", 12);
  const client = await ask(world, "a:1", RIGHT);
  await world.advance(300);
  assertStrictEquals(client.expect("connack").reasonCode, 0x00);
});

Deno.test("LoginDelays remembers 10,000 addresses at most, and forgets the oldest first", () => {
  const delays = new LoginDelays(4000);
  for (let count = 0; count < 6; count++) delays.failed("first", 0);
  for (let count = 0; count < 6; count++) delays.failed("second", 0);
  for (let count = 0; count < 9999; count++) delays.failed(`n${count}`, 0);
  assertStrictEquals(delays.size, 10_000);
  assertStrictEquals(delays.waitFor("first", 0), 0);
  assertStrictEquals(delays.waitFor("second", 0), 250);
});

Deno.test("LoginDelays forgives an address for which there were ever so many in half an hour", () => {
  const delays = new LoginDelays(4000);
  for (let count = 0; count < 10_000; count++) delays.failed("a", 0);
  assert(delays.waitFor("a", 20 * 60_000)! > 0);
  assertStrictEquals(delays.waitFor("a", 30 * 60_000), 0);
  assertStrictEquals(delays.size, 0);
});
