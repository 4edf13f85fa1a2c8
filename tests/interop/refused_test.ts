// What Mosquitto refuses: clients without the right password, and messages and subscriptions against its access control list.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, type Credentials, RefusedError } from "../../mod.ts";
import { interopTest, once, publishOnce, QUICKLY, take, textsOf, textsUntil } from "./interop.ts";
import { startMosquitto } from "../io/mosquitto.ts";
import { Relay } from "./relay.ts";

const USERS = { alice: "se:cret@/", bob: "" } as const;

interopTest(
  "User and password may be in the URL, in the options, or given anew at each attempt",
  async (server) => {
    const { username, password } = { username: "alice", password: USERS.alice };
    const url = server.url.replace("//", `//${username}:${encodeURIComponent(password)}@`);
    for (
      const [source, options] of [
        [url, {}],
        [server.url, { username, password }],
        [server.url, { username, password: new TextEncoder().encode(password) }],
        [server.url, { credentials: () => Promise.resolve({ username, password }) }],
        // The options have the last word.
        [url.replace("alice", "mallory"), { username }],
      ] as const
    ) {
      await using client = await connect(source, options);
      assertStrictEquals(client.state, "connected");
    }
  },
  { users: USERS },
);

for (
  const [name, credentials] of [
    ["without a user", {}],
    ["with a wrong password", { username: "alice", password: "secret" }],
    ["as a user that there is not", { username: "mallory", password: USERS.alice }],
  ] as const
) {
  interopTest(`A client ${name} is refused`, async (server) => {
    const error = await assertRejects(() => connect(server.url, credentials), RefusedError);
    assertStrictEquals(error.reasonCode, 0x87);
    const { port } = server;
    assertStrictEquals(
      error.message,
      `127.0.0.1:${port} refused the connection: 0x87 Not authorized`,
    );
  }, { users: USERS });
}

interopTest(
  "A client with an Authentication Method that the server does not have is refused",
  async (server) => {
    const options = { authenticationMethod: "SCRAM-SHA-1", reconnect: QUICKLY };
    const error = await assertRejects(() => connect(server.url, options), RefusedError);
    assertStrictEquals(error.reasonCode, 0x8c);
  },
);

interopTest(
  "Credentials are asked for at each attempt, and a client that is refused then is at its end",
  async (server) => {
    await using relay = new Relay(server);
    const given: Credentials[] = [
      { username: "alice", password: USERS.alice },
      { username: "alice", password: USERS.alice },
      { username: "alice", password: "wrong" },
    ];
    await using client = await connect(relay.url, {
      credentials: () => given.shift()!,
      reconnect: QUICKLY,
    });
    assertStrictEquals(given.length, 2);
    const back = once(client, "connected");
    relay.cut();
    await back;
    assertStrictEquals(given.length, 1);
    relay.cut();
    const error = await client.closed;
    assertEquals([error?.kind, error?.reasonCode, given.length], ["credentials", 0x87, 0]);
  },
  { users: USERS },
);

const ACCESS = [
  "topic readwrite allowed/#",
  "topic write secret/in",
  "topic read public/#",
  "topic deny allowed/but/not/this",
];

for (const qos of [1, 2] as const) {
  interopTest(
    `A message of QoS ${qos} against the access control list is refused, those around it are not`,
    async (server) => {
      await using client = await connect(server.url);
      const allowed = await client.subscribe("allowed/#", { qos });
      const published = ["allowed/1", "public/a", "allowed/2", "allowed/but/not/this", "allowed/3"]
        .map((topic) => client.publish(topic, topic, { qos }));
      const results = await Promise.allSettled(published);
      assertEquals(
        results.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"],
      );
      const error = await assertRejects(() => published[1]!, RefusedError);
      assertStrictEquals(error.reasonCode, 0x87);
      assertStrictEquals(
        error.message,
        'The server refused to publish to "public/a": 0x87 Not authorized',
      );
      assertEquals(textsOf(await take(allowed, 3)), ["allowed/1", "allowed/2", "allowed/3"]);
      assertStrictEquals(client.state, "connected");
    },
    { access: ACCESS },
  );
}

interopTest(
  "A message of QoS 0 against the access control list is lost, and nobody is told",
  async (server) => {
    await using client = await connect(server.url);
    const all = await client.subscribe("public/#", { qos: 1 });
    await client.publish("public/a", "lost");
    await client.publish("allowed/a", "", { qos: 1 });
    assertStrictEquals(all.waiting, 0);
  },
  { access: ACCESS },
);

interopTest(
  "A subscription is granted whatever the access control list says, and brings nothing",
  async (server) => {
    await using client = await connect(server.url);
    // So Mosquitto has it.
    const secret = await client.subscribe(["secret/in", "allowed/a"], { qos: 1 });
    assertEquals(secret.reasonCodes, [1, 1]);
    await publishOnce(server, "secret/in", "secret");
    await publishOnce(server, "allowed/a", "end");
    assertEquals(await textsUntil(secret, "end"), []);
  },
  { access: ACCESS },
);

interopTest(
  "A subscription that is refused is an error, and leaves no other behind",
  async (server) => {
    await using client = await connect(server.url);
    const allowed = await client.subscribe("allowed/a", { qos: 1 });
    const both = ["allowed/a", "secret", "allowed/b"];
    const error = await assertRejects(() => client.subscribe(both, { qos: 2 }), RefusedError);
    assertStrictEquals(
      error.message,
      'The server refused to subscribe to "secret": 0x87 Not authorized',
    );
    assertEquals(error.reasonCodes, [2, 0x87, 2]);
    await publishOnce(server, "allowed/b", "for nobody");
    await publishOnce(server, "allowed/a", "1");
    assertEquals(textsOf(await take(allowed, 1)), ["1"]);
    assertEquals(await client.unsubscribe(["allowed/a", "secret", "allowed/b"]), [
      0x00,
      0x11,
      0x11,
    ]);
  },
  { maySubscribe: ["allowed/a", "allowed/b"] },
);

interopTest(
  "A filter that is refused when it is asked for again is told, and the others are kept",
  async (server) => {
    await using client = await connect(server.url, { reconnect: QUICKLY });
    const news = await client.subscribe(["allowed/a", "allowed/b"], { qos: 1 });
    assertEquals(news.topicFilters, ["allowed/a", "allowed/b"]);
    const refused = once(client, "refused");
    await server.stop("SIGKILL");
    await using _ = await startMosquitto({ port: server.port, maySubscribe: ["allowed/b"] });
    const { topicFilter, subscription, error } = await refused;
    assert(error instanceof RefusedError);
    assertEquals([topicFilter, error.message], [
      "allowed/a",
      'The server refused to subscribe to "allowed/a": 0x87 Not authorized',
    ]);
    assertStrictEquals(subscription, news);
    assertEquals(news.topicFilters, ["allowed/b"]);
    await client.publish("allowed/b", "1", { qos: 1 });
    assertEquals(textsOf(await take(news, 1)), ["1"]);
  },
  { maySubscribe: ["allowed/a", "allowed/b"] },
);
