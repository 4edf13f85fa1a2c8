// SCRAM at a broker: `scramAuthentication()` as a hook, with clients that know their password, and others that do not.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type BrokerOptions,
  type ClientInfo,
  scramAuthentication,
  type ScramAuthenticationOptions,
  type ScramHooks,
  scramKeys,
  type ScramLookup,
} from "../../src/broker/mod.ts";
import { Turnstile } from "../../src/broker/turnstile.ts";
import { webCrypto } from "../../src/io/crypto.ts";
import type { Authenticator } from "../../src/session/authenticator.ts";
import { scramClient } from "../../src/session/scram/client.ts";
import type { ScramMethod } from "../../src/session/scram/keys.ts";
import { bytesOfText, type Client } from "./client.ts";
import { World } from "./world.ts";

const ITERATIONS = { iterations: 4096 };
const USERS = new Map([
  ["alice", await scramKeys("SCRAM-SHA-256", "wonderland", ITERATIONS)],
  ["bob", await scramKeys("SCRAM-SHA-512", new TextEncoder().encode("builder"), ITERATIONS)],
]);
const CONTEXT = { signal: new AbortController().signal };

/** A broker that knows Alice and Bob. */
function worldOf(
  options: ScramAuthenticationOptions = {},
  lookup: ScramLookup = (username) => USERS.get(username),
  more: BrokerOptions = {},
): ScramWorld {
  return new ScramWorld(scramAuthentication(lookup, { ...ITERATIONS, ...options }), more);
}

/** A broker whose answers to steps of SCRAM can be waited for. */
class ScramWorld extends World {
  readonly #steps: Set<unknown>;

  constructor({ authenticate, authenticateStep }: ScramHooks, more: BrokerOptions) {
    const steps = new Set<unknown>();
    super({
      authenticate,
      authenticateStep(client, step) {
        const answer = authenticateStep(client, step);
        steps.add(answer);
        return answer;
      },
      ...more,
    });
    this.#steps = steps;
  }

