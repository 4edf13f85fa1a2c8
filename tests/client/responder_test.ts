// respond() and message.respond(): what goes out as the response, when the request is acknowledged, how many are worked on
// at a time, and who is told when there is no response.

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { concat } from "jsr:@std/bytes@^1/concat";
import {
  ConnectionClosedError,
  NoResponseTopicError,
  NotSentError,
  RefusedError,
} from "../../src/errors.ts";
import type { Client } from "../../src/client/client.ts";
import type { Message } from "../../src/client/message.ts";
import type { RequestHandler, Responder, RespondOptions } from "../../src/client/responder.ts";
import type { PublishInit, PublishPacket } from "../../src/packets/mod.ts";
import { bytesOf } from "../hex.ts";
import type { Peer } from "./peer.ts";
import { assertPending, Loop, settle, test, type TestWorld } from "./world.ts";

const CORRELATION = Uint8Array.of(0, 255);

/** A client that responds on `ask`. */
async function responding(
  world: TestWorld,
  handler: RequestHandler,
  options?: RespondOptions,
): Promise<{ readonly client: Client; readonly peer: Peer; readonly responder: Responder }> {
  const { client, peer } = await world.connected();
  const responder = client.respond("ask", handler, options);
  await peer.grant();
  return { client, peer, responder: await responder };
}

/** Sends requests of QoS 1 with these Packet Identifiers. */
function ask(peer: Peer, packetIds: readonly number[], more: Partial<PublishInit> = {}): void {
  for (const packetId of packetIds) {
    peer.send({
      type: "publish",
      topic: "ask",
      payload: new TextEncoder().encode(`${packetId}`),
      qos: 1,
      packetId,
      ...more,
      properties: { responseTopic: "re", correlationData: CORRELATION, ...more.properties },
    });
  }
}

/** Says that the server has a response. */
function accept(peer: Peer, ...packets: readonly PublishPacket[]): void {
  for (const { packetId } of packets) peer.send({ type: "puback", packetId });
}

const textOf = ({ payload }: PublishPacket) => new TextDecoder().decode(payload);

test("respond() publishes what the handler returns to the Response Topic, with the Correlation Data and the QoS of the request, and acknowledges the request once the server has it", async (world) => {
  const { peer, responder } = await responding(world, (request) => `${request.text()}!`);
  ask(peer, [7]);
  const response = await peer.expect("publish");
  assertEquals([response.topic, textOf(response), response.qos], ["re", "7!", 1]);
  assertEquals(response.properties, { correlationData: CORRELATION });
  await peer.expectNothing();
  assertEquals([responder.active, responder.responded], [1, 0]);
  accept(peer, response);
  assertStrictEquals((await peer.expect("puback")).packetId, 7);
  assertEquals([responder.active, responder.responded, responder.failed], [0, 1, 0]);
});

test("respond() subscribes at QoS 1 if nothing else is said, and with the options of subscribe()", async (world) => {
  const { client, peer } = await world.connected();
  const first = client.respond("a", () => "");
  const { subscriptions: [plain] } = await peer.grant();
  assertEquals([plain!.topicFilter, plain!.qos], ["a", 1]);
  assertEquals((await first).topicFilters, ["a"]);
  const second = client.respond(["b", { topicFilter: "$share/g/c", qos: 0 }], () => "", {
    qos: 2,
    retainHandling: 2,
    userProperties: [["k", "v"]],
  });
  const { subscriptions, properties } = await peer.grant();
  assertEquals(
    subscriptions.map(({ topicFilter, qos, retainHandling }) => [topicFilter, qos, retainHandling]),
    [["b", 2, 2], ["$share/g/c", 0, 2]],
  );
  assertEquals(properties.userProperties, [["k", "v"]]);
  await second;
});

test("respond() rejects when the server refuses the subscription", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = assertRejects(() => client.respond("ask", () => ""), RefusedError);
  await peer.grant([0x87]);
  await rejected;
});

const RESPONSES:
  readonly (readonly [string, Awaited<ReturnType<RequestHandler>>, string, object])[] = [
    ["text", "é", "é", {}],
    ["bytes", Uint8Array.of(0x41), "A", {}],
    ["empty text", "", "", {}],
    [
      "a payload with properties and a QoS",
      {
        payload: "{}",
        qos: 0,
        contentType: "application/json",
        userProperties: [["k", "v"]],
      },
      "{}",
      { contentType: "application/json", userProperties: [["k", "v"]] },
    ],
  ];

for (const [what, value, payload, properties] of RESPONSES) {
  test(`A handler may return ${what}, now or later`, async (world) => {
    const { peer } = await responding(
      world,
      (request) => request.text() === "1" ? value : Promise.resolve(value),
    );
    for (const packetId of [1, 2]) {
      ask(peer, [packetId]);
      const response = await peer.expect("publish");
      assertEquals([textOf(response), response.properties], [
        payload,
        { ...properties, correlationData: CORRELATION },
      ]);
      accept(peer, ...response.qos > 0 ? [response] : []);
      await peer.expect("puback");
    }
  });
}

