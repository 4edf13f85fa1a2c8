// request(): what goes out before and with a packet, what counts as its response, and each way in which the wait ends.

import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  ConnectionClosedError,
  NoSubscriberError,
  NotSentError,
  RefusedError,
  RequestTimeoutError,
} from "../../src/errors.ts";
import type { PublishPacket } from "../../src/packets/mod.ts";
import type { Client } from "../../src/client/client.ts";
import type { Message } from "../../src/client/message.ts";
import { assertPending, outcome, settle, test } from "./world.ts";
import type { Peer } from "./peer.ts";

const SESSION = { sessionExpiryInterval: 60 } as const;

/** A request whose end is looked at later. */
function request(client: Client, ...args: Parameters<Client["request"]>): Promise<Message> {
  const response = client.request(...args);
  response.catch(() => {});
  return response;
}

/** A request that the peer has got, with the subscription for its response made before. */
async function asked(peer: Peer): Promise<PublishPacket> {
  await peer.grant();
  return await peer.expect("publish");
}

/** Says that the server has a packet. */
function acknowledge(
  peer: Peer,
  { packetId }: PublishPacket,
  reasonCode: 0x00 | 0x10 = 0x00,
): void {
  peer.send({ type: "puback", packetId, reasonCode });
}

/** Responds to a packet. */
function respond(peer: Peer, { properties }: PublishPacket, payload: string): void {
  const { responseTopic = "", correlationData } = properties;
  peer.send({
    type: "publish",
    topic: responseTopic,
    payload: new TextEncoder().encode(payload),
    properties: { correlationData },
  });
}

/** A client with a session that has been cut off while a request waited, and the next connection. */
async function cutOff(client: Client, peer: Peer, again: () => Promise<Peer>): Promise<Peer> {
  peer.far.cut();
  await settle();
  assertStrictEquals(client.state, "reconnecting");
  return await again();
}

test("request() subscribes first, then publishes at QoS 1 with Response Topic, Correlation Data and the time that it is of use, and resolves to the response", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "clock/now", "?", { timeout: 2500 });
  const { subscriptions: [subscription], packetId } = await peer.expect("subscribe");
  assertMatch(subscription!.topicFilter, /^mqtt5\/responses\/[0-9a-f]{32}$/);
  assertEquals([subscription!.qos, subscription!.noLocal, subscription!.retainHandling], [
    1,
    false,
    2,
  ]);
  await peer.expectNothing();
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  const packet = await peer.expect("publish");
  const { correlationData, ...properties } = packet.properties;
  assertEquals([packet.topic, new TextDecoder().decode(packet.payload), packet.qos], [
    "clock/now",
    "?",
    1,
  ]);
  assertEquals(properties, {
    responseTopic: subscription!.topicFilter,
    messageExpiryInterval: 4,
  });
  assertMatch(new TextDecoder().decode(correlationData), /^[0-9a-f]{32}$/);
  assertStrictEquals(client.requests.inFlight, 1);
  acknowledge(peer, packet);
  await assertPending(response);
  respond(peer, packet, "noon");
  assertStrictEquals((await response).text(), "noon");
  assertEquals(client.requests, { inFlight: 0, late: 0, foreign: 0 });
});

test("A response of QoS 1 that comes before PUBACK is acknowledged, and ends the wait", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "a", "");
  const packet = await asked(peer);
  const { responseTopic = "", correlationData } = packet.properties;
  const properties = { correlationData };
  peer.send({ type: "publish", topic: responseTopic, qos: 1, packetId: 9, properties });
  assertStrictEquals((await response).qos, 1);
  assertStrictEquals((await peer.expect("puback")).packetId, 9);
  // What the server says now is of no interest.
  acknowledge(peer, packet, 0x10);
  await settle();
});

