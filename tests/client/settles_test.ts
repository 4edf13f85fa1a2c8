// Every promise settles: whatever was asked for, in whatever state of the client, and however it then comes to its end.

import { assert, assertStrictEquals } from "@std/assert";
import type { Client } from "../../src/client/client.ts";
import type { Subscription } from "../../src/client/subscription.ts";
import { ConnectionClosedError } from "../../src/errors.ts";
import type { Peer } from "./peer.ts";
import { Loop, type Outcome, outcome, settle, test, type TestWorld } from "./world.ts";

/** A client in some state. */
interface Subject {
  readonly world: TestWorld;
  readonly client: Client;
  readonly peer: Peer;
  readonly subscription: Subscription;
}

/** What an application may wait for, and how its wait ends with the client. */
type End = "rejects" | "resolves" | "settles";
const OPERATIONS: readonly (readonly [
  name: string,
  begin: (subject: Subject) => Promise<unknown>,
  end: End,
])[] = [
  ["publish() at QoS 1", ({ client }) => client.publish("a", "", { qos: 1 }), "rejects"],
  ["publish() at QoS 2", ({ client }) => client.publish("a", "", { qos: 2 }), "rejects"],
  [
    "publish() with a signal",
    ({ client }) => client.publish("a", "", { qos: 1, signal: new AbortController().signal }),
    "rejects",
  ],
  [
    "publish() with a Message Expiry Interval",
    ({ client }) => client.publish("a", "", { qos: 1, messageExpiryInterval: 1e6 }),
    "rejects",
  ],
  ["subscribe()", ({ client }) => client.subscribe(["a", "b"], { qos: 1 }), "rejects"],
  ["unsubscribe()", ({ client }) => client.unsubscribe("c"), "rejects"],
  ["a subscription's next()", ({ subscription }) => new Loop(subscription).next(), "settles"],
  ["client.messages' next()", ({ client }) => new Loop(client.messages).next(), "settles"],
  ["publish() at QoS 0", ({ client }) => client.publish("a", ""), "settles"],
  ["closed", ({ client }) => client.closed, "resolves"],
];

/** How a client comes into a state. */
const STATES: readonly (readonly [name: string, reach: (subject: Subject) => Promise<void>])[] = [
  ["connected to a server that says nothing", async () => {}],
  ["connected to a server that reads nothing", async ({ client, peer }) => {
    peer.near.stall();
    for (let count = 0; count < 9; count++) {
      void client.publish("big", new Uint8Array(99_999)).catch(() => {});
    }
    await settle();
  }],
  ["waiting for its next attempt", async ({ peer }) => {
    peer.far.cut();
    await settle();
  }],
  ["dialling again", async ({ world, peer }) => {
    world.onDial = (_, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    peer.far.cut();
    await world.clock.advance(0);
    assertStrictEquals(world.dialled.length, 2);
  }],
  ["waiting for CONNACK again", async ({ world, peer }) => {
    peer.far.cut();
    await (await world.peer()).expect("connect");
  }],
  ["connected again, with the session", async ({ world, peer }) => {
    peer.far.cut();
    await world.accept({ sessionPresent: true });
  }],
];

/** How a client comes to its end. */
const ENDINGS: readonly (readonly [name: string, end: (subject: Subject) => Promise<void>])[] = [
  ["disconnect()", async ({ client, world }) => {
    const ended = client.disconnect({ timeout: 100 });
    await world.clock.advance(2000);
    assertStrictEquals((await outcome(ended)).status, "fulfilled");
  }],
  ["a server that sends it away", async ({ world }) => {
    for (const transport of world.transports) transport.resume();
    world.onDial = (server, signal) => Promise.resolve(world.open(server, signal));
    await sendAway(world);
  }],
];

/** Takes the connection there is, or the next ones, and ends them for good. */
async function sendAway(world: TestWorld): Promise<void> {
  for (const peer of world.peers) peer.send({ type: "disconnect", reasonCode: 0x8e });
  await world.clock.advance(40_000);
  for (const peer of world.peers) peer.send({ type: "connack", reasonCode: 0x87 });
  await world.clock.advance(2000);
}

for (const [state, reach] of STATES) {
  for (const [ending, end] of ENDINGS) {
    test(`Everything settles that was asked of a client before or while it was ${state}, when it ends by ${ending}`, async (world) => {
      const { client, peer } = await world.connected({
        sessionExpiryInterval: 3600,
        keepAlive: 0,
        connectTimeout: 10_000,
      });
      const subscribed = client.subscribe("own", { qos: 1 });
      await peer.grant();
      const subject = { world, client, peer, subscription: await subscribed };
      const begun: (readonly [name: string, promise: Promise<unknown>, end: End])[] = [];
      const beginAll = (when: string) => {
        for (const [name, begin, how] of OPERATIONS) {
          const promise = begin(subject);
          promise.catch(() => {});
          begun.push([`${name}, ${when}`, promise, how]);
        }
      };
      beginAll("before");
      await reach(subject);
      beginAll("then");
      const disposing = subject.subscription.unsubscribe();
      disposing.catch(() => {});
      await end(subject);
      assertStrictEquals(client.state, "closed");
      assertStrictEquals((await client.closed)?.kind !== undefined, ending !== "disconnect()");
      assertStrictEquals((await outcome(disposing)).status, "fulfilled");
      for (const [name, promise, how] of begun) check(name, how, await outcome(promise));
      beginAll("afterwards");
      for (const [name, promise, how] of begun) check(name, how, await outcome(promise));
    });
  }
}

function check(name: string, end: End, result: Outcome<unknown>): void {
  assert(result.status !== "pending", `${name} is pending`);
  if (end === "settles") return;
  assertStrictEquals(result.status, end === "rejects" ? "rejected" : "fulfilled", name);
  if (result.status === "rejected") assert(result.reason instanceof ConnectionClosedError, name);
}
