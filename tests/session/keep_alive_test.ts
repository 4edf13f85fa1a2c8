// §3.1.2.10 Keep Alive: the client says something in time and learns whether the server is there; the server waits one and a
// half times as long. Clocks jump, and large packets take their time.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { ClientConnection } from "../../src/session/client_connection.ts";
import { ClientKeepAlive } from "../../src/session/keep_alive.ts";
import { Session } from "../../src/session/session.ts";
import { connectServer, messageOf, openClient, openServer } from "./roles.ts";
import { Script, START } from "./scripted.ts";

Deno.test("A client with nothing to send sends PINGREQ before its Keep Alive is over [MQTT-3.1.2-20]", () => {
  for (const keepAlive of [1, 5, 10, 60, 65_535]) {
    const script = openClient({ keepAlive });
    for (let count = 0; count < 5; count++) {
      const since = script.now;
      script.advance(script.connection.deadline - since);
      assertStrictEquals(script.now - since < keepAlive * 1000, true);
      assertStrictEquals(script.now - since >= keepAlive * 900, true);
      script.expect("C0 00");
      script.send("D0 00");
      script.expectQuiet();
    }
  }
});

Deno.test("A server that has not answered in time is given up, unless the clock has jumped by a second", () => {
  for (const [late, outcome] of [[0, "dead"], [999, "dead"], [1000, "ping"]] as const) {
    const keepAlive = new ClientKeepAlive(10, 2000, 0);
    assertStrictEquals(keepAlive.check(9000), "ping");
    assertStrictEquals(keepAlive.check(11_000 + late), outcome);
  }
});

Deno.test("A client with a Keep Alive of 0 never sends PINGREQ and waits for nothing", () => {
  const script = openClient({ keepAlive: 0 });
  script.advance(1_000_000_000);
  script.expectQuiet();
  assertStrictEquals(script.connection.deadline, Infinity);
});

Deno.test("A client that says nothing of a Keep Alive has none, and never sends PINGREQ", () => {
  const script = new Script(
    (time) =>
      new ClientConnection(time, { session: new Session("c"), connect: { type: "connect" } }),
  );
  script.expectPacket("connect");
  script.sendPacket({ type: "connack" });
  script.takeEvent("connack");
  assertStrictEquals(script.connection.deadline, Infinity);
});

for (
  const [asked, given, first] of [[60, 10, 9000], [10, 60, 59_000], [60, 0, Infinity], [
    0,
    10,
    9000,
  ]] as const
) {
  Deno.test(`A client that asked for ${asked} seconds keeps to the server's ${given} [MQTT-3.1.2-21] [MQTT-3.2.2-21]`, () => {
    const script = openClient({ keepAlive: asked, connack: { serverKeepAlive: given } });
    assertStrictEquals(script.connection.deadline, START + first);
  });
}

Deno.test("A client sends PINGREQ although it sends, as long as nothing is answered", () => {
  const script = openClient({ keepAlive: 10 });
  for (let second = 0; second < 9; second++) {
    script.tick();
    script.publish(messageOf("a", 0));
    script.expectPacket("publish");
    script.expectEvent("settled");
    script.expectQuiet();
    script.advance(second < 8 ? 1000 : 0);
  }
  script.advance(1000);
  script.expect("C0 00");
});

Deno.test("A client sends no PINGREQ while what it sends is answered in time", () => {
  const script = openClient({ keepAlive: 10 });
  for (let count = 0; count < 20; count++) {
    script.advance(8000);
    script.publish(messageOf("a", 1));
    const { packetId } = script.expectPacket("publish");
    script.sendPacket({ type: "puback", packetId });
    script.expectEvent("settled");
    script.expectQuiet();
  }
});

Deno.test("A client sends PINGREQ although much comes in: only what it sends tells the server that it lives [MQTT-3.1.2-20]", () => {
  const script = openClient({ keepAlive: 10 });
  for (let second = 0; second < 9; second++) {
    script.expectQuiet();
    script.advance(1000);
    script.send("30 04 0001 61 00");
    script.expectMessage("a");
  }
  script.expect("C0 00");
});