test("All requests share one subscription, which is made once though many ask at the same time", async (world) => {
  const { client, peer } = await world.connected();
  const first = Array.from({ length: 3 }, (_, index) => request(client, "a", String(index)));
  await peer.grant();
  const requests = [
    await peer.expect("publish"),
    await peer.expect("publish"),
    await peer.expect("publish"),
  ];
  assertStrictEquals(new Set(requests.map(({ properties }) => properties.responseTopic)).size, 1);
  const correlations = requests.map(({ properties }) => String(properties.correlationData));
  assertStrictEquals(new Set(correlations).size, 3);
  const later = request(client, "a", "3");
  const last = await peer.expect("publish");
  for (const packet of [last, ...requests.toReversed()]) {
    respond(peer, packet, `to ${new TextDecoder().decode(packet.payload)}`);
  }
  const texts = (await Promise.all([...first, later])).map((message) => message.text());
  assertEquals(texts, ["to 0", "to 1", "to 2", "to 3"]);
});

test("A refused subscription rejects all requests that wait for it, sends none of them, and the next request tries again", async (world) => {
  const { client, peer } = await world.connected();
  const rejected = [1, 2].map((n) =>
    assertRejects(() => request(client, "a", `${n}`), RefusedError)
  );
  await peer.grant([0x87]);
  for (const error of await Promise.all(rejected)) assertStrictEquals(error.reasonCode, 0x87);
  await peer.expectNothing();
  const response = request(client, "a", "3");
  respond(peer, await asked(peer), "now");
  assertStrictEquals((await response).text(), "now");
});

test("request() rejects at once with NoSubscriberError when the server says 0x10", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "nobody", "");
  acknowledge(peer, await asked(peer), 0x10);
  const error = await assertRejects(() => response, NoSubscriberError);
  assertStrictEquals(error.message, 'Nobody has subscribed to "nobody", so nobody can respond');
  assertStrictEquals(client.requests.inFlight, 0);
});

test("A retained request waits on though nobody has subscribed yet", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "a", "", { retain: true });
  const packet = await asked(peer);
  acknowledge(peer, packet, 0x10);
  await assertPending(response);
  respond(peer, packet, "later");
  await response;
});

test("request() rejects with the server's no to the request", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "secret", "");
  const { packetId } = await asked(peer);
  peer.send({ type: "puback", packetId, reasonCode: 0x87 });
  assertStrictEquals((await assertRejects(() => response, RefusedError)).reasonCode, 0x87);
});

test("request() rejects when nobody responds in time, each request at its own", async (world) => {
  const { client, peer } = await world.connected();
  const long = request(client, "a", "", { timeout: 3000 });
  const short = request(client, "a", "", { timeout: 1000 });
  const long2 = request(client, "a", "", { timeout: 3000 });
  const endless = request(client, "a", "", { timeout: Infinity });
  await peer.grant();
  assertStrictEquals(world.clock.timers, 2); // one for the Keep Alive
  await world.clock.advance(999);
  await assertPending(short);
  await world.clock.advance(1);
  const error = await assertRejects(() => short, RequestTimeoutError);
  assertStrictEquals(error.message, 'No response to the request to "a" within 1000 ms');
  assertEquals([error.wasSent, error.interruption], [true, "none"]);
  await world.clock.advance(1999);
  await assertPending(long);
  await world.clock.advance(1);
  await assertRejects(() => long, RequestTimeoutError);
  await assertRejects(() => long2, RequestTimeoutError);
  await world.clock.advance(50_000);
  await assertPending(endless);
  await peer.takePackets();
  void client.disconnect({ timeout: 0 });
  await world.clock.advance(0);
  await assertRejects(() => endless, ConnectionClosedError);
});

test("Once requests have their responses, no timer is left but one that comes to nothing", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 0 });
  const responses = [1000, 2000].map((timeout) => request(client, "a", "", { timeout }));
  await peer.grant();
  for (const _ of responses) {
    const packet = await peer.expect("publish");
    acknowledge(peer, packet);
    respond(peer, packet, "");
  }
  await Promise.all(responses);
  assertStrictEquals(world.clock.timers, 1);
  await world.clock.advance(1000);
  assertStrictEquals(world.clock.timers, 0);
});

test("A request waits 30 seconds if nothing else is said", async (world) => {
  const { client, peer } = await world.connected({ keepAlive: 0 });
  const response = request(client, "a", "");
  acknowledge(peer, await asked(peer));
  await world.clock.advance(29_999);
  await assertPending(response);
  await world.clock.advance(1);
  await assertRejects(() => response, RequestTimeoutError);
});

