// As many clients and subscriptions as the broker is made for.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { numbers, take, textsOf, withinPatience } from "./broker_net.ts";
import { Crowd } from "./crowd.ts";
import { Host, mostOpenFiles } from "./host.ts";
import { Peer } from "./peer.ts";

/** So many more bytes than before may be in use when all is over: code that was compiled, and tables that have grown. */
const SLACK = 6_000_000;

/** More than fits by default. */
const ROOM = { memory: 1_000_000_000, connections: 20_000, subscriptionBytes: 30_000_000 };

const most = await mostOpenFiles();
const MANY = Math.min(10_000, most - 500);

Deno.test({
  name: most < 1500
    ? `Thousands of clients are there at the same time (skipped: ${most} files may be open)`
    : "Ten thousand clients, or as many as files may be open, are there at the same time, and all are served",
  ignore: most < 1500,
  fn: () =>
    withinPatience((async () => {
      await using host = await Host.start({ limits: ROOM });
      {
        // Once, so that all code has run.
        await using _ = await Crowd.gather(host, 500);
      }
      const before = await host.until(({ statistics }) => statistics.clients === 0);
      {
        await using crowd = await Crowd.gather(host, MANY);
        const there = await host.report();
        assertEquals([there.statistics.clients, there.statistics.subscriptions], [MANY, MANY]);
        const bytes = (there.used - before.used) / MANY;
        assert(bytes < 20_000, `a client takes ${Math.round(bytes)} bytes`);
        await using client = await connect(host.url);
        const own = await client.subscribe("own", { qos: 1 });
        await client.publish("own", "hello", { qos: 1 });
        assertEquals(textsOf(await take(own, 1)), ["hello"]);
        // One message to all.
        await client.publish("crowd", "hello", { qos: 1 });
        await crowd.line();
      }
      await host.untilBack(before.used + SLACK);
    })()),
});

Deno.test("A hundred thousand subscriptions are matched, and removed with their clients", () =>
  withinPatience((async () => {
    await using host = await Host.start({ limits: ROOM });
    const sessions = 10;
    const each = 10_000;
    const fill = async (count: number) => {
      const peers: Peer[] = [];
      for (let session = 0; session < sessions; session++) {
        const peer = await Peer.connect(host, { clientId: `s${session}` });
        peers.push(peer);
        for (let index = 0; index < count; index += 500) {
          const subscriptions = Array.from({ length: 500 }, (_, at) => ({
            topicFilter: `site/${session}/+/room/${index + at}/${at % 2 === 0 ? "#" : "state"}`,
            qos: 1 as const,
          }));
          await peer.send({ type: "subscribe", packetId: 1, subscriptions });
          const { reasonCodes } = await peer.expect("suback");
          assert(reasonCodes.every((code) => code === 1));
        }
      }
      return peers;
    };
    const leave = async (peers: Peer[]) => {
      for (const peer of peers) {
        await peer.send({ type: "disconnect" });
        await peer.expectEnd();
        peer[Symbol.dispose]();
      }
    };
    await leave(await fill(1000));
    const before = await host.report();
    const peers = await fill(each);
    const there = await host.report();
    assertStrictEquals(there.statistics.subscriptions, sessions * each);
    const bytes = (there.used - before.used) / (sessions * each);
    assert(bytes < 3000, `a subscription takes ${Math.round(bytes)} bytes`);
    // One more is one too many for its session, and there is room elsewhere.
    await peers[0]!.send({
      type: "subscribe",
      packetId: 1,
      subscriptions: [{ topicFilter: "one/more" }],
    });
    assertEquals((await peers[0]!.expect("suback")).reasonCodes, [0x97]);
    await using client = await connect(host.url);
    for (let session = 0; session < sessions; session++) {
      const topic = `site/${session}/hall/room/${each - 2}/light`;
      const { reasonCode } = await client.publish(topic, "on", { qos: 1 });
      assertStrictEquals(reasonCode, 0);
      assertStrictEquals((await peers[session]!.expect("publish")).topic, topic);
    }
    const none = await client.publish("site/0/hall/room/10001/light", "on", { qos: 1 });
    assertStrictEquals(none.reasonCode, 0x10);
    await client.disconnect();
    await leave(peers);
    await host.untilBack(before.used + SLACK);
  })()));

Deno.test("Thousands of topics that all match hundreds of subscriptions take no memory", () =>
  withinPatience((async () => {
    await using host = await Host.start();
    // At QoS 0 nothing waits for them.
    await Promise.all(
      numbers(500).map(async (clientId) => {
        using peer = await Peer.connect(host, {
          clientId,
          properties: { sessionExpiryInterval: 600 },
        });
        await peer.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "#" }] });
        await peer.expect("suback");
        await peer.send({ type: "disconnect" });
        await peer.expectEnd();
      }),
    );
    await using client = await connect(host.url);
    const publish = async (from: number) => {
      for (const topic of numbers(3000)) await client.publish(`${from}/${topic}`, "");
      await client.publish(`${from}`, "", { qos: 1 });
    };
    await publish(0);
    const before = await host.report();
    await publish(1);
    const { used } = await host.report();
    assert(used < 40_000_000, `${used} bytes are in use`);
    assert(used - before.used < SLACK, `${used - before.used} bytes are left`);
  })()));

for (const protocol of ["mqtt", "ws"] as const) {
  Deno.test(`Clients over ${protocol} wait when no more files may be open, and are served when others have closed`, () =>
    withinPatience((async () => {
      const files = 64;
      await using host = await Host.start({ protocol }, files);
      const url = `${protocol}://127.0.0.1:${host.port}`;
      const before = await Promise.all(numbers(10).map(() => connectMqttJs({ url })));
      // The system takes these connections: the broker does not know of the last of them yet.
      const peers = await Promise.all(numbers(2 * files).map(() => Peer.dial(host)));
      await before[0]!.client.subscribeAsync("a", { qos: 1 });
      await before[1]!.client.publishAsync("a", "there", { qos: 1 });
      assertStrictEquals(String((await before[0]!.next()).payload), "there");
      for (const peer of peers) peer[Symbol.dispose]();
      const after = await Promise.all(numbers(10).map(() => connectMqttJs({ url })));
      await host.until(({ statistics }) => statistics.clients === 20);
      for (const js of [...before, ...after]) await js[Symbol.asyncDispose]();
    })()));
}
