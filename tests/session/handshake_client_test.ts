// §3.1 CONNECT to §3.2 CONNACK as the client has it: what it sends first, what it takes for an answer, and what becomes of
// the session that it had.

import { saveSession } from "../../src/session/snapshot.ts";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ClientConnection } from "../../src/session/client_connection.ts";
import { Session } from "../../src/session/session.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { connectClient, messageOf, openClient } from "./roles.ts";
import { Script, START } from "./scripted.ts";

const CONNACK = "20 03 00 00 00";
const CONNACK_PRESENT = "20 03 01 00 00";

Deno.test("A client begins with CONNECT and sends nothing else before CONNACK [MQTT-3.1.0-1]", () => {
  const session = new Session("c");
  session.sendQueue.add(messageOf("waiting", 0));
  const script = new Script((now) =>
    new ClientConnection(now, { session, connect: { type: "connect", clientId: "c" } })
  );
  script.expect("10 0E 00044D515454 05 00 0000 00 0001 63");
  script.advance(60_000);
  assertThrows(() => script.publish(messageOf("a", 1)), TypeError, "not open");
  assertStrictEquals(
    script.call((connection) => connection.trySend({ type: "publish", topic: "a" })),
    false,
  );
  assertThrows(
    () =>
      script.call((connection) =>
        connection.subscribe({ type: "subscribe", subscriptions: [{ topicFilter: "a" }] })
      ),
    TypeError,
    "not open",
  );
  script.expectNothing();
  script.send(CONNACK);
  script.expect("30 0A 0007 77616974696E67 00");
});

Deno.test("A client with an Authentication Method sends AUTH and DISCONNECT alone before CONNACK [MQTT-3.1.2-30]", () => {
  const script = connectClient({ connect: { properties: { authenticationMethod: "m" } } });
  script.expectPacket("connect");
  assertThrows(() => script.publish(messageOf("a", 1)), TypeError);
  assertThrows(
    () =>
      script.call((connection) =>
        connection.unsubscribe({ type: "unsubscribe", topicFilters: ["a"] })
      ),
    TypeError,
  );
  script.send("F0 06 18 04 15 0001 6D");
  script.expectEvent("auth");
  assertThrows(() => script.publish(messageOf("a", 1)), TypeError);
  script.advance(100_000);
  script.expectNothing();
  script.call((connection) => connection.authenticate({}));
  script.expect("F0 06 18 04 15 0001 6D");
  script.call((connection) => connection.disconnect({ type: "disconnect" }));
  script.expect("E0 00");
  script.expectClosed("this end");
});

Deno.test("A client that has no session state closes when it is told Session Present 1 [MQTT-3.2.2-4]", () => {
  const script = connectClient();
  script.expectPacket("connect");
  script.send(CONNACK_PRESENT);
  script.expectFault(0x82);
});

Deno.test("A client closes when it is told Session Present 1 for the session of another Client Identifier [MQTT-3.2.2-4] [MQTT-3.1.3-2]", () => {
  const session = new Session("other");
  session.exists = true;
  const script = connectClient({ session });
  script.expectPacket("connect");
  script.send(CONNACK_PRESENT);
  script.expectFault(0x82);
});

Deno.test("A client that asked for Clean Start closes when it is told Session Present 1 [MQTT-3.2.2-4]", () => {
  const session = new Session("c");
  session.exists = true;
  const script = connectClient({ session, connect: { cleanStart: true } });
  script.expectPacket("connect");
  script.send(CONNACK_PRESENT);
  script.expectFault(0x82);
});

Deno.test("A client goes on with its session, even an empty one, when it is told Session Present 1", () => {
  const { session } = sessionInFlight();
  const script = connectClient({ session });
  script.expectPacket("connect");
  script.send(CONNACK_PRESENT);
  script.expectEvent("connack");
  script.takePackets();
  script.expectQuiet();
  assertStrictEquals(session.inFlight.size, 1);
  const empty = new Session("c");
  empty.exists = true;
  openClient({ session: empty, sessionPresent: true }).expectQuiet();
});

for (const cleanStart of [false, true]) {
  const statement = cleanStart ? "MQTT-3.1.2-4" : "MQTT-3.2.2-5";
  Deno.test(`A client discards its session when the server has none, Clean Start ${cleanStart} [${statement}]`, () => {
    const { session, message, acknowledgement } = sessionInFlight();
    session.sendQueue.add(messageOf("w", 0));
    const script = connectClient({ session, connect: { cleanStart } });
    script.expectPacket("connect");
    script.send(CONNACK);
    const discarded = script.expectEvent("discarded");
    assertStrictEquals(discarded.message, message);
    assertEquals(discarded.cause, { kind: "session lost" });
    script.expectEvent("connack");
    assertStrictEquals(session.inFlight.size, 0);
    assertStrictEquals(session.unreleased.size, 0);
    assertStrictEquals(script.acknowledge(acknowledgement), false);
    // What was never sent is no part of the session.
    script.expect("30 04 0001 77 00");
    script.expectEvent("settled");
    script.expectQuiet();
    // The identifier of a message that is lost means another message now.
    script.send("34 06 0001 61 0007 00");
    const second = script.expectMessage("a");
    assertStrictEquals(script.acknowledge(acknowledgement), false);
    assertStrictEquals(script.acknowledge(second), true);
    script.expect("50 02 0007");
  });
}