Deno.test("A client counts from what it has sent, though the answer came later [MQTT-3.1.2-20]", () => {
  const script = openClient({ keepAlive: 10 });
  script.publish(messageOf("a", 1));
  script.expectPacket("publish");
  script.advance(8000);
  script.send("40 02 0001");
  script.expectEvent("settled");
  script.advance(999);
  script.expectQuiet();
  script.advance(1);
  script.expect("C0 00");
});

Deno.test("A client gives up a server that does not answer PINGREQ in time", () => {
  for (
    const [keepAlive, pingTimeout, wait] of [[10, undefined, 5000], [60, undefined, 10_000], [
      60,
      777,
      777,
    ]] as const
  ) {
    const script = openClient({ keepAlive, ...pingTimeout && { pingTimeout } });
    script.advance(keepAlive * 1000 - 1000);
    script.expect("C0 00");
    script.advance(wait - 1);
    script.expectQuiet();
    script.advance(1);
    assertStrictEquals(script.expectClosed("silence").what, "did not answer a PINGREQ in time");
  }
});

Deno.test("A client takes no other packet for the answer to its PINGREQ", () => {
  const script = pinging();
  script.send("30 04 0001 61 00", "40 02 0001");
  script.expectMessage("a");
  script.advance(5000);
  script.expectClosed("silence");
});

Deno.test("A client keeps to its Keep Alive while a PINGRESP is late [MQTT-3.1.2-20]", () => {
  const script = openClient({ keepAlive: 10, pingTimeout: 35_000 });
  const sent: number[] = [];
  for (let second = 0; second < 44; second++) {
    script.advance(1000);
    for (const packet of script.takePackets()) {
      assertStrictEquals(packet.type, "pingreq");
      sent.push(script.now - START);
    }
  }
  assertEquals(sent, [9000, 18_000, 27_000, 36_000]);
  // And it gives the server up for the first of them.
  script.expectClosed("silence");
});

Deno.test("A client waits for a PINGRESP behind a large packet as long as bytes of it come", () => {
  const script = pinging();
  const payload = 100_000;
  script.send("30 A58D06 0001 61 00");
  for (let count = 0; count < 20; count++) {
    script.advance(4000);
    script.send("00".repeat(payload / 20));
    const others = script.takePackets();
    assertEquals(others.filter(({ type }) => type !== "pingreq"), []);
  }
  assertStrictEquals(script.connection.isClosed, false);
  script.send("00", "D0 00");
  script.expectMessage("a");
  script.expectQuiet();
});

Deno.test("A client keeps to its Keep Alive while a large packet comes in [MQTT-3.1.2-20]", () => {
  const script = pinging();
  script.send("30 A58D06 0001 61 00");
  let last = script.now;
  for (let count = 0; count < 30; count++) {
    script.advance(2000);
    script.send("00");
    for (const packet of script.takePackets()) {
      assertStrictEquals(packet.type, "pingreq");
      last = script.now;
    }
    assertStrictEquals(script.now - last <= 10_000, true, `nothing sent for ${script.now - last}`);
  }
});

Deno.test("A client gives up a server that stops in the middle of a packet", () => {
  const script = pinging();
  script.send("30 A58D06 0001 61 00");
  script.advance(5000);
  script.expectClosed("silence");
});

Deno.test("A client whose machine has slept asks the server at once, and waits for the answer", () => {
  const script = openClient({ keepAlive: 10 });
  script.sleep(3_600_000);
  script.expect("C0 00");
  script.expectQuiet();
  script.send("D0 00");
  script.advance(8999);
  script.expectQuiet();
});

Deno.test("A client whose machine has slept while a PINGRESP was due asks once more, and then gives up", () => {
  const script = pinging();
  script.sleep(3_600_000);
  script.expect("C0 00");
  script.expectQuiet();
  script.advance(5000);
  script.expectClosed("silence");
});

