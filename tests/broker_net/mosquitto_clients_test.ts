// Mosquitto's command line clients with the broker: whoever comes from there finds what they know.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import type { Broker } from "../../src/broker/mod.ts";
import { take, textsOf, until } from "./broker_net.ts";
import { mosquittoClientTest, run, start, startRaw } from "./mosquitto_clients.ts";

/** Prints topic, QoS, RETAIN and payload. */
const FORMAT = ["-F", "%t %q %r %p"];

/** A session that lives on. */
const SESSION = ["-c", "-i", "session", "-x", "60", "-q", "2", "-t", "news"];

/** Resolves when there are so many subscriptions. */
function subscriptions(broker: Broker, count: number): Promise<void> {
  return until(() => broker.statistics.subscriptions === count);
}

/** Resolves when so many clients are there. */
function clients(broker: Broker, count: number): Promise<void> {
  return until(() => broker.statistics.clients === count);
}

for (const qos of ["0", "1", "2"]) {
  mosquittoClientTest(
    `A message of mosquitto_pub comes to mosquitto_sub at QoS ${qos}`,
    async (broker) => {
      await using sub = start("mosquitto_sub", broker, "-t", "a/+", "-q", "2", ...FORMAT);
      await subscriptions(broker, 1);
      await run("mosquitto_pub", broker, "-t", "a/b", "-m", "hello", "-q", qos);
      assertStrictEquals(await sub.line(), `a/b ${qos} 0 hello`);
    },
  );

  mosquittoClientTest(
    `A subscription of mosquitto_sub at QoS ${qos} lowers what is published above it [MQTT-3.8.4-8]`,
    async (broker) => {
      await using sub = start("mosquitto_sub", broker, "-t", "a", "-q", qos, ...FORMAT);
      await subscriptions(broker, 1);
      await run("mosquitto_pub", broker, "-t", "a", "-m", "hello", "-q", "2");
      assertStrictEquals(await sub.line(), `a ${qos} 0 hello`);
    },
  );
}

mosquittoClientTest("Many lines of mosquitto_pub come in their order", async (broker) => {
  await using sub = start("mosquitto_sub", broker, "-t", "#", "-q", "2", "-C", "200");
  await subscriptions(broker, 1);
  await run("mosquitto_pub", broker, "-t", "a", "-m", "x", "-q", "2", "--repeat", "200");
  assertEquals(await sub.lines(200), new Array(200).fill("x"));
  assertStrictEquals((await sub.end()).code, 0);
});

mosquittoClientTest(
  "A payload of a megabyte comes whole, and an empty one empty",
  async (broker) => {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, "0123456789abcdef".repeat(65_536));
      await using client = await connect(broker.url);
      const all = await client.subscribe("#", { qos: 1 });
      await run("mosquitto_pub", broker, "-t", "a", "-f", file, "-q", "1");
      await run("mosquitto_pub", broker, "-t", "a", "-n", "-q", "1");
      const [large, empty] = textsOf(await take(all, 2));
      assertEquals([large!.length, empty], [1_048_576, ""]);
    } finally {
      await Deno.remove(file);
    }
  },
);

mosquittoClientTest(
  "A message retained for mosquitto_pub comes to who subscribes later, until it is removed",
  async (broker) => {
    await run("mosquitto_pub", broker, "-t", "state", "-m", "on", "-q", "1", "-r");
    const once = ["-t", "state", "-C", "1", ...FORMAT];
    assertStrictEquals(await run("mosquitto_sub", broker, ...once, "-q", "1"), "state 1 1 on\n");
    assertStrictEquals(broker.statistics.retained, 1);
    {
      await using _ = start("mosquitto_sub", broker, "-t", "state", "--remove-retained");
      await until(() => broker.statistics.retained === 0);
    }
    await clients(broker, 0);
    // What is published is not marked as retained to who was there, but to who asked for that.
    await using asked = start(
      "mosquitto_sub",
      broker,
      ...once,
      "--retain-as-published",
    );
    await using plain = start("mosquitto_sub", broker, ...once);
    await subscriptions(broker, 2);
    await run("mosquitto_pub", broker, "-t", "state", "-m", "off", "-r");
    assertStrictEquals(await asked.line(), "state 0 1 off");
    assertStrictEquals(await plain.line(), "state 0 0 off");
  },
);

