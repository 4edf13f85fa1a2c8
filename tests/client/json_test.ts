// json(): a value as payload, with what the receiver needs to read it; and content in general.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { json } from "../../mod.ts";
import { test } from "./world.ts";

test("publish() sends what json() gives, with Content Type and Payload Format Indicator", async (world) => {
  const { client, peer } = await world.connected();
  await client.publish("a", json({ on: true, name: "Küche" }), { retain: true });
  const { payload, retain, properties } = await peer.expect("publish");
  assertEquals(JSON.parse(new TextDecoder().decode(payload)), { on: true, name: "Küche" });
  assertStrictEquals(retain, true);
  assertEquals(properties, { contentType: "application/json", payloadFormatIndicator: 1 });
});

test("message.json() reads what json() wrote, as the type that is expected", async (world) => {
  const { client, peer } = await world.connected();
  const { payload, ...properties } = json([1.5, null]);
  peer.publish("a", undefined, { payload: new TextEncoder().encode(payload), properties });
  for await (const message of client.messages) {
    const [number] = message.json<[number, null]>();
    assertStrictEquals(number.toFixed(2), "1.50");
    assertStrictEquals(message.contentType, "application/json");
    break;
  }
});

test("Content has any property of a message, text or bytes; what the options say counts more", async (world) => {
  const { client, peer } = await world.connected();
  const userProperties = [["a", "1"]] as const;
  const content = { payload: Uint8Array.of(1), contentType: "x/y", userProperties };
  await client.publish("a", content);
  const first = await peer.expect("publish");
  assertEquals(first.payload, Uint8Array.of(1));
  assertEquals(first.properties, { contentType: "x/y", userProperties });
  await client.publish("a", content, { contentType: "x/z", messageExpiryInterval: 5 });
  const { properties } = await peer.expect("publish");
  assertEquals(properties, { contentType: "x/z", userProperties, messageExpiryInterval: 5 });
});

test("Content that has an unknown name, or is a message that was received, is refused", async (world) => {
  const { client, peer } = await world.connected();
  const wrong = { payload: "", contentTpye: "x/y" };
  await assertRejects(() => client.publish("a", wrong), TypeError, "contentTpye");
  peer.publish("a");
  const [message] = await Array.fromAsync(client.messages.read({ limit: 1 }));
  await assertRejects(() => client.publish("b", message as never), TypeError, "payload must be");
  await peer.expectNothing();
});

test("A Will in JSON is json() spread into it", async (world) => {
  const started = world.client({ will: { topic: "state", ...json({ online: false }) } }).start();
  const { will } = await (await world.peer()).accept();
  await started;
  assertEquals(new TextDecoder().decode(will?.payload), '{"online":false}');
  assertEquals(will?.properties, { contentType: "application/json", payloadFormatIndicator: 1 });
});

const circle: unknown[] = [];
circle.push(circle);

for (
  const [what, value] of [
    ["undefined", undefined],
    ["a function", () => {}],
    ["a symbol", Symbol("a")],
    ["a bigint", 1n],
    ["a circle", circle],
  ] as const
) {
  Deno.test(`json() refuses ${what}`, () => {
    assertThrows(() => json(value), TypeError);
  });
}

Deno.test("json() writes a lone surrogate so that the payload is UTF-8", () => {
  assertStrictEquals(json("\ud800").payload, '"\\ud800"');
});
