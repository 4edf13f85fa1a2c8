// The pump between a transport and a connection: what it writes when, what it tells, and when it looks at the clock.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Drive } from "../../src/io/drive.ts";
import { ClientConnection } from "../../src/session/client_connection.ts";
import type { ConnectionEvent } from "../../src/session/events.ts";
import { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";
import { bytesOf } from "../hex.ts";
import { Driven, rethrow, typesOf } from "./driven.ts";
import { MemoryTransport } from "./memory_transport.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const CONNACK = "20 03 00 00 00";
const PUBLISH_QOS1 = "32 06 0001 61 0001 00";

Deno.test("A drive sends at once what there is to send, and tells what has happened", async () => {
  const setup = new Driven();
  assertStrictEquals(setup.near.writes, 1);
  await settle();
  assertEquals(typesOf(setup.packets()), ["connect"]);
  await setup.send(CONNACK);
  assertEquals(typesOf(setup.events), ["connack"]);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A drive gathers what comes while a write is on its way, and sends it in one", async () => {
  const setup = await Driven.connected();
  setup.near.stall();
  const before = setup.near.writes;
  for (let count = 0; count < 10; count++) setup.publish(`${count}`);
  assertStrictEquals(setup.near.writes, before + 1);
  await settle();
  setup.near.resume();
  await settle();
  assertStrictEquals(setup.near.writes, before + 2);
  const topics = setup.packets().map((packet) => "topic" in packet && packet.topic);
  assertEquals(topics, [..."0123456789"]);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A drive does not touch bytes before they are written", async () => {
  const setup = await Driven.connected();
  for (let round = 0; round < 20; round++) {
    // The transport copies the bytes as late as it can.
    setup.near.stall();
    for (let count = 0; count < 7; count++) setup.publish(`${round} ${count}`);
    await settle();
    setup.near.resume();
    setup.publish("last");
    await settle();
    const topics = setup.packets().map((packet) => "topic" in packet && packet.topic);
    const expected = Array.from({ length: 7 }, (_, count) => `${round} ${count}`);
    assertEquals(topics, [...expected, "last"]);
  }
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("In an event the connection may be used: what it sends goes out, in order", async () => {
  const setup = await Driven.connected();
  let count = 0;
  setup.onEvent = (event) => {
    if (event.type !== "message") return;
    setup.publish(`answer ${++count}`);
    setup.connection.acknowledge(event.acknowledgement!, 0x00);
    setup.drive.wake();
  };
  await setup.send(PUBLISH_QOS1, "32 06 0001 61 0002 00");
  assertEquals(typesOf(setup.packets()), ["publish", "puback", "publish", "puback"]);
  assertEquals(typesOf(setup.events), ["message", "message", "settled", "settled"]);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("What several who were told answer, a promise or two later, goes in one write", async () => {
  const setup = await Driven.connected();
  setup.onEvent = async (event) => {
    if (event.type !== "message") return;
    await Promise.resolve();
    setup.connection.acknowledge(event.acknowledgement!, 0x00);
    setup.drive.wake();
  };
  const before = setup.near.writes;
  await setup.send(PUBLISH_QOS1, "32 06 0001 61 0002 00", "32 06 0001 61 0003 00");
  assertStrictEquals(setup.packets().length, 3);
  assertStrictEquals(setup.near.writes, before + 1);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A drive knows when all is written", async () => {
  const setup = await Driven.connected();
  await setup.drive.written();
  setup.near.stall();
  for (let count = 0; count < 3; count++) setup.publish("a");
  let isWritten = false;
  const written = setup.drive.written().then(() => isWritten = true);
  await settle();
  assert(!isWritten);
  setup.near.resume();
  await written;
  assertStrictEquals(setup.packets().length, 3);
  setup.near.stall();
  setup.publish("a");
  const never = setup.drive.written();
  setup.far.cut();
  await never;
  await setup.assertFinished();
});

Deno.test("A drive does at its deadline what the connection has to do, however often that moves", async () => {
  const setup = await Driven.connected(60);
  // Answered traffic moves the deadline; there is one timer all the same.
  for (let second = 0; second < 50; second++) {
    await setup.clock.advance(1000);
    setup.connection.publish(new OutgoingMessage({ type: "publish", topic: "a", qos: 1 }));
    setup.drive.wake();
    await settle();
    assertEquals(typesOf(setup.packets()), ["publish"]);
    await setup.send(`40 02 ${(second + 1).toString(16).padStart(4, "0")}`);
    assertStrictEquals(setup.clock.timers, 1);
  }
  await setup.clock.advance(58_999);
  assertEquals(setup.packets(), []);
  await setup.clock.advance(1);
  assertEquals(typesOf(setup.packets()), ["pingreq"]);
  await setup.clock.advance(10_000);
  assertEquals(typesOf(setup.events.slice(-1)), ["closed"]);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A connection that waits for nothing has no timer", async () => {
  const setup = await Driven.connected(0);
  assertStrictEquals(setup.clock.timers, 0);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("A drive notices that the machine has slept, and asks the other end once", async () => {
  const setup = await Driven.connected(3600);
  await setup.clock.advance(100_000);
  setup.clock.sleep(3000);
  await setup.clock.advance(10_000);
  assertEquals(typesOf(setup.packets()), ["pingreq"]);
  await setup.send("D0 00");
  await setup.clock.advance(100_000);
  assertEquals(setup.packets(), []);
  setup.far.close();
  await setup.assertFinished();
});

Deno.test("Where timers fire once a minute, as in a tab in the background, a drive sends within 90 seconds of its last packet [MQTT-3.1.2-20]", async () => {
  for (let second = 0; second < 60; second++) {
    const setup = await Driven.connected(60);
    const { clock } = setup;
    const at = clock.at.bind(clock);
    clock.at = (time, callback) => at(Math.ceil(time / 60_000) * 60_000, callback);
    let sent = clock.now();
    let longest = 0;
    for (let count = 0; count < 400; count++) {
      if (count === 150 + second) setup.publish("a");
      await clock.advance(1000);
      longest = Math.max(longest, clock.now() - sent);
      if (setup.packets().length === 0) continue;
      sent = clock.now();
      // A PINGRESP, be it asked for or not.
      await setup.send("D0 00");
    }
    assert(longest < 90_000, `${longest} ms of silence, published at second ${150 + second}`);
    setup.far.close();
    await setup.assertFinished();
  }
});

Deno.test("A drive of a server reads no more than it needs while its user decides on the client", async () => {
  const clock = new VirtualClock();
  const [near, far] = MemoryTransport.pair();
  const connection = new ServerConnection(clock.now());
  const events: ConnectionEvent[] = [];
  const drive = new Drive(near, connection, clock, (event) => events.push(event), rethrow);
  await far.write(bytesOf("10 0E 00044D515454 05 00 0000 00 0001 63"));
  await settle();
  await far.write(bytesOf("30 04 0001 61 00"));
  await far.write(bytesOf("30 04 0001 62 00"));
  await settle();
  assertEquals(typesOf(events), ["connect"]);
  assertStrictEquals(near.unread, 2);
  connection.accept(new Session("c"), { type: "connack" });
  drive.wake();
  await settle();
  assertEquals(typesOf(events), ["connect", "message", "message"]);
  far.close();
  await drive.finished;
  assertStrictEquals(clock.timers, 0);
});

Deno.test("Two drives carry a conversation between a client and a server, in any pieces", async () => {
  const clock = new VirtualClock();
  const [near, far] = MemoryTransport.pair();
  const server = new ServerConnection(clock.now());
  const received: string[] = [];
  const serving = new Drive(far, server, clock, (event) => {
    if (event.type === "connect") server.accept(new Session("c"), { type: "connack" });
    if (event.type === "message") {
      received.push(event.packet.topic);
      if (event.acknowledgement !== undefined) server.acknowledge(event.acknowledgement, 0x00);
    }
  }, rethrow);
  const connect = { type: "connect", clientId: "c", keepAlive: 5 } as const;
  const client = new ClientConnection(clock.now(), { connect, session: new Session("c") });
  let settled = 0;
  const asking = new Drive(near, client, clock, (event) => {
    if (event.type === "settled") settled++;
  }, rethrow);
  await settle();
  for (const qos of [0, 1, 2] as const) {
    for (let count = 0; count < 100; count++) {
      client.publish(new OutgoingMessage({ type: "publish", topic: `${qos}`, qos }));
      asking.wake();
    }
  }
  await clock.advance(3_600_000);
  assertStrictEquals(settled, 300);
  assertEquals(received, [0, 1, 2].flatMap((qos) => Array(100).fill(`${qos}`)));
  client.disconnect({ type: "disconnect" });
  asking.wake();
  await Promise.all([asking.finished, serving.finished]);
  assertStrictEquals(clock.timers, 0);
});
