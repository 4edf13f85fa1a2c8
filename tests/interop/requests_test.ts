// Requests and responses with real servers: this project's broker and Mosquitto, both ends being this client; and
// mosquitto_rr as the other end.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  connect,
  type ConnectOptions,
  encodePacket,
  NoResponseTopicError,
  NoSubscriberError,
  type Responder,
} from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { bytesOf } from "../hex.ts";
import { interopTest, numbers, once, QUICKLY, textsOf, until, withinPatience } from "./interop.ts";
import { Relay } from "./relay.ts";

/** A test at both servers, with the URL of each. */
function serversTest(name: string, test: (url: string) => Promise<void>): void {
  Deno.test(`This broker: ${name}`, async () => {
    await using broker = await serve({ port: 0 });
    await withinPatience(test(broker.url));
  });
  interopTest(`Mosquitto: ${name}`, ({ url }) => test(url));
}

serversTest("a thousand requests at once, of each QoS, get the responses to them", async (url) => {
  await using service = await connect(url);
  await using caller = await connect(url, { receiveMaximum: 1000 });
  await using responder = await service.respond("sum", (request) => `${request.text()}!`);
  for (const qos of [0, 1, 2] as const) {
    const responses = numbers(1000).map((text) => caller.request("sum", text, { qos }));
    assertEquals(textsOf(await Promise.all(responses)), numbers(1000).map((text) => `${text}!`));
  }
  await until(() => responder.responded === 3000);
  assertStrictEquals(responder.failed, 0);
  assertEquals(caller.requests, { inFlight: 0, late: 0, foreign: 0 });
});

serversTest("a request that nobody has subscribed to ends at once", async (url) => {
  await using caller = await connect(url);
  await assertRejects(() => caller.request("nobody", ""), NoSubscriberError);
});

serversTest("several responders are heard, until there are enough of them", async (url) => {
  await using caller = await connect(url);
  await using services = new AsyncDisposableStack();
  for (const name of ["a", "b", "c"]) {
    const service = services.use(await connect(url));
    services.use(await service.respond("who", () => name));
  }
  const names: string[] = [];
  for await (const response of caller.requestMany("who", "", { limit: 3 })) {
    names.push(response.text());
  }
  assertEquals(names.toSorted(), ["a", "b", "c"]);
});

serversTest("workers that share a subscription respond to each request once", async (url) => {
  await using caller = await connect(url);
  await using services = new AsyncDisposableStack();
  const responders: Responder[] = [];
  for (let count = 0; count < 2; count++) {
    const service = services.use(await connect(url));
    const filter = "$share/workers/work";
    responders.push(services.use(await service.respond(filter, (request) => request.payload)));
  }
  const responses = numbers(100).map((text) => caller.request("work", text));
  assertEquals(textsOf(await Promise.all(responses)), numbers(100));
  // The server accepts the last responses when the caller has them already.
  const responded = () => responders.map(({ responded }) => responded);
  await until(() => responded().reduce((sum, count) => sum + count) === 100);
  assert(responded().every((count) => count > 0));
  assertEquals(caller.requests.late, 0);
});

serversTest("requests and responses of QoS 1 survive cut connections at both ends", async (url) => {
  const port = Number(new URL(url).port);
  await using near = new Relay({ port });
  await using far = new Relay({ port });
  const options: ConnectOptions = { sessionExpiryInterval: 60, reconnect: QUICKLY };
  await using service = await connect(far.url, options);
  await using caller = await connect(near.url, options);
  await using _ = await service.respond("echo", (request) => request.payload);
  for (let round = 0; round < 3; round++) {
    const responses = numbers(100).map((text) => caller.request("echo", text));
    const again = [once(service, "connected"), once(caller, "connected")];
    far.cut();
    near.cut();
    assertEquals(textsOf(await Promise.all(responses)), numbers(100));
    await Promise.all(again);
  }
});

for (const requestResponseInformation of [true, false, undefined]) {
  Deno.test(`A client that asks ${requestResponseInformation} for Response Information has its responses below ${requestResponseInformation ? "the topic that the broker suggests" : "its own prefix"} [MQTT-3.1.2-28]`, async () => {
    await using broker = await serve({ port: 0, responseInformation: "for/you" });
    await using service = await connect(broker.url);
    await using _ = await service.respond("where", (request) => request.responseTopic);
    await using caller = await connect(broker.url, { requestResponseInformation });
    const isAsked = requestResponseInformation === true;
    assertStrictEquals(caller.server.responseInformation, isAsked ? "for/you" : undefined);
    const where = (await caller.request("where", "")).text();
    assert(where.startsWith(isAsked ? "for/you/" : "mqtt5/responses/"), where);
  });
}

interopTest("Mosquitto: mosquitto_rr asks, and respond() responds", async ({ url, port }) => {
  await using service = await connect(url);
  await using _ = await service.respond("echo", (request) => request.payload);
  const { stdout } = await new Deno.Command("mosquitto_rr", {
    args: ["-p", `${port}`, "-V", "5", "-t", "echo", "-e", "re", "-m", "hello", "-W", "10"],
  }).output();
  assertStrictEquals(new TextDecoder().decode(stdout), "hello\n");
});

interopTest(
  "Mosquitto: a Response Topic with a wildcard, which it lets through, costs no responder its connection",
  async ({ url, port }) => {
    await using service = await connect(url);
    const told: unknown[] = [];
    const onError = (error: unknown) => told.push(error);
    await using _ = await service.respond("ask", () => "x", { onError });
    using stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    await stranger.write(encodePacket({ type: "connect", clientId: "stranger" }));
    await stranger.write(bytesOf("30 0D 0003 61736B 06 08 0003 612F23 78"));
    await until(() => told.length > 0);
    assertInstanceOf(told[0], NoResponseTopicError);
    assertStrictEquals(service.state, "connected");
  },
);
