// Clients that send too much, or do not read: each costs what it may cost and no more, nobody else notices, and when it is
// gone the memory is back where it was.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, connect, encodePacket, type QoS } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { numbers, take, until, withinPatience } from "./broker_net.ts";
import { Host, type HostOptions, type Report } from "./host.ts";
import { Peer } from "./peer.ts";
import { RawWebSocket } from "./websocket_peer.ts";

/** So many more bytes than before may be in use when all is over: code that was compiled, and tables that have grown. */
const SLACK = 3_000_000;

/** What is in buffers on its way: the platform's, and those of the messages that are being looked at. */
const ON_ITS_WAY = 8_000_000;

const PAYLOAD = "x".repeat(1000);

/** A test with a broker in a process of its own, whose memory is back where it was in the end. */
function overloadTest(
  name: string,
  test: (host: Host, before: Report) => Promise<void>,
  limits: HostOptions["limits"] = {},
): void {
  Deno.test(name, () =>
    withinPatience((async () => {
      await using host = await Host.start({ limits });
      await warmUp(host);
      const before = await host.until(({ statistics }) => statistics.clients === 0);
      await test(host, before);
      await host.untilBack(before.used + SLACK);
    })()));
}

/** Lets all code run once, so that what is measured is not the code. */
async function warmUp(host: Host): Promise<void> {
  await using client = await connect(host.url);
  const all = await client.subscribe("#", { qos: 2 });
  for (const qos of [0, 1, 2] as const) {
    await Promise.all(numbers(1000).map(() => client.publish("a", PAYLOAD, { qos })));
    await take(all, 1000);
  }
}

/** A client that reads nothing any more once it has subscribed. */
async function subscribeAndStop(host: Host, topicFilter: string, qos: QoS): Promise<Peer> {
  const peer = await Peer.connect(host, { clientId: "stopped" });
  await peer.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter, qos }] });
  await peer.expect("suback");
  return peer;
}

/** Says something and hears it, again and again; returns the longest time that it took, in milliseconds. */
async function talk(client: Client, isOver: () => boolean): Promise<number> {
  await using own = await client.subscribe("own", { qos: 1 });
  let longest = 0;
  while (!isOver()) {
    const since = performance.now();
    await client.publish("own", "hello", { qos: 1 });
    await take(own, 1);
    longest = Math.max(longest, performance.now() - since);
  }
  return longest;
}

/** Does something while others talk, who are not kept waiting. */
async function whileOthersTalk(host: Host, work: () => Promise<void>): Promise<void> {
  await using client = await connect(host.url, { reconnect: false });
  let isOver = false;
  const talking = talk(client, () => isOver);
  try {
    await work();
  } finally {
    isOver = true;
  }
  const longest = await talking;
  assert(longest < 5000, `somebody had to wait for ${longest} ms`);
}

for (const qos of [0, 1, 2] as const) {
  overloadTest(
    `A flood of QoS ${qos} to a subscriber that has stopped reading fills its queue and is dropped beyond`,
    async (host, before) => {
      using peer = await subscribeAndStop(host, "flood", qos);
      const count = 20_000;
      await whileOthersTalk(host, async () => {
        await using client = await connect(host.url);
        for (let sent = 0; sent < count; sent += 1000) {
          const texts = numbers(1000).map((text) => `${sent + Number(text)} ${PAYLOAD}`);
          // Who is told that nobody has room for a message goes on.
          await Promise.allSettled(texts.map((text) => client.publish("flood", text, { qos })));
        }
      });
      const { statistics, used } = await host.report();
      const dropped = statistics.dropped - before.statistics.dropped;
      assert(dropped > 0, "nothing was dropped");
      assert(used - before.used < 2_000_000 + ON_ITS_WAY, `${used - before.used} bytes are in use`);
      // What there was room for comes, in order, as soon as it reads again.
      let last = -1;
      for (let left = count - dropped; left > 0;) {
        const packet = await peer.next();
        if (packet?.type === "pubrel") {
          await peer.send({ type: "pubcomp", packetId: packet.packetId });
        }
        if (packet?.type !== "publish") continue;
        const number = Number(new TextDecoder().decode(packet.payload).split(" ")[0]);
        assert(number > last, `${number} comes after ${last}`);
        last = number;
        left--;
        if (qos > 0) {
          await peer.send({ type: qos === 1 ? "puback" : "pubrec", packetId: packet.packetId });
        }
      }
      await peer.send({ type: "disconnect" });
      await peer.ended();
    },
    { queuedMessages: 1000, queuedBytes: 2_000_000, receiveMaximum: 1000 },
  );
}

