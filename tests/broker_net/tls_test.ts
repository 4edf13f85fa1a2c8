// The broker over TLS, and over WebSocket over TLS.

import mqtt from "mqtt";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve, type ServeOptions } from "../../src/broker/mod.ts";
import { TcpTransport } from "../../src/io/tcp.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { isInstalled, numbers, take, textsOf, until } from "./broker_net.ts";
import { type Certificate, certificateFile, tlsTest } from "./certificate.ts";
import { run, start } from "./mosquitto_clients.ts";
import { Peer } from "./peer.ts";
import { RawWebSocket, request } from "./websocket_peer.ts";

const LIMITS = { connectTimeout: 100 } as const;

/** One listener over TLS, one without. */
function secure(protocol: "mqtts" | "wss", limits: ServeOptions["limits"] = {}) {
  return ({ cert, key }: Certificate): ServeOptions => ({
    listeners: [{ protocol, port: 0, cert, key }, { protocol: "mqtt", port: 0 }],
    limits,
  });
}

for (const protocol of ["mqtts", "wss"] as const) {
  tlsTest(`MQTT.js over ${protocol}: messages of every QoS come back`, async (broker, { cert }) => {
    const options = protocol === "mqtts" ? { ca: cert } : { wsOptions: { ca: cert } };
    await using js = await connectMqttJs(broker, options);
    await js.client.subscribeAsync("a", { qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      await Promise.all(numbers(20).map((text) => js.client.publishAsync("a", text, { qos })));
      for (const text of numbers(20)) assertStrictEquals(String((await js.next()).payload), text);
    }
    const large = "0123456789abcdef".repeat(65_536);
    await js.client.publishAsync("a", large);
    assert(String((await js.next()).payload) === large, "it is another");
  }, secure(protocol));

  tlsTest(
    `MQTT.js over ${protocol}: a certificate that it does not know is refused`,
    async (broker) => {
      const options = { protocolVersion: 5, reconnectPeriod: 0 } as const;
      await assertRejects(
        () => mqtt.connectAsync(broker.url, options, false),
        Error,
        "certificate",
      );
      await until(() => broker.statistics.clients === 0);
    },
    secure(protocol),
  );

  tlsTest(`Who speaks no TLS to ${protocol} is given up, and others are served`, async (broker) => {
    using peer = await Peer.dial(broker);
    await peer.send({ type: "connect" });
    await peer.ended();
    // One that does not finish its handshake is given up, too, but Deno 2.9 keeps the socket as long as the other end does.
    using _half = await Peer.dial(broker);
    await using _ = await connect(broker.listeners[1]!.url);
  }, secure(protocol, LIMITS));

  tlsTest(
    `Who says nothing over ${protocol} after the handshake is given up`,
    async (broker, { cert }) => {
      const connection = await Deno.connectTls({
        ...{ hostname: "127.0.0.1", port: broker.port, caCerts: [cert] },
      });
      await connection.handshake();
      const transport = new TcpTransport(connection);
      using peer = new Peer(transport);
      await peer.ended();
    },
    secure(protocol, LIMITS),
  );
}

tlsTest("A WebSocket over TLS speaks of MQTT [MQTT-6.0.0-4]", async (broker, { cert }) => {
  const connection = await Deno.connectTls({
    ...{ hostname: "127.0.0.1", port: broker.port, caCerts: [cert] },
  });
  using socket = new RawWebSocket(new TcpTransport(connection));
  await socket.sendText(request());
  const { status, text } = await socket.head();
  assertStrictEquals(status, 101);
  assert(text.includes("\r\nSec-WebSocket-Protocol: mqtt"), text);
}, secure("wss"));

const mosquitto = "mosquitto_pub and mosquitto_sub speak over TLS";
if (await isInstalled("mosquitto_pub", "--help")) {
  tlsTest(mosquitto, async (broker, certificate) => {
    await using file = await certificateFile(certificate);
    const over = ["-h", "localhost", "--cafile", file.path];
    await using sub = start("mosquitto_sub", broker, ...over, "-t", "a", "-q", "2");
    await until(() => broker.statistics.subscriptions === 1);
    await run("mosquitto_pub", broker, ...over, "-t", "a", "-m", "over TLS", "-q", "2");
    assertStrictEquals(await sub.line(), "over TLS");
    await using plain = start("mosquitto_pub", broker, "-t", "a", "-m", "without TLS");
    assert((await plain.end()).code !== 0);
    await run("mosquitto_pub", broker, ...over, "-t", "a", "-m", "again", "-q", "1");
    assertStrictEquals(await sub.line(), "again");
  }, secure("mqtts", LIMITS));
} else {
  Deno.test({
    name: `${mosquitto} (skipped: mosquitto_pub cannot be found)`,
    ignore: true,
    fn() {},
  });
}

tlsTest("Clients of four kinds of listener are clients of one broker", async (broker, { cert }) => {
  const [mqtts, wss, ws, tcp] = broker.listeners.map(({ url }) => ({ url }));
  await using client = await connect(tcp!.url);
  const all = await client.subscribe("#", { qos: 1 });
  const options = { ca: cert, wsOptions: { ca: cert } };
  for (const where of [mqtts!, wss!, ws!]) {
    await using js = await connectMqttJs(where, where === ws ? {} : options);
    await js.client.publishAsync("a", where.url.split(":")[0]!, { qos: 1 });
  }
  assertEquals(textsOf(await take(all, 3)), ["mqtts", "wss", "ws"]);
}, ({ cert, key }) => ({
  listeners: [
    { protocol: "mqtts", port: 0, cert, key },
    { protocol: "wss", port: 0, cert, key },
    { protocol: "ws", port: 0 },
    { protocol: "mqtt", port: 0 },
  ],
}));

for (const protocol of ["mqtts", "wss"] as const) {
  Deno.test(`A listener over ${protocol} needs a certificate and its key, and nothing listens without`, async () => {
    const missing = { protocol, port: 0, cert: "x" } as const;
    await assertRejects(() => serve(missing), TypeError, "cert must hold a certificate");
    const { port } = await serve({ port: 0 }).then(async (broker) => {
      await broker.shutDown();
      return broker;
    });
    await assertRejects(() => serve({ listeners: [{ port }, { ...missing, key: "y" }] }), Error);
    // The first one has been closed again; the system may take a moment.
    while (await accepts(port)) await new Promise((resolve) => setTimeout(resolve, 1));
    await (await serve({ port })).shutDown();
  });
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
