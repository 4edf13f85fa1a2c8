// What is thrown within this program while a connection is driven: it ends that connection, and is
// told as what it is. It is no fault of the network's.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { ClientConnection } from "../../src/session/client_connection.ts";
import type { Connection } from "../../src/session/connection.ts";
import type { ConnectionEvent } from "../../src/session/events.ts";
import { Driven, typesOf } from "./driven.ts";
import { settle } from "./virtual_clock.ts";

const PUBLISH = "30 04 0001 61 00";
const error = new TypeError("undefined is not a function");

/** A connection whose drive is told what fails, with all that was told, in order. */
async function driven(keepAlive?: number) {
  const setup = await Driven.connected(keepAlive);
  const told: unknown[] = [];
  setup.onInternalError = (error) => {
    setup.events.push({ type: "told" } as never);
    told.push(error);
  };
  return { setup, told };
}

function fail(): never {
  throw error;
}

/** The event that says what has ended the connection. */
function closedOf({ events }: Driven): ConnectionEvent | undefined {
  return events.find(({ type }) => type === "closed");
}

Deno.test("What is thrown at an event ends the connection: DISCONNECT says 0x83, then it is told", async () => {
  const { setup, told } = await driven();
  setup.onEvent = ({ type }) => type === "message" && fail();
  await setup.send(PUBLISH, PUBLISH);
  const packets = setup.packets();
  assertEquals(typesOf(packets), ["disconnect"]);
  assertStrictEquals("reasonCode" in packets[0]! && packets[0].reasonCode, 0x83);
  assertEquals(closedOf(setup), { type: "closed", cause: { kind: "internal error", error } });
  // The second message had come, too.
  assertEquals(typesOf(setup.events), ["message", "message", "closed", "told", "told"]);
  assertEquals(told, [error, error]);
  assertStrictEquals(setup.drive.error, undefined);
  setup.far.close();
  await setup.drive.finished;
  assertStrictEquals(setup.clock.timers, 0);
});

for (const method of ["receive", "tick", "takeBytes"] satisfies (keyof Connection)[]) {
  Deno.test(`What ${method}() of a connection throws ends it and is told, and is not what the network said`, async () => {
    const { setup, told } = await driven(60);
    setup.connection[method] = () => {
      // Once.
      delete (setup.connection as Partial<Connection>)[method];
      return fail();
    };
    if (method === "tick") await setup.clock.advance(60_000);
    else await setup.send(PUBLISH);
    assertEquals(closedOf(setup), { type: "closed", cause: { kind: "internal error", error } });
    assertEquals(told, [error]);
    assertStrictEquals(setup.drive.error, undefined);
    setup.far.close();
    await setup.drive.finished;
    assertStrictEquals(setup.near.isClosed, true);
    assertStrictEquals(setup.clock.timers, 0);
  });
}

Deno.test("What is thrown at the end of a connection is told, and the transport is closed all the same", async () => {
  for (const end of ["network", "failure"]) {
    const { setup, told } = await driven();
    setup.onEvent = ({ type }) => (type === "closed" || end === "failure") && fail();
    if (end === "failure") await setup.send(PUBLISH);
    setup.far.close();
    await setup.drive.finished;
    assertEquals(told, end === "failure" ? [error, error] : [error]);
    assertStrictEquals(setup.near.isClosed, true);
    assertStrictEquals(setup.clock.timers, 0);
  }
});

Deno.test("What a transport throws instead of rejecting is a fault of the network's", async () => {
  for (const method of ["read", "write"] as const) {
    const { setup, told } = await driven();
    setup.near[method] = fail;
    if (method === "read") await setup.send(PUBLISH);
    else setup.publish("a");
    await settle();
    await setup.drive.finished;
    assertEquals(closedOf(setup), { type: "closed", cause: { kind: "network" } });
    assertStrictEquals(setup.drive.error, error);
    assertEquals(told, []);
  }
});

Deno.test("A connection that cannot even say that it has failed is closed, and both failures are told", async () => {
  const { setup, told } = await driven();
  const next = new Error("Nothing can be written");
  setup.onEvent = ({ type }) => {
    if (type !== "message") return;
    setup.connection.abort = (error) => {
      ClientConnection.prototype.abort.call(setup.connection, error);
      throw next;
    };
    fail();
  };
  await setup.send(PUBLISH);
  assertEquals(told, [error, next]);
  setup.far.close();
  await setup.drive.finished;
  assertStrictEquals(setup.near.isClosed, true);
});