test("A handler that returns nothing leaves the request without a response, and it is acknowledged", async (world) => {
  const { peer, responder } = await responding(world, () => {});
  ask(peer, [1]);
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
  assertEquals([responder.responded, responder.failed], [0, 0]);
});

test("A response without Correlation Data goes to a request without", async (world) => {
  const { peer } = await responding(world, () => "x");
  ask(peer, [1], { qos: 0, packetId: 0, properties: { correlationData: undefined } });
  const response = await peer.expect("publish");
  assertEquals([response.qos, response.properties], [0, {}]);
});

test("As many requests are worked on at a time as the concurrency says; the others wait unacknowledged, and in order", async (world) => {
  const begun: string[] = [];
  const running: PromiseWithResolvers<string>[] = [];
  const { peer, responder } = await responding(world, (request) => {
    begun.push(request.text());
    const work = Promise.withResolvers<string>();
    running.push(work);
    return work.promise;
  }, { concurrency: 2 });
  ask(peer, [1, 2, 3, 4]);
  await settle();
  assertEquals([begun, responder.active], [["1", "2"], 2]);
  running[1]!.resolve("second");
  const second = await peer.expect("publish");
  assertStrictEquals(textOf(second), "second");
  assertEquals(begun, ["1", "2"]);
  accept(peer, second);
  await settle();
  assertEquals(begun, ["1", "2", "3"]);
  // Acknowledged in the order of receipt, whichever is done first.
  await peer.expectNothing();
  running[0]!.resolve("first");
  accept(peer, await peer.expect("publish"));
  const acks = await peer.takePackets();
  assertEquals(acks.map((packet) => packet.type === "puback" && packet.packetId), [1, 2]);
  assertEquals(begun, ["1", "2", "3", "4"]);
  for (const work of running) work.resolve("rest");
  accept(peer, await peer.expect("publish"), await peer.expect("publish"));
  await peer.takePackets();
});

test("respond() works on 16 requests at a time if nothing else is said", async (world) => {
  const { peer, responder } = await responding(world, () => new Promise(() => {}));
  ask(peer, Array.from({ length: 20 }, (_, index) => index + 1));
  await settle();
  assertStrictEquals(responder.active, 16);
});

for (
  const [what, fail] of [
    ["throws", () => {
      throw new Error("a bug");
    }],
    ["rejects", () => Promise.reject(new Error("a bug"))],
  ] as const
) {
  test(`onError is told what a handler ${what}; there is no response, and the request is acknowledged`, async (world) => {
    const told: unknown[] = [];
    const { peer, responder } = await responding(world, fail, {
      onError: (error, request) => told.push((error as Error).message, request.text()),
    });
    ask(peer, [1]);
    await peer.expect("puback");
    assertEquals(told, ["a bug", "1"]);
    assertEquals([responder.responded, responder.failed], [0, 1]);
  });
}

test("A handler's error is responded to, where that is wanted, with a User Property or as the application says", async (world) => {
  const onError = () => {};
  const handler = () => {
    throw new Error("no such city");
  };
  const { client, peer } = await responding(world, handler, { onError, respondToErrors: true });
  ask(peer, [1]);
  const plain = await peer.expect("publish");
  assertStrictEquals(plain.payload.length, 0);
  assertEquals(plain.properties.userProperties, [["error", "no such city"]]);
  accept(peer, plain);
  await peer.takePackets();
  const other = client.respond("other", handler, {
    onError,
    respondToErrors: (error, request) => ({
      payload: `${request.text()}: ${(error as Error).message}`,
      userProperties: [["status", "404"]],
    }),
  });
  await peer.grant();
  await other;
  ask(peer, [2], { topic: "other", properties: { subscriptionIdentifiers: [2] } });
  const own = await peer.expect("publish");
  assertStrictEquals(textOf(own), "2: no such city");
  assertEquals(own.properties.userProperties, [["status", "404"]]);
  accept(peer, own);
});

test("A message without Response Topic is told, does not reach the handler, and is acknowledged", async (world) => {
  const told: unknown[] = [];
  const { peer } = await responding(world, () => told.push("handler") as never, {
    onError: (error) => told.push(error),
  });
  ask(peer, [1], { properties: { responseTopic: undefined } });
  await peer.expect("puback");
  assertInstanceOf(told[0], NoResponseTopicError);
  assertStrictEquals(told.length, 1);
  assertStrictEquals(
    (told[0] as Error).message,
    'Cannot respond to the message on "ask": it has no Response Topic',
  );
});

