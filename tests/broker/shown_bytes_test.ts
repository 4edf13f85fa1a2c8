// Bytes that a hook was shown of a CONNECT stay what they were, though more is read after them:
// whoever has them may keep them.

import { assertEquals } from "@std/assert";
import type { ConnectPacket } from "../../src/packets/mod.ts";
import type { ConnectOptions } from "./client.ts";
import { World } from "./world.ts";

const SECRET = Uint8Array.of(1, 2, 3);

const SHOWN: [what: string, options: ConnectOptions, of: (packet: ConnectPacket) => unknown][] = [
  ["a password", { password: SECRET }, ({ password }) => password],
  ["a Will", { will: { topic: "w", payload: SECRET } }, ({ will }) => will?.payload],
];

for (const [what, options, of] of SHOWN) {
  Deno.test(`Bytes of ${what} that a hook was given do not change later`, async () => {
    const packets: ConnectPacket[] = [];
    await using world = new World({
      authenticate(_client, _credentials, packet) {
        packets.push(packet);
        return true;
      },
    });
    const client = await world.connect("c", options);
    await client.publish("a", "more bytes", { qos: 1 });
    await client.publish("a", "and more", { qos: 1 });
    assertEquals(packets.map(of), [SECRET]);
  });
}
