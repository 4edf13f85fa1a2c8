// §3.4.2.2 What an acknowledgement says beside success is told, whichever part of it there is.

import { assertEquals } from "@std/assert";
import type { PropertiesOf } from "../../src/packets/mod.ts";
import { test } from "./world.ts";

for (
  const [what, properties] of [
    ["nothing", {}],
    ["a Reason String", { reasonString: "taken" }],
    ["one User Property", { userProperties: [["k", "v"]] }],
    ["two User Properties", { userProperties: [["k", "v"], ["k", "w"]] }],
  ] as [string, PropertiesOf<"puback">][]
) {
  test(`publish() resolves to success with ${what} when PUBACK says so`, async (world) => {
    const { client, peer } = await world.connected();
    const published = client.publish("a", "1", { qos: 1 });
    const { packetId } = await peer.expect("publish");
    peer.send({ type: "puback", packetId, properties });
    const { reasonCode, reasonString, userProperties } = await published;
    assertEquals({ reasonCode, reasonString, userProperties }, {
      reasonCode: 0,
      reasonString: undefined,
      userProperties: [],
      ...properties,
    });
  });
}
