// Clients that come and go, all at once and again and again.

import { assertEquals } from "@std/assert";
import { connect, encodePacket } from "../../mod.ts";
import { numbers, take, until, withinPatience } from "./broker_net.ts";
import { Host } from "./host.ts";
import { Peer } from "./peer.ts";

/** So many more bytes than before may be in use when all is over. */
const SLACK = 3_000_000;

/** So many come at the same time. */
const WAVE = 250;

/** A test with a broker in a process of its own, whose memory is back where it was after the second time. */
function stormTest(name: string, storm: (host: Host) => Promise<void>): void {
  Deno.test(name, () =>
    withinPatience((async () => {
      await using host = await Host.start();
      await storm(host);
      const before = await host.until(({ statistics }) => statistics.clients === 0);
      await storm(host);
      await host.untilBack(before.used + SLACK);
    })()));
}

async function inWaves(waves: number, client: (name: string) => Promise<void>): Promise<void> {
  for (let wave = 0; wave < waves; wave++) {
    await Promise.all(numbers(WAVE).map((name) => client(name)));
  }
}

stormTest("Thousands of clients that come and leave are served", async (host) => {
  await inWaves(8, async (clientId) => {
    using peer = await Peer.connect(host, { clientId });
    await peer.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: clientId }] });
    await peer.expect("suback");
    await peer.send({ type: "publish", topic: clientId });
    await peer.expect("publish");
    await peer.send({ type: "disconnect" });
    await peer.expectEnd();
  });
});

stormTest(
  "Thousands of clients that come and break off in the middle of something are forgotten",
  async (host) => {
    const all = [
      encodePacket({ type: "connect", will: { topic: "will", payload: new Uint8Array(100) } }),
      encodePacket({
        type: "subscribe",
        packetId: 1,
        subscriptions: [{ topicFilter: "#", qos: 2 }],
      }),
      encodePacket({ type: "publish", topic: "a", qos: 2, packetId: 2 }),
    ];
    const bytes = Uint8Array.from(all.flatMap((part) => [...part]));
    await inWaves(8, async (name) => {
      using peer = await Peer.dial(host);
      await peer.write(bytes.subarray(0, Number(name) % bytes.length + 1)).catch(() => {});
    });
  },
);

stormTest(
  "Hundreds of takeovers leave one client, and each of the others is told [MQTT-3.1.4-3]",
  async (host) => {
    await using client = await connect(host.url);
    const own = await client.subscribe("own", { qos: 1 });
    for (let wave = 0; wave < 4; wave++) {
      let told = 0;
      const peers = await Promise.all(numbers(WAVE).map(() => Peer.dial(host)));
      const taken = Promise.all(peers.map(async (peer) => {
        const properties = { sessionExpiryInterval: 60 };
        await peer.open({ clientId: "one", cleanStart: false, properties });
        await peer.expectDisconnect(0x8e);
        told++;
        peer[Symbol.dispose]();
      }));
      await until(() => told === WAVE - 1);
      await client.publish("own", "hello", { qos: 1 });
      await take(own, 1);
      const { statistics } = await host.report();
      assertEquals([statistics.clients, statistics.sessions], [2, 2]);
      using last = await Peer.connect(host, { clientId: "one" });
      await taken;
      await last.send({ type: "disconnect" });
      await last.expectEnd();
    }
  },
);
