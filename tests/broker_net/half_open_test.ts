// Connections on which too little comes, or too slowly.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { connect, encodePacket } from "../../mod.ts";
import { brokerTest, once, QUICKLY, take, textsOf, until } from "./broker_net.ts";
import { Peer } from "./peer.ts";
import { RawWebSocket, request, WebSocketPeer } from "./websocket_peer.ts";

/** One listener for each protocol, and little patience. */
const BOTH = {
  listeners: [{ protocol: "mqtt", port: 0 }, { protocol: "ws", port: 0 }],
  limits: { connectTimeout: 100 },
} as const;

const CONNECT = encodePacket({ type: "connect", clientId: "slow" });

brokerTest(
  "Connections on which nothing comes are given up, and others are served meanwhile",
  async (broker) => {
    const [tcp, ws] = broker.listeners;
    const peers = await Promise.all(Array.from({ length: 100 }, () => Peer.dial(tcp!)));
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => RawWebSocket.dial(ws!.port)),
    );
    const [opened] = await Promise.all([RawWebSocket.open(ws!.port)]);
    {
      await using client = await connect(tcp!.url);
      const all = await client.subscribe("#", { qos: 1 });
      await client.publish("a", "there", { qos: 1 });
      assertEquals(textsOf(await take(all, 1)), ["there"]);
    }
    await Promise.all(peers.map((peer) => peer.expectEnd()));
    await Promise.all([...sockets, opened].map((socket) => socket.ended()));
    for (const one of [...peers, ...sockets, opened]) one[Symbol.dispose]();
  },
  BOTH,
);

brokerTest(
  "Who sends part of a CONNECT, however often a byte of it, is given up",
  async (broker) => {
    const [tcp, ws] = broker.listeners;
    using peer = await Peer.dial(tcp!);
    using socket = await RawWebSocket.dial(ws!.port);
    let isOver = false;
    const ended = Promise.all([peer.ended(), socket.ended()]).then(() => isOver = true);
    // A Client Identifier of 65,535 bytes would take its time.
    await peer.send("10 8C 80 04 00044D515454 05 02 0000 00 FFFF");
    await socket.sendText(request().slice(0, -2));
    while (!isOver) {
      await peer.send("61").catch(() => {});
      await socket.sendText("x").catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await ended;
  },
  BOTH,
);

brokerTest("A client whose bytes come one at a time is served as any other", async (broker) => {
  using peer = await Peer.dial(broker);
  const publish = encodePacket({ type: "publish", topic: "a", packetId: 1, qos: 1 });
  for (const byte of [...CONNECT, ...publish]) await peer.write(Uint8Array.of(byte));
  assertStrictEquals((await peer.expect("connack")).reasonCode, 0);
  assertStrictEquals((await peer.expect("puback")).reasonCode, 0x10);
});

brokerTest("A client that ends in the middle of a packet leaves a Will", async (broker) => {
  await using client = await connect(broker.url);
  const wills = await client.subscribe("wills", { qos: 1 });
  {
    using peer = await Peer.connect(broker, { will: { topic: "wills" } });
    await peer.send("30 64 0001");
  }
  await take(wills, 1);
});

brokerTest(
  "A client that says nothing for one and a half times its Keep Alive is told and gone [MQTT-3.1.2-22]",
  async (broker) => {
    await using client = await connect(broker.url);
    const wills = await client.subscribe("wills", { qos: 1 });
    using peer = await Peer.connect(broker, { keepAlive: 1, will: { topic: "wills" } });
    const since = performance.now();
    await peer.expectDisconnect(0x8d);
    const silence = performance.now() - since;
    assert(silence > 1400, `after ${silence} ms`);
    await take(wills, 1);
    // 0 stands for no limit: this one is still there.
    using patient = await Peer.connect(broker, { keepAlive: 0 });
    await patient.send({ type: "pingreq" });
    await patient.expect("pingresp");
  },
);

brokerTest(
  "A WebSocket whose client is gone without a word ends with its Keep Alive",
  async (broker) => {
    using socket = await RawWebSocket.open(broker.listeners[1]!.port);
    await socket.sendFrame(0x82, encodePacket({ type: "connect", keepAlive: 1 }));
    await until(() => broker.statistics.clients === 1);
    // It answers nothing, no close frame above all.
    await until(() => broker.statistics.clients === 0);
    await socket.ended();
  },
  BOTH,
);

brokerTest("A client may reset its connection at any moment", async (broker) => {
  await using client = await connect(broker.url, { reconnect: QUICKLY });
  const lost = once(client, "disconnected");
  for (let length = 0; length <= CONNECT.length; length++) {
    for (const isRead of [false, true]) {
      using peer = await Peer.dial(broker);
      await peer.write(CONNECT.subarray(0, length));
      if (isRead && length === CONNECT.length) await peer.next();
    }
    // What comes with the CONNECT is heard, though nobody waits for the answer.
    using peer = await Peer.dial(broker);
    await peer.send({ type: "connect" }, { type: "publish", topic: "a", qos: 1, packetId: 1 });
  }
  await until(() => broker.statistics.clients === 1);
  assertStrictEquals(
    await Promise.race([lost, client.publish("a", "", { qos: 1 })]).then(() => client.state),
    "connected",
  );
});

brokerTest(
  "Half of a WebSocket frame, and no more, leaves the client to its Keep Alive",
  async (broker) => {
    await using _ = await WebSocketPeer.connect(broker.listeners[1]!.url);
    using socket = await RawWebSocket.open(broker.listeners[1]!.port);
    await socket.sendFrame(0x82, CONNECT);
    await socket.transport.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0));
    socket[Symbol.dispose]();
    await until(() => broker.statistics.clients === 1);
  },
  BOTH,
);