test("A response that comes late, twice or for somebody else is counted, acknowledged and not delivered", async (world) => {
  const { client, peer } = await world.connected();
  const inTime = request(client, "a", "", { timeout: 2000 });
  const tooLate = request(client, "a", "", { timeout: 1000 });
  await peer.grant();
  const [first, second] = [await peer.expect("publish"), await peer.expect("publish")];
  acknowledge(peer, first);
  acknowledge(peer, second);
  await world.clock.advance(1000);
  await assertRejects(() => tooLate, RequestTimeoutError);
  respond(peer, second, "late");
  respond(peer, first, "1");
  respond(peer, first, "2");
  assertStrictEquals((await inTime).text(), "1");
  const topic = first.properties.responseTopic!;
  const foreign = [undefined, new Uint8Array(), new TextEncoder().encode("0".repeat(32))];
  for (const [index, correlationData] of [...foreign, new Uint8Array(1000)].entries()) {
    const properties = { correlationData };
    peer.send({ type: "publish", topic, qos: 1, packetId: index + 1, properties });
  }
  const acks = await peer.takePackets();
  assertEquals(acks.map(({ type }) => type), ["puback", "puback", "puback", "puback"]);
  assertEquals(client.requests, { inFlight: 0, late: 2, foreign: 4 });
});

test("A signal ends the wait with its reason, and withdraws a request that was not sent", async (world) => {
  const { client, peer } = await world.connected({ queueQoS0: true });
  const controller = new AbortController();
  const { signal } = controller;
  await assertRejects(() => request(client, "a", "", { signal: AbortSignal.abort("no") }));
  const sent = request(client, "a", "1", { signal });
  await asked(peer);
  peer.far.cut();
  await settle();
  const unsent = request(client, "a", "2", { signal });
  controller.abort(new Error("enough"));
  for (const response of [sent, unsent]) await assertRejects(() => response, Error, "enough");
  const next = await world.accept({ sessionPresent: false });
  await next.grant();
  await next.expectNothing();
});

test("A request that waits for its subscription is given up by the time and by the signal, and is not sent", async (world) => {
  const { client, peer } = await world.connected();
  const controller = new AbortController();
  const late = request(client, "a", "1", { timeout: 1000 });
  const aborted = request(client, "a", "2", { signal: controller.signal });
  const kept = request(client, "a", "3");
  const { packetId } = await peer.expect("subscribe");
  await world.clock.advance(1000);
  const error = await assertRejects(() => late, RequestTimeoutError);
  assertEquals([error.wasSent, error.message], [
    false,
    'Cannot send the request to "a" within 1000 ms',
  ]);
  controller.abort("enough");
  assertEquals(await outcome(aborted), { status: "rejected", reason: "enough" });
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  const packet = await peer.expect("publish");
  assertEquals(new TextDecoder().decode(packet.payload), "3");
  respond(peer, packet, "yes");
  await kept;
  await peer.expectNothing();
});

test("A request that waits for a connection until its time is over says that it was not sent, and never is", async (world) => {
  for (const qos of [0, 1] as const) {
    const { client, peer } = await world.connected();
    const first = request(client, "a", "1");
    respond(peer, await asked(peer), "");
    await first;
    peer.far.cut();
    await settle();
    const response = request(client, "a", "2", { timeout: 500, qos });
    await world.clock.advance(500);
    const { wasSent } = await assertRejects(() => response, RequestTimeoutError);
    assertStrictEquals(wasSent, false);
    const next = await world.accept({ sessionPresent: false });
    assertEquals((await next.takePackets()).map(({ type }) => type), ["subscribe"]);
    void client.disconnect({ timeout: 0 });
    await world.clock.advance(0);
  }
});

test("A request survives a resumed session: it is sent again, and the response arrives on the new connection", async (world) => {
  const { client, peer } = await world.connected(SESSION);
  const response = request(client, "a", "");
  const packet = await asked(peer);
  const next = await cutOff(client, peer, () => world.accept({ sessionPresent: true }));
  const again = await next.expect("publish");
  assertEquals([again.dup, again.properties], [true, packet.properties]);
  acknowledge(next, again);
  respond(next, again, "after all");
  assertStrictEquals((await response).text(), "after all");
});

