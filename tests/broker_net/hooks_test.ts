// Hooks that go wrong, over sockets: a broker that anybody can bring down by one, or whose sockets
// stay, is none.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { type BrokerOptions, serve, type ServeOptions } from "../../src/broker/mod.ts";
import { Peer } from "./peer.ts";

/** A broker, and a promise that the broker has closed so many of its connections. */
async function watchedBroker(options: ServeOptions, count: number) {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let left = count;
  const broker = await serve({
    ...options,
    port: 0,
    intercept: (transport) => ({
      read: () => transport.read(),
      write: (bytes) => transport.write(bytes),
      closeWrite: () => transport.closeWrite(),
      close: () => {
        transport.close();
        if (--left === 0) resolve();
      },
    }),
  });
  return { broker, closed };
}

const never = (): Promise<boolean> => new Promise(() => {});

/** A message with so many bytes. */
const message = (length: number) => ({
  type: "publish",
  topic: "a",
  payload: new Uint8Array(length),
} as const);

for (
  const [what, options] of [
    ["authenticate()", { authenticate: never }],
    ["authorizePublish()", { authorizePublish: never }],
  ] satisfies [string, BrokerOptions][]
) {
  Deno.test(`A client that disconnects while ${what} is pending leaves no socket behind`, async () => {
    const limits = { hookTimeout: 1_000_000 };
    const { broker, closed } = await watchedBroker({ ...options, limits, onError() {} }, 20);
    await using _ = broker;
    for (let count = 0; count < 20; count++) {
      using peer = await Peer.dial(broker);
      await peer.send({ type: "connect", clientId: `c${count}` }, message(100));
    }
    await closed;
  });
}

Deno.test("A client that disconnects with unread bytes while a hook is pending is closed after the hook's timeout", async () => {
  const told: unknown[] = [];
  const { broker, closed } = await watchedBroker({
    authorizePublish: never,
    limits: { hookTimeout: 200 },
    onError: (error, { what }) => void told.push([(error as Error).name, what]),
  }, 1);
  await using _ = broker;
  {
    using peer = await Peer.connect(broker);
    await peer.send(message(1000));
    await peer.send(message(100_000), message(100_000));
  }
  await closed;
  // What is left of who has gone is not asked about any more.
  assert(told.length <= 3, `${told.length}`);
  assertEquals(told[0], ["TimeoutError", "authorizePublish"]);
});

Deno.test("An error in intercept closes its connection and is reported", async () => {
  const told: unknown[] = [];
  const faults = [
    () => {
      throw new Error("no");
    },
    () => ({ read() {} }),
  ];
  await using broker = await serve({
    port: 0,
    intercept: (() => faults.shift()!()) as unknown as NonNullable<ServeOptions["intercept"]>,
    onError: (error, { what }) => void told.push([String(error), what]),
  });
  for (let count = 0; count < 2; count++) {
    using peer = await Peer.dial(broker);
    await peer.expectEnd();
  }
  assertEquals(told, [
    ["Error: no", "intercept"],
    ["TypeError: intercept() must return a transport; write() is missing", "intercept"],
  ]);
  assertStrictEquals(broker.statistics.clients, 0);
});

const PROGRAM = `
  import { serve } from "./src/broker/mod.ts";
  import { connect } from "./mod.ts";
  const fail = (name) => { throw new Error(name + " has failed"); };
  const broker = await serve({
    port: 0,
    onConnect: () => fail("onConnect"),
    onDisconnect: () => Promise.reject(new Error("onDisconnect has failed")),
    onMessage: (_client, { payload }) => JSON.parse(new TextDecoder().decode(payload)),
  });
  const client = await connect(broker.url);
  console.log(await client.publish("a", "no JSON", { qos: 1 }).then(({ reasonCode }) => reasonCode));
  await client.disconnect();
  await broker.shutDown();
  console.log("done");
`;

Deno.test("Without onError, failing hooks end nothing and are written to the console", async () => {
  const { code, out, lines } = await run(PROGRAM);
  assertEquals(out, "16\ndone\n");
  assertStrictEquals(code, 0);
  assertStrictEquals(lines.length, 3, lines.join("\n"));
  assertMatch(lines[0]!, /^mqtt5: error in onConnect, client ".*", 127.*: Error: onConnect has/);
  assertMatch(lines[1]!, /^mqtt5: error in onMessage, client ".*: SyntaxError: /);
  assertMatch(lines[2]!, /^mqtt5: error in onDisconnect, client ".*: Error: onDisconnect has/);
});

/** Runs a program that is text. */
async function run(program: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", "-"],
    cwd: new URL("../../", import.meta.url),
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    env: { NO_COLOR: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, lines: err!.trim().split("\n") };
}

Deno.test("Over sockets, a client gets neither another user's session nor messages it may not read", async () => {
  await using broker = await serve({
    port: 0,
    authenticate: async (_client, { username }) => await Promise.resolve(username !== undefined),
    authorizeDelivery: async ({ username }, { topic }) =>
      await Promise.resolve(username === "boss" || !topic.startsWith("secret/")),
  });
  const session = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
  using boss = await Peer.connect(broker, { clientId: "boss", username: "boss", ...session });
  using spy = await Peer.connect(broker, { clientId: "spy", username: "spy" });
  for (const peer of [boss, spy]) {
    await peer.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "#" }] });
    await peer.expect("suback");
  }
  for (const cleanStart of [false, true]) {
    using thief = await Peer.dial(broker);
    await thief.send({ type: "connect", clientId: "boss", username: "spy", cleanStart });
    assertStrictEquals((await thief.expect("connack")).reasonCode, 0x87);
    await thief.expectEnd();
  }
  await spy.send(
    { type: "publish", topic: "secret/plans" },
    { type: "publish", topic: "public/plans" },
  );
  assertStrictEquals((await boss.expect("publish")).topic, "secret/plans");
  assertStrictEquals((await boss.expect("publish")).topic, "public/plans");
  assertStrictEquals((await spy.expect("publish")).topic, "public/plans");
});