mosquittoClientTest(
  "The Will of a mosquitto_sub that is killed is published, that of one that leaves is not",
  async (broker) => {
    await using client = await connect(broker.url);
    const wills = await client.subscribe("wills/#", { qos: 2 });
    const will = (name: string) => [
      ...["--will-topic", `wills/${name}`, "--will-payload", `${name} is gone`],
      ...["--will-qos", "2", "-t", "nothing"],
    ];
    await using killed = start("mosquitto_sub", broker, ...will("killed"));
    await run("mosquitto_sub", broker, ...will("leaves"), "-E");
    await clients(broker, 2);
    killed.signal("SIGKILL");
    const [message] = await take(wills, 1);
    assertEquals([message!.topic, message!.text(), message!.qos], [
      "wills/killed",
      "killed is gone",
      2,
    ]);
    await clients(broker, 1);
    assertStrictEquals(wills.waiting, 0);
  },
);

mosquittoClientTest(
  "A Will with a delay waits for a mosquitto_sub to come back",
  async (broker) => {
    await using client = await connect(broker.url);
    const wills = await client.subscribe("wills", { qos: 2 });
    const args = (delay: string, payload: string) => [
      ...[...SESSION, "-E", "--will-topic", "wills", "--will-payload", payload],
      ...["-D", "will", "will-delay-interval", delay],
    ];
    const stays = args("3600", "never").filter((arg) => arg !== "-E");
    {
      await using sub = start("mosquitto_sub", broker, ...stays);
      await subscriptions(broker, 2);
      sub.signal("SIGKILL");
      await clients(broker, 1);
    }
    // It has come back, and has left as it should.
    await run("mosquitto_sub", broker, ...args("0", "neither"));
    await client.publish("wills", "end", { qos: 2 });
    assertEquals(textsOf(await take(wills, 1)), ["end"]);
  },
);

mosquittoClientTest(
  "Three mosquitto_sub share what one would get alone [MQTT-4.8.2-4]",
  async (broker) => {
    const args = ["-t", "$share/group/jobs", "-q", "1"];
    const subs = [1, 2, 3].map(() => start("mosquitto_sub", broker, ...args));
    await using _ = {
      async [Symbol.asyncDispose]() {
        for (const sub of subs) await sub[Symbol.asyncDispose]();
      },
    };
    await subscriptions(broker, 3);
    await run("mosquitto_pub", broker, "-t", "jobs", "-m", "job", "-q", "1", "--repeat", "30");
    const all = await Promise.all(subs.map((sub) => sub.lines(10)));
    assertEquals(all.flat(), new Array(30).fill("job"));
  },
);

mosquittoClientTest(
  "A mosquitto_sub that comes back gets what was published at QoS 1 and 2 in the meantime",
  async (broker) => {
    await run("mosquitto_sub", broker, ...SESSION, "-E");
    await clients(broker, 0);
    assertEquals([broker.statistics.sessions, broker.statistics.subscriptions], [1, 1]);
    for (const qos of ["0", "1", "2"]) {
      await run("mosquitto_pub", broker, "-t", "news", "-m", `at ${qos}`, "-q", qos);
    }
    assertStrictEquals(
      await run("mosquitto_sub", broker, ...SESSION, "-C", "2", ...FORMAT),
      "news 1 0 at 1\nnews 2 0 at 2\n",
    );
    // Without -c it begins anew [MQTT-3.1.2-4].
    await run("mosquitto_pub", broker, "-t", "news", "-m", "lost", "-q", "1");
    await run("mosquitto_sub", broker, ...SESSION.filter((arg) => arg !== "-c"), "-E");
    await run("mosquitto_pub", broker, "-t", "news", "-m", "last", "-q", "1");
    assertStrictEquals(await run("mosquitto_sub", broker, ...SESSION, "-C", "1"), "last\n");
  },
);