test("A request that the server has survives a lost session: the Response Topic is subscribed to again, and the response arrives", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "a", "");
  const packet = await asked(peer);
  acknowledge(peer, packet);
  const next = await cutOff(client, peer, () => world.accept({ sessionPresent: false }));
  const { subscriptions } = await next.grant();
  assertStrictEquals(subscriptions[0]!.topicFilter, packet.properties.responseTopic);
  await next.expectNothing();
  respond(next, packet, "after all");
  assertStrictEquals((await response).text(), "after all");
});

for (
  const [sessionPresent, interruption, says] of [
    [true, "connection lost", /the connection was lost meanwhile/],
    [false, "session lost", /the server lost the session meanwhile/],
  ] as const
) {
  test(`request() says that nobody can know when the time is over and the ${interruption.replace(" lost", "")} was lost`, async (world) => {
    const { client, peer } = await world.connected(SESSION);
    const response = request(client, "a", "", { timeout: 20_000 });
    acknowledge(peer, await asked(peer));
    const next = await cutOff(client, peer, () => world.accept({ sessionPresent }));
    if (!sessionPresent) await next.grant();
    await world.clock.advance(20_000);
    const error = await assertRejects(() => response, RequestTimeoutError);
    assertEquals([error.wasSent, error.interruption], [true, interruption]);
    assertMatch(error.message, says);
  });
}

test("A request that was made without a connection is not said to be interrupted", async (world) => {
  const { client, peer } = await world.connected();
  const first = request(client, "a", "1");
  respond(peer, await asked(peer), "");
  await first;
  peer.far.cut();
  await settle();
  const response = request(client, "a", "2", { timeout: 20_000 });
  const next = await world.accept({ sessionPresent: false });
  acknowledge(next, await asked(next));
  await world.clock.advance(20_000);
  const error = await assertRejects(() => response, RequestTimeoutError);
  assertStrictEquals(error.interruption, "none");
});

test("request() rejects when the session is lost in which the request was in flight: nobody knows whether it has arrived", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "a", "");
  await asked(peer);
  const next = await cutOff(client, peer, () => world.accept({ sessionPresent: false }));
  const error = await assertRejects(() => response, ConnectionClosedError);
  assertMatch(error.message, /may or may not have arrived/);
  await next.grant();
  await next.expectNothing();
});

test("Requests end when the server refuses their subscription after a lost session, and the next one tries again", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "a", "");
  acknowledge(peer, await asked(peer));
  const next = await cutOff(client, peer, () => world.accept({ sessionPresent: false }));
  await next.grant([0x87]);
  assertStrictEquals((await assertRejects(() => response, RefusedError)).reasonCode, 0x87);
  const another = request(client, "a", "");
  respond(next, await asked(next), "yes");
  await another;
});

test("Requests end when somebody ends their subscription, and the next one makes another", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "a", "");
  const { properties } = await asked(peer);
  const unsubscribed = client.unsubscribe(properties.responseTopic!);
  await peer.release();
  await unsubscribed;
  const error = await assertRejects(() => response, DOMException);
  assertStrictEquals(error.name, "AbortError");
  const another = request(client, "a", "");
  const packet = await asked(peer);
  assertNotEquals(packet.properties.responseTopic, properties.responseTopic);
  respond(peer, packet, "yes");
  await another;
});

test("Requests end with the client, and after it there are none", async (world) => {
  const { client, peer } = await world.connected();
  const waiting = request(client, "a", "");
  await asked(peer);
  void client.disconnect({ timeout: 0 });
  await world.clock.advance(0);
  const error = await assertRejects(() => waiting, ConnectionClosedError);
  assertStrictEquals(error.kind, "closed");
  await assertRejects(() => request(client, "a", ""), ConnectionClosedError);
  assertStrictEquals(client.requests.inFlight, 0);
  const { client: second, peer: other } = await world.connected();
  const unanswered = request(second, "a", "");
  await other.expect("subscribe");
  other.send({ type: "disconnect", reasonCode: 0x8e });
  assertStrictEquals(
    (await assertRejects(() => unanswered, ConnectionClosedError)).kind,
    "taken over",
  );
});

