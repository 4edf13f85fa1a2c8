// The broker over TLS, and over WebSocket over TLS.

import mqtt from "../npm/mqtt.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve, type ServeOptions } from "../../src/broker/mod.ts";
import { SECURE_CONNECTION } from "../../src/broker/sizes.ts";
import { TcpTransport } from "../../src/io/tcp.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { isInstalled, numbers, take, textsOf, until } from "./broker_net.ts";
import { run, start } from "./mosquitto_clients.ts";
import { Peer } from "./peer.ts";
import { type Credentials, fileOf, tlsTest } from "./secure.ts";
import { RawWebSocket, request } from "./websocket_peer.ts";

const LIMITS = { connectTimeout: 100 } as const;

/** One listener over TLS, one without. */
function secure(protocol: "mqtts" | "wss", limits: ServeOptions["limits"] = {}) {
  return ({ cert, key }: Credentials): ServeOptions => ({
    listeners: [{ protocol, port: 0, cert, key }, { protocol: "mqtt", port: 0 }],
    limits,
  });
}

for (const protocol of ["mqtts", "wss"] as const) {
  tlsTest(`MQTT.js over ${protocol}: messages of every QoS come back`, async (broker, { ca }) => {
    const options = protocol === "mqtts" ? { ca } : { wsOptions: { ca } };
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
    await using _ = await connect(broker.listeners[1]!.url);
  }, secure(protocol, LIMITS));

  tlsTest(
    `Who does not finish the handshake of ${protocol} is given up, however many they are`,
    async (broker) => {
      const peers = await Promise.all(Array.from({ length: 20 }, () => Peer.dial(broker)));
      // The first bytes of a ClientHello.
      await peers[0]!.send("16 0301 0100 01");
      await Promise.all(peers.map((peer) => peer.ended()));
      for (const peer of peers) peer[Symbol.dispose]();
      await using _ = await connect(broker.listeners[1]!.url);
    },
    secure(protocol, LIMITS),
  );

  tlsTest(
    `No handshake of ${protocol} outlives the broker`,
    async (broker) => {
      using peer = await Peer.dial(broker);
      await peer.send("16 0301 0100 01");
      // Connections are taken in order: the broker has the first when another is served.
      await (await connect(broker.listeners[1]!.url)).disconnect();
      using later = await Peer.dial(broker);
      await Promise.all([broker.shutDown(), peer.ended(), later.ended()]);
    },
    secure(protocol, { connectTimeout: 600_000 }),
  );

  tlsTest(
    `There are no more handshakes of ${protocol} at the same time than connections, and who leaves makes room`,
    async (broker, { ca }) => {
      const [first, second] = [await Peer.dial(broker), await Peer.dial(broker)];
      using third = await Peer.dial(broker);
      await third.ended();
      first[Symbol.dispose]();
      second[Symbol.dispose]();
      // The broker may need a moment to see that they are gone.
      const attempt = () => {
        return connect({ url: broker.url, tls: { ca } }, { reconnect: false }).catch(() => {});
      };
      let client = await attempt();
      while (client === undefined) client = await attempt();
      await client.disconnect();
    },
    secure(protocol, { connections: 2, connectTimeout: 600_000 }),
  );

  tlsTest(
    `A handshake of ${protocol} is on the broker's account until it ends`,
    async (broker) => {
      const before = broker.statistics.memory;
      const peers = [await Peer.dial(broker), await Peer.dial(broker)];
      for (const peer of peers) await peer.send("16 0301 0100 01");
      await until(() => broker.statistics.memory - before === 2 * SECURE_CONNECTION);
      for (const peer of peers) peer[Symbol.dispose]();
      await until(() => broker.statistics.memory === before);
    },
    secure(protocol, { connectTimeout: 600_000 }),
  );

  tlsTest(
    `Who says nothing over ${protocol} after the handshake is given up`,
    async (broker, { ca }) => {
      const connection = await Deno.connectTls({
        ...{ hostname: "127.0.0.1", port: broker.port, caCerts: [ca] },
      });
      await connection.handshake();
      const transport = new TcpTransport(connection);
      using peer = new Peer(transport);
      await peer.ended();
    },
    secure(protocol, LIMITS),
  );
}

tlsTest("A WebSocket over TLS speaks of MQTT [MQTT-6.0.0-4]", async (broker, { ca }) => {
  const connection = await Deno.connectTls({
    ...{ hostname: "127.0.0.1", port: broker.port, caCerts: [ca] },
  });
  using socket = new RawWebSocket(new TcpTransport(connection));
  await socket.sendText(request());
  const { status, text } = await socket.head();
  assertStrictEquals(status, 101);
  assert(text.includes("\r\nSec-WebSocket-Protocol: mqtt"), text);
}, secure("wss"));

const mosquitto = "mosquitto_pub and mosquitto_sub speak over TLS";
if (await isInstalled("mosquitto_pub", "--help")) {
  tlsTest(mosquitto, async (broker, { ca }) => {
    await using file = await fileOf(ca);
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

tlsTest("Clients of four kinds of listener are clients of one broker", async (broker, { ca }) => {
  const [mqtts, wss, ws, tcp] = broker.listeners.map(({ url }) => ({ url }));
  await using client = await connect(tcp!.url);
  const all = await client.subscribe("#", { qos: 1 });
  const options = { ca, wsOptions: { ca } };
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
  Deno.test(`A listener over ${protocol} does not start without a certificate and its key`, async () => {
    const missing = { protocol, port: 0, cert: "x" } as const;
    await assertRejects(() => serve(missing), TypeError, "cert and key");
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
