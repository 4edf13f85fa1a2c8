// A broker that keeps its sessions in a file is killed in the middle of streams, at moments that a seed chooses: what it has
// acknowledged is not lost, and what it has at QoS 2 comes once.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Client, connect, type ConnectOptions } from "../../mod.ts";
import { Random } from "../../src/testing/random.ts";
import { numbers, QUICKLY, readToEnd, temporaryFolder, withinPatience } from "./broker_net.ts";
import { BrokerProcess } from "./broker_process.ts";

/** How many messages go each way. */
const COUNT = 1500;

/** How often the broker is killed meanwhile. */
const KILLS = 4;

const SESSION = { cleanStart: false, sessionExpiryInterval: 1000, reconnect: QUICKLY } as const;

/** A test with a broker in a process of its own, which keeps what it has in a file. */
function crashTest(name: string, test: (broker: BrokerProcess) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    await using broker = await BrokerProcess.start("--file", `${folder.path}/broker.db`);
    await withinPatience(test(broker));
  });
}

function connectTo(broker: BrokerProcess, options: ConnectOptions): Promise<Client> {
  return connect(() => broker.url, { ...SESSION, ...options });
}

for (const [qos, seed] of [[1, 1], [1, 2], [2, 1], [2, 2], [2, 3]] as const) {
  crashTest(
    `Streams of QoS ${qos} in both directions go on when the broker is killed (seed ${seed})`,
    async (broker) => {
      const random = new Random(seed * 10 + qos);
      await using a = await connectTo(broker, { clientId: "a" });
      await using b = await connectTo(broker, { clientId: "b" });
      const toA = await a.subscribe("to/a", { qos });
      const toB = await b.subscribe("to/b", { qos });
      const moments = Array.from({ length: KILLS }, () => random.below(2 * COUNT)).sort((x, y) =>
        x - y
      );
      let received = 0;
      let crashing = Promise.resolve();
      const onRead = () => {
        received++;
        while (moments.length > 0 && received >= moments[0]!) {
          moments.shift();
          crashing = crashing.then(() => broker.crash());
        }
      };
      const send = async (client: Client, topic: string) => {
        const sent = numbers(COUNT).map((text) => client.publish(topic, text, { qos }));
        for (const { reasonCode } of await Promise.all(sent)) assertStrictEquals(reasonCode, 0);
        await client.publish(topic, "end", { qos });
      };
      const [, , atA, atB] = await Promise.all([
        send(b, "to/a"),
        send(a, "to/b"),
        readToEnd(toA, onRead),
        readToEnd(toB, onRead),
      ]);
      await crashing;
      for (const texts of [atA, atB]) {
        const first = [...new Set(texts)];
        const missing = numbers(COUNT).filter((text) => !first.includes(text));
        assertEquals(missing, [], "these are lost");
        const late = first.filter((text, index) =>
          index > 0 && Number(text) < Number(first[index - 1])
        );
        // What is sent again may come again, but the first of each is in order [MQTT-4.6.0-6].
        assertEquals(late, [], "these are out of order");
        const doubled = texts.filter((text, index) => texts.indexOf(text) < index);
        if (qos === 2) assertEquals(doubled, [], "these have come more than once");
      }
    },
  );
}
