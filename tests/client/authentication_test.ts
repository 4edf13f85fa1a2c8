// §4.12 Enhanced authentication of a client, by the application's authenticator: up to CONNACK.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionClosedError, RefusedError } from "../../src/errors.ts";
import type { Authenticator } from "../../src/session/authenticator.ts";
import { AUTHENTICATED, data, letters, METHOD, step } from "./authenticators.ts";
import { assertPending, test } from "./world.ts";

for (const isAsync of [false, true]) {
  const how = isAsync ? ", in its own time" : "";

  test(`A client answers each step of the server${how} [MQTT-4.12.0-3] [MQTT-4.12.0-5]`, async (world) => {
    const told: string[] = [];
    const client = world.client({ authentication: () => letters(told, isAsync) });
    const started = client.start();
    const peer = await world.peer();
    const { properties } = await peer.expect("connect");
    assertStrictEquals(properties.authenticationMethod, "m");
    assertEquals(properties.authenticationData, data("start"));
    for (const letter of ["a", "b"]) {
      peer.send(step(letter));
      assertEquals(await peer.expect("auth"), step(`not ${letter}`));
      await peer.expectNothing();
    }
    peer.send({ type: "connack", properties: { ...METHOD, authenticationData: data("end") } });
    await started;
    assertEquals(told, ["start", "next a", "next b", "done end"]);
    world.expectTold("connected");
  });
}

test("A client has its authenticator made anew for each connection", async (world) => {
  let made = 0;
  const { peer } = await world.connected(
    { authentication: () => ({ method: "m", start: () => `made ${++made}` }) },
    AUTHENTICATED,
  );
  peer.close();
  const again = await world.peer();
  const { properties } = await again.accept(AUTHENTICATED);
  assertEquals(properties.authenticationData, data("made 2"));
});

test("A client may authenticate without data, and have user and password as well", async (world) => {
  const client = world.client({
    username: "u",
    password: "p",
    authentication: () => Promise.resolve({ method: "m", start: () => undefined }),
  });
  const started = client.start();
  const { properties, username } = await (await world.peer()).accept(AUTHENTICATED);
  assertEquals([properties.authenticationMethod, properties.authenticationData], ["m", undefined]);
  assertStrictEquals(username, "u");
  await started;
});

for (
  const [what, authenticator] of [
    ["throws", { done: () => fail("not the one") }],
    ["rejects", { done: () => Promise.reject(new Error("not the one")) }],
  ] as const
) {
  test(`A client whose authenticator ${what} at CONNACK disconnects, and says nothing else`, async (world) => {
    const client = world.client({
      authentication: () => ({ method: "m", start: () => "", ...authenticator }),
    });
    const published = client.publish("a", "secret", { qos: 1 });
    published.catch(() => {});
    const rejected = assertRejects(() => client.start(), ConnectionClosedError);
    const peer = await world.peer();
    await peer.accept(AUTHENTICATED);
    const packets = await peer.takePackets();
    assertEquals(packets.map(({ type }) => type), ["disconnect"]);
    peer.close();
    const error = await rejected;
    assertStrictEquals(error.message, "server:1883 did not pass authentication: not the one");
    assertStrictEquals(error.kind, "credentials");
    await assertRejects(() => published, ConnectionClosedError);
    assertEquals(world.told.map(({ type }) => type), ["closed"]);
  });
}

test("A client takes no message before it trusts its server", async (world) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = world.client({
    authentication: () => ({ method: "m", start: () => "", done: () => promise }),
  });
  const started = client.start();
  const peer = await world.peer();
  await peer.accept(AUTHENTICATED);
  peer.publish("a");
  await assertPending(started);
  assertEquals(world.told, []);
  resolve();
  await started;
  world.expectTold("connected");
  for await (const message of client.messages) {
    assertStrictEquals(message.topic, "a");
    break;
  }
});

for (
  const [what, authenticator, says, cause] of [
    ["throws in next()", { next: () => fail("no ticket") }, "no ticket"],
    ["has no next()", {}, "the server asks for a step that m does not have"],
    ["answers too much", { next: () => new Uint8Array(65_536) }, "65536"],
    ["answers with a number", { next: () => 1 as unknown as string }, "got number"],
  ] as readonly (readonly [string, Partial<Authenticator>, string, unknown?])[]
) {
  test(`A client whose authenticator ${what} disconnects`, async (world) => {
    void cause;
    const client = world.client({
      authentication: () => ({ method: "m", start: () => "", ...authenticator }),
    });
    const rejected = assertRejects(() => client.start(), ConnectionClosedError, says);
    const peer = await world.peer();
    await peer.expect("connect");
    peer.send(step("a"));
    assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x80);
    peer.close();
    assertStrictEquals((await rejected).kind, "credentials");
  });
}

test("A client tries again when its authenticator says that it helps", async (world) => {
  let made = 0;
  const authentication = (): Authenticator => ({
    method: "m",
    start: () => "",
    next: () => {
      if (++made > 1) return "";
      throw new ConnectionClosedError("The ticket server is busy", { kind: "transient" });
    },
  });
  const client = world.client({ authentication, waitForServer: true });
  const started = client.start();
  const peer = await world.peer();
  await peer.expect("connect");
  peer.send(step("a"));
  await peer.expect("disconnect");
  peer.close();
  await world.clock.advance(1000);
  assertStrictEquals(world.expectTold("reconnecting").error?.message, "The ticket server is busy");
  const again = await world.peer();
  await again.expect("connect");
  again.send(step("a"));
  await again.expect("auth");
  again.send({ type: "connack", ...AUTHENTICATED });
  await started;
});

