// §3.1.2.11.3 A Server that sends more messages than the Client takes at once: which of them are
// taken all the same, to the byte, and what is said of it.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../src/packets/mod.ts";
import { Session } from "../../src/session/session.ts";
import { openClient } from "./roles.ts";
import type { Script } from "./scripted.ts";
import type { Connection } from "../../src/session/connection.ts";

/** What a message with topic "a" and so many bytes of payload is counted for. */
const MESSAGE = 512 + 1;

function publish(script: Script<Connection>, packetId: number, size: number, qos: QoS = 1): void {
  const payload = new Uint8Array(size);
  script.sendPacket({ type: "publish", topic: "a", qos, packetId, payload });
}

Deno.test("A client takes messages beyond its Receive Maximum, and tells the first of a connection", () => {
  const script = openClient({ own: { receiveMaximum: 2 }, receiveExcess: 10_000 });
  for (const packetId of [1, 2]) publish(script, packetId, 0);
  script.expectMessage("a");
  script.expectMessage("a");
  for (const packetId of [3, 4]) publish(script, packetId, 0, 2);
  assertEquals(script.expectEvent("receive maximum exceeded").receiveMaximum, 2);
  script.expectMessage("a");
  script.expectMessage("a");
  script.expectQuiet();
});

Deno.test("A client that holds as many bytes beyond its Receive Maximum as it may takes no message more", () => {
  for (const tooMuch of [0, 1]) {
    const receiveExcess = 2 * MESSAGE + 300 - tooMuch;
    const script = openClient({ own: { receiveMaximum: 1 }, receiveExcess });
    publish(script, 1, 5000);
    publish(script, 2, 100);
    publish(script, 3, 200);
    script.takeEvent("receive maximum exceeded");
    for (let held = 3 - tooMuch; held > 0; held--) script.expectMessage("a");
    if (tooMuch === 0) script.expectQuiet();
    else script.expectFault(0x93);
  }
});

Deno.test("Properties count among the bytes beyond the Receive Maximum", () => {
  // A User Property with a name and a value of one byte each is an object of its own, too.
  const bytes = MESSAGE + 64 + 7;
  for (const tooMuch of [0, 1]) {
    const script = openClient({ own: { receiveMaximum: 1 }, receiveExcess: bytes - tooMuch });
    publish(script, 1, 0);
    script.expectMessage("a");
    script.send("32 0D 0001 61 0002 07 26 0001 6E 0001 76");
    if (tooMuch === 1) script.expectFault(0x93);
    else script.takeEvent("receive maximum exceeded");
  }
});

Deno.test("What is acknowledged beyond the Receive Maximum leaves its room to others, again and again", () => {
  const script = openClient({ own: { receiveMaximum: 1 }, receiveExcess: 2 * MESSAGE });
  for (let round = 0; round < 20; round++) {
    const qos = round % 2 === 0 ? 1 : 2;
    for (const packetId of [1, 2, 3]) publish(script, packetId, 0, qos);
    if (round === 0) script.takeEvent("receive maximum exceeded");
    for (const packetId of [1, 2, 3]) {
      script.acknowledge(script.expectMessage("a"), qos === 2 && packetId === 1 ? 0x87 : 0x00);
    }
    if (qos === 2) script.send("62 02 0002", "62 02 0003");
    script.takePackets();
  }
  script.expectQuiet();
});

Deno.test("A client that holds more than its Receive Maximum answers PUBREL, and sends and pings as ever", () => {
  const script = openClient({
    own: { receiveMaximum: 1 },
    receiveExcess: 10_000,
    keepAlive: 10,
  });
  publish(script, 1, 0, 2);
  script.acknowledge(script.expectMessage("a"));
  script.expect("50 02 0001");
  publish(script, 2, 0);
  script.takeEvent("receive maximum exceeded");
  script.send("62 02 0001");
  script.expect("70 02 0001");
  script.advance(10_000);
  script.expect("C0 00");
  script.send("D0 00");
  script.acknowledge(script.expectMessage("a"));
  script.expect("40 02 0002");
});

Deno.test("Each connection is told of anew, and begins without anything beyond its Receive Maximum", () => {
  const session = new Session("c");
  const setup = { session, own: { receiveMaximum: 1 }, receiveExcess: 2 * MESSAGE };
  for (let connection = 0; connection < 3; connection++) {
    const script = openClient({ ...setup, sessionPresent: connection > 0 });
    for (const packetId of [1, 2, 3]) publish(script, packetId, 0);
    script.takeEvent("receive maximum exceeded");
    for (const _ of [1, 2, 3]) script.expectMessage("a");
    script.expectQuiet();
    script.end();
  }
});
