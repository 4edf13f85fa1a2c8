// What the peer has said that it takes, beside the number of messages: Maximum Packet Size, Maximum QoS, Retain Available;
// and our own Maximum Packet Size.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import {
  connectClient,
  connectServer,
  eachRole,
  messageOf,
  openClient,
  openServer,
} from "./roles.ts";

const SIZES = { client: ["MQTT-3.2.2-15"], server: ["MQTT-3.1.2-24"] };

eachRole("sends no message that is larger than its peer takes, and says so at once", ({ open }) => {
  const session = new Session("c");
  const script = open({ session, peer: { maximumPacketSize: 20 } });
  for (const qos of [0, 1, 2] as const) {
    const most = qos === 0 ? 14 : 12;
    script.publish(messageOf("a", qos, { payload: new Uint8Array(most) }));
    script.expectPacket("publish");
    const tooLarge = messageOf("a", qos, { payload: new Uint8Array(most + 1) });
    assertThrows(() => script.publish(tooLarge), RangeError, "21 bytes");
    assertStrictEquals(tooLarge.packetId, 0);
  }
  assertThrows(
    () => script.connection.trySend({ type: "publish", topic: "a", payload: new Uint8Array(15) }),
    RangeError,
  );
  script.expectNothing();
  assertStrictEquals(session.inFlight.size, 2);
}, SIZES);

eachRole(
  "gives up a message that is larger than its peer takes, when its turn comes, and goes on",
  ({ open }) => {
    const session = new Session("c");
    const large = messageOf("large", 2, { payload: new Uint8Array(100) });
    session.sendQueue.add(large);
    session.sendQueue.add(messageOf("a", 1));
    const script = open({ session, peer: { maximumPacketSize: 20 } });
    const { message, cause } = script.expectEvent("discarded");
    assertStrictEquals(message, large);
    assert(cause.kind === "not allowed");
    script.expect("32 06 0001 61 0002 00");
    script.expectQuiet();
  },
  { client: ["MQTT-3.2.2-15"], server: ["MQTT-3.1.2-24", "MQTT-3.1.2-25"] },
);

eachRole(
  "gives up a message that it would send again, when its peer takes it no more",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    const large = messageOf("large", 2, { payload: new Uint8Array(100) });
    script.publish(large);
    script.publish(messageOf("a", 1));
    script.end();
    const again = open({ session, sessionPresent: true, peer: { maximumPacketSize: 20 } });
    assertStrictEquals(again.expectEvent("discarded").message, large);
    again.expect("3A 06 0001 61 0002 00");
    again.expectQuiet();
    assertStrictEquals(session.inFlight.size, 1);
  },
  SIZES,
);

eachRole("leaves out of an acknowledgement what makes it too large", ({ open }) => {
  const said = { reasonString: "r".repeat(10), userProperties: [["k", "v".repeat(100)]] } as const;
  for (
    const [maximumPacketSize, hex] of [[20, "40 11 0001 87 0D 1F 000A 72727272727272727272"], [
      18,
      "40 03 0001 87",
    ]] as const
  ) {
    const script = open({ peer: { maximumPacketSize } });
    script.send("32 06 0001 61 0001 00");
    const { acknowledgement } = script.expectEvent("message");
    script.call((connection) => connection.acknowledge(acknowledgement!, 0x87, said));
    script.expect(hex);
  }
}, SIZES);

eachRole("leaves out of DISCONNECT what makes it too large", ({ open }) => {
  const script = open({ peer: { maximumPacketSize: 5 } });
  script.send("36 00");
  script.expect("E0 01 81");
  script.expectClosed("fault");
}, SIZES);

for (const maximumPacketSize of [1, 2, 3, 4]) {
  Deno.test(`A client ends a connection on which no acknowledgement has room: ${maximumPacketSize} bytes [MQTT-3.2.2-15]`, () => {
    const session = new Session("c");
    const earlier = openClient({ session });
    earlier.publish(messageOf("a", 2));
    earlier.send("50 02 0001");
    earlier.end();
    const script = connectClient({ session });
    script.expectPacket("connect");
    script.send(`20 08 01 00 05 27 0000000${maximumPacketSize}`);
    if (maximumPacketSize >= 3) script.expect("E0 01 82");
    const { error } = script.expectClosed("fault");
    assertStrictEquals(error.field, "Maximum Packet Size");
    assertStrictEquals(session.inFlight.size, 1);
  });

  Deno.test(`A server says nothing to a client that takes ${maximumPacketSize} bytes and breaks the standard before CONNACK [MQTT-3.1.2-24]`, () => {
    const script = connectServer({
      connect: { properties: { maximumPacketSize, authenticationMethod: "m" } },
    });
    assertThrows(() => script.connection.authenticate(0x18), RangeError);
    assertThrows(() => script.connection.accept(new Session("c"), { type: "connack" }), RangeError);
    assertThrows(() => script.connection.refuse(0x87), RangeError);
    script.call((connection) => connection.disconnect({ type: "disconnect", reasonCode: 0x95 }));
    script.expectClosed("this end");
  });
}