mosquittoClientTest("A session of mosquitto_sub that has expired is gone", async (broker) => {
  await run("mosquitto_sub", broker, ...SESSION.with(4, "1"), "-E");
  assertStrictEquals(broker.statistics.sessions, 1);
  await until(() => broker.statistics.sessions === 0);
  assertStrictEquals(broker.statistics.subscriptions, 0);
});

mosquittoClientTest("mosquitto_rr is answered", async (broker) => {
  await using client = await connect(broker.url);
  const requests = await client.subscribe("service", { qos: 1 });
  await using rr = start(
    "mosquitto_rr",
    broker,
    ...["-t", "service", "-e", "answers/rr", "-m", "2 + 2", "-q", "1"],
    ...["-D", "publish", "correlation-data", "7"],
  );
  const [request] = await take(requests, 1);
  const { responseTopic, correlationData } = request!.properties;
  assertStrictEquals(request!.text(), "2 + 2");
  await client.publish(responseTopic!, "4", { correlationData });
  assertStrictEquals(await rr.line(), "4");
  assertStrictEquals((await rr.end()).code, 0);
});

mosquittoClientTest(
  "Properties of a message go through unaltered [MQTT-3.3.2-17]",
  async (broker) => {
    const format = "%p|%C|%D|%R|%F|%E|%P|%S";
    await using sub = start(
      "mosquitto_sub",
      broker,
      ...["-t", "a", "-D", "subscribe", "subscription-identifier", "42", "-F", format],
    );
    await subscriptions(broker, 1);
    await run(
      "mosquitto_pub",
      broker,
      ...["-t", "a", "-m", "x", "-D", "publish", "content-type", "text/plain"],
      ...["-D", "publish", "correlation-data", "c", "-D", "publish", "response-topic", "r"],
      ...["-D", "publish", "payload-format-indicator", "1"],
      ...["-D", "publish", "message-expiry-interval", "100"],
      ...["-D", "publish", "user-property", "b", "1", "-D", "publish", "user-property", "a", "2"],
    );
    assertStrictEquals(await sub.line(), "x|text/plain|c|r|1|100|b:1 a:2|42");
  },
);

mosquittoClientTest(
  "mosquitto_pub is told that it may not connect, and mosquitto_sub that it may not subscribe",
  async (broker) => {
    await using bad = start("mosquitto_pub", broker, "-t", "a", "-m", "", "-u", "me", "-P", "bad");
    const { code, errors } = await bad.end();
    assert(code !== 0);
    assertMatch(errors, /Bad user ?name or password/i);
    const user = ["-u", "me", "-P", "right"];
    await using sub = start("mosquitto_sub", broker, ...user, "-t", "secret", "-d");
    let output = "";
    for (let line = await sub.line(); line !== undefined; line = await sub.line()) output += line;
    // 0x87, Not authorized.
    assertMatch(output, /Subscribed \(mid: 1\): 135/);
    await using pub = start("mosquitto_pub", broker, ...user, "-t", "secret", "-m", "", "-q", "1");
    assertMatch((await pub.end()).errors, /not authori[sz]ed/i);
  },
  {
    authenticate: (_, { username, password }) =>
      username === "me" && new TextDecoder().decode(password) === "right" ? true : 0x86,
    authorizePublish: (_, { topic }) => topic !== "secret",
    authorizeSubscribe: (_, { topicFilter }) => topicFilter !== "secret",
  },
);

for (const version of ["mqttv311", "mqttv31"]) {
  mosquittoClientTest(
    `A client of ${version} is refused where it is not accepted, and those of MQTT 5.0 go on [MQTT-3.1.2-2]`,
    async (broker) => {
      await using sub = start("mosquitto_sub", broker, "-t", "a", "-C", "1");
      await subscriptions(broker, 1);
      await using old = startRaw(
        "mosquitto_pub",
        ...["-V", version, "-h", "127.0.0.1", "-p", String(broker.port), "-t", "a", "-m", "old"],
      );
      // It is told by a CONNACK of its own version, and takes the return code for its exit code.
      assertStrictEquals((await old.end()).code, 0x01);
      await run("mosquitto_pub", broker, "-t", "a", "-m", "new");
      assertStrictEquals(await sub.line(), "new");
    },
    { versions: [5] },
  );
}