Deno.test("A client keeps the session until the server has answered, whatever Clean Start says [MQTT-4.1.0-1]", () => {
  const { session } = sessionInFlight();
  const script = connectClient({ session, connect: { cleanStart: true } });
  script.end();
  script.expectPacket("connect");
  script.expectClosed("network");
  assertStrictEquals(session.inFlight.size, 1);
  assertStrictEquals(session.unreleased.size, 1);
});

Deno.test("A session is that of the Client Identifier that the server has assigned [MQTT-3.1.3-2]", () => {
  const session = new Session("");
  const script = connectClient({ session, connect: { clientId: "" } });
  script.expectPacket("connect");
  script.send("20 07 00 00 04 12 0001 78");
  script.expectEvent("connack");
  assertStrictEquals(session.clientId, "x");
  assertStrictEquals(saveSession(session, script.now).clientId, "x");
  script.end();
  const again = connectClient({ session, connect: { clientId: "x" } });
  again.expectPacket("connect");
  again.send(CONNACK_PRESENT);
  again.expectEvent("connack");
  again.expectQuiet();
});

Deno.test("A client that is refused closes without a word and keeps its session [MQTT-4.13.2-1]", () => {
  const { session } = sessionInFlight();
  const script = connectClient({ session });
  script.expectPacket("connect");
  // What comes behind a refusal is not looked at.
  script.send("20 03 00 87 00", "20 03 00 00 00");
  const { packet } = script.expectClosed("refusal");
  assertStrictEquals(packet.reasonCode, 0x87);
  assertStrictEquals(session.inFlight.size, 1);
  assertThrows(() => script.publish(messageOf("a", 0)), TypeError);
});

Deno.test("A client lets the application subscribe before it sends what waits", () => {
  const session = new Session("c");
  session.sendQueue.add(messageOf("w", 1));
  const { connection, now } = connectClient({ session });
  connection.takeBytes();
  connection.receive(bytesOf(CONNACK), now);
  assertStrictEquals(connection.takeBytes(), undefined);
  assertStrictEquals(connection.nextEvent()?.type, "connack");
  connection.subscribe({ type: "subscribe", subscriptions: [{ topicFilter: "a" }] });
  assertStrictEquals(connection.nextEvent(), undefined);
  const sent = hexOf(connection.takeBytes()!);
  assertStrictEquals(sent, "8207000100000161003206000177000200");
});

Deno.test("A client closes without a word when a server of MQTT 3 answers", () => {
  for (const answer of ["20 02 00 00", "20 02 00 01", "20 03 00 01 00", "20 03 00 05 00"]) {
    const script = connectClient();
    script.expectPacket("connect");
    script.send(answer);
    assertStrictEquals(script.expectClosed("fault").error.reasonCode, 0x84);
  }
});

Deno.test("A client takes a CONNACK however it is cut, and what comes right behind it", () => {
  for (let size = 1; size <= 11; size++) {
    const script = connectClient();
    script.expectPacket("connect");
    const hex = "2003000000300400016100";
    for (let at = 0; at < hex.length; at += 2 * size) script.send(hex.slice(at, at + 2 * size));
    script.expectEvent("connack");
    script.expectMessage("a");
    script.expectQuiet();
  }
});

Deno.test("A client refuses a CONNECT that cannot be encoded before anything is sent", () => {
  assertThrows(
    () =>
      new ClientConnection(START, {
        session: new Session("c"),
        connect: { type: "connect", keepAlive: 65_536 },
      }),
    RangeError,
  );
});

Deno.test("A client that asked for no explanations takes them in CONNACK, PUBLISH and DISCONNECT, and PINGRESP [MQTT-3.1.2-29]", () => {
  const userProperties = [["a", "b"]] as const;
  const script = openClient({
    keepAlive: 10,
    connect: { properties: { requestProblemInformation: false } },
    connack: { reasonString: "r", userProperties },
  });
  script.sendPacket({ type: "publish", topic: "a", properties: { userProperties } });
  script.expectMessage("a");
  script.advance(9000);
  script.expect("C0 00");
  script.sendPacket({ type: "pingresp" });
  script.expectQuiet();
  const properties = { reasonString: "r", userProperties };
  script.sendPacket({ type: "disconnect", reasonCode: 0x8b, properties });
  assertStrictEquals(script.expectClosed("peer").packet.reasonCode, 0x8b);
});

Deno.test("A client that is not connected has no deadline, and is not open", () => {
  const { connection } = connectClient({ keepAlive: 10 });
  assertStrictEquals(connection.deadline, Infinity);
  assert(!connection.isOpen);
  assert(!connection.isClosed);
});

/** A session with a message in flight and a QoS 2 message received that the application has not acknowledged. */
function sessionInFlight() {
  const session = new Session("c");
  const script = openClient({ session });
  const message = messageOf("a", 1);
  script.publish(message);
  script.expectPacket("publish");
  script.send("34 06 0001 61 0007 00");
  const acknowledgement = script.expectMessage("a");
  script.end();
  return { session, message, acknowledgement };
}
