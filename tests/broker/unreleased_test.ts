// The room that a session needs for what it has received at QoS 2, until it is released.

import { assert, assertFalse, assertStrictEquals } from "@std/assert";
import { Account } from "../../src/broker/account.ts";
import type { ClientInfo } from "../../src/broker/mod.ts";
import { BrokerSession } from "../../src/broker/model.ts";
import { UNRELEASED } from "../../src/broker/sizes.ts";
import { restoreUnreleased } from "../../src/session/snapshot.ts";
import { Session } from "../../src/session/session.ts";

const CLIENT: ClientInfo = {
  ...{ clientId: "c", username: undefined, address: "here" },
  ...{ listener: undefined, certificate: undefined, origin: undefined },
};

Deno.test("A QoS 2 message that takes the place of a released one needs no room, one more does", () => {
  const account = new Account(undefined, { limit: 100_000 });
  const state = new Session("c");
  const session = new BrokerSession(CLIENT, state, account, account);
  for (let packetId = 1; packetId <= 100; packetId++) restoreUnreleased(state, packetId);
  assert(session.countReceived());
  assertStrictEquals(account.bytes, 100 * UNRELEASED);
  account.charge(100_000);
  state.unreleased.delete(1);
  restoreUnreleased(state, 101);
  assert(session.countReceived());
  restoreUnreleased(state, 102);
  assertFalse(session.countReceived());
  assertStrictEquals(account.bytes, 100_000 + 100 * UNRELEASED);
});
