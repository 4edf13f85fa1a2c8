// §4.12 Enhanced authentication, by a hook: as many steps as it takes, before the client is let in and again afterwards.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { AuthenticationAnswer, AuthenticationStep } from "../../src/broker/mod.ts";
import type { PropertiesOf } from "../../src/packets/mod.ts";
import { bytesOf } from "../hex.ts";
import { bytesOfText, type Client, publishOf } from "./client.ts";
import { Pending } from "./pending.ts";
import { World } from "./world.ts";

const METHOD = { authenticationMethod: "m" };

function data(text: string): PropertiesOf<"connect"> & { readonly authenticationMethod: string } {
  return { ...METHOD, authenticationData: bytesOfText(text) };
}

/** A hook that asks for a step more for each letter of "ab", succeeds at "c", and refuses all else. */
function letters({ data }: AuthenticationStep): AuthenticationAnswer {
  const text = new TextDecoder().decode(data);
  if (text === "c") return { result: "success", data: bytesOfText("welcome") };
  return "ab".includes(text) && text !== ""
    ? { result: "continue", data: bytesOfText(`not ${text}`) }
    : { result: "refuse" };
}

async function auth(client: Client, text: string, reasonCode: 0x18 | 0x19 = 0x18): Promise<void> {
  await client.send({ type: "auth", reasonCode, properties: data(text) });
}

for (const isAsync of [false, true]) {
  const what = isAsync ? "an async hook" : "a hook";
  const authenticateStep = (_client: unknown, step: AuthenticationStep) =>
    isAsync ? Promise.resolve(letters(step)) : letters(step);

  Deno.test(`A client is accepted at the first step by ${what} [MQTT-4.12.0-5]`, async () => {
    await using world = new World({ authenticateStep });
    const { connack } = await world.join("c", { properties: data("c") });
    assertStrictEquals(connack.properties.authenticationMethod, "m");
    assertEquals(connack.properties.authenticationData, bytesOfText("welcome"));
  });

  Deno.test(`A client is accepted after several steps by ${what} [MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-3.2.0-1]`, async () => {
    await using world = new World({ authenticateStep });
    const client = await world.ask("c", { properties: data("a") });
    for (const [asked, next] of [["a", "b"], ["b", "c"]] as const) {
      assertEquals(client.expect("auth"), {
        type: "auth",
        reasonCode: 0x18,
        properties: data(`not ${asked}`),
      });
      client.expectNothing();
      assertStrictEquals(world.engine.statistics.clients, 0);
      await auth(client, next);
    }
    const { properties } = client.expect("connack");
    assertStrictEquals(properties.authenticationMethod, "m");
    assertEquals(properties.authenticationData, bytesOfText("welcome"));
    assertStrictEquals(world.engine.statistics.clients, 1);
  });

  Deno.test(`A client is refused at any step by ${what} [MQTT-4.12.0-4] [MQTT-3.1.4-2]`, async () => {
    await using world = new World({ authenticateStep });
    (await world.ask("c", { properties: data("x") })).expectRefusal(0x87);
    const client = await world.ask("c", { properties: data("a") });
    client.expect("auth");
    await auth(client, "x");
    client.expectRefusal(0x87);
    assertStrictEquals(world.engine.statistics.sessions, 0);
  });

  Deno.test(`A client re-authenticates by ${what} and stays connected [MQTT-4.12.0-2] [MQTT-4.12.0-5]`, async () => {
    await using world = new World({ authenticateStep });
    const client = await world.connect("c", { properties: data("c") });
    await client.subscribe("t");
    for (let count = 0; count < 2; count++) {
      await auth(client, "a", 0x19);
      assertStrictEquals(client.expect("auth").reasonCode, 0x18);
      await client.publish("t", "meanwhile");
      client.expectMessage("t", "meanwhile");
      await auth(client, "c");
      assertEquals(client.expect("auth"), {
        type: "auth",
        reasonCode: 0x00,
        properties: data("welcome"),
      });
      client.expectNothing();
    }
  });

  Deno.test(`A client that fails re-authentication by ${what} is disconnected, and its Will is published [MQTT-4.12.1-2]`, async () => {
    await using world = new World({ authenticateStep });
    const witness = await world.connect("witness");
    await witness.subscribe("will");
    const client = await world.connect("c", { properties: data("c"), will: { topic: "will" } });
    await auth(client, "b", 0x19);
    assertStrictEquals(client.expect("auth").reasonCode, 0x18);
    await auth(client, "x");
    client.expectDisconnect(0x87);
    witness.expectMessage("will");
  });
}