for (
  const [responseTopic, says] of [
    ["", "is empty"],
    ["a/#", 'Response Topic "a/#" has a wildcard'],
  ] as const
) {
  test(`A Response Topic ${JSON.stringify(responseTopic)} that the server lets through is told, and costs no connection`, async (world) => {
    const told: unknown[] = [];
    const { client, peer } = await responding(world, () => "x", {
      onError: (error) => told.push(error),
    });
    // No encoder makes such a packet of its own.
    const properties = concat([
      Uint8Array.of(0x08, 0, responseTopic.length),
      new TextEncoder().encode(responseTopic),
    ]);
    const body = concat([
      bytesOf("0003 61736B 0001"),
      Uint8Array.of(properties.length),
      properties,
    ]);
    peer.sendBytes(Uint8Array.of(0x32, body.length), body);
    assertStrictEquals((await peer.expect("puback")).packetId, 1);
    assertInstanceOf(told[0], NoResponseTopicError);
    assertStringIncludes((told[0] as Error).message, says);
    assertEquals([told.length, client.state], [1, "connected"]);
  });
}

test("What is no response, and a response that the server refuses, are told, and the responder goes on", async (world) => {
  const told: unknown[] = [];
  const { peer } = await responding(
    world,
    (request) =>
      ({
        "1": 5,
        "2": null,
        "3": { payload: 5 },
        "4": { payload: "", correlationData: CORRELATION },
      } as never)[request.text()] ?? "x",
    { onError: (error) => told.push(error), concurrency: 1 },
  );
  ask(peer, [1, 3, 4, 6]);
  for (const packetId of [1, 3, 4]) {
    assertStrictEquals((await peer.expect("puback")).packetId, packetId);
  }
  const { packetId } = await peer.expect("publish");
  peer.send({ type: "puback", packetId, reasonCode: 0x87 });
  assertStrictEquals((await peer.expect("puback")).packetId, 6);
  assertEquals(told.map((error) => (error as Error).constructor), [
    TypeError,
    TypeError,
    TypeError,
    RefusedError,
  ]);
  ask(peer, [7]);
  accept(peer, await peer.expect("publish"));
  await peer.expect("puback");
});

test("Errors that nobody listens for go to the console, ten a minute, escaped", async (world) => {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    const { peer } = await responding(world, () => {
      throw new Error("a\u202eb\n");
    });
    for (let n = 1; n <= 12; n++) ask(peer, [n]);
    await settle();
    assertStrictEquals(lines.length, 10);
    assertStrictEquals(
      lines[0],
      'mqtt5: error while responding to a request to "ask": a\\u{202E}b\\u{A}',
    );
    await world.clock.advance(60_000);
    await peer.takePackets();
    ask(peer, [13]);
    await settle();
    assertStrictEquals(lines[10], "mqtt5: 2 more errors, not shown");
    assertStrictEquals(lines.length, 12);
  } finally {
    console.error = error;
  }
});

for (
  const [what, onError] of [
    ["throws", () => {
      throw new Error("worse");
    }],
    ["rejects", () => Promise.reject(new Error("worse")) as never],
  ] as const
) {
  test(`When onError ${what}, both errors go to the console`, async (world) => {
    const lines: string[] = [];
    const { error } = console;
    console.error = (line: string) => lines.push(line);
    try {
      const { peer } = await responding(world, () => {
        throw new Error("bad");
      }, { onError });
      ask(peer, [1]);
      await peer.expect("puback");
      assertEquals(lines.map((line) => line.split(": ").at(-1)), ["bad", "worse"]);
    } finally {
      console.error = error;
    }
  });
}

test("A responder that is closed ends its subscription, responds to what has come, and resolves then", async (world) => {
  const begun: string[] = [];
  const work = Promise.withResolvers<string>();
  const { peer, responder } = await responding(world, (request) => {
    begun.push(request.text());
    return work.promise;
  }, { concurrency: 1 });
  ask(peer, [1, 2, 3]);
  await settle();
  const closed = responder.close();
  assertEquals(await peer.release(), ["ask"]);
  await assertPending(closed);
  work.resolve("done");
  for (const packetId of [1, 2, 3]) {
    accept(peer, await peer.expect("publish"));
    assertStrictEquals((await peer.expect("puback")).packetId, packetId);
  }
  await closed;
  assertEquals(begun, ["1", "2", "3"]);
  assertStrictEquals(await responder.closed, undefined);
  await responder[Symbol.asyncDispose]();
});

test("A responder that is closed waits for what is being worked on", async (world) => {
  const work = Promise.withResolvers<string>();
  const { peer, responder } = await responding(world, () => work.promise);
  ask(peer, [1]);
  await settle();
  const closed = responder.close();
  await peer.release();
  await assertPending(closed);
  work.resolve("done");
  accept(peer, await peer.expect("publish"));
  await closed;
  assertStrictEquals(responder.responded, 1);
});

