// Clients of MQTT 3.1.1 and 3.1 as people have them: mosquitto's tools at their default, MQTT.js, paho for Python, and a
// Mosquitto that is a bridge. And sessions of such clients in the broker's file.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { type Broker, serve, type ServeOptions } from "../../src/broker/mod.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { ScriptedPeer } from "../../src/testing/mod.ts";
import { mosquittoTest, startMosquitto } from "../io/mosquitto.ts";
import { PYTHON_PACKAGES } from "../runtimes/programs.ts";
import { brokerTest, until } from "./broker_net.ts";
import { mosquittoClientTest, type Running, startRaw } from "./mosquitto_clients.ts";
import { type Persistent, persistentTest } from "./persistent.ts";

/** Prints topic, QoS, RETAIN and payload. */
const FORMAT = ["-F", "%t %q %r %p"];

/** No option for the version, which is then 3.1.1, or the one for 3.1. */
const VERSIONS: readonly (readonly string[])[] = [[], ["-V", "mqttv31"]];

type Program = Parameters<typeof startRaw>[0];

function begin(program: Program, { port }: { port: number }, ...args: string[]): Running {
  return startRaw(program, "-h", "127.0.0.1", "-p", String(port), ...args);
}

async function run(program: Program, broker: { port: number }, ...args: string[]): Promise<string> {
  await using running = begin(program, broker, ...args);
  const lines: string[] = [];
  for (let line = await running.line(); line !== undefined; line = await running.line()) {
    lines.push(line);
  }
  const { code, errors } = await running.end();
  assertEquals([code, errors], [0, ""]);
  return lines.join("\n");
}

function subscriptions(broker: Broker, count: number): Promise<void> {
  return until(() => broker.statistics.subscriptions === count);
}

for (const version of VERSIONS) {
  const as = version.length === 0 ? "at their default" : version.join(" ");

  mosquittoClientTest(
    `mosquitto_pub and mosquitto_sub ${as}: every QoS, retained messages, wildcards [MQTT311-7.1.1-1]`,
    async (broker) => {
      const sub = ["-t", "a/+", "-q", "2", "-C", "4", ...FORMAT];
      await using running = begin("mosquitto_sub", broker, ...version, ...sub);
      await subscriptions(broker, 1);
      for (const qos of ["0", "1", "2"]) {
        await run("mosquitto_pub", broker, ...version, "-t", "a/b", "-m", "hello", "-q", qos);
      }
      const retained = ["-t", "a/c", "-m", "kept", "-r"];
      await run("mosquitto_pub", broker, ...version, ...retained);
      const hellos = ["0", "1", "2"].map((qos) => `a/b ${qos} 0 hello`);
      assertEquals(await running.lines(4), [...hellos, "a/c 0 0 kept"]);
      assertStrictEquals((await running.end()).code, 0);
      const later = ["-t", "#", "-C", "1", ...FORMAT];
      assertStrictEquals(await run("mosquitto_sub", broker, ...version, ...later), "a/c 0 1 kept");
    },
  );

  mosquittoClientTest(
    `mosquitto_sub -c ${as} finds what came while it was away`,
    async (broker) => {
      const session = [...version, "-c", "-i", "s", "-q", "1", "-t", "news"];
      await run("mosquitto_sub", broker, ...session, "-E");
      await run("mosquitto_pub", broker, "-t", "news", "-m", "1", "-q", "1");
      await run("mosquitto_pub", broker, "-V", "5", "-t", "news", "-m", "2", "-q", "2");
      assertStrictEquals(await run("mosquitto_sub", broker, ...session, "-C", "2"), "1\n2");
    },
  );
}

mosquittoClientTest("mosquitto_rr at its default gets its response", async (broker) => {
  await using client = await connect(broker.url);
  const requests = await client.subscribe("request");
  const ask = ["-t", "request", "-e", "response", "-m", "?"];
  await using asking = begin("mosquitto_rr", broker, ...ask);
  for await (const message of requests) {
    await client.publish("response", `${message.text()}!`);
    break;
  }
  assertStrictEquals(await asking.line(), "?!");
});

