// §3.14 DISCONNECT and every other end: nothing is sent after it, what carries the connection is to be closed, and the
// application is told once by whom it was ended.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { DisconnectInit } from "../../src/packets/mod.ts";
import { Session } from "../../src/session/session.ts";
import { codesOf } from "../build.ts";
import { eachRole, messageOf, openClient, openServer } from "./roles.ts";

/** Table 3-10, by who may send the code; 0x8C as §4.12.1 needs it. */
const FROM_CLIENTS = [
  0x00,
  0x04,
  0x80,
  0x81,
  0x82,
  0x83,
  0x90,
  0x93,
  0x94,
  0x95,
  0x96,
  0x97,
  0x98,
  0x99,
  0x9b,
];

eachRole(
  "sends nothing after DISCONNECT, and closes [MQTT-3.14.4-1] [MQTT-3.14.4-2]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session, peer: { receiveMaximum: 1 }, keepAlive: 10 });
    script.publish(messageOf("a", 1));
    script.publish(messageOf("b", 1));
    script.send("32 06 0001 61 0001 00");
    const acknowledgement = script.expectMessage("a");
    script.expectPacket("publish");
    script.connection.disconnect({ type: "disconnect", reasonCode: 0x98 });
    script.connection.disconnect({ type: "disconnect", reasonCode: 0x80 });
    assertStrictEquals(script.connection.acknowledge(acknowledgement!, 0x00), false);
    script.connection.publish(messageOf("c", 0));
    script.send("40 02 0001", "34 06 0001 61 0002 00", "C0 00");
    script.advance(100_000);
    script.expect("E0 01 98");
    assertStrictEquals(script.expectClosed("this end").packet?.reasonCode, 0x98);
  },
);

eachRole("sends what it had to send before DISCONNECT", ({ open }) => {
  const script = open();
  script.connection.publish(messageOf("a", 1));
  script.connection.disconnect({ type: "disconnect", reasonCode: 0x80 });
  script.collect();
  script.expect("32 06 0001 61 0001 00", "E0 01 80");
  script.expectClosed("this end");
});

eachRole("says nothing more once the peer has said DISCONNECT", ({ open }) => {
  const script = open({ keepAlive: 10 });
  script.send("E0 01 80", "34 06 0001 61 0001 00", "C0 00");
  script.advance(100_000);
  assertStrictEquals(script.expectClosed("peer").packet.reasonCode, 0x80);
});

eachRole("reports the end of the network, once", ({ open }) => {
  const script = open();
  script.send("32 06 0001");
  script.end();
  script.end();
  script.expectClosed("network");
});

eachRole("reports what came before the end before the end", ({ open }) => {
  const script = open();
  script.connection.receive(
    Uint8Array.fromHex("3004000161003004000162 00e00180".replaceAll(" ", "")),
    script.now,
  );
  script.connection.receiveEnd(script.now);
  script.collect();
  script.expectMessage("a");
  script.expectMessage("b");
  script.expectClosed("peer");
});

eachRole("reports nothing after the end, though a message expires at the same time", ({ open }) => {
  const script = open({ keepAlive: 10, peer: { receiveMaximum: 1 } });
  script.publish(messageOf("a", 1));
  script.publish(messageOf("b", 1, {}, script.now + 14_000));
  script.publish(messageOf("c", 1, {}, script.now + 15_000));
  script.expectPacket("publish");
  // A client says PINGREQ after 9 seconds and gives up after 14; a server after 15.
  script.advance(15_000);
  const types = script.takePackets().map(({ type }) => type);
  script.takeEvent("closed");
  assertEquals(types.filter((type) => type === "publish"), []);
});

Deno.test("A client disconnects with the Reason Codes of clients alone", () => {
  for (const code of codesOf("DISCONNECT")) {
    const script = openClient();
    const packet = { type: "disconnect", reasonCode: code } as DisconnectInit;
    if (!FROM_CLIENTS.includes(code)) {
      assertThrows(() => script.connection.disconnect(packet), RangeError);
      script.expectQuiet();
      continue;
    }
    script.call((connection) => connection.disconnect(packet));
    assertStrictEquals(script.expectPacket("disconnect").reasonCode, code);
    script.expectClosed("this end");
  }
});

Deno.test("A server disconnects with the Reason Codes of servers alone", () => {
  for (const code of codesOf("DISCONNECT")) {
    const script = openServer();
    const packet = { type: "disconnect", reasonCode: code } as DisconnectInit;
    if (code === 0x04) {
      assertThrows(() => script.connection.disconnect(packet), RangeError);
      script.expectQuiet();
      continue;
    }
    script.call((connection) => connection.disconnect(packet));
    assertStrictEquals(script.expectPacket("disconnect").reasonCode, code);
    script.expectClosed("this end");
  }
});

Deno.test("Each end takes the Reason Codes of DISCONNECT that the other may give", () => {
  for (const code of codesOf("DISCONNECT")) {
    const hex = `E0 01 ${code.toString(16).padStart(2, "0")}`;
    const client = openClient();
    client.send(hex);
    if (code === 0x04) client.expectFault(0x82);
    else assertStrictEquals(client.expectClosed("peer").packet.reasonCode, code);
    const server = openServer();
    server.send(hex);
    if (FROM_CLIENTS.includes(code)) {
      assertStrictEquals(server.expectClosed("peer").packet.reasonCode, code);
    } else server.expectFault(0x82);
  }
});

Deno.test("A server's DISCONNECT has a Reason Code always, and never a Session Expiry Interval [MQTT-3.14.2-2]", () => {
  const script = openServer();
  assertThrows(
    () =>
      script.connection.disconnect({
        type: "disconnect",
        properties: { sessionExpiryInterval: 1 },
      }),
    TypeError,
    "sessionExpiryInterval",
  );
  script.expectQuiet();
  // Some clients cannot read one without a Reason Code.
  script.call((connection) => connection.disconnect({ type: "disconnect" }));
  const packet = script.expectPacket("disconnect");
  assertStrictEquals(packet.reasonCode, 0x00);
  assertStrictEquals(packet.properties.reasonString, "Normal disconnection");
});

Deno.test("A client changes its Session Expiry Interval in DISCONNECT, but not from 0", () => {
  const properties = { sessionExpiryInterval: 10 };
  const script = openClient();
  script.call((connection) => connection.disconnect({ type: "disconnect", properties }));
  script.expect("E0 07 00 05 11 0000000A");
  const never = openClient({ connect: { properties: { sessionExpiryInterval: 0 } } });
  assertThrows(() => never.connection.disconnect({ type: "disconnect", properties }), TypeError);
  never.expectQuiet();
  never.call((connection) =>
    connection.disconnect({ type: "disconnect", properties: { sessionExpiryInterval: 0 } })
  );
  never.expectPacket("disconnect");
});

Deno.test("A server takes a Session Expiry Interval in DISCONNECT, and hands it on", () => {
  const script = openServer();
  script.send("E0 07 00 05 11 0000000A");
  const { packet } = script.expectClosed("peer");
  assertStrictEquals(packet.properties.sessionExpiryInterval, 10);
});

eachRole("refuses a DISCONNECT that cannot be encoded, and goes on", ({ open }) => {
  const script = open();
  assertThrows(
    () =>
      script.connection.disconnect({
        type: "disconnect",
        reasonCode: 0x80,
        properties: { reasonString: 1 as unknown as string },
      }),
    TypeError,
  );
  script.expectQuiet();
});
