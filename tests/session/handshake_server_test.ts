// §3.1 CONNECT to §3.2 CONNACK as the server has it: what it answers, to whom, and what it does with that which comes before
// its answer.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";
import { connectServer, messageOf, openServer } from "./roles.ts";
import { Script } from "./scripted.ts";

const CONNECT = "10 0E 00044D515454 05 00 0000 00 0001 63";
const PUBLISH = "30 04 0001 61 00";
const ACCEPTED = { type: "connack" } as const;

Deno.test("A server waits for a CONNECT and then for its user, and sends nothing before CONNACK [MQTT-3.2.0-1] [MQTT-3.1.4-5]", () => {
  const script = new Script((now) => new ServerConnection(now));
  script.send(CONNECT);
  const { packet } = script.expectEvent("connect");
  assertStrictEquals(packet.clientId, "c");
  script.advance(3_600_000);
  assertThrows(() => script.publish(messageOf("a", 0)), TypeError, "not open");
  script.expectQuiet();
  script.call((connection) => connection.accept(new Session("c"), ACCEPTED));
  script.expect("20 03 00 00 00");
  script.expectQuiet();
});

Deno.test("A server accepts or refuses a client once [MQTT-3.2.0-2]", () => {
  const early = new Script((now) => new ServerConnection(now));
  assertThrows(() => early.connection.accept(new Session("c"), ACCEPTED), TypeError, "No client");
  assertThrows(() => early.connection.refuse(0x87), TypeError, "No client");
  const script = openServer();
  assertThrows(() => script.connection.accept(new Session("c"), ACCEPTED), TypeError, "No client");
  assertThrows(() => script.connection.refuse(0x87), TypeError, "No client");
  script.expectQuiet();
});

Deno.test("A server that accepts says Session Present and what it grants", () => {
  const script = connectServer({ own: { maximumPacketSize: 1000 } });
  script.call((connection) =>
    connection.accept(new Session("c"), {
      type: "connack",
      sessionPresent: true,
      properties: { receiveMaximum: 5 },
    })
  );
  script.expect("20 0B 01 00 08 21 0005 27 000003E8");
});

Deno.test("A server that refuses sends CONNACK without Session Present and closes [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-4.13.2-1]", () => {
  const script = connectServer();
  assertThrows(() => script.connection.refuse(0x00), RangeError, "from 0x80 on");
  script.call((connection) => connection.refuse(0x87, { reasonString: "no" }));
  script.expect("20 08 00 87 05 1F 0002 6E6F");
  assertEquals(script.expectClosed("this end").packet, undefined);
});

Deno.test("A server looks at nothing that comes after it has refused [MQTT-3.1.4-6]", () => {
  const script = connectServer();
  script.send(PUBLISH);
  script.call((connection) => connection.refuse(0x87));
  script.send(PUBLISH, CONNECT);
  script.expect("20 03 00 87 00");
  script.expectClosed("this end");
});

Deno.test("A second CONNECT ends the connection [MQTT-3.1.0-2]", () => {
  const script = openServer();
  script.send(CONNECT);
  script.expectFault(0x82);
});

Deno.test("A second CONNECT that was sent before CONNACK ends the connection once it is looked at [MQTT-3.1.0-2]", () => {
  const script = new Script((now) => new ServerConnection(now));
  script.send(CONNECT, CONNECT);
  script.expectEvent("connect");
  script.call((connection) => connection.accept(new Session("c"), ACCEPTED));
  script.expectPacket("connack");
  script.expectFault(0x82);
});

for (
  const [what, hex] of [
    ["PUBLISH", PUBLISH],
    ["PINGREQ", "C0 00"],
    ["AUTH", "F0 06 18 04 15 0001 6D"],
    ["DISCONNECT", "E0 00"],
    ["CONNACK", "20 03 00 00 00"],
    ["a packet that is malformed", "82 05 0000000000"],
    ["no packet of MQTT", "00 00"],
  ] as const
) {
  Deno.test(`A server closes without a word when ${what} comes first [MQTT-3.14.0-1]`, () => {
    const script = new Script((now) => new ServerConnection(now));
    script.send(hex);
    script.expectClosed("fault");
  });
}