/** Packets that are answered, again and again. */
const ANSWERED: Readonly<Record<string, Uint8Array>> = {
  PINGREQ: encodePacket({ type: "pingreq" }),
  SUBSCRIBE: encodePacket({
    type: "subscribe",
    packetId: 1,
    subscriptions: [{ topicFilter: "a" }],
  }),
  // Each is answered before so many have come that they exceed the Receive Maximum.
  "PUBLISH at QoS 1": encodePacket({ type: "publish", topic: "nobody", qos: 1, packetId: 1 }),
};

for (const [what, packet] of Object.entries(ANSWERED)) {
  overloadTest(
    `A client that sends ${what} without end and never reads is given up`,
    async (host, before) => {
      using peer = await Peer.connect(host);
      await whileOthersTalk(host, () => sendWithoutEnd(peer, packet));
      const { ended, used } = await host.report();
      assertEquals(ended["the client does not read the answers to what it sends"], 1);
      assert(used - before.used < ON_ITS_WAY, `${used - before.used} bytes are in use`);
    },
  );
}

/** Sends a packet again and again, until the broker has ended the connection. */
async function sendWithoutEnd(peer: Peer, packet: Uint8Array): Promise<void> {
  const many = new Uint8Array(packet.length * Math.ceil(200_000 / packet.length));
  for (let at = 0; at < many.length; at += packet.length) many.set(packet, at);
  try {
    for (;;) await peer.write(many);
  } catch {
    return;
  }
}

overloadTest("A packet that is announced as too large is refused before it comes", async (host) => {
  using peer = await Peer.connect(host);
  // 268,435,455 bytes, of which some come.
  await peer.send("30 FF FF FF 7F");
  await peer.write(new Uint8Array(100_000)).catch(() => {});
  await peer.expectDisconnect(0x95);
  using other = await Peer.dial(host);
  await other.send("10 FF FF FF 7F");
  assertStrictEquals((await other.expect("connack")).reasonCode, 0x95);
  await other.expectEnd();
});

overloadTest("Packets that are announced and do not come take no memory", async (host, before) => {
  const peers = await Promise.all(numbers(200).map(() => Peer.connect(host)));
  // Each of 16,000,000 bytes, which may be sent.
  await Promise.all(peers.map((peer) => peer.send("30 80 C8 D0 07", "0001 61 00")));
  await whileOthersTalk(host, () => Promise.resolve());
  const { used } = await host.report();
  assert(used - before.used < ON_ITS_WAY, `${used - before.used} bytes are in use`);
  for (const peer of peers) peer[Symbol.dispose]();
});

overloadTest(
  "A client that takes no packet as large as its answer is left without one",
  async (host) => {
    using peer = await Peer.dial(host);
    await peer.send({ type: "connect", properties: { maximumPacketSize: 4 } });
    await peer.expectEnd();
    using other = await Peer.connect(host, { properties: { maximumPacketSize: 100 } });
    const subscriptions = [{ topicFilter: "#" }, { topicFilter: "own" }];
    await other.send({ type: "subscribe", packetId: 1, subscriptions });
    await other.expect("suback");
    await using client = await connect(host.url);
    await client.publish("own", "x".repeat(100), { qos: 1 });
    await client.publish("own", "small", { qos: 1 });
    assertEquals(new TextDecoder().decode((await other.expect("publish")).payload), "small");
  },
);

