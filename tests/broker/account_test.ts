// Accounts of bytes: what is charged to one is charged to those above it, and no limit is passed by
// a byte.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { Account } from "../../src/broker/account.ts";

Deno.test("An account has room up to its own limit and the limits of the accounts above it", () => {
  const broker = new Account(undefined, { limit: 100 });
  const session = new Account(broker, { limit: 60 });
  const subscriptions = new Account(session, { limit: 80 });
  assert(subscriptions.hasRoom(60));
  assertFalse(subscriptions.hasRoom(61));
  assert(subscriptions.tryCharge(60));
  assertFalse(subscriptions.tryCharge(1));
  assertEquals([subscriptions, session, broker].map(({ bytes }) => bytes), [60, 60, 60]);
  const other = new Account(broker);
  assert(other.hasRoom(40));
  assertFalse(other.hasRoom(41));
  subscriptions.release(20);
  assertEquals([subscriptions, session, broker].map(({ bytes }) => bytes), [40, 40, 40]);
  assert(other.hasRoom(60));
});

Deno.test("A charge made without asking may exceed the limit, and then there is no room until the total falls below it", () => {
  const account = new Account(undefined, { limit: 10 });
  account.charge(15);
  assertEquals(account.bytes, 15);
  assertFalse(account.hasRoom(0));
  account.add(-5);
  assert(account.hasRoom(0));
  assertFalse(account.hasRoom(1));
});

Deno.test("Shared bytes that another account has charged above count only in this account", () => {
  const broker = new Account(undefined, { limit: 100 });
  const session = new Account(broker, { limit: 60 });
  assert(session.hasRoom(10, 50));
  assertFalse(session.hasRoom(11, 50));
  session.charge(10, 50);
  assertEquals([session.bytes, broker.bytes], [60, 10]);
  session.release(5, 20);
  assertEquals([session.bytes, broker.bytes], [35, 5]);
  session.close();
  assertEquals([session.bytes, broker.bytes], [0, 0]);
});

Deno.test("Only accounts up to the size of a small one may use the reserve", () => {
  const broker = new Account(undefined, { limit: 100, reserve: 50, small: 20 });
  const large = new Account(broker);
  const small = new Account(broker);
  assert(large.tryCharge(50));
  assertFalse(large.hasRoom(1));
  assert(small.hasRoom(20));
  assertFalse(small.hasRoom(21));
  assertFalse(small.hasRoom(1, 20));
  assert(small.hasRoom(1, 19));
  assert(large.hasRoomAtAll(50));
  assertFalse(large.hasRoomAtAll(51));
  const own = new Account(broker, { small: 5 });
  assert(own.hasRoom(5));
  assertFalse(own.hasRoom(6));
});

Deno.test("An account is not small by default", () => {
  const broker = new Account(undefined, { limit: 100, reserve: 50 });
  assertFalse(new Account(broker).hasRoom(51));
  assert(new Account(broker).hasRoom(50));
  broker.charge(50);
  assertFalse(new Account(broker).hasRoom(1));
});

Deno.test("A closed account gives back all of its bytes and accepts no more charges", () => {
  const broker = new Account();
  const session = new Account(broker);
  const other = new Account(broker);
  session.charge(7);
  other.charge(3);
  session.close();
  session.charge(5);
  session.release(2);
  assertEquals([session.bytes, broker.bytes], [0, 3]);
  const below = new Account(session);
  below.charge(4);
  assertEquals(broker.bytes, 3);
});

Deno.test("The part left to existing accounts opens no new account, but small accounts may use it", () => {
  const broker = new Account(undefined, { limit: 100, reserve: 50, left: 20, small: 20 });
  broker.charge(70);
  assert(broker.hasRoomToOpen(10));
  assertFalse(broker.hasRoomToOpen(11));
  broker.charge(10);
  assertFalse(broker.hasRoomToOpen(1));
  const small = new Account(broker);
  assert(small.hasRoom(20));
  assert(new Account().hasRoomToOpen(Number.MAX_SAFE_INTEGER));
});
