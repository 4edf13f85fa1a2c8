// §3.1.3.2.2 Will Delay Interval: a Will waits for its client to come back, but not longer than the session lasts.

import { assertStrictEquals } from "@std/assert";
import type { Client } from "./client.ts";
import { World } from "./world.ts";

const NEVER = 0xffff_ffff;

function willAfter(willDelayInterval: number, sessionExpiryInterval: number) {
  return {
    will: { topic: "will", properties: { willDelayInterval } },
    properties: { sessionExpiryInterval },
  };
}

/** A client that waits for Wills, without a session that would be in the way. */
async function newWitness(world: World): Promise<Client> {
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  return witness;
}

for (
  const [delay, expiry, seconds, why] of [
    [30, 60, 30, "its delay is over"],
    [60, 30, 30, "the session ends"],
    [30, 30, 30, "both are over"],
    [30, 0, 0, "the session has ended"],
    [0, 60, 0, "there is no delay"],
    [NEVER, 60, 60, "the session ends"],
    [30, NEVER, 30, "its delay is over"],
  ] as const
) {
  Deno.test(`A Will with a delay of ${delay} s in a session of ${expiry} s is published after ${seconds} s, as ${why} [MQTT-3.1.2-8]`, async () => {
    await using world = new World();
    const witness = await newWitness(world);
    const client = await world.connect("c", willAfter(delay, expiry));
    await world.advance(1_000_000);
    await client.cut();
    if (seconds > 0) {
      await world.advance(seconds * 1000 - 1);
      witness.expectNothing();
      await world.advance(1);
    }
    witness.expectMessage("will");
    await world.advance(1_000_000);
    witness.expectNothing();
  });
}

Deno.test("A Will is not published when its client resumes its session in time [MQTT-3.1.3-9] [MQTT-3.1.2-8]", async () => {
  await using world = new World();
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.cut();
  await world.advance(29_999);
  const again = await world.connect("c", willAfter(30, 60));
  await world.advance(1_000_000);
  witness.expectNothing();
  await again.cut();
  await world.advance(29_999);
  witness.expectNothing();
  await world.advance(1);
  witness.expectMessage("will");
});

Deno.test("A Will is discarded when its client reconnects without one [MQTT-3.1.3-9]", async () => {
  await using world = new World();
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.cut();
  const again = await world.connect("c", { properties: { sessionExpiryInterval: 60 } });
  await again.cut();
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will is published once when its client reconnects too late", async () => {
  await using world = new World();
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.cut();
  await world.advance(30_000);
  witness.expectMessage("will");
  const again = await world.connect("c", { properties: { sessionExpiryInterval: 60 } });
  await again.cut();
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will is published when its client reconnects with Clean Start, since the session ends [MQTT-3.1.2-8]", async () => {
  await using world = new World();
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.cut();
  await world.advance(1000);
  witness.expectNothing();
  await world.connect("c", { cleanStart: true, ...willAfter(30, 60) });
  witness.expectMessage("will");
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will with a delay is published at once when DISCONNECT ends the session [MQTT-3.1.2-8]", async () => {
  await using world = new World();
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.disconnect(0x04, { sessionExpiryInterval: 0 });
  witness.expectMessage("will");
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will with a delay is discarded by a normal DISCONNECT [MQTT-3.14.4-3] [MQTT-3.1.2-10]", async () => {
  await using world = new World();
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.disconnect(0x00);
  await world.advance(1_000_000);
  witness.expectNothing();
});

Deno.test("A Will is published when the session ends that the broker granted, however long the client asked for", async () => {
  await using world = new World({ limits: { sessionExpiryInterval: 20 } });
  const witness = await newWitness(world);
  const client = await world.connect("c", willAfter(30, 60));
  await client.cut();
  await world.advance(20_000);
  witness.expectMessage("will");
  assertStrictEquals(world.engine.statistics.sessions, 1, "that of the witness");
});

Deno.test("A Will is not delivered to its own client's session when that ends with it", async () => {
  await using world = new World();
  const client = await world.connect("c", willAfter(60, 30));
  await client.subscribe("will", { qos: 1 });
  await client.cut();
  await world.advance(30_000);
  const again = await world.connect("c");
  again.expectNothing();
});
