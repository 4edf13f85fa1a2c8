// `waitForServer`: the first connection, too, is tried until it succeeds; what another attempt
// cannot cure ends it all the same.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import { ConnectionFault } from "../../src/io/faults.ts";
import { assertPending, settle, test } from "./world.ts";

test("connect() waits for a server that is not there yet, and tells of each attempt", async (world) => {
  let isThere = false;
  world.onDial = (server, signal) => {
    if (!isThere) return Promise.reject(new Error("no route"));
    return Promise.resolve(world.open(server, signal));
  };
  world.clock.chance = 0.5;
  const client = world.client({ waitForServer: true, reconnect: { initialDelay: 100 } });
  const started = client.start();
  await settle();
  await world.clock.advance(50);
  await world.clock.advance(100);
  assertStrictEquals(world.dialled.length, 3);
  isThere = true;
  await assertPending(started);
  await world.clock.advance(200);
  await world.accept();
  await started;
  for (const delay of [50, 100, 200]) {
    const told = world.expectTold("reconnecting");
    assertStrictEquals(told.delay, delay);
    assertStrictEquals(told.error?.message, "Cannot connect to server:1883: no route");
  }
  world.expectTold("connected");
});

test("connect() that waits begins a new session with the attempt that succeeds", async (world) => {
  const started = world.client({ waitForServer: true }).start();
  (await world.accept({ reasonCode: 0x88 })).close();
  const { cleanStart } = await (await world.peer()).accept();
  await started;
  assertStrictEquals(cleanStart, true);
});

test("connect() that waits still ends with what another attempt cannot cure", async (world) => {
  const refused = world.client({ waitForServer: true }).start();
  const rejected = assertRejects(() => refused, RefusedError);
  (await world.accept({ reasonCode: 0x88 })).close();
  (await world.accept({ reasonCode: 0x86 })).close();
  assertStrictEquals((await rejected).reasonCode, 0x86);
  for (const cure of ["server", "change"] as const) {
    world.onDial = () => Promise.reject(new ConnectionFault("certificate", cure, "expired"));
    const error = await assertRejects(
      () => world.client({ waitForServer: true }).start(),
      ConnectionClosedError,
      "expired",
    );
    assertEquals([error.kind, error.code], ["configuration", "certificate"]);
  }
});

test("connect() that waits ends when the signal aborts, in an attempt or between two", async (world) => {
  world.clock.chance = 0.5;
  for (const dials of [Promise.reject(new Error("no route")), new Promise<never>(() => {})]) {
    dials.catch(() => {});
    world.onDial = () => dials;
    const abort = new AbortController();
    const started = world.client({ waitForServer: true, signal: abort.signal }).start();
    await assertPending(started);
    const reason = new Error("enough");
    abort.abort(reason);
    assertStrictEquals(await assertRejects(() => started), reason);
  }
});

test("connect() that waits gives up after maximumAttempts, and waits without reconnecting, too", async (world) => {
  world.onDial = () => Promise.reject(new Error("no route"));
  const options = { waitForServer: true, reconnect: { maximumAttempts: 2 } } as const;
  const rejected = assertRejects(
    () => world.client(options).start(),
    ConnectionClosedError,
    "Gave up after 2 attempts: Cannot connect to server:1883: no route",
  );
  await world.clock.advance(0);
  await rejected;
  assertStrictEquals(world.dialled.length, 3);
  world.onDial = (server, signal) => Promise.resolve(world.open(server, signal));
  const started = world.client({ waitForServer: true, reconnect: false }).start();
  (await world.accept({ reasonCode: 0x88 })).close();
  await world.accept();
  await started;
});

test("A fault that the server would have to mend ends the first attempt, and not a later one", async (world) => {
  const fault = new ConnectionFault("certificate", "server", "expired", new Error("original"));
  const { client, peer } = await world.connected();
  world.onDial = () => Promise.reject(fault);
  world.clock.chance = 1;
  peer.far.cut();
  await world.clock.advance(1000);
  assertStrictEquals(client.state, "reconnecting");
  const told = world.told.filter(({ type }) => type === "reconnecting").at(-1)?.detail;
  const { error } = told as { error: ConnectionClosedError };
  assertEquals([error.kind, error.code, error.message], ["transient", "certificate", "expired"]);
  assertStrictEquals(error.cause, fault.cause);
  world.onDial = () => Promise.reject(new ConnectionFault("permission", "change", "no net"));
  await world.clock.advance(2000);
  assertStrictEquals((await client.closed)?.message, "no net");
});