for (
  const [what, authentication] of [
    ["the factory throws", () => fail("no ticket")],
    ["the factory rejects", () => Promise.reject(new Error("no ticket"))],
    ["start() throws", () => ({ method: "m", start: () => fail("no ticket") })],
  ] as const
) {
  test(`Nothing is dialled when ${what}, and another attempt may help`, async (world) => {
    const client = world.client({ authentication });
    const error = await assertRejects(() => client.start(), ConnectionClosedError);
    assertStrictEquals(error.message, "Cannot begin to authenticate with server:1883: no ticket");
    assertStrictEquals(error.kind, "transient");
    assertEquals(world.dialled, []);
  });
}

for (
  const [what, authenticator] of [
    ["is none", undefined],
    ["has no method", { start: () => "" }],
    ["has no start()", { method: "m" }],
    ["starts with a number", { method: "m", start: () => 1 }],
  ] as const
) {
  test(`An authenticator that ${what} is refused`, async (world) => {
    const client = world.client({
      authentication: () => authenticator as unknown as Authenticator,
    });
    const error = await assertRejects(() => client.start(), ConnectionClosedError);
    assert(error.cause instanceof TypeError);
    assertEquals(world.dialled, []);
  });
}

test("Authentication that cannot be used is refused before anything is done", (world) => {
  const authentication = () => letters([]);
  for (const more of [{ authenticationMethod: "m" }, { authenticationData: data("x") }]) {
    assertThrows(() => world.client({ authentication, ...more }), TypeError, "cannot be combined");
  }
  const name = "SCRAM" as unknown as typeof authentication;
  assertThrows(() => world.client({ authentication: name }), TypeError, "of type function");
  return Promise.resolve();
});

test("A client without an authenticator has nothing to answer a step with", async (world) => {
  const client = world.client({ authenticationMethod: "m" });
  const says = 'asks for a step of "m" authentication; give connect() the option authentication';
  const rejected = assertRejects(() => client.start(), ConnectionClosedError, says);
  const peer = await world.peer();
  await peer.expect("connect");
  peer.send(step("a"));
  await peer.expectClosed();
  await rejected;
});

test("A client says which method its server does not take [MQTT-4.12.0-1]", async (world) => {
  const client = world.client({ authentication: () => letters([]) });
  const rejected = assertRejects(() => client.start(), RefusedError);
  const peer = await world.peer();
  await peer.accept({ reasonCode: 0x8c });
  peer.close();
  const { message, reasonCode } = await rejected;
  assertStrictEquals(
    message,
    'server:1883 refused the Authentication Method "m": 0x8C Bad authentication method',
  );
  assertStrictEquals(reasonCode, 0x8c);
});

test("A server that answers with another method, or out of turn, is refused [MQTT-4.12.0-5]", async (world) => {
  for (
    const [packets, says] of [
      [[{ ...step("a"), properties: { authenticationMethod: "other" } }], "differs from that"],
      [[step("a"), step("b")], "out of turn"],
      [[{ ...step("a"), reasonCode: 0x19 }], "out of turn"],
      [[{ ...step("a"), reasonCode: 0x00 }], "out of turn"],
      [[step("a"), { type: "connack", ...AUTHENTICATED }], "before the Client had answered"],
      [[{ type: "connack" }], "differs from that of CONNECT"],
    ] as const
  ) {
    const client = world.client({ authentication: () => letters([], true) });
    const rejected = assertRejects(() => client.start(), ConnectionClosedError, says);
    const peer = await world.peer();
    await peer.expect("connect");
    peer.send(...packets);
    assertStrictEquals((await peer.expect("disconnect")).reasonCode, 0x82);
    peer.close();
    assertStrictEquals((await rejected).kind, "protocol");
  }
});

for (const where of ["factory", "start", "next", "done"] as const) {
  test(`A client waits for ${where}() as long as for the connection, and no longer`, async (world) => {
    const signals: AbortSignal[] = [];
    const wait = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise<never>(() => {});
    };
    const authenticator: Authenticator = {
      method: "m",
      start: (context) => where === "start" ? wait(context.signal) : "",
      next: (_data, context) => where === "next" ? wait(context.signal) : "",
      done: (_data, context) => where === "done" ? wait(context.signal) : undefined,
    };
    const client = world.client({
      connectTimeout: 500,
      authentication: ({ signal }) => where === "factory" ? wait(signal) : authenticator,
    });
    const rejected = assertRejects(() => client.start(), ConnectionClosedError, "within 500 ms");
    if (where === "next" || where === "done") {
      const peer = await world.peer();
      await peer.expect("connect");
      peer.send(where === "next" ? step("a") : { type: "connack", ...AUTHENTICATED });
    }
    await world.clock.advance(499);
    assertStrictEquals(signals[0]!.aborted, false);
    await world.clock.advance(1);
    assertStrictEquals(signals[0]!.aborted, true);
    await world.clock.advance(1000);
    assertStrictEquals((await rejected).code, "timeout");
  });
}

test("A server that goes while a step is thought about is gone", async (world) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const client = world.client({
    authentication: () => ({ method: "m", start: () => "", next: () => promise }),
  });
  const rejected = assertRejects(() => client.start(), ConnectionClosedError, "closed");
  const peer = await world.peer();
  await peer.expect("connect");
  peer.send(step("a"));
  await peer.expectNothing();
  peer.close();
  await world.clock.advance(1000);
  await rejected;
  resolve("too late");
  await peer.expectNothing();
});

function fail(message: string): never {
  throw new Error(message);
}