for (const [version, code] of [["mqttv311", 5], ["mqttv31", 5]] as const) {
  mosquittoClientTest(
    `mosquitto_pub -V ${version} is told that it is not authorized`,
    async (broker) => {
      await using running = begin("mosquitto_pub", broker, "-V", version, "-t", "a", "-m", "b");
      const ended = await running.end();
      assertStrictEquals(ended.code, code);
      assert(/not authori[sz]ed/i.test(ended.errors), ended.errors);
    },
    { authenticate: () => false },
  );
}

const SEVERAL: ServeOptions = {
  listeners: [{ port: 0, versions: [5] }, { port: 0, versions: [5, 4] }, { port: 0 }],
};

mosquittoClientTest("Each listener may accept other versions", async (broker) => {
  const accepted = async (port: number, version: string) => {
    const message = ["-V", version, "-t", "a", "-m", "b"];
    await using running = begin("mosquitto_pub", { port }, ...message);
    return (await running.end()).code === 0;
  };
  const results: boolean[][] = [];
  for (const { port } of broker.listeners) {
    const row: boolean[] = [];
    for (const version of ["5", "311", "31"]) row.push(await accepted(port, version));
    results.push(row);
  }
  assertEquals(results, [[true, false, false], [true, true, false], [true, true, true]]);
}, SEVERAL);

for (const protocol of ["mqtt", "ws"] as const) {
  for (const protocolVersion of [4, 3] as const) {
    const options = {
      protocolVersion,
      ...protocolVersion === 3 && { protocolId: "MQIsdp" as const },
    } as const;

    brokerTest(
      `MQTT.js with protocolVersion ${protocolVersion} over ${protocol}: every QoS, there and back, and to MQTT 5.0`,
      async (broker) => {
        await using js = await connectMqttJs(broker, options);
        await using client = await connect(broker.url);
        const seen = await client.subscribe("a/#", { qos: 2 });
        const granted = await js.client.subscribeAsync("a/#", { qos: 2 });
        assertStrictEquals(granted[0]!.qos, 2);
        for (const qos of [0, 1, 2] as const) {
          await js.client.publishAsync("a/b", `js ${qos}`, { qos });
          const back = await js.next();
          assertEquals([String(back.payload), back.qos, back.properties], [
            `js ${qos}`,
            qos,
            undefined,
          ]);
          await client.publish("a/b", `5 ${qos}`, { qos, contentType: "x" });
          assertStrictEquals(String((await js.next()).payload), `5 ${qos}`);
        }
        await js.client.unsubscribeAsync("a/#");
        const texts: string[] = [];
        for await (const message of seen) {
          texts.push(message.text());
          if (texts.length === 6) break;
        }
        assertEquals(texts, ["js 0", "5 0", "js 1", "5 1", "js 2", "5 2"]);
      },
      { port: 0, protocol },
    );
  }
}

/** Subscribes, publishes at every QoS, and tells what came; with Clean Session 0 it comes back for more. */
const PAHO = `
import sys, threading
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
port, version = int(sys.argv[1]), MQTTProtocolVersion(int(sys.argv[2]))
got, all_there, subscribed = [], threading.Event(), threading.Event()
client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="paho", clean_session=False, protocol=version)
def on_connect(client, userdata, flags, reason, properties):
    print("connected", flags.session_present, reason.getName(), flush=True)
    client.subscribe([("p/#", 2)])
def on_message(client, userdata, message):
    got.append(f"{message.topic} {message.qos} {message.payload.decode()}")
    if len(got) == 3: all_there.set()
client.on_connect = on_connect
client.on_subscribe = lambda *_: subscribed.set()
client.on_message = on_message
client.will_set("will", "gone", qos=1)
client.connect("127.0.0.1", port, keepalive=30)
client.loop_start()
subscribed.wait(10)
for qos in (0, 1, 2):
    client.publish("p/x", f"m{qos}", qos=qos).wait_for_publish(10)
all_there.wait(10)
print(",".join(got), flush=True)
client.disconnect()
client.loop_stop()
`;

