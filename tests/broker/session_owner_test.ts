// A Client Identifier is no secret: the session that it names is its owner's all the same.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerOptions } from "../../src/broker/mod.ts";
import type { PeerInfo } from "../../src/session/peer.ts";
import type { Client, ConnectOptions } from "./client.ts";
import { World } from "./world.ts";

const LASTING: ConnectOptions = {
  cleanStart: false,
  properties: { sessionExpiryInterval: 3600 },
};

/** Bob has a session, is away, and a message waits for him. */
async function withBobsSession(
  world: World,
  username: string | undefined = "bob",
  lasting: ConnectOptions = LASTING,
): Promise<void> {
  const bob = await world.connect("c", { username, ...lasting });
  await bob.subscribe("a", { qos: 1 });
  await bob.disconnect();
  const other = await world.connect("other", { username: "other", ...lasting });
  await other.publish("a", "for bob", { qos: 1 });
  await other.disconnect();
}

/** Bob is there, and gets what waited for him. */
async function expectBob(
  world: World,
  username: string | undefined = "bob",
  lasting: ConnectOptions = LASTING,
): Promise<void> {
  const { client, connack } = await world.join("c", { username, ...lasting });
  assertStrictEquals(connack.sessionPresent, true);
  assertEquals(await client.receiveTexts(), ["for bob"]);
}

const AUTHENTICATIONS: readonly (readonly [string, BrokerOptions])[] = [
  ["authenticate()", { authenticate: () => true }],
  ["authenticate(), async,", { authenticate: () => Promise.resolve(true) }],
  ["authenticateStep()", { authenticateStep: () => ({ result: "success" }) }],
];

/** How clients connect that take part in enhanced authentication where there is any. */
const withMethod = ({ authenticateStep }: BrokerOptions): ConnectOptions => ({
  ...LASTING,
  properties: {
    ...LASTING.properties,
    ...authenticateStep !== undefined && { authenticationMethod: "m" },
  },
});

for (const [what, options] of AUTHENTICATIONS) {
  for (const username of ["mallory", undefined, "", "Bob"]) {
    for (const cleanStart of [false, true]) {
      Deno.test(`Where ${what} says who may connect, ${username} does not get Bob's session, Clean Start ${cleanStart}`, async () => {
        await using world = new World(options);
        const lasting = withMethod(options);
        await withBobsSession(world, "bob", lasting);
        (await world.ask("c", { username, ...lasting, cleanStart })).expectRefusal(0x87);
        await expectBob(world, "bob", lasting);
      });
    }
  }
}

Deno.test("A client with enhanced authentication does not get the session of one without", async () => {
  await using world = new World({ authenticateStep: () => ({ result: "success" }) });
  const lasting = withMethod({ authenticateStep: () => ({ result: "success" }) });
  await withBobsSession(world, "bob", lasting);
  (await world.ask("c", { username: "bob", ...LASTING })).expectRefusal(0x87);
  await expectBob(world, "bob", lasting);
});

Deno.test("Bob stays connected when somebody else asks for his session", async () => {
  await using world = new World({ authenticate: () => true });
  const bob = await world.connect("c", { username: "bob" });
  (await world.ask("c", { username: "mallory" })).expectRefusal(0x87);
  bob.expectNothing();
  const again = await world.connect("c", { username: "bob" });
  bob.expectDisconnect(0x8e);
  again.expectNothing();
});

Deno.test("A session that has ended has no owner any more", async () => {
  await using world = new World({ authenticate: () => true });
  await (await world.connect("c", { username: "bob" })).disconnect();
  await world.connect("c", { username: "mallory" });
});

Deno.test("Bob may end his own session by Clean Start", async () => {
  await using world = new World({ authenticate: () => true });
  await withBobsSession(world);
  const { connack } = await world.join("c", { username: "bob", cleanStart: true });
  assertStrictEquals(connack.sessionPresent, false);
});

Deno.test("Clients without a User Name that authenticate() accepts share one owner", async () => {
  await using world = new World({ authenticate: () => true });
  await withBobsSession(world, undefined);
  (await world.ask("c", { username: "mallory", ...LASTING })).expectRefusal(0x87);
  await expectBob(world, undefined);
});

Deno.test("Without authentication a session belongs to whoever uses its Client Identifier", async () => {
  await using world = new World();
  await withBobsSession(world);
  await expectBob(world, "mallory");
});

/** A client of a listener, with a certificate. */
function withCertificate(world: World, peer: Partial<PeerInfo>): Client {
  return world.open("here", peer);
}

const certificate = (subjectText: string) => ({ subjectText }) as PeerInfo["certificate"];

Deno.test("With User Names from certificates a session belongs to its certificate's user, and is closed to clients without one", async () => {
  await using world = new World({}, { hasCertificateUsernames: true });
  const bob = withCertificate(world, { certificateUsername: "bob" });
  await bob.sendConnect("c", LASTING);
  assertStrictEquals(bob.expect("connack").reasonCode, 0x00);
  for (const peer of [{ certificateUsername: "mallory" }, {}]) {
    const mallory = withCertificate(world, peer);
    await mallory.sendConnect("c", { username: "bob", ...LASTING });
    mallory.expectRefusal(0x87);
  }
  const again = withCertificate(world, { certificateUsername: "bob" });
  await again.sendConnect("c", LASTING);
  assertStrictEquals(again.expect("connack").sessionPresent, true);
});

Deno.test("Without a User Name the subject of the certificate is the owner", async () => {
  await using world = new World({ authenticate: () => true });
  const bob = withCertificate(world, { certificate: certificate("CN=bob") });
  await bob.sendConnect("c", LASTING);
  assertStrictEquals(bob.expect("connack").reasonCode, 0x00);
  const mallory = withCertificate(world, { certificate: certificate("CN=mallory") });
  await mallory.sendConnect("c", LASTING);
  mallory.expectRefusal(0x87);
  const renewed = withCertificate(world, { certificate: certificate("CN=bob") });
  await renewed.sendConnect("c", LASTING);
  assertStrictEquals(renewed.expect("connack").sessionPresent, true);
});

Deno.test("sessionOwner() can make all users of a tenant one owner, and undefined stands for no owner", async () => {
  await using world = new World({
    sessionOwner: ({ username }) => username?.split("@")[1],
  });
  await withBobsSession(world, "bob@acme");
  (await world.ask("c", { username: "mallory@evil", ...LASTING })).expectRefusal(0x87);
  (await world.ask("c", LASTING)).expectRefusal(0x87);
  await expectBob(world, "alice@acme");
  const anybody = await world.connect("d", LASTING);
  await anybody.disconnect();
  const { connack } = await world.join("d", { username: "bob@acme", ...LASTING });
  assertStrictEquals(connack.sessionPresent, true);
  (await world.ask("d", LASTING)).expectRefusal(0x87);
});

for (
  const [what, sessionOwner] of [
    ["throws", () => {
      throw new Error("no");
    }],
    ["gives a promise", () => Promise.resolve("bob")],
    ["gives a number", () => 1],
  ] as const
) {
  Deno.test(`sessionOwner() that ${what} refuses that client, and its error is reported`, async () => {
    const told: string[] = [];
    await using world = new World({
      sessionOwner: ((client: { clientId: string }) =>
        client.clientId === "bad" ? sessionOwner() : "x") as NonNullable<
          BrokerOptions["sessionOwner"]
        >,
      onError: (_error, { what, client }) =>
        void told.push(`${what} ${client?.clientId}`),
    });
    (await world.ask("bad")).expectRefusal(0x87);
    assertEquals(told, ["sessionOwner bad"]);
    await world.connect("good");
  });
}
