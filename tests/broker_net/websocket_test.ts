// §6 The broker over WebSocket.

import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, encodePacket, type PacketInit } from "../../mod.ts";
import type { Broker } from "../../src/broker/mod.ts";
import { brokerTest, take, textsOf, until } from "./broker_net.ts";
import { joined, maskedFrame, RawWebSocket, request, WebSocketPeer } from "./websocket_peer.ts";

const WEBSOCKET = { protocol: "ws" } as const;

/** One listener for each protocol. */
const BOTH = { listeners: [{ protocol: "ws", port: 0 }, { protocol: "mqtt", port: 0 }] } as const;

const CONNECT = encodePacket({ type: "connect" });

const MESSAGES: readonly PacketInit[] = ["1", "2", "3"].map((text) => {
  return { type: "publish", topic: "a", payload: new TextEncoder().encode(text) };
});

/** What comes to a subscriber of `"a"` when bytes are sent in frames. */
async function received(broker: Broker, frames: readonly Uint8Array[]): Promise<string[]> {
  await using client = await connect(broker);
  const all = await client.subscribe("a");
  await using peer = await WebSocketPeer.open(broker.url);
  for (const frame of frames) peer.socket.send(frame as Uint8Array<ArrayBuffer>);
  return textsOf(await take(all, MESSAGES.length));
}

brokerTest(
  "A WebSocket is opened with the subprotocol mqtt, among others or alone [MQTT-6.0.0-4] [MQTT311-6.0.0-4]",
  async ({ url }) => {
    for (const protocols of ["mqtt", ["mqttv3.1", "mqtt"], ["mqtt", "other"]]) {
      await using peer = await WebSocketPeer.open(url, protocols);
      assertStrictEquals(peer.socket.protocol, "mqtt");
    }
    // What clients of MQTT 3.1 ask for; which version is spoken is up to CONNECT.
    await using older = await WebSocketPeer.open(url, ["mqttv3.1"]);
    assertStrictEquals(older.socket.protocol, "mqttv3.1");
    for (const protocols of [[], ["mqttv3"], ["MQTT"]]) {
      await assertRejects(() => WebSocketPeer.open(url, protocols), Error, "refused");
    }
  },
  WEBSOCKET,
);

for (
  const [what, text, status] of [
    ["that asks for no WebSocket", "GET / HTTP/1.1\r\nHost: broker\r\n\r\n", 426],
    ["that asks for another protocol", request({ Upgrade: "h2c" }), 426],
    ["without Connection: Upgrade", request({ Connection: "keep-alive" }), 426],
    ["for another version", request({ "Sec-WebSocket-Version": "8" }), 426],
    ["without a version", request({ "Sec-WebSocket-Version": undefined }), 426],
    ["without a key", request({ "Sec-WebSocket-Key": undefined }), 400],
    ["with a key of other length", request({ "Sec-WebSocket-Key": "c2hvcnQ=" }), 400],
    ["without a subprotocol", request({ "Sec-WebSocket-Protocol": undefined }), 400],
    ["with another subprotocol", request({ "Sec-WebSocket-Protocol": "mqttv3" }), 400],
    ["by another method", request({}, "POST / HTTP/1.1"), 400],
    ["that is none", "hello\r\n\r\n", 400],
    ["that does not end", `GET / HTTP/1.1\r\nX: ${"x".repeat(10_000)}`, 431],
  ] as const
) {
  brokerTest(
    `A request ${what} is answered with ${status}, and others are served`,
    async (broker) => {
      using socket = await RawWebSocket.dial(broker.port);
      await socket.sendText(text);
      const head = await socket.head();
      assertStrictEquals(head.status, status);
      // RFC 9110, §15.5.22, and RFC 6455, §4.4.
      assertMatch(head.text, /^Upgrade: websocket$/m);
      assertMatch(head.text, /^Sec-WebSocket-Version: 13$/m);
      await socket.ended();
      await using _ = await WebSocketPeer.connect(broker.url);
      await until(() => broker.statistics.clients === 1);
    },
    WEBSOCKET,
  );
}

brokerTest("The answer to a key is that of the standard (RFC 6455, §1.3)", async ({ port }) => {
  using socket = await RawWebSocket.dial(port);
  // In parts, and with names and values in any case.
  const text = request({ Upgrade: undefined, upgrade: "WebSocket", Connection: "UPGRADE" });
  await socket.sendText(text.slice(0, 40));
  await socket.sendText(text.slice(40));
  const { status, text: head } = await socket.head();
  assertStrictEquals(status, 101);
  assertMatch(head, /^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=$/m);
  assertMatch(head, /^Sec-WebSocket-Protocol: mqtt$/m);
}, WEBSOCKET);

brokerTest("A frame may hold several packets [MQTT-6.0.0-2] [MQTT311-6.0.0-2]", async (broker) => {
  const frame = joined([CONNECT, ...MESSAGES.map((packet) => encodePacket(packet))]);
  assertEquals(await received(broker, [frame]), ["1", "2", "3"]);
}, WEBSOCKET);

brokerTest(
  "A packet may be cut into frames anywhere, even into single bytes [MQTT-6.0.0-2] [MQTT311-6.0.0-2]",
  async (broker) => {
    const bytes = joined([CONNECT, ...MESSAGES.map((packet) => encodePacket(packet))]);
    for (const size of [1, 2, 7, 20]) {
      const frames = [new Uint8Array(0)];
      for (let at = 0; at < bytes.length; at += size) frames.push(bytes.slice(at, at + size));
      assertEquals(await received(broker, frames), ["1", "2", "3"], `${size} bytes in a frame`);
    }
  },
  WEBSOCKET,
);

