// `Broker`, with connections within the process and a clock that the test moves: what `serve()` adds to the engine. No socket.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { AuthenticationAnswer } from "../../src/broker/mod.ts";
import { Broker, type ServeOptions } from "../../src/broker/serve.ts";
import type { Transport } from "../../src/io/transport.ts";
import {
  encodePacket,
  type Packet,
  PacketDecoder,
  type PacketInit,
} from "../../src/packets/mod.ts";
import { VirtualClock } from "../io/virtual_clock.ts";
import { publishOf, textOf } from "./client.ts";
import { Pending } from "./pending.ts";

/** A broker, its clock, and clients that write packets and read all there is. */
class Place {
  readonly clock = new VirtualClock();
  readonly broker: Broker;

  constructor(options: ServeOptions = {}) {
    this.broker = new Broker({ listeners: [], ...options }, { clock: this.clock }, undefined);
  }

  /** A client that has sent these packets. */
  async client(...packets: readonly PacketInit[]): Promise<Client> {
    const client = new Client(this.broker.connect());
    await this.send(client, ...packets);
    return client;
  }

  async send(client: Client, ...packets: readonly PacketInit[]): Promise<void> {
    for (const packet of packets) await client.transport.write(encodePacket(packet));
    await this.clock.advance(0);
  }
}

class Client {
  readonly transport: Transport;
  readonly packets: Packet[] = [];
  isOver = false;

  constructor(transport: Transport) {
    this.transport = transport;
    void this.#read();
  }

  get types(): string[] {
    return this.packets.map(({ type }) => type);
  }

  async #read(): Promise<void> {
    const decoder = new PacketDecoder();
    for (let chunk = await this.transport.read(); chunk; chunk = await this.transport.read()) {
      decoder.push(chunk.slice());
      for (let packet = decoder.next(); packet; packet = decoder.next()) this.packets.push(packet);
    }
    this.isOver = true;
    this.transport.close();
  }
}

const WITNESS: readonly PacketInit[] = [
  { type: "connect", clientId: "witness" },
  { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "#" }] },
];

function connect(clientId: string, sessionExpiryInterval = 0): PacketInit {
  return { type: "connect", clientId, properties: { sessionExpiryInterval } };
}

Deno.test("A broker within the process delivers a message from one client to another", async () => {
  const place = new Place();
  await using broker = place.broker;
  const witness = await place.client(...WITNESS);
  await place.client(connect("c"), publishOf("a", "1", { qos: 1, packetId: 1 }));
  assertEquals(witness.types, ["connack", "suback", "publish"]);
  assertStrictEquals(broker.statistics.clients, 2);
});

Deno.test("A Will with a delay is published on time, though nothing else happens", async () => {
  const place = new Place();
  await using _ = place.broker;
  const witness = await place.client(...WITNESS);
  const client = await place.client({
    type: "connect",
    clientId: "c",
    will: { topic: "will", properties: { willDelayInterval: 30 } },
    properties: { sessionExpiryInterval: 60 },
  });
  client.transport.close();
  await place.clock.advance(29_000);
  assertEquals(witness.types, ["connack", "suback"]);
  await place.clock.advance(1000);
  assertEquals(witness.types, ["connack", "suback", "publish"]);
});

Deno.test("Sessions end and retained messages expire on time, in order", async () => {
  const place = new Place();
  await using broker = place.broker;
  for (const [clientId, seconds] of [["c", 50], ["d", 10], ["e", 30]] as const) {
    const client = await place.client(
      connect(clientId, seconds),
      publishOf(clientId, "1", {
        retain: true,
        properties: { messageExpiryInterval: seconds + 5 },
      }),
    );
    client.transport.close();
  }
  await place.clock.advance(0);
  assertStrictEquals(broker.statistics.sessions, 3);
  for (
    const [seconds, sessions, retained] of [[10, 2, 3], [5, 2, 2], [15, 1, 2], [5, 1, 1], [
      15,
      0,
      1,
    ], [5, 0, 0]] as const
  ) {
    await place.clock.advance(seconds * 1000);
    assertStrictEquals(broker.statistics.sessions, sessions, `${seconds}`);
    assertStrictEquals(broker.statistics.retained, retained);
  }
});

Deno.test("A broker uses one timer for everything that is due, and none when nothing is", async () => {
  const place = new Place();
  await using broker = place.broker;
  for (const seconds of [40, 30, 20, 10, 50]) {
    const client = await place.client(connect(`c${seconds}`, seconds));
    client.transport.close();
    await place.clock.advance(0);
  }
  assertStrictEquals(place.clock.timers, 1);
  for (const sessions of [4, 3, 2, 1]) {
    await place.clock.advance(10_000);
    assertStrictEquals(broker.statistics.sessions, sessions);
    assertStrictEquals(place.clock.timers, 1);
  }
  await place.clock.advance(10_000);
  assertStrictEquals(place.clock.timers, 0);
});

