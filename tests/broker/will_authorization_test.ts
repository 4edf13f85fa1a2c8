// Who may leave which Will: decided when the client connects, and again when the Will is due.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerOptions, ErrorContext } from "../../src/broker/mod.ts";
import { bytesOfText } from "./client.ts";
import { World } from "./world.ts";

const WILL = { will: { topic: "will", payload: bytesOfText("gone"), qos: 1 } } as const;

for (
  const [how, by] of [
    ["at once", <Value>(value: Value) => value],
    ["later", <Value>(value: Value) => Promise.resolve(value)],
  ] as const
) {
  Deno.test(`authorizeWill() that answers ${how} is asked when the client connects and when the Will is due`, async () => {
    const asked: unknown[] = [];
    await using world = new World({
      authorizePublish: () => false,
      authorizeWill({ clientId }, { topic, qos, retain }, moment) {
        asked.push([clientId, topic, qos, retain, moment]);
        return by(true);
      },
    });
    const witness = await world.connect("witness");
    await witness.subscribe("#");
    const client = await world.connect("c", WILL);
    assertEquals(asked, [["c", "will", 1, false, "connect"]]);
    await client.cut();
    assertEquals(asked[1], ["c", "will", 1, false, "publish"]);
    witness.expectMessage("will", "gone");
    assertStrictEquals(asked.length, 2);
  });

  Deno.test(`A client is refused with the Reason Code that authorizeWill() answers ${how}`, async () => {
    await using world = new World({ authorizeWill: () => by(0x97 as const) });
    (await world.ask("c", WILL)).expectRefusal(0x97);
    await world.connect("c");
  });

  Deno.test(`A Will that authorizeWill() refuses ${how} when it is due is dropped`, async () => {
    await using world = new World({ authorizeWill: (_, __, moment) => by(moment === "connect") });
    const witness = await world.connect("witness");
    await witness.subscribe("#");
    await (await world.connect("c", WILL)).cut();
    witness.expectNothing();
    assertStrictEquals(world.engine.statistics.dropped, 1);
  });
}

for (const moment of ["connect", "publish"] as const) {
  Deno.test(`An error of authorizeWill() at "${moment}" counts as a refusal and is reported`, async () => {
    const told: unknown[] = [];
    const options: BrokerOptions = {
      authorizeWill(_client, _message, now) {
        if (now === moment) throw new Error("The hook has failed");
        return true;
      },
      onError: (error, { what }: ErrorContext) => void told.push([String(error), what]),
    };
    await using world = new World(options);
    const witness = await world.connect("witness");
    await witness.subscribe("#");
    const client = await world.ask("c", WILL);
    if (moment === "connect") client.expectRefusal(0x87);
    else await client.cut();
    witness.expectNothing();
    assertEquals(told, [["Error: The hook has failed", "authorizeWill"]]);
  });
}

Deno.test("Without authorizeWill(), authorizePublish() is asked about a Will once, when its client connects", async () => {
  const asked: string[] = [];
  await using world = new World({ authorizePublish: (_, { topic }) => asked.push(topic) > 0 });
  const witness = await world.connect("witness");
  await witness.subscribe("#");
  await (await world.connect("c", WILL)).cut();
  witness.expectMessage("will", "gone");
  assertEquals(asked, ["will"]);
});