for (
  const [what, hex, reasonCode, statement] of [
    ["of another version", "10 0D 00044D515454 06 00 0000 00 0000", 0x84, "MQTT-3.1.2-2"],
    ["of another protocol", "10 0D 00044D515458 05 00 0000 00 0000", 0x84, "MQTT-3.1.2-1"],
    ["with its reserved flag set", "10 0D 00044D515454 05 01 0000 00 0000", 0x81, "MQTT-3.1.4-1"],
    [
      "with a property twice",
      "10 11 00044D515454 05 00 0000 04 1901 1901 0000",
      0x82,
      "MQTT-3.1.4-1",
    ],
    ["larger than it takes", "10 65", 0x95, "MQTT-3.1.4-1"],
  ] as const
) {
  Deno.test(`A server answers a CONNECT ${what} with CONNACK and closes, no DISCONNECT [MQTT-3.14.0-1] [${statement}]`, () => {
    const script = new Script((now) => new ServerConnection(now, { maximumPacketSize: 100 }));
    script.send(hex);
    const packet = script.expectPacket("connack");
    assertStrictEquals(packet.reasonCode, reasonCode);
    assertStrictEquals(packet.sessionPresent, false);
    assertStrictEquals(script.expectClosed("fault").error.reasonCode, reasonCode);
  });
}

for (
  const [what, hex, version] of [
    ["MQTT 3.1.1", "10 0C 00044D515454 04 02 003C 0000", 4],
    ["MQTT 3.1", "10 0E 00064D5149736470 03 02 003C 0000", 3],
    ["MQTT 3.1 under its later name", "10 0C 00044D515454 03 02 003C 0000", 3],
    ["a bridge of MQTT 3.1.1", "10 0C 00044D515454 84 02 003C 0000", 0x84],
  ] as const
) {
  Deno.test(`A server refuses a CONNECT of ${what} in its own form, and closes [MQTT-3.1.2-2]`, () => {
    const script = new Script((now) => new ServerConnection(now));
    script.send(hex, "C000");
    script.expect("20 02 00 01");
    const { error } = script.expectClosed("fault");
    assertEquals([error.reasonCode, error.protocolVersion], [0x84, version]);
  });
}

Deno.test("A server that is to disconnect before CONNACK closes without a word [MQTT-3.14.0-1]", () => {
  const script = connectServer();
  script.call((connection) => connection.disconnect({ type: "disconnect", reasonCode: 0x8b }));
  assertEquals(script.expectClosed("this end").packet, undefined);
});

Deno.test("A server gives up a client that sends no whole CONNECT in time", () => {
  const script = new Script((now) => new ServerConnection(now, { connectTimeout: 500 }));
  script.send(CONNECT.slice(0, -2));
  script.advance(499);
  script.expectQuiet();
  script.advance(1);
  script.expectClosed("silence");
});

Deno.test("A server keeps what comes before its answer, and looks at it afterwards", () => {
  const script = new Script((now) => new ServerConnection(now));
  script.send(CONNECT, PUBLISH);
  script.send("32 06 0001 62 0001 00 C0 00");
  script.expectEvent("connect");
  script.expectQuiet();
  script.call((connection) => connection.accept(new Session("c"), ACCEPTED));
  script.expect("20 03 00 00 00", "D0 00");
  script.expectMessage("a");
  script.acknowledge(script.expectMessage("b"));
  script.expect("40 02 0001");
  script.expectQuiet();
});

Deno.test("A server keeps 65,536 bytes that come before its answer, and refuses for one more", () => {
  const script = connectServer();
  script.send("C000".repeat(32_768));
  script.expectQuiet();
  script.send("C0");
  const packet = script.expectPacket("connack");
  assertStrictEquals(packet.reasonCode, 0x97);
  script.expectClosed("this end");
});

Deno.test("A server counts no bytes that come after its answer", () => {
  const script = connectServer();
  script.send("C000".repeat(32_768));
  script.call((connection) => connection.accept(new Session("c"), ACCEPTED));
  script.send("C000");
  assertStrictEquals(script.takePackets().length, 1 + 32_769);
  script.expectQuiet();
});