Deno.test("A client with an Authentication Method is refused when there is no hook for it [MQTT-4.12.0-1]", async () => {
  await using world = new World({ authenticate: () => true });
  (await world.ask("c", { properties: METHOD })).expectRefusal(0x8c);
  assertStrictEquals(world.engine.statistics.sessions, 0);
});

Deno.test("A client whose method the hook does not know is refused with Bad authentication method [MQTT-4.12.0-1]", async () => {
  await using world = new World({
    authenticateStep: (_client, { method }) =>
      method === "m" ? { result: "success" } : { result: "refuse", reasonCode: 0x8c },
  });
  (await world.ask("c", { properties: { authenticationMethod: "n" } })).expectRefusal(0x8c);
  await world.connect("c", { properties: METHOD });
});

Deno.test("A client without an Authentication Method receives no AUTH, and no method in CONNACK [MQTT-4.12.0-6]", async () => {
  await using world = new World({ authenticateStep: () => ({ result: "continue" }) });
  const { client, connack } = await world.join("c");
  assertStrictEquals(connack.properties.authenticationMethod, undefined);
  assertStrictEquals(connack.properties.authenticationData, undefined);
  await client.send({ type: "auth", reasonCode: 0x19, properties: METHOD });
  client.expectDisconnect(0x82);
});

Deno.test("The hook receives the client, the method, the data, the number of the step and whether it is re-authentication", async () => {
  const told: unknown[] = [];
  await using world = new World({
    authenticateStep: ({ clientId, username }, { method, data, step, isReauthentication }) => {
      const text = data === undefined ? undefined : new TextDecoder().decode(data);
      told.push([clientId, username, method, text, step, isReauthentication]);
      return { result: text === undefined ? "continue" : "success" };
    },
  });
  const client = await world.ask("", { username: "u", properties: METHOD });
  client.expect("auth");
  await auth(client, "1");
  client.expect("connack");
  for (const text of ["2", "3"]) {
    await client.send({ type: "auth", reasonCode: 0x19, properties: METHOD });
    client.expect("auth");
    await auth(client, text);
    client.expect("auth");
  }
  assertEquals(told, [
    ["given-1", "u", "m", undefined, 0, false],
    ["given-1", "u", "m", "1", 1, false],
    ["given-1", "u", "m", undefined, 0, true],
    ["given-1", "u", "m", "2", 1, true],
    ["given-1", "u", "m", undefined, 0, true],
    ["given-1", "u", "m", "3", 1, true],
  ]);
});

for (
  const [what, answer] of [
    ["throws", () => {
      throw new Error("The hook has failed");
    }],
    ["rejects", () => Promise.reject(new Error("The hook has failed"))],
    ["says nothing", () => undefined],
    ["says what is no answer", () => ({ result: "perhaps" })],
    ["says it asynchronously", () => Promise.resolve({})],
    ["gives data that are none", () => ({ result: "continue", data: "text" })],
    ["succeeds with data that are none", () => ({ result: "success", data: [1] })],
    ["refuses with no Reason Code of a refusal", () => ({ result: "refuse", reasonCode: 0 })],
    ["refuses with a Reason String that is none", () => ({ result: "refuse", reasonString: 1 })],
    ["succeeds with a user name that is none", () => ({ result: "success", username: 1 })],
  ] as const
) {
  Deno.test(`A client is refused by a hook that ${what} [MQTT-4.12.0-4] [MQTT-4.12.1-2]`, async () => {
    let isBad = true;
    await using world = new World({
      authenticateStep: () =>
        isBad ? answer() as unknown as AuthenticationAnswer : { result: "success" },
    });
    (await world.ask("c", { properties: METHOD })).expectRefusal(0x87);
    isBad = false;
    const client = await world.connect("c", { properties: METHOD });
    isBad = true;
    await client.send({ type: "auth", reasonCode: 0x19, properties: METHOD });
    client.expectDisconnect(0x87);
  });
}

