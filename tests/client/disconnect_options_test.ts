// The options of disconnect(): what they make of DISCONNECT, and mistakes, which are refused before anything is done.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { DisconnectOptions } from "../../src/client/client.ts";
import { settle, test } from "./world.ts";

test("disconnect() sends its options as the fields and properties of DISCONNECT", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const properties = {
    sessionExpiryInterval: 0,
    reasonString: "bye",
    userProperties: [["b", "1"], ["a", "2"]],
  } as const;
  void client.disconnect({ reasonCode: 0x04, ...properties });
  assertEquals(await peer.expect("disconnect"), {
    type: "disconnect",
    reasonCode: 0x04,
    properties,
  });
});

/** Options that no client may give. */
const MISTAKES: readonly (readonly [
  what: string,
  options: object,
  error: typeof TypeError | typeof RangeError,
])[] = [
  ["a server's Reason Code", { reasonCode: 0x8e }, RangeError],
  ["no Reason Code at all", { reasonCode: 0x01 }, RangeError],
  ["a Session Expiry Interval where CONNECT had 0", { sessionExpiryInterval: 5 }, TypeError],
  ["a Session Expiry Interval below 0", { sessionExpiryInterval: -1 }, RangeError],
  ["an unknown option", { reason: "bye" }, TypeError],
  ["a timeout that is no number", { timeout: "5000" }, TypeError],
  ["a timeout below 0", { timeout: -1 }, RangeError],
];

for (const [what, options, error] of MISTAKES) {
  test(`disconnect() refuses ${what}, and then nothing is done, with a connection or without`, async (world) => {
    const { client, peer } = await world.connected();
    await assertRejects(() => client.disconnect(options as DisconnectOptions), error);
    await peer.expectNothing();
    assertStrictEquals(client.state, "connected");
    peer.far.cut();
    await settle();
    await assertRejects(() => client.disconnect(options as DisconnectOptions), error);
    assertStrictEquals(client.state, "reconnecting");
  });
}