test("A responder outlives the connection: a request that was not acknowledged comes again", async (world) => {
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 });
  const times: number[] = [];
  const responder = client.respond("ask", () => {
    times.push(world.clock.now());
    return "x";
  });
  await peer.grant();
  await responder;
  ask(peer, [1]);
  await peer.expect("publish");
  peer.far.cut();
  const next = await world.accept({ sessionPresent: true });
  const response = await next.expect("publish");
  assertStrictEquals(response.dup, true);
  ask(next, [1], { dup: true });
  const again = await next.expect("publish");
  accept(next, response, again);
  assertStrictEquals((await next.expect("puback")).packetId, 1);
  assertStrictEquals(times.length, 2);
});

test("closed tells why there are no more requests: the server refused the filter, or the client is closed", async (world) => {
  const { peer, responder } = await responding(world, () => "x");
  peer.far.cut();
  const next = await world.accept({ sessionPresent: false });
  await next.grant([0x87]);
  assertInstanceOf(await responder.closed, RefusedError);

  const second = await responding(world, () => "x");
  second.peer.send({ type: "disconnect", reasonCode: 0x8e });
  await settle();
  assertInstanceOf(await second.responder.closed, ConnectionClosedError);
  await second.responder.close();

  const third = await responding(world, () => "x");
  void third.client.disconnect();
  await world.clock.advance(0);
  assertStrictEquals(await third.responder.closed, undefined);
});

test("Requests that wait when the client is closed are left to the server, without handler and error", async (world) => {
  const told: unknown[] = [];
  const work = Promise.withResolvers<string>();
  const { peer, responder } = await responding(world, (request) => {
    told.push(request.text());
    return work.promise;
  }, { concurrency: 1, onError: (error) => told.push((error as Error).name) });
  ask(peer, [1, 2, 3]);
  await settle();
  peer.send({ type: "disconnect", reasonCode: 0x8e });
  await settle();
  work.resolve("too late");
  assertInstanceOf(await responder.closed, ConnectionClosedError);
  assertEquals(told, ["1", "ConnectionClosedError"]);
});

const MISTAKES:
  readonly (readonly [string, unknown, object, typeof TypeError | typeof RangeError])[] = [
    ["a handler that is none", "x", {}, TypeError],
    ["a concurrency of 0", () => "", { concurrency: 0 }, RangeError],
    ["an onError that is no function", () => "", { onError: "x" }, TypeError],
    ["a respondToErrors that is neither", () => "", { respondToErrors: "x" }, TypeError],
    ["an ack", () => "", { ack: "auto" }, TypeError],
    ["an unknown option", () => "", { cuncurrency: 1 }, TypeError],
  ];

for (const [what, handler, options, error] of MISTAKES) {
  test(`respond() refuses ${what} and sends nothing`, async (world) => {
    const { client, peer } = await world.connected();
    await assertRejects(() => client.respond("a", handler as RequestHandler, options), error);
    await peer.expectNothing();
  });
}

test("message.respond() responds out of a loop, and the request is acknowledged when the loop goes on", async (world) => {
  const { client, peer } = await world.connected();
  const subscribed = client.subscribe("ask", { qos: 1 });
  await peer.grant();
  const loop = new Loop(await subscribed);
  ask(peer, [1]);
  const request = await loop.take();
  const responded = request.respond({ payload: "x", contentType: "t" });
  const response = await peer.expect("publish");
  assertEquals([response.topic, response.qos, response.properties], ["re", 1, {
    correlationData: CORRELATION,
    contentType: "t",
  }]);
  await assertPending(responded);
  peer.send({ type: "puback", packetId: response.packetId, reasonCode: 0x10 });
  assertStrictEquals((await responded).reasonCode, 0x10);
  await peer.expectNothing();
  void loop.next();
  assertStrictEquals((await peer.expect("puback")).packetId, 1);
});

test("message.respond() rejects, and throws nothing, when it cannot respond", async (world) => {
  const { client, peer } = await world.connected({ queueQoS0: false });
  const subscribed = client.subscribe("ask");
  await peer.grant();
  const loop = new Loop(await subscribed);
  peer.send({ type: "publish", topic: "ask" });
  ask(peer, [0], { qos: 0, packetId: 0 });
  const [plain, request] = await loop.takeMany(2) as [Message, Message];
  await assertRejects(() => plain.respond("x"), NoResponseTopicError);
  await assertRejects(() => request.respond(5 as never), TypeError, "got number");
  await assertRejects(() => request.respond(null as never), TypeError, "got null");
  await assertRejects(() => request.respond({ payload: "", qso: 1 } as never), TypeError);
  await peer.expectNothing();
  peer.far.cut();
  await settle();
  await assertRejects(() => request.respond("x"), NotSentError);
});
