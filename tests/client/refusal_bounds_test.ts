// §2.4 A Reason Code of exactly 0x80 is a refusal, the least of them; what is below is none.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { RefusedError } from "../../src/errors.ts";
import { test } from "./world.ts";

test("subscribe() rejects when the only Reason Code is 0x80, and has nothing to give back", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = assertRejects(() => client.subscribe("a", { qos: 2 }), RefusedError);
  await peer.grant([0x80]);
  assertStrictEquals((await rejected).reasonCode, 0x80);
  await peer.expectNothing();
});

test("subscribe() that is granted one filter and refused another with 0x80 gives the one back", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = assertRejects(() => client.subscribe(["a", "b"], { qos: 2 }), RefusedError);
  await peer.grant([2, 0x80]);
  assertEquals((await rejected).reasonCodes, [2, 0x80]);
  assertEquals(await peer.release(), ["a"]);
});

test("unsubscribe() rejects when UNSUBACK says 0x80, and resolves when it says 0x11", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = assertRejects(() => client.unsubscribe(["a", "b"]), RefusedError);
  const { packetId } = await peer.expect("unsubscribe");
  peer.send({ type: "unsuback", packetId, reasonCodes: [0x11, 0x80] });
  assertStrictEquals((await rejected).reasonCode, 0x80);
  const ended = client.unsubscribe("a");
  await peer.release(0x11);
  assertEquals(await ended, [0x11]);
});

for (const [qos, answer] of [[1, "puback"], [2, "pubrec"]] as const) {
  test(`publish() at QoS ${qos} rejects when ${answer.toUpperCase()} says 0x80, and resolves when it says 0x10`, async (world) => {
    const { client, peer } = await world.connected();
    const rejected = assertRejects(() => client.publish("a", "1", { qos }), RefusedError);
    peer.send({
      type: answer,
      packetId: (await peer.expect("publish")).packetId,
      reasonCode: 0x80,
    });
    assertStrictEquals((await rejected).reasonCode, 0x80);
    const published = client.publish("a", "2", { qos });
    const { packetId } = await peer.expect("publish");
    peer.send({ type: answer, packetId, reasonCode: 0x10 });
    if (qos === 2) {
      await peer.expect("pubrel");
      peer.send({ type: "pubcomp", packetId });
    }
    await published;
  });
}
