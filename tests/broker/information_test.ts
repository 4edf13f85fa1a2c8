// §3.1.2.11.6 Request Response Information and §3.1.2.11.7 Request Problem Information: what a client is told.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { World } from "./world.ts";

for (
  const [asked, option, told] of [
    [true, "r/1", "r/1"],
    [false, "r/1", undefined],
    [undefined, "r/1", undefined],
    [true, undefined, undefined],
    [true, "", ""],
  ] as const
) {
  Deno.test(`A client that asks ${asked} for Response Information ${option} is told ${told} [MQTT-3.1.2-28]`, async () => {
    await using world = new World({ responseInformation: option });
    const { connack } = await world.join("c", {
      properties: { requestResponseInformation: asked },
    });
    assertStrictEquals(connack.properties.responseInformation, told);
  });
}

for (const requestProblemInformation of [true, undefined, false]) {
  Deno.test(`A client with Request Problem Information ${requestProblemInformation} is ${requestProblemInformation === false ? "not " : ""}told why in acknowledgements [MQTT-3.1.2-29]`, async () => {
    await using world = new World({
      authorizePublish: () => false,
      authorizeSubscribe: () => false,
    });
    const client = await world.connect("c", { properties: { requestProblemInformation } });
    for (const qos of [1, 2] as const) {
      await client.send({ type: "publish", topic: "a", qos, packetId: qos });
    }
    await client.send({ type: "subscribe", packetId: 3, subscriptions: [{ topicFilter: "a" }] });
    await client.send({ type: "unsubscribe", packetId: 4, topicFilters: ["a"] });
    const [puback, pubrec, suback, unsuback] = [
      client.expect("puback"),
      client.expect("pubrec"),
      client.expect("suback"),
      client.expect("unsuback"),
    ];
    const reasonString = requestProblemInformation === false
      ? undefined
      : "Publishing was not allowed";
    for (const { reasonCode, properties } of [puback, pubrec]) {
      assertStrictEquals(reasonCode, 0x87);
      assertStrictEquals(properties.reasonString, reasonString);
    }
    assertEquals(suback.reasonCodes, [0x87]);
    assertEquals(unsuback.reasonCodes, [0x11]);
    if (requestProblemInformation === false) {
      for (const { properties } of [puback, pubrec, suback, unsuback]) {
        assertEquals(properties, {});
      }
    }
  });
}

Deno.test("A client with Request Problem Information 0 still gets Reason Strings in DISCONNECT and CONNACK, and User Properties in PUBLISH [MQTT-3.1.2-29]", async () => {
  await using world = new World({ limits: { connections: 1 } });
  const properties = { requestProblemInformation: false };
  const client = await world.connect("c", { properties });
  const { properties: refusal } = (await world.ask("d", { properties })).expectRefusal(0x89);
  assertStrictEquals(refusal.reasonString, "The server is at its connection limit");
  await client.subscribe("a");
  await client.publish("a", "1", { properties: { userProperties: [["k", "v"]] } });
  assertEquals(client.expectMessage("a").properties.userProperties, [["k", "v"]]);
  await client.sendBytes(Uint8Array.of(0x36, 0x00));
  const { properties: said } = client.expectDisconnect(0x81);
  assertStrictEquals(typeof said.reasonString, "string");
});