const BASES:
  readonly (readonly [suggested: string | undefined, prefix: string | undefined, base: string])[] =
    [
      [undefined, undefined, "mqtt5/responses/"],
      [undefined, "answers", "answers/"],
      ["for/you", "answers", "for/you/"],
      ["for/you/", undefined, "for/you/"],
      ["", "answers", "answers/"],
      ["for/#", "answers", "answers/"],
    ];

for (const [responseInformation, responseTopicPrefix, base] of BASES) {
  test(`Responses go below ${base} where the server says ${responseInformation} and the application ${responseTopicPrefix}`, async (world) => {
    const { client, peer } = await world.connected(
      { requestResponseInformation: true, responseTopicPrefix },
      { properties: { responseInformation } },
    );
    const response = request(client, "a", "");
    const packet = await asked(peer);
    assertMatch(packet.properties.responseTopic!, new RegExp(`^${base}[0-9a-f]{32}$`));
    respond(peer, packet, "");
    await response;
  });
}

for (
  const [clientId, name] of [
    ["sensor-7", "sensor-7"],
    ["a/+#é", "a%2F%2B%23%C3%A9"],
    ["", "named-by-server"],
    ["x".repeat(257), undefined],
  ] as const
) {
  test(`The Response Topic of a session that outlives its process is ${name ?? "a random one"} for the client ${clientId.slice(0, 20)}: the next process has the same`, async (world) => {
    const topics: (string | undefined)[] = [];
    for (let process = 0; process < 2; process++) {
      const { client, peer } = await world.connected({ ...SESSION, clientId }, {
        properties: clientId === "" ? { assignedClientIdentifier: "named-by-server" } : {},
      });
      const response = request(client, "a", "");
      const packet = await asked(peer);
      topics.push(packet.properties.responseTopic);
      respond(peer, packet, "");
      await response;
    }
    if (name === undefined) assertNotEquals(topics[0], topics[1]);
    else assertEquals(topics, [`mqtt5/responses/${name}`, `mqtt5/responses/${name}`]);
  });
}

test("The Response Topic of a session that ends with its connection cannot be guessed", async (world) => {
  const { client, peer } = await world.connected({ clientId: "sensor-7" });
  const response = request(client, "a", "");
  const packet = await asked(peer);
  assertMatch(packet.properties.responseTopic!, /^mqtt5\/responses\/[0-9a-f]{32}$/);
  respond(peer, packet, "");
  await response;
});

