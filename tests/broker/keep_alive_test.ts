// §3.1.2.10 Keep Alive at the broker, §3.2.2.3.14 Server Keep Alive.

import { assertStrictEquals } from "@std/assert";
import { publishOf } from "./client.ts";
import { World } from "./world.ts";

Deno.test("A client that is silent for one and a half times its Keep Alive is disconnected, and its Will is published [MQTT-3.1.2-22] [MQTT-3.2.2-22]", async () => {
  await using world = new World();
  const witness = await world.connect("witness");
  await witness.subscribe("will");
  const client = await world.connect("c", { keepAlive: 10, will: { topic: "will" } });
  await world.advance(14_999);
  client.expectNothing();
  witness.expectNothing();
  await world.advance(1);
  client.expectDisconnect(0x8d);
  witness.expectMessage("will");
  assertStrictEquals(world.engine.statistics.clients, 1);
});

Deno.test("Only packets from the client, not those to it, reset the Keep Alive [MQTT-3.1.2-22]", async () => {
  await using world = new World();
  const speaker = await world.connect("s", { keepAlive: 10 });
  const listener = await world.connect("l", { keepAlive: 10 });
  await listener.subscribe("a");
  for (let count = 0; count < 5; count++) {
    await world.advance(4000);
    await speaker.send(publishOf("a", "1"));
  }
  speaker.expectNothing();
  for (let count = 0; count < 3; count++) listener.expectMessage("a", "1");
  listener.expectDisconnect(0x8d);
  await world.advance(14_999);
  await speaker.send({ type: "pingreq" });
  speaker.expect("pingresp");
});

Deno.test("A client without Keep Alive is never timed out [MQTT-3.1.2-22]", async () => {
  await using world = new World();
  const client = await world.connect("c", { keepAlive: 0 });
  await world.advance(100 * 365 * 24 * 3_600_000);
  client.expectNothing();
});

for (const [asked, least] of [[10, 45_000], [0, 45_000], [3600, 45_000]] as const) {
  Deno.test(`A Server Keep Alive of 30 s replaces a Keep Alive of ${asked} s [MQTT-3.2.2-22]`, async () => {
    await using world = new World({ serverKeepAlive: 30 });
    const { client, connack } = await world.join("c", { keepAlive: asked });
    assertStrictEquals(connack.properties.serverKeepAlive, 30);
    await world.advance(least - 1);
    client.expectNothing();
    await world.advance(1);
    client.expectDisconnect(0x8d);
  });
}

Deno.test("A Server Keep Alive of 0 switches the Keep Alive off", async () => {
  await using world = new World({ serverKeepAlive: 0 });
  const { client, connack } = await world.join("c", { keepAlive: 10 });
  assertStrictEquals(connack.properties.serverKeepAlive, 0);
  await world.advance(3_600_000);
  client.expectNothing();
});

Deno.test("The Keep Alive does not run while a hook is pending [MQTT-3.1.2-22]", async () => {
  const asked: ((isAllowed: boolean) => void)[] = [];
  await using world = new World({
    authorizePublish: () => new Promise((resolve) => asked.push(resolve)),
  });
  const client = await world.connect("c", { keepAlive: 10 });
  await client.send(publishOf("a", "1", { qos: 1, packetId: 1 }));
  for (let count = 0; count < 6; count++) {
    await world.advance(5000);
    await client.send({ type: "pingreq" });
  }
  asked.shift()!(true);
  await world.settle();
  client.expect("puback");
  for (let count = 0; count < 6; count++) client.expect("pingresp");
  client.expectNothing();
  await world.advance(14_999);
  client.expectNothing();
  await world.advance(1);
  client.expectDisconnect(0x8d);
});

Deno.test("The Keep Alive begins anew after a hook, even if the client sent nothing meanwhile", async () => {
  const asked: ((isAllowed: boolean) => void)[] = [];
  await using world = new World({
    limits: { hookTimeout: 60_001 },
    authorizePublish: () => new Promise((resolve) => asked.push(resolve)),
  });
  const client = await world.connect("c", { keepAlive: 10 });
  await client.send(publishOf("a", "1", { qos: 1, packetId: 1 }));
  await world.advance(60_000);
  asked.shift()!(true);
  await world.settle();
  client.expect("puback");
  client.expectNothing();
  await world.advance(14_999);
  client.expectNothing();
  await world.advance(1);
  client.expectDisconnect(0x8d);
});

for (const [asked, told, kept] of [[0, 30, 30], [31, 30, 30], [3600, 30, 30]] as const) {
  Deno.test(`A maximum Keep Alive of 30 s is announced to a client that asks for ${asked} s, and applied [MQTT-3.2.2-22]`, async () => {
    await using world = new World({ maximumKeepAlive: 30 });
    const { client, connack } = await world.join("c", { keepAlive: asked });
    assertStrictEquals(connack.properties.serverKeepAlive, told);
    await world.advance(kept * 1500 - 1);
    client.expectNothing();
    await world.advance(1);
    client.expectDisconnect(0x8d);
  });
}

for (const asked of [1, 30]) {
  Deno.test(`A maximum Keep Alive of 30 s does not change one of ${asked} s`, async () => {
    await using world = new World({ maximumKeepAlive: 30 });
    const { client, connack } = await world.join("c", { keepAlive: asked });
    assertStrictEquals(connack.properties.serverKeepAlive, undefined);
    await world.advance(asked * 1500 - 1);
    client.expectNothing();
    await world.advance(1);
    client.expectDisconnect(0x8d);
  });
}