brokerTest("A message of several frames is taken, with pings in between", async ({ port }) => {
  using socket = await RawWebSocket.open(port);
  await socket.sendFrame(0x02, CONNECT.subarray(0, 5));
  await socket.sendFrame(0x89, new TextEncoder().encode("hello"));
  await socket.sendFrame(0x00, CONNECT.subarray(5, 6));
  await socket.sendFrame(0x8a, new Uint8Array(0));
  await socket.sendFrame(0x80, CONNECT.subarray(6));
  const [pong, connack] = [await socket.frame(), await socket.frame()];
  assertEquals([pong!.opcode, new TextDecoder().decode(pong!.data)], [0xa, "hello"]);
  assertEquals([connack!.opcode, connack!.data[0]], [0x2, 0x20]);
}, WEBSOCKET);

brokerTest("Each byte of a request and of frames may come alone", async ({ port }) => {
  using socket = await RawWebSocket.dial(port);
  for (const character of request()) await socket.sendText(character);
  assertStrictEquals((await socket.head()).status, 101);
  const empty = joined([Uint8Array.of(0x30, 0xc8, 0x01), new Uint8Array(200)]);
  for (const data of [CONNECT, empty]) {
    for (const byte of maskedFrame(0x82, data)) await socket.transport.write(Uint8Array.of(byte));
  }
  assertStrictEquals((await socket.frame())!.data[0], 0x20);
  // The topic is empty, which is a fault.
  assertEquals((await socket.frame())!.data.slice(0, 3).with(1, 0), Uint8Array.of(0xe0, 0, 0x82));
}, WEBSOCKET);

brokerTest(
  "A frame of text ends the WebSocket, and others go on [MQTT-6.0.0-1] [MQTT311-6.0.0-1]",
  async (broker) => {
    await using client = await connect(broker.listeners[1]!.url);
    const all = await client.subscribe("#");
    const will = { topic: "wills", payload: new TextEncoder().encode("gone") };
    for (const text of ["", "hello", new TextDecoder().decode(Uint8Array.of(0xc0, 0))]) {
      const peer = await WebSocketPeer.connect(broker.url, { will } as never);
      peer.socket.send(text);
      const { code } = await peer.closed;
      assertStrictEquals(code, 1003);
    }
    await using other = await WebSocketPeer.connect(broker.url);
    other.send(MESSAGES[0]!);
    assertEquals(textsOf(await take(all, 4)), ["gone", "gone", "gone", "1"]);
  },
  BOTH,
);

for (
  const [what, first, data, isMasked] of [
    ["without a mask", 0x82, CONNECT, false],
    ["with a reserved bit", 0xc2, CONNECT, true],
    ["of a kind that there is not", 0x83, CONNECT, true],
    ["of a control kind that there is not", 0x8b, new Uint8Array(0), true],
    ["that continues nothing", 0x80, CONNECT, true],
    ["of a ping in parts", 0x09, new Uint8Array(0), true],
    ["of a ping that is too long", 0x89, new Uint8Array(126), true],
  ] as const
) {
  brokerTest(`A frame ${what} ends the WebSocket with 1002`, async (broker) => {
    using socket = await RawWebSocket.open(broker.port);
    await socket.sendFrame(first, data, isMasked);
    assertStrictEquals(await socket.expectClose(), 1002);
    await using _ = await WebSocketPeer.connect(broker.url);
    await until(() => broker.statistics.clients === 1);
  }, WEBSOCKET);
}

brokerTest("A new message within another ends the WebSocket with 1002", async ({ port }) => {
  using socket = await RawWebSocket.open(port);
  await socket.sendFrame(0x02, CONNECT);
  await socket.sendFrame(0x82, CONNECT);
  assertStrictEquals(await socket.expectClose(), 1002);
}, WEBSOCKET);

brokerTest("A fault of MQTT is told before the WebSocket ends", async ({ url }) => {
  const peer = await WebSocketPeer.connect(url);
  peer.socket.send(Uint8Array.of(0x36, 0x00));
  const packet = await peer.next();
  assertStrictEquals(packet?.type === "disconnect" && packet.reasonCode, 0x81);
  assertStrictEquals((await peer.closed).wasClean, true);
}, WEBSOCKET);

brokerTest("Who closes the WebSocket is answered, and leaves a Will", async (broker) => {
  await using client = await connect(broker.listeners[1]!.url);
  const wills = await client.subscribe("wills");
  const peer = await WebSocketPeer.connect(broker.url, { will: { topic: "wills" } } as never);
  peer.socket.close(4000, "bye");
  const { code, wasClean } = await peer.closed;
  assertEquals([code, wasClean], [4000, true]);
  await take(wills, 1);
}, BOTH);

brokerTest("Clients over WebSocket are told when the broker shuts down", async (broker) => {
  const peer = await WebSocketPeer.connect(broker.url);
  await broker.shutDown();
  const packet = await peer.next();
  assertStrictEquals(packet?.type === "disconnect" && packet.reasonCode, 0x8b);
  assertStrictEquals((await peer.closed).wasClean, true);
}, WEBSOCKET);

brokerTest("Pings without end that nobody reads the answers to are no burden", async (broker) => {
  using socket = await RawWebSocket.open(broker.port);
  await socket.sendFrame(0x82, CONNECT);
  const ping = new Uint8Array(125);
  for (let count = 0; count < 50_000; count++) void socket.sendFrame(0x89, ping).catch(() => {});
  await using _ = await WebSocketPeer.connect(broker.url);
  await until(() => broker.statistics.clients === 2);
}, WEBSOCKET);