Deno.test("A client that is told to ask whether the server is there asks once", () => {
  const script = openClient({ keepAlive: 60 });
  for (let count = 0; count < 3; count++) script.call((connection) => connection.probe(script.now));
  script.expect("C0 00");
  script.expectQuiet();
  script.advance(10_000);
  script.expectClosed("silence");
  const without = openClient({ keepAlive: 0 });
  without.call((connection) => connection.probe(without.now));
  without.expectQuiet();
});

Deno.test("A server closes when a client has been silent for one and a half times its Keep Alive [MQTT-3.1.2-22] [MQTT-3.2.2-22]", () => {
  for (const keepAlive of [1, 10, 65_535]) {
    const script = openServer({ keepAlive });
    script.advance(keepAlive * 1500 - 1);
    script.expectQuiet();
    script.advance(1);
    script.expect("E0 01 8D");
    script.expectClosed("silence");
  }
});

Deno.test("A server holds a client to the Server Keep Alive that it gave", () => {
  const script = openServer({ keepAlive: 10, connack: { serverKeepAlive: 20 } });
  assertStrictEquals(script.connection.deadline, START + 30_000);
  const without = openServer({ keepAlive: 10, connack: { serverKeepAlive: 0 } });
  assertStrictEquals(without.connection.deadline, Infinity);
});

Deno.test("A server lets a client with a Keep Alive of 0 be silent for ever", () => {
  const script = openServer({ keepAlive: 0 });
  script.advance(1_000_000_000);
  script.expectQuiet();
});

Deno.test("A server takes any whole packet for a sign of life, and no part of one [MQTT-3.1.2-22]", () => {
  const script = openServer({ keepAlive: 10 });
  for (const hex of ["C0 00", "30 04 0001 61 00", "40 02 0009", "82 07 0001 00 0001 61 00"]) {
    script.advance(14_999);
    script.send(hex);
    assertStrictEquals(script.connection.deadline, script.now + 15_000);
  }
  while (script.takePackets().length > 0);
  script.takeEvent("message");
  script.takeEvent("subscribe");
  script.advance(10_000);
  script.send("C0");
  script.advance(4999);
  script.expectQuiet();
  script.advance(1);
  script.expect("E0 01 8D");
  script.expectClosed("silence");
});

Deno.test("A server that sends is not silent, but its client still is [MQTT-3.1.2-22]", () => {
  const script = openServer({ keepAlive: 10 });
  for (let second = 0; second < 14; second++) {
    script.advance(1000);
    script.call((connection) => connection.trySend({ type: "publish", topic: "a" }));
    script.expectPacket("publish");
  }
  script.advance(1000);
  script.expect("E0 01 8D");
  script.expectClosed("silence");
});

Deno.test("A server whose machine has slept gives a client a second, and takes what it finds", () => {
  const script = openServer({ keepAlive: 10 });
  script.sleep(3_600_000);
  script.expectQuiet();
  script.advance(999);
  script.send("C0 00");
  script.expect("D0 00");
  script.advance(14_000);
  script.expectQuiet();
  script.sleep(3_600_000);
  script.advance(1000);
  script.expect("E0 01 8D");
  script.expectClosed("silence");
});

Deno.test("A server takes as long as it takes to decide, and only then begins to wait for its client", () => {
  for (const decision of [1500, 2000, 1_000_000]) {
    const script = connectServer({ keepAlive: 1 });
    script.advance(decision);
    script.expectQuiet();
    script.call((connection) => connection.accept(new Session("c"), { type: "connack" }));
    script.expectPacket("connack");
    script.advance(1499);
    script.expectQuiet();
    script.advance(1);
    script.expect("E0 01 8D");
    script.expectClosed("silence");
  }
});

/** A client, with a Keep Alive of 10 seconds, whose PINGREQ has not been answered. */
function pinging(): Script<ClientConnection> {
  const script = openClient({ keepAlive: 10 });
  script.advance(9000);
  script.expect("C0 00");
  return script;
}