const hasPaho = await (async () => {
  try {
    const { success } = await new Deno.Command("python3", {
      args: ["-c", "import paho.mqtt.client"],
      env: { PYTHONPATH: PYTHON_PACKAGES },
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
})();

for (const version of [4, 3]) {
  const name =
    `paho for Python, version ${version}, subscribes, publishes and comes back to its session`;
  const test = async (broker: Broker) => {
    for (const isBack of [false, true]) {
      const { stdout, success } = await new Deno.Command("python3", {
        args: ["-c", PAHO, String(broker.port), String(version)],
        env: { PYTHONPATH: PYTHON_PACKAGES },
        stderr: "inherit",
      }).output();
      assert(success);
      const isTold = isBack && version === 4 ? "True" : "False";
      assertStrictEquals(
        new TextDecoder().decode(stdout),
        `connected ${isTold} Success\np/x 0 m0,p/x 1 m1,p/x 2 m2\n`,
      );
    }
    assertStrictEquals(broker.statistics.sessions, 1);
  };
  if (hasPaho) brokerTest(name, test);
  else Deno.test({ name: `${name} (skipped: paho-mqtt is not installed)`, ignore: true, fn() {} });
}

mosquittoTest("A Mosquitto is a bridge to the broker, both ways, without a loop", async () => {
  await using broker = await serve({ port: 0 });
  await using mosquitto = await startMosquitto({
    configuration: [
      "connection upstream",
      `address 127.0.0.1:${broker.port}`,
      "topic # both 1",
      "restart_timeout 1",
    ],
  });
  await subscriptions(broker, 1);
  await using near = await connect(mosquitto.url);
  await using far = await connect(broker.url);
  const atNear = await near.subscribe("news/#", { qos: 1 });
  const atFar = await far.subscribe("news/#", { qos: 1, retainAsPublished: true });
  await near.publish("news/near", "1", { qos: 1, retain: true });
  await far.publish("news/far", "2", { qos: 1, retain: true });
  await near.publish("news/end", "3", { qos: 1 });
  const seen: string[][] = [];
  for (const messages of [atNear, atFar]) {
    const texts: string[] = [];
    for await (const message of messages) {
      texts.push(`${message.topic} ${message.text()}`);
      if (texts.length === 3) break;
    }
    seen.push(texts.toSorted());
  }
  const all = ["news/end 3", "news/far 2", "news/near 1"];
  assertEquals(seen, [all, all]);
  await using later = await connect(mosquitto.url);
  const kept = await later.subscribe("news/far");
  for await (const message of kept) {
    assertEquals([message.text(), message.retain], ["2", true]);
    break;
  }
});

persistentTest(
  "A session of MQTT 3.1.1 outlives the broker, with its messages; a client of MQTT 5.0 may go on with it",
  async (persistent: Persistent) => {
    {
      using peer = await ScriptedPeer.connect(persistent.broker);
      peer.send({ type: "connect", protocolVersion: 4, clientId: "s" });
      await peer.expect("connack", { sessionPresent: false, reasonCode: 0x00 });
      const subscriptions = [{ topicFilter: "t", qos: 2 }] as const;
      peer.send({ type: "subscribe", packetId: 1, subscriptions });
      await peer.expect("suback", { reasonCodes: [2] });
    }
    {
      await using client = await connect(persistent.broker);
      await client.publish("t", "1", { qos: 1, contentType: "text/plain" });
      await client.publish("t", "2", { qos: 2 });
    }
    await persistent.restart();
    assertStrictEquals(persistent.broker.statistics.sessions, 1);
    {
      using peer = await ScriptedPeer.connect(persistent.broker);
      peer.send({ type: "connect", protocolVersion: 4, clientId: "s" });
      await peer.expect("connack", { sessionPresent: true });
      const properties = {};
      await peer.expect("publish", { payload: "1", qos: 1, dup: false, properties });
      await peer.expect("publish", { payload: "2", qos: 2, dup: false, properties });
    }
    await persistent.restart();
    await using client = await connect(persistent.broker, {
      clientId: "s",
      cleanStart: false,
      sessionExpiryInterval: 60,
    });
    assertStrictEquals(client.server?.sessionPresent, true);
    const texts: string[] = [];
    for await (const message of client.messages) {
      texts.push(`${message.text()} ${message.contentType}`);
      if (texts.length === 2) break;
    }
    assertEquals(texts, ["1 text/plain", "2 undefined"]);
  },
);