test("Where the server says another topic after a lost connection, new requests go there, and the old subscription ends with its last request", async (world) => {
  const { client, peer } = await world.connected(
    { ...SESSION, requestResponseInformation: true },
    { properties: { responseInformation: "one" } },
  );
  const before = request(client, "a", "1");
  const first = await asked(peer);
  acknowledge(peer, first);
  const next = await cutOff(
    client,
    peer,
    () => world.accept({ sessionPresent: true, properties: { responseInformation: "two" } }),
  );
  const after = request(client, "a", "2");
  const second = await asked(next);
  assertMatch(second.properties.responseTopic!, /^two\//);
  respond(next, second, "2");
  assertStrictEquals((await after).text(), "2");
  await next.expectNothing();
  respond(next, first, "1");
  assertStrictEquals((await before).text(), "1");
  assertEquals(await next.release(), [first.properties.responseTopic]);
});

test("A request with a Response Topic of its own subscribes to it while it waits, once for all that name it", async (world) => {
  const { client, peer } = await world.connected();
  const options = { responseTopic: "my/answers" };
  const both = Promise.all([
    request(client, "a", "1", options),
    request(client, "a", "2", options),
  ]);
  const { subscriptions } = await peer.grant();
  assertEquals(subscriptions.map(({ topicFilter }) => topicFilter), ["my/answers"]);
  const [one, two] = [await peer.expect("publish"), await peer.expect("publish")];
  respond(peer, one, "1");
  await peer.expectNothing();
  respond(peer, two, "2");
  assertEquals((await both).map((message) => message.text()), ["1", "2"]);
  assertEquals(await peer.release(), ["my/answers"]);
  const again = request(client, "a", "3", options);
  respond(peer, await asked(peer), "3");
  await again;
  assertEquals(await peer.release(), ["my/answers"]);
});

test("A request with a Response Topic of its own that is given up while it subscribes takes the subscription back", async (world) => {
  const { client, peer } = await world.connected();
  const controller = new AbortController();
  const { signal } = controller;
  const response = request(client, "a", "", { responseTopic: "re", signal });
  const { packetId } = await peer.expect("subscribe");
  controller.abort("enough");
  assertEquals(await outcome(response), { status: "rejected", reason: "enough" });
  peer.send({ type: "suback", packetId, reasonCodes: [1] });
  assertEquals(await peer.release(), ["re"]);
  await peer.expectNothing();
});

test("A request with a Response Topic of its own that is given up without a connection is not subscribed for", async (world) => {
  const { client, peer } = await world.connected();
  peer.far.cut();
  await settle();
  const response = request(client, "a", "", { responseTopic: "re", timeout: 1 });
  await world.clock.advance(1);
  await assertRejects(() => response, RequestTimeoutError);
  await (await world.accept()).expectNothing();
});

test("A request that is given up at the moment in which it is acknowledged leaves the send queue as it is", async (world) => {
  const { client, peer } = await world.connected();
  const controller = new AbortController();
  const response = request(client, "a", "", { signal: controller.signal });
  const { packetId } = await asked(peer);
  client.addEventListener("disconnected", () => controller.abort());
  peer.send({ type: "puback", packetId }, { type: "disconnect", reasonCode: 0x8b });
  await assertRejects(() => response, DOMException);
  const next = await world.accept({ sessionPresent: false });
  await next.grant();
  // It waits for nothing.
  void client.disconnect();
  await next.expect("disconnect");
});

test("A request can choose its Correlation Data, its subscription and what responds to it", async (world) => {
  const { client, peer } = await world.connected();
  const response = request(client, "device/rpc", '{"id":7}', {
    qos: 2,
    timeout: Infinity,
    responseTopic: "me/rpc",
    correlationData: Uint8Array.of(0, 255),
    contentType: "application/json",
    matches: (message) => message.text().includes('"id":7'),
    subscribe: { qos: 2, subscriptionIdentifier: 9, userProperties: [["k", "v"]] },
  });
  const { subscriptions: [subscription], properties } = await peer.grant();
  assertEquals(properties, { subscriptionIdentifiers: [9], userProperties: [["k", "v"]] });
  assertEquals([subscription!.qos, subscription!.retainHandling], [2, 2]);
  const packet = await peer.expect("publish");
  assertStrictEquals(packet.qos, 2);
  assertEquals(packet.properties, {
    contentType: "application/json",
    responseTopic: "me/rpc",
    correlationData: Uint8Array.of(0, 255),
  });
  respond(peer, packet, '{"id":6}');
  await assertPending(response);
  peer.publish("me/rpc", [9], { payload: new TextEncoder().encode('{"id":7}') });
  assertStrictEquals((await response).text(), '{"id":7}');
  assertEquals(client.requests, { inFlight: 0, late: 0, foreign: 1 });
});

test("A matches() that throws rejects its packet, and harms no other", async (world) => {
  const { client, peer } = await world.connected();
  const bad = request(client, "a", "", {
    matches: () => {
      throw new Error("a bug");
    },
  });
  const good = request(client, "a", "");
  await peer.grant();
  await peer.expect("publish");
  const packet = await peer.expect("publish");
  respond(peer, packet, "x");
  respond(
    peer,
    { ...packet, properties: { ...packet.properties, correlationData: undefined } },
    "y",
  );
  await good;
  await assertRejects(() => bad, Error, "a bug");
});

const MISTAKES:
  readonly (readonly [string, unknown, object, typeof TypeError | typeof RangeError])[] = [
    ["an empty topic", ["", ""], {}, TypeError],
    ["a topic with a wildcard", ["a/#", ""], {}, TypeError],
    ["a payload that is none", ["a", 5], {}, TypeError],
    ["QoS 3", ["a", ""], { qos: 3 }, RangeError],
    ["a timeout of 0", ["a", ""], { timeout: 0 }, RangeError],
    ["a timeout that is no number", ["a", ""], { timeout: "5" }, TypeError],
    ["a Response Topic with a wildcard", ["a", ""], { responseTopic: "a/+" }, TypeError],
    ["Correlation Data that is text", ["a", ""], { correlationData: "x" }, TypeError],
    ["a matches that is no function", ["a", ""], { matches: true }, TypeError],
    ["a subscribe that is no object", ["a", ""], { subscribe: 1 }, TypeError],
    ["an unknown option", ["a", ""], { timeOut: 1 }, TypeError],
  ];

for (const [what, args, options, error] of MISTAKES) {
  test(`request() refuses ${what} and sends nothing, nor does requestMany()`, async (world) => {
    const { client, peer } = await world.connected();
    const [topic, payload] = args as [string, string];
    await assertRejects(() => request(client, topic, payload, options), error);
    assertInstanceOf(
      await Promise.try(() => client.requestMany(topic, payload, options)).catch((e) => e),
      error,
    );
    await peer.expectNothing();
    assertStrictEquals(client.requests.inFlight, 0);
  });
}

test("request() refuses Correlation Data that another request has, and a wrong request where others are under way", async (world) => {
  const { client, peer } = await world.connected();
  const correlationData = Uint8Array.of(1);
  const first = request(client, "a", "", { correlationData });
  await assertRejects(() => request(client, "a", "", { correlationData }), TypeError);
  const packet = await asked(peer);
  await assertRejects(() => request(client, "a", "", { correlationData }), TypeError);
  await assertRejects(() => request(client, "a/#", ""), TypeError);
  await peer.expectNothing();
  respond(peer, packet, "");
  await first;
  assertStrictEquals(client.requests.inFlight, 0);
});

test("Requests are bounded like messages that wait to be sent: in number, and in bytes until there is a subscription", async (world) => {
  const { client, peer } = await world.connected({ sendQueue: { messages: 3, bytes: 10 } });
  const controller = new AbortController();
  const aborted = request(client, "a", "12345", { signal: controller.signal });
  const waiting = [request(client, "a", "12345")];
  await assertRejects(() => client.request("a", "1"), NotSentError);
  controller.abort();
  await assertRejects(() => aborted);
  waiting.push(request(client, "a", "12345"), request(client, "a", ""));
  const error = await assertRejects(() => client.request("a", ""), NotSentError);
  assertStrictEquals(error.kind, "queue full");
  await peer.grant();
  let topic = "";
  for (const _ of waiting) {
    const packet = await peer.expect("publish");
    topic = packet.properties.responseTopic!;
    acknowledge(peer, packet);
    respond(peer, packet, "");
  }
  await Promise.all(waiting);
  const longer = request(client, "a", "a payload that is longer");
  respond(peer, await peer.expect("publish"), "");
  await longer;
  // When the next subscription is waited for, nothing waits yet.
  const unsubscribed = client.unsubscribe(topic);
  await peer.release();
  await unsubscribed;
  const again = request(client, "a", "1234567890");
  respond(peer, await asked(peer), "");
  await again;
});

test("Ten thousand requests wait at the same time with one timer, and each gets its own response", async (world) => {
  const { client, peer } = await world.connected({}, { properties: { receiveMaximum: 65_535 } });
  const responses = Array.from({ length: 10_000 }, (_, index) => request(client, "a", `${index}`));
  await peer.grant();
  const requests = await peer.takePackets() as PublishPacket[];
  assertStrictEquals(requests.length, 10_000);
  assertEquals([client.requests.inFlight, world.clock.timers], [10_000, 2]);
  for (const packet of requests.toReversed()) {
    respond(peer, packet, new TextDecoder().decode(packet.payload));
  }
  const texts = (await Promise.all(responses)).map((message) => message.text());
  assertEquals(texts, responses.map((_, index) => `${index}`));
  assertEquals(client.requests, { inFlight: 0, late: 0, foreign: 0 });
});
