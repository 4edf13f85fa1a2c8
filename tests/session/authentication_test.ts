// §4.12 Enhanced authentication: before CONNACK and again after it, in both roles. Whose step it is, each end knows.

import {
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { outOfTurn } from "../../src/session/authentication.ts";
import { Session } from "../../src/session/session.ts";
import { bytesOf } from "../hex.ts";
import { connectClient, connectServer, messageOf, openClient, openServer } from "./roles.ts";

const METHOD = { connect: { properties: { authenticationMethod: "m" } } } as const;
const CONTINUE = "F0 06 18 04 15 0001 6D";
const SUCCESS = "F0 06 00 04 15 0001 6D";
const AGAIN = "F0 06 19 04 15 0001 6D";
const DATA = { authenticationData: bytesOf("FF") };
const WITH_DATA = "F0 0A 18 08 16 0001 FF 15 0001 6D";

Deno.test("A client answers each AUTH of the server with AUTH 0x18 and its own method [MQTT-4.12.0-3] [MQTT-4.12.0-5]", () => {
  const script = connectClient(METHOD);
  assertStrictEquals(script.expectPacket("connect").properties.authenticationMethod, "m");
  for (let step = 0; step < 3; step++) {
    script.send(WITH_DATA);
    assertEquals(script.expectEvent("auth").packet.properties.authenticationData, bytesOf("FF"));
    script.expectQuiet();
    script.call((connection) => connection.authenticate(DATA));
    script.expect(WITH_DATA);
  }
  script.send("20 07 00 00 04 15 0001 6D");
  script.expectEvent("connack");
  script.expectQuiet();
});

Deno.test("A client takes no step of authentication that is not its own to take", () => {
  const script = connectClient(METHOD);
  script.expectPacket("connect");
  assertThrows(() => script.connection.authenticate({}), TypeError);
  script.send(CONTINUE);
  script.call((connection) => connection.authenticate({}));
  script.expect(CONTINUE);
  assertThrows(() => script.connection.authenticate({}), TypeError);
  script.send("20 07 00 00 04 15 0001 6D");
  script.call((connection) => connection.authenticate({}));
  script.expect(AGAIN);
  assertThrows(() => script.connection.authenticate({}), TypeError);
  script.send(SUCCESS);
  script.call((connection) => connection.authenticate({}));
  script.expect(AGAIN);
});

Deno.test("A client without an Authentication Method sends no AUTH [MQTT-4.12.0-7]", () => {
  const script = openClient();
  assertThrows(() => script.connection.authenticate({}), TypeError, "authenticationMethod");
  script.expectQuiet();
  // Nor does it take one.
  script.send(CONTINUE);
  script.expectPacket("disconnect");
  assertMatch(
    script.expectClosed("fault").error.message,
    /without an Authentication Method in CONNECT/,
  );
});

Deno.test("A client authenticates again with AUTH 0x19 and the method of CONNECT, and messages go on [MQTT-4.12.1-1]", () => {
  const script = openClient({ ...METHOD, connack: { authenticationMethod: "m" } });
  for (let count = 0; count < 2; count++) {
    script.call((connection) => connection.authenticate(DATA));
    script.expect("F0 0A 19 08 16 0001 FF 15 0001 6D");
    script.publish(messageOf("a", 0));
    script.expectPacket("publish");
    script.expectEvent("settled");
    script.send(CONTINUE, "30 04 0001 61 00");
    assertStrictEquals(script.expectEvent("auth").packet.reasonCode, 0x18);
    script.expectMessage("a");
    script.call((connection) => connection.authenticate({}));
    script.expect(CONTINUE);
    script.send(SUCCESS);
    assertStrictEquals(script.expectEvent("auth").packet.reasonCode, 0x00);
    script.expectQuiet();
  }
});

Deno.test("A client whose server ends the connection for a failed re-authentication says why [MQTT-4.12.1-2]", () => {
  const script = openClient({ ...METHOD, connack: { authenticationMethod: "m" } });
  script.call((connection) => connection.authenticate({}));
  script.expect(AGAIN);
  script.send("E0 01 87");
  assertStrictEquals(script.expectClosed("peer").packet.reasonCode, 0x87);
});

Deno.test("A client that does not trust the server's step disconnects and closes [MQTT-4.12.1-2] [MQTT-4.13.2-1]", () => {
  const script = openClient({ ...METHOD, connack: { authenticationMethod: "m" } });
  script.call((connection) => connection.authenticate({}));
  script.expect(AGAIN);
  script.send(CONTINUE);
  script.expectEvent("auth");
  script.call((connection) => connection.disconnect({ type: "disconnect", reasonCode: 0x80 }));
  script.expect("E0 01 80");
  script.expectClosed("this end");
});

Deno.test("A server asks with AUTH 0x18 and accepts with the client's method [MQTT-4.12.0-2] [MQTT-4.12.0-5]", () => {
  const script = connectServer(METHOD);
  for (let step = 0; step < 3; step++) {
    script.call((connection) => connection.authenticate(0x18, DATA));
    script.expect(WITH_DATA);
    script.send(WITH_DATA);
    assertEquals(script.expectEvent("auth").packet.properties.authenticationData, bytesOf("FF"));
    script.expectQuiet();
  }
  script.call((connection) =>
    connection.accept(new Session("c"), { type: "connack", properties: DATA })
  );
  assertEquals(script.expectPacket("connack").properties, { ...DATA, authenticationMethod: "m" });
});

Deno.test("A server refuses at any step of authentication, and closes [MQTT-4.12.0-4]", () => {
  for (let steps = 0; steps < 3; steps++) {
    const script = connectServer(METHOD);
    for (let step = 0; step < steps; step++) {
      script.call((connection) => connection.authenticate(0x18));
      script.expect(CONTINUE);
      script.send(CONTINUE);
      script.expectEvent("auth");
    }
    script.call((connection) => connection.refuse(0x87));
    script.expect("20 03 00 87 00");
    script.expectClosed("this end");
  }
});

Deno.test("A server refuses while the client has a step to take [MQTT-4.12.0-4]", () => {
  const script = connectServer(METHOD);
  script.call((connection) => connection.authenticate(0x18));
  script.expect(CONTINUE);
  script.call((connection) => connection.refuse(0x8c));
  script.expect("20 03 00 8C 00");
  script.expectClosed("this end");
});

Deno.test("A server sends neither AUTH nor a method to a client that gave none [MQTT-4.12.0-6]", () => {
  const script = connectServer();
  assertThrows(() => script.connection.authenticate(0x18), TypeError, "Authentication Method");
  script.call((connection) =>
    connection.accept(new Session("c"), {
      type: "connack",
      properties: { authenticationMethod: "m" },
    })
  );
  script.expect("20 03 00 00 00");
});

Deno.test("A server takes no step of authentication that is not its own to take", () => {
  const script = connectServer(METHOD);
  assertThrows(() => script.connection.authenticate(0x00), TypeError);
  script.call((connection) => connection.authenticate(0x18));
  script.expect(CONTINUE);
  assertThrows(() => script.connection.authenticate(0x18), TypeError);
  script.send(CONTINUE);
  assertThrows(() => script.connection.authenticate(0x00), TypeError);
  script.call((connection) => connection.accept(new Session("c"), { type: "connack" }));
  script.expectPacket("connack");
  assertThrows(() => script.connection.authenticate(0x18), TypeError);
  assertThrows(() => script.connection.authenticate(0x00), TypeError);
  script.send(AGAIN);
  script.call((connection) => connection.authenticate(0x00));
  script.expect(SUCCESS);
  assertThrows(() => script.connection.authenticate(0x00), TypeError);
  script.expectNothing();
});

Deno.test("A server authenticates a client again, in as many steps as it wants, and messages go on", () => {
  const script = openServer(METHOD);
  for (let count = 0; count < 2; count++) {
    script.send(AGAIN);
    assertStrictEquals(script.expectEvent("auth").packet.reasonCode, 0x19);
    script.send("30 04 0001 61 00");
    script.expectMessage("a");
    script.call((connection) => connection.authenticate(0x18));
    script.expect(CONTINUE);
    script.send("30 04 0001 62 00", CONTINUE);
    script.expectMessage("b");
    script.expectEvent("auth");
    script.call((connection) => connection.authenticate(0x00));
    script.expect(SUCCESS);
    script.expectQuiet();
  }
});

for (const reasonCode of [0x87, 0x8c] as const) {
  Deno.test(`A server whose client fails to authenticate again disconnects with ${reasonCode} and closes [MQTT-4.12.1-2] [MQTT-4.13.2-1]`, () => {
    const script = openServer(METHOD);
    script.send(AGAIN);
    script.expectEvent("auth");
    script.call((connection) => connection.disconnect({ type: "disconnect", reasonCode }));
    script.expect(`E0 01 ${reasonCode.toString(16)}`);
    script.expectClosed("this end");
  });
}

for (
  const [what, hex] of [["PUBLISH", "30 04 0001 61 00"], ["PINGREQ", "C0 00"], [
    "SUBSCRIBE",
    "82 07 0001 00 0001 61 00",
  ]]
) {
  Deno.test(`A server refuses a client that sends ${what} in the middle of authentication [MQTT-3.1.2-30]`, () => {
    const script = connectServer(METHOD);
    script.call((connection) => connection.authenticate(0x18));
    script.expect(CONTINUE);
    script.send(hex!);
    assertStrictEquals(script.expectPacket("connack").reasonCode, 0x82);
    script.expectClosed("fault");
  });
}

Deno.test("A server takes DISCONNECT in the middle of authentication [MQTT-3.1.2-30]", () => {
  const script = connectServer(METHOD);
  script.call((connection) => connection.authenticate(0x18));
  script.expect(CONTINUE);
  script.send("E0 00");
  script.expectClosed("peer");
});

for (
  const [what, hex, code] of [["another method", "F0 06 18 04 15 0001 6E", "18"], [
    "0x19",
    AGAIN,
    "19",
  ], ["0x00", SUCCESS, "00"]]
) {
  Deno.test(`A server refuses a client whose AUTH before CONNACK has ${what}`, () => {
    const script = connectServer(METHOD);
    script.call((connection) => connection.authenticate(0x18));
    script.expect(CONTINUE);
    script.send(hex!);
    assertStrictEquals(script.expectPacket("connack").reasonCode, 0x82, code);
    script.expectClosed("fault");
  });
}

Deno.test("A server takes no second AUTH before it has answered the first", () => {
  const script = openServer(METHOD);
  script.send(AGAIN);
  script.expectEvent("auth");
  script.send(AGAIN);
  script.expectFault(0x82);
});

Deno.test("A server gives up a client that does not take its step before CONNACK in time", () => {
  const script = connectServer(METHOD);
  script.advance(60_000);
  script.call((connection) => connection.authenticate(0x18));
  script.expect(CONTINUE);
  script.advance(9999);
  script.expectQuiet();
  script.send(CONTINUE);
  script.expectEvent("auth");
  script.advance(60_000);
  script.expectQuiet();
  script.call((connection) => connection.authenticate(0x18));
  script.expect(CONTINUE);
  script.advance(10_000);
  script.expectClosed("silence");
});

Deno.test("A client takes no second AUTH before it has answered the first", () => {
  const early = connectClient(METHOD);
  early.expectPacket("connect");
  early.send(CONTINUE, CONTINUE);
  early.expectEvent("auth");
  early.expectFault(0x82);
  const script = openClient({ ...METHOD, connack: { authenticationMethod: "m" } });
  script.call((connection) => connection.authenticate({}));
  script.expect(AGAIN);
  script.send(CONTINUE, CONTINUE);
  script.expectEvent("auth");
  script.expectFault(0x82);
});

Deno.test("A client takes no CONNACK of success before it has answered the server's AUTH, but a refusal", () => {
  const script = connectClient(METHOD);
  script.expectPacket("connect");
  script.send(CONTINUE, "20 07 00 00 04 15 0001 6D");
  script.expectEvent("auth");
  script.expectFault(0x82);
  const refused = connectClient(METHOD);
  refused.expectPacket("connect");
  refused.send(CONTINUE, "20 03 00 87 00");
  refused.expectEvent("auth");
  refused.expectClosed("refusal");
});

Deno.test("A server may not begin to authenticate a client again [MQTT-4.12.1-1]", () => {
  for (const hex of [AGAIN, CONTINUE, SUCCESS]) {
    const script = openClient({ ...METHOD, connack: { authenticationMethod: "m" } });
    script.send(hex);
    script.expectFault(0x82);
  }
});

/** A client that has a message in flight, and to which the server has sent CONNACK. */
function verifyingClient(...more: string[]) {
  const session = new Session("c");
  const before = openClient({ session });
  before.publish(messageOf("a", 1));
  before.end();
  const script = connectClient({
    session,
    verifiesServer: true,
    connect: { cleanStart: false, properties: { authenticationMethod: "m" } },
  });
  script.expectPacket("connect");
  script.send("20 0B 01 00 08 16 0001 FF 15 0001 6D", ...more);
  return script;
}

Deno.test("A client that verifies its server sends and takes nothing before it trusts it", () => {
  const script = verifyingClient("30 04 0001 61 00");
  const { packet } = script.expectEvent("verify");
  assertEquals(packet.properties.authenticationData, bytesOf("FF"));
  script.expectQuiet();
  assertStrictEquals(script.connection.isOpen, false);
  assertStrictEquals(script.connection.wantsBytes, false);
  script.send("30 04 0001 62 00");
  script.expectQuiet();
  script.call((connection) => connection.confirm(script.now));
  assertStrictEquals(script.expectPacket("publish").dup, true);
  assertStrictEquals(script.expectEvent("connack").packet, packet);
  script.expectMessage("a");
  script.expectMessage("b");
  script.expectQuiet();
  assertStrictEquals(script.connection.wantsBytes, true);
  assertThrows(() => script.connection.confirm(script.now), TypeError, "No CONNACK");
});

Deno.test("A client that does not trust its server's CONNACK keeps its messages to itself [MQTT-4.13.2-1]", () => {
  const script = verifyingClient();
  script.expectEvent("verify");
  const error = new Error("not the one");
  script.call((connection) => connection.failAuthentication(error));
  script.expect("E0 01 80");
  assertStrictEquals(script.expectClosed("authentication").error, error);
  script.call((connection) => connection.confirm(script.now));
  script.expectNoEvent();
});

Deno.test("A client that cannot go on with its re-authentication disconnects and closes [MQTT-4.12.1-2] [MQTT-4.13.2-1]", () => {
  const script = openClient({ ...METHOD, connack: { authenticationMethod: "m" } });
  script.call((connection) => connection.authenticate({}));
  script.expect(AGAIN);
  const error = new Error("no ticket");
  script.call((connection) => connection.failAuthentication(error));
  script.expect("E0 01 80");
  assertStrictEquals(script.expectClosed("authentication").error, error);
});

Deno.test("The error for an AUTH out of turn names its Reason Code", () => {
  const { message } = outOfTurn({ type: "auth", reasonCode: 0x18, properties: {} as never });
  assertStringIncludes(message, "is 0x18 out of turn");
});