  /** Lets the cryptography, which takes time, come to its end. */
  async computed(): Promise<void> {
    await Promise.allSettled(this.#steps);
    await this.settle();
  }
}

function authenticator(
  username: string,
  password: string,
  method: ScramMethod = "SCRAM-SHA-256",
): Required<Authenticator> {
  const make = scramClient(webCrypto, method, { username, password });
  return make() as Required<Authenticator>;
}

/** A client that has answered all that it was asked. */
async function ask(
  world: ScramWorld,
  scram: Required<Authenticator>,
  clientId = "c",
  username?: string,
): Promise<Client> {
  const { method: authenticationMethod } = scram;
  const authenticationData = bytesOfText(await scram.start(CONTEXT) as string);
  const properties = { authenticationMethod, authenticationData, sessionExpiryInterval: 10 };
  const client = await world.ask(clientId, { username, properties });
  await world.computed();
  return client;
}

/** Answers the challenge. Returns it. */
async function prove(
  world: ScramWorld,
  client: Client,
  scram: Required<Authenticator>,
): Promise<string> {
  const { authenticationData } = client.expect("auth").properties;
  const answer = await scram.next(authenticationData, CONTEXT) as string;
  await client.send({
    type: "auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: scram.method, authenticationData: bytesOfText(answer) },
  });
  await world.computed();
  return new TextDecoder().decode(authenticationData);
}

for (
  const [username, password, method] of [
    ["alice", "wonderland", "SCRAM-SHA-256"],
    ["bob", "builder", "SCRAM-SHA-512"],
  ] as const
) {
  Deno.test(`A client is let in by ${method}, under the name that it has proven [MQTT-4.12.0-2] [MQTT-4.12.0-5]`, async () => {
    const joined: ClientInfo[] = [];
    await using world = worldOf({}, undefined, { onConnect: (client) => void joined.push(client) });
    const scram = authenticator(username, password, method);
    const client = await ask(world, scram, "c", "boss");
    await prove(world, client, scram);
    const { properties } = client.expect("connack");
    await scram.done(properties.authenticationData, CONTEXT);
    assertStrictEquals(properties.authenticationMethod, method);
    assertEquals(joined.map(({ username }) => username), [username]);
  });
}

for (
  const [what, username, password, method] of [
    ["another password", "alice", "x", "SCRAM-SHA-256"],
    ["a name that nobody has", "carol", "x", "SCRAM-SHA-256"],
    ["a password for another method", "alice", "wonderland", "SCRAM-SHA-512"],
  ] as const
) {
  Deno.test(`A client with ${what} is refused after its proof, with nothing told [MQTT-4.12.0-4]`, async () => {
    await using world = worldOf();
    const scram = authenticator(username, password, method);
    const client = await ask(world, scram);
    const challenge = await prove(world, client, scram);
    assert(/,s=[A-Za-z0-9+/]{22}==,i=4096$/.test(challenge), challenge);
    const refusal = client.expect("connack");
    assertEquals([refusal.reasonCode, refusal.properties], [0x87, {}]);
    client.expectClosed();
  });
}

Deno.test("A name that nobody has is given the same salt each time, as other names are", async () => {
  const secret = new TextEncoder().encode("secret");
  const salts: (string | undefined)[] = [];
  for (const username of ["carol", "carol", "dave", "alice", "alice"]) {
    await using world = worldOf({ secret });
    const scram = authenticator(username, "x");
    const client = await ask(world, scram);
    salts.push(/,s=([^,]*)/.exec(await prove(world, client, scram))?.[1]);
    client.expect("connack");
  }
  const [carol, carolAgain, dave, alice, aliceAgain] = salts;
  assertStrictEquals(carol, carolAgain);
  assertStrictEquals(alice, aliceAgain);
  assert(carol !== dave && carol !== alice);
});

Deno.test("A client that authenticates again is who it was, or has to go [MQTT-4.12.1-2]", async () => {
  await using world = worldOf({}, (username) => USERS.get(username) ?? USERS.get("alice"));
  const scram = authenticator("alice", "wonderland");
  const client = await ask(world, scram);
  await prove(world, client, scram);
  client.expect("connack");
  for (const username of ["alice", "alias"]) {
    const again = authenticator(username, "wonderland");
    await client.send({
      type: "auth",
      reasonCode: 0x19,
      properties: {
        authenticationMethod: again.method,
        authenticationData: bytesOfText(await again.start(CONTEXT) as string),
      },
    });
    await world.computed();
    await prove(world, client, again);
    if (username !== "alice") client.expectDisconnect(0x87);
    else {
      const { reasonCode, properties } = client.expect("auth");
      assertStrictEquals(reasonCode, 0x00);
      await again.done(properties.authenticationData, CONTEXT);
    }
  }
});

Deno.test("A proof is good for one exchange", async () => {
  await using world = worldOf();
  const scram = authenticator("alice", "wonderland");
  const client = await ask(world, scram);
  const { authenticationData } = client.expect("auth").properties;
  const proof = bytesOfText(await scram.next(authenticationData, CONTEXT) as string);
  const properties = { authenticationMethod: scram.method, authenticationData: proof };
  const other = await ask(world, authenticator("alice", "x"), "other");
  other.expect("auth");
  await other.send({ type: "auth", reasonCode: 0x18, properties });
  await world.computed();
  other.expectRefusal(0x87);
  await client.send({ type: "auth", reasonCode: 0x18, properties });
  await world.computed();
  client.expect("connack");
});

Deno.test("A step without the one before it is refused", async () => {
  const { authenticateStep } = scramAuthentication((username) => USERS.get(username), ITERATIONS);
  const client = { clientId: "c" } as ClientInfo;
  const scram = authenticator("alice", "wonderland");
  const take = async (step: number, text: unknown) => {
    const data = bytesOfText(String(text));
    return await authenticateStep(client, {
      ...{ method: scram.method, data, step },
      isReauthentication: false,
    });
  };
  assertStrictEquals((await take(1, "x")).result, "refuse");
  const challenge = await take(0, await scram.start(CONTEXT));
  assert(challenge.result === "continue");
  const { data } = challenge as { readonly data?: Uint8Array };
  const proof = await scram.next(data, CONTEXT);
  assertStrictEquals((await take(1, proof)).result, "success");
  assertStrictEquals((await take(2, proof)).result, "refuse");
});

for (const [certificateUsername, reasonCode] of [["alice", 0x00], ["bob", 0x87]] as const) {
  Deno.test(
    `A client whose certificate is that of ${certificateUsername} ${
      reasonCode === 0 ? "may prove to be Alice" : "may not prove to be Alice"
    }`,
    async () => {
      await using world = worldOf();
      const scram = authenticator("alice", "wonderland");
      const client = world.open("here", { certificateUsername });
      await client.sendConnect("c", {
        properties: {
          authenticationMethod: scram.method,
          authenticationData: bytesOfText(await scram.start(CONTEXT) as string),
        },
      });
      await world.computed();
      await prove(world, client, scram);
      assertStrictEquals(client.expect("connack").reasonCode, reasonCode);
    },
  );
}

Deno.test("A session belongs to the user that was proven", async () => {
  await using world = worldOf({}, (username) => USERS.get(username) ?? USERS.get("alice"));
  for (
    const [username, reasonCode] of [["alice", 0x00], ["mallory", 0x87], ["alice", 0x00]] as const
  ) {
    const scram = authenticator(username, "wonderland");
    const client = await ask(world, scram, "c", "alice");
    await prove(world, client, scram);
    assertStrictEquals(client.expect("connack").reasonCode, reasonCode);
    if (reasonCode === 0x00) await client.cut();
  }
});

for (
  const [what, properties, reasonCode] of [
    ["another method", { authenticationMethod: "SCRAM-SHA-1" }, 0x8c],
    ["a method that is not offered", { authenticationMethod: "SCRAM-SHA-512" }, 0x8c],
    ["no method", {}, 0x8c],
    ["no data", { authenticationMethod: "SCRAM-SHA-256" }, 0x87],
    ["channel binding", {
      authenticationMethod: "SCRAM-SHA-256",
      authenticationData: bytesOfText("p=tls-exporter,,n=alice,r=abc"),
    }, 0x87],
    ["a name that SASLprep does not allow", {
      authenticationMethod: "SCRAM-SHA-256",
      authenticationData: bytesOfText("n,,n=\x07,r=abc"),
    }, 0x87],
  ] as const
) {
  Deno.test(`A client with ${what} is refused at once, and the broker reports nothing [MQTT-4.12.0-1] [MQTT-4.12.0-4]`, async () => {
    await using world = worldOf({ methods: ["SCRAM-SHA-256"] });
    const client = await world.ask("c", { username: "alice", properties });
    await world.computed();
    client.expectRefusal(reasonCode);
    assertEquals(world.lines, []);
  });
}

for (
  const [what, lookup] of [
    ["throws", () => {
      throw new Error("no database");
    }],
    ["gives something else", () => "wonderland"],
  ] as const
) {
  Deno.test(`A lookup that ${what} lets nobody in, and is reported`, async () => {
    await using world = worldOf({}, lookup);
    const client = await ask(world, authenticator("alice", "wonderland"));
    client.expectRefusal(0x87);
    assertStrictEquals(world.lines.length, 1);
    assert(!world.lines[0]!.includes("wonderland"), world.lines[0]);
  });
}

Deno.test("A hook after scramAuthentication() lets in clients with a password as well", async () => {
  await using world = worldOf({}, undefined, {
    authenticate: (_, { username }) => username === "x",
  });
  (await world.ask("c", { username: "y" })).expectRefusal(0x87);
  (await world.ask("c", { username: "x" })).expect("connack");
});

Deno.test("A turnstile lets through so many at a time, in their order, whatever becomes of them", async () => {
  const turnstile = new Turnstile(2);
  const begun: number[] = [];
  const works = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const passed = works.map(({ promise }, index) =>
    turnstile.pass(async () => {
      begun.push(index);
      await promise;
    })
  );
  await Promise.resolve();
  assertEquals(begun, [0, 1]);
  works[1]!.reject(new Error("x"));
  await assertRejects(() => passed[1]!);
  assertEquals(begun, [0, 1, 2]);
  for (const { resolve } of works) resolve();
  await Promise.allSettled(passed);
  assertEquals(begun, [0, 1, 2, 3, 4]);
  assertThrows(() => new Turnstile(0), RangeError, "concurrency");
});

Deno.test("Options of SCRAM that cannot be used are refused", async () => {
  const make = (options: object) => () =>
    scramAuthentication(() => undefined, options as ScramAuthenticationOptions);
  assertThrows(make({ methods: ["SCRAM-SHA-1"] }), TypeError, 'got "SCRAM-SHA-1"');
  for (const iterations of [4095, 1_000_001, 5000.5]) {
    assertThrows(make({ iterations }), RangeError, `got ${iterations}`);
    await assertRejects(() => scramKeys("SCRAM-SHA-256", "x", { iterations }), RangeError);
  }
  assertThrows(make({ secret: new Uint8Array(0) }), TypeError, "secret");
  assertThrows(make({ concurrency: 0 }), RangeError, "concurrency");
  assertThrows(() => scramAuthentication("x" as never), TypeError, "lookup");
  await assertRejects(() => scramKeys("SCRAM-SHA-1" as never, "x"), TypeError, "SCRAM-SHA-1");
  await assertRejects(() => scramKeys("SCRAM-SHA-256", "\x07"), TypeError, "U+0007");
  for (const length of [7, 65]) {
    const salt = new Uint8Array(length);
    await assertRejects(() => scramKeys("SCRAM-SHA-256", "x", { salt }), RangeError, `${length}`);
  }
  for (const length of [8, 64]) {
    await scramKeys("SCRAM-SHA-256", "x", { salt: new Uint8Array(length) });
  }
  const salt = "salt" as unknown as Uint8Array;
  await assertRejects(() => scramKeys("SCRAM-SHA-256", "x", { salt }), TypeError, "got string");
});