Deno.test("With enhanced authentication the Will is still authorized, but authenticate() is not called", async () => {
  const asked: string[] = [];
  await using world = new World({
    authenticate: () => asked.push("credentials") > 0,
    authorizePublish: () => asked.push("will") === 0,
    authenticateStep: () => ({ result: "success" }),
  });
  (await world.ask("c", { properties: METHOD, will: { topic: "w" } })).expectRefusal(0x87);
  assertEquals(asked, ["will"]);
});

Deno.test("A client that does not send AUTH in time is disconnected", async () => {
  await using world = new World({
    limits: { connectTimeout: 500 },
    authenticateStep: () => ({ result: "continue" }),
  });
  const client = await world.ask("c", { properties: METHOD });
  client.expect("auth");
  await world.advance(499);
  client.expectNothing();
  await world.advance(1);
  client.expectClosed();
});

Deno.test("An AUTH out of turn or with another method is a Protocol Error [MQTT-4.12.0-5]", async () => {
  const pending = new Pending<AuthenticationAnswer>();
  await using world = new World({ authenticateStep: () => pending.ask("step") });
  const early = await world.ask("c", { properties: METHOD });
  pending.answer({ result: "continue" });
  await world.settle();
  early.expect("auth");
  await early.send({
    type: "auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: "other" },
  });
  early.expectRefusal(0x82);
  const client = await world.ask("c", { properties: METHOD });
  pending.answer({ result: "success" });
  await world.settle();
  client.expect("connack");
  await auth(client, "a", 0x18);
  client.expectDisconnect(0x82);
  pending.expectNone();
});

Deno.test("Packets sent during re-authentication are handled after its answer", async () => {
  const pending = new Pending<AuthenticationAnswer>();
  await using world = new World({ authenticateStep: () => pending.ask("step") });
  const witness = await world.connect("witness");
  await witness.subscribe("a");
  const client = await world.ask("c", { properties: METHOD });
  pending.answer({ result: "success" });
  await world.settle();
  client.expect("connack");
  await client.send(
    { type: "auth", reasonCode: 0x19, properties: METHOD },
    publishOf("a", "1", { qos: 1, packetId: 1 }),
  );
  witness.expectNothing();
  pending.answer({ result: "success" });
  await world.settle();
  client.expect("auth");
  client.expect("puback");
  witness.expectMessage("a", "1");
});

Deno.test("A client that disconnects while a step is being decided is not accepted", async () => {
  const pending = new Pending<AuthenticationAnswer>();
  await using world = new World({ authenticateStep: () => pending.ask("step") });
  for (const result of ["success", "continue", "refuse"] as const) {
    const client = await world.ask("c", { properties: METHOD });
    await client.cut();
    pending.answer({ result });
    await world.settle();
    client.expectClosed();
  }
  assertStrictEquals(world.engine.statistics.clients, 0);
});

Deno.test("Packets other than AUTH sent before CONNACK wait while the hook decides, and are an error when AUTH is expected", async () => {
  await using world = new World({ authenticateStep: () => ({ result: "continue" }) });
  const client = await world.ask("c", { properties: METHOD });
  client.expect("auth");
  await client.sendBytes(bytesOf("C0 00"));
  client.expectRefusal(0x82);
});