overloadTest(
  "More connections than may be are refused, and taken when others have gone",
  async (host) => {
    const peers = await Promise.all(numbers(10).map(() => Peer.connect(host)));
    for (let count = 0; count < 20; count++) {
      using peer = await Peer.dial(host);
      await peer.send({ type: "connect" });
      assertStrictEquals((await peer.expect("connack")).reasonCode, 0x89);
      await peer.expectEnd();
    }
    await peers[0]!.send({ type: "disconnect" });
    await peers[0]!.expectEnd();
    using _ = await Peer.connect(host);
    for (const peer of peers) peer[Symbol.dispose]();
  },
  { connections: 10 },
);

Deno.test("A flood over WebSocket to a subscriber that has stopped reading is dropped beyond its queue, too", () =>
  withinPatience((async () => {
    const limits = { queuedMessages: 1000, queuedBytes: 1_000_000 };
    await using host = await Host.start({ protocol: "ws", limits });
    const before = await host.report();
    using stopped = await RawWebSocket.open(host.port);
    await stopped.sendFrame(0x82, encodePacket({ type: "connect", clientId: "stopped" }));
    const subscriptions = [{ topicFilter: "flood" }];
    await stopped.sendFrame(0x82, encodePacket({ type: "subscribe", packetId: 1, subscriptions }));
    await host.until(({ statistics }) => statistics.subscriptions === 1);
    await using js = await connectMqttJs({ url: `ws://127.0.0.1:${host.port}` });
    for (let count = 0; count < 20; count++) {
      await Promise.all(numbers(1000).map(() => js.client.publishAsync("flood", PAYLOAD)));
    }
    await js.client.subscribeAsync("own", { qos: 1 });
    await js.client.publishAsync("own", "hello", { qos: 1 });
    assertStrictEquals(String((await js.next()).payload), "hello");
    const { statistics, used } = await host.report();
    assert(statistics.dropped > 0, "nothing was dropped");
    assert(used - before.used < ON_ITS_WAY, `${used - before.used} bytes are in use`);
  })()));

/** So long nothing is taken from who has to wait, in milliseconds. */
const STILL = 300;

for (const protocol of ["mqtt", "ws"] as const) {
  Deno.test(`A client that floods over ${protocol} while a hook is pending has to wait, and continues afterwards`, () =>
    withinPatience((async () => {
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<boolean>();
      let count = 0;
      await using broker = await serve({
        ...{ port: 0, protocol },
        authorizePublish() {
          asked.resolve();
          return answer.promise;
        },
        onMessage: () => void count++,
      });
      using socket = protocol === "ws" ? await RawWebSocket.open(broker.port) : undefined;
      using peer = protocol === "ws" ? undefined : await Peer.dial(broker);
      const send = (bytes: Uint8Array) => socket?.sendFrame(0x82, bytes) ?? peer!.write(bytes);
      const publish = encodePacket({
        type: "publish",
        topic: "a",
        payload: new Uint8Array(100_000),
      });
      await send(encodePacket({ type: "connect" }));
      let sent = 0;
      let writing = Promise.resolve();
      for (let isTaken = true; isTaken;) {
        let timer: ReturnType<typeof setTimeout> | undefined;
        writing = send(publish);
        sent++;
        const still = new Promise<false>((resolve) =>
          timer = setTimeout(() => resolve(false), STILL)
        );
        isTaken = await Promise.race([writing.then(() => true), still]);
        clearTimeout(timer);
        assert(sent < 500, `${sent * publish.length} bytes have been taken`);
      }
      await asked.promise;
      answer.resolve(true);
      await writing;
      await until(() => count === sent);
    })()));
}