Deno.test("A session whose client left during a hook ends on time, though nothing else happens", async () => {
  const pending = new Pending<boolean>();
  const place = new Place({ authorizePublish: () => pending.ask("publish") });
  await using broker = place.broker;
  const client = await place.client(
    connect("c", 30),
    publishOf("a", "1", { retain: true, properties: { messageExpiryInterval: 10 } }),
  );
  client.transport.close();
  await place.clock.advance(1000);
  pending.answer(true);
  await place.clock.advance(0);
  assertStrictEquals(broker.statistics.sessions, 1);
  assertStrictEquals(broker.statistics.retained, 1);
  await place.clock.advance(9000);
  assertStrictEquals(broker.statistics.retained, 0);
  await place.clock.advance(20_999);
  assertStrictEquals(broker.statistics.sessions, 1);
  await place.clock.advance(1);
  assertStrictEquals(broker.statistics.sessions, 0);
});

Deno.test("A client that is taken over receives DISCONNECT, and its connection is closed", async () => {
  const place = new Place();
  await using _ = place.broker;
  const first = await place.client(connect("c", 60));
  const second = await place.client(connect("c", 60));
  assertEquals(first.types, ["connack", "disconnect"]);
  assertStrictEquals(first.isOver, true);
  assertEquals(second.types, ["connack"]);
});

Deno.test("A client that is silent for too long is disconnected", async () => {
  const place = new Place();
  await using broker = place.broker;
  const client = await place.client({ type: "connect", clientId: "c", keepAlive: 10 });
  await place.clock.advance(14_999);
  assertStrictEquals(client.isOver, false);
  await place.clock.advance(1);
  assertEquals(client.types, ["connack", "disconnect"]);
  assertStrictEquals(broker.statistics.clients, 0);
});

Deno.test("Enhanced authentication works with async hooks", async () => {
  const pending = new Pending<AuthenticationAnswer>();
  const place = new Place({ authenticateStep: (_client, { step }) => pending.ask(`${step}`) });
  await using _ = place.broker;
  const client = await place.client({
    type: "connect",
    clientId: "c",
    properties: { authenticationMethod: "m" },
  });
  pending.answer({ result: "continue" }, "0");
  await place.clock.advance(0);
  assertEquals(client.types, ["auth"]);
  const properties = { authenticationMethod: "m" };
  await place.send(client, { type: "auth", reasonCode: 0x18, properties });
  pending.answer({ result: "success" }, "1");
  await place.clock.advance(0);
  assertEquals(client.types, ["auth", "connack"]);
});

Deno.test("Packets sent while a hook is pending are read afterwards", async () => {
  const pending = new Pending<boolean>();
  const place = new Place({ authorizePublish: (_client, { topic }) => pending.ask(topic) });
  await using _ = place.broker;
  const witness = await place.client(...WITNESS);
  const client = await place.client(connect("c"));
  await place.send(client, publishOf("a", "1"));
  await place.send(client, publishOf("b", "2"), { type: "pingreq" });
  assertEquals(pending.questions, ["a"]);
  pending.answer(true);
  await place.clock.advance(0);
  pending.answer(true, "b");
  await place.clock.advance(0);
  const texts = witness.packets.filter((packet) => packet.type === "publish").map(textOf);
  assertEquals(texts, ["1", "2"]);
  assertEquals(client.types, ["connack", "pingresp"]);
});

Deno.test("A broker that shuts down disconnects its clients, waits until they are closed, and accepts no others", async () => {
  const place = new Place();
  const client = await place.client(connect("c", 60));
  const other = await place.client(connect("d"));
  await place.broker.shutDown();
  for (const each of [client, other]) {
    assertEquals(each.types, ["connack", "disconnect"]);
    assertStrictEquals(each.isOver, true);
  }
  const late = await place.client();
  assertStrictEquals(late.isOver, true);
  assertStrictEquals(place.clock.timers, 0, "nothing is waited for");
  await place.broker.shutDown();
});

Deno.test("A broker that shuts down does not wait forever for a client that does not close", async () => {
  const place = new Place();
  const transport = place.broker.connect();
  await transport.write(encodePacket(connect("c")));
  await place.clock.advance(0);
  const ending = place.broker.shutDown();
  let hasEnded = false;
  void ending.then(() => hasEnded = true);
  await place.clock.advance(500);
  assertStrictEquals(hasEnded, false);
  await place.clock.advance(600);
  assertStrictEquals(hasEnded, true);
  transport.close();
});

Deno.test("A broker that has no listener has no port and no URL", async () => {
  const place = new Place();
  await using broker = place.broker;
  assertEquals(broker.listeners, []);
  assertThrows(() => broker.port, TypeError, "has no listener");
  assertThrows(() => broker.url, TypeError, "has no listener");
});

Deno.test("A broker rejects invalid options before it listens", () => {
  assertThrows(() => new Place({ limits: { connections: 0 } }), RangeError, "limits.connections");
  assertThrows(() => new Place({ serverKeepAlive: -1 }), RangeError, "serverKeepAlive");
});