Deno.test("A server answers before CONNACK with no more than its client takes [MQTT-3.1.2-24]", () => {
  const script = connectServer({
    connect: { properties: { maximumPacketSize: 12, authenticationMethod: "m" } },
  });
  assertThrows(
    () => script.connection.authenticate(0x18, { authenticationData: new Uint8Array(10) }),
    RangeError,
  );
  script.call((connection) => connection.authenticate(0x18));
  script.expectPacket("auth");
  script.send("C0 00");
  script.expect("20 03 00 82 00");
  script.expectClosed("fault");
});

eachRole(
  "takes a packet as large as it has said, and none larger, at the fixed header",
  ({ open }) => {
    const script = open({ own: { maximumPacketSize: 200 } });
    script.send(`30 C501 0001 61 00 ${"00".repeat(193)}`);
    assertStrictEquals(script.expectEvent("message").packet.payload.length, 193);
    script.send("30 C601");
    script.expectFault(0x95);
  },
);

Deno.test("A server says its Maximum Packet Size in CONNACK", () => {
  const script = connectServer({ own: { maximumPacketSize: 200 } });
  script.call((connection) =>
    connection.accept(new Session("c"), {
      type: "connack",
      properties: { maximumPacketSize: 7 },
    })
  );
  assertEquals(script.expectPacket("connack").properties, { maximumPacketSize: 200 });
});

for (const maximumQoS of [0, 1] as const) {
  Deno.test(`A client publishes at no QoS over the server's Maximum QoS of ${maximumQoS} [MQTT-3.2.2-11]`, () => {
    const session = new Session("c");
    const earlier = openClient({ session });
    for (const qos of [1, 2] as const) earlier.publish(messageOf("again", qos));
    earlier.end();
    for (const qos of [0, 1, 2] as const) session.sendQueue.add(messageOf("waiting", qos));
    const script = openClient({ session, sessionPresent: true, connack: { maximumQoS } });
    for (const qos of [0, 1, 2] as const) {
      if (qos <= maximumQoS) script.publish(messageOf("a", qos));
      else assertThrows(() => script.publish(messageOf("a", qos)), RangeError, "MQTT-3.2.2-11");
    }
    const sent = script.takePackets();
    assertEquals(sent.filter((packet) => packet.type === "publish" && packet.qos > maximumQoS), []);
    for (let count = 2 * (2 - maximumQoS); count > 0; count--) {
      assertStrictEquals(script.takeEvent("discarded").cause.kind, "not allowed");
    }
  });
}

Deno.test("A client sets RETAIN on no message where the server retains none [MQTT-3.2.2-14]", () => {
  const session = new Session("c");
  const earlier = openClient({ session });
  earlier.publish(messageOf("again", 1, { retain: true }));
  earlier.end();
  session.sendQueue.add(messageOf("waiting", 0, { retain: true }));
  const script = openClient({ session, sessionPresent: true, connack: { retainAvailable: false } });
  for (const qos of [0, 1] as const) {
    assertThrows(() => script.publish(messageOf("a", qos, { retain: true })), TypeError, "retain");
  }
  assertThrows(
    () => script.connection.trySend({ type: "publish", topic: "a", retain: true }),
    TypeError,
  );
  script.publish(messageOf("a", 0, { retain: false }));
  for (const topic of ["again", "waiting"]) {
    const { message, cause } = script.expectEvent("discarded");
    assertStrictEquals(message.packet.topic, topic);
    assertStrictEquals(cause.kind, "not allowed");
  }
  script.expect("30 04 0001 61 00");
  script.expectEvent("settled");
  script.expectQuiet();
});

Deno.test("A server sends QoS 2 and RETAIN whatever it takes itself", () => {
  const script = openServer({ connack: { maximumQoS: 0, retainAvailable: false } });
  script.publish(messageOf("a", 2, { retain: true }));
  script.expect("35 06 0001 61 0001 00");
});