Deno.test("A server whose client is gone before the answer reports the end, and takes no answer", () => {
  const script = connectServer();
  script.end();
  assertThrows(() => script.connection.accept(new Session("c"), ACCEPTED), TypeError, "No client");
  script.expectClosed("network");
});

for (const [asked, told] of [[undefined, undefined], [false, undefined], [true, "r"]] as const) {
  Deno.test(`A server gives Response Information ${told} where ${asked} was asked [MQTT-3.1.2-28]`, () => {
    const script = connectServer({
      connect: { properties: { requestResponseInformation: asked } },
    });
    script.call((connection) =>
      connection.accept(new Session("c"), {
        type: "connack",
        properties: { responseInformation: "r" },
      })
    );
    assertStrictEquals(script.expectPacket("connack").properties.responseInformation, told);
  });
}

Deno.test("A server explains itself in CONNACK, DISCONNECT and PUBLISH alone to a client that asked it not to [MQTT-3.1.2-29]", () => {
  const userProperties = [["k", "v"]] as const;
  const said = { reasonString: "r", userProperties };
  const script = connectServer({ connect: { properties: { requestProblemInformation: false } } });
  script.call((connection) =>
    connection.accept(new Session("c"), { type: "connack", properties: said })
  );
  assertStrictEquals(script.expectPacket("connack").properties.reasonString, "r");
  script.send("82 07 0001 00 0001 61 00", "A2 06 0002 00 0001 61");
  const { packet: subscribe } = script.expectEvent("subscribe");
  const { packet: unsubscribe } = script.expectEvent("unsubscribe");
  script.call((connection) => connection.suback(subscribe, [0x00], said));
  script.expect("90 04 0001 00 00");
  script.call((connection) => connection.unsuback(unsubscribe, [0x11], said));
  script.expect("B0 04 0002 00 11");
  script.send("32 06 0001 61 0003 00", "34 06 0001 61 0004 00");
  for (const answer of ["40 03 0003 87", "50 03 0004 87"]) {
    const { acknowledgement } = script.expectEvent("message");
    script.call((connection) => connection.acknowledge(acknowledgement!, 0x87, said));
    script.expect(answer);
  }
  script.publish(messageOf("a", 0, { properties: { userProperties } }));
  assertEquals(script.expectPacket("publish").properties.userProperties, userProperties);
  script.call((connection) => connection.disconnect({ type: "disconnect", properties: said }));
  assertStrictEquals(script.expectPacket("disconnect").properties.reasonString, "r");
});

Deno.test("A server leaves out of PUBREC what was said to a client that let it explain, and now does not [MQTT-3.1.2-29]", () => {
  const session = new Session("c");
  const script = openServer({ session });
  script.send("34 06 0001 61 0004 00");
  const { acknowledgement } = script.expectEvent("message");
  script.call((connection) =>
    connection.acknowledge(acknowledgement!, 0x10, { reasonString: "r" })
  );
  script.expect("50 08 0004 10 04 1F 0001 72");
  script.end();
  const again = openServer({
    session,
    sessionPresent: true,
    connect: { properties: { requestProblemInformation: false } },
  });
  again.send("3C 06 0001 61 0004 00");
  again.expect("50 03 0004 10");
  again.expectQuiet();
});

Deno.test("A server explains itself to a client that did not ask it not to", () => {
  const script = openServer();
  script.send("82 07 0001 00 0001 61 00");
  const { packet } = script.expectEvent("subscribe");
  script.call((connection) => connection.suback(packet, [0x87], { reasonString: "r" }));
  script.expect("90 08 0001 04 1F 0001 72 87");
});

Deno.test("A second CONNECT of another version ends the connection with a Reason Code that DISCONNECT has", () => {
  const script = openServer();
  script.send("10 0D 00044D515454 04 00 0000 0001 63");
  assertStrictEquals(script.expectPacket("disconnect").reasonCode, 0x82);
  assertStrictEquals(script.expectEvent("closed").cause.kind, "fault");
});
