// §3.3.1.3 A message that is retained is kept at whatever QoS it came, in the file, too.

import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { take } from "./broker_net.ts";
import { persistentTest } from "./persistent.ts";

for (const crashes of [false, true]) {
  const end = crashes ? "is killed" : "is shut down";
  persistentTest(
    `A retained message of QoS 0 is there after the broker ${end}, and so is its removal`,
    async (persistent) => {
      {
        await using client = await connect(persistent.broker, { reconnect: false });
        for (const topic of ["a", "b", "c"]) {
          await client.publish(topic, topic, { qos: 0, retain: true });
        }
        await client.publish("b", "", { qos: 0, retain: true });
        await client.publish("c", "d", { qos: 0, retain: true });
        // Acknowledged when it is on disk, and all that came before it with it.
        await client.publish("e", "e", { qos: 1, retain: true });
      }
      await (crashes ? persistent.crash() : persistent.restart());
      assertEquals(persistent.broker.statistics.retained, 3);
      await using client = await connect(persistent.broker, { reconnect: false });
      await using messages = await client.subscribe("#", { qos: 2 });
      const received = await take(messages, 3);
      assertEquals(
        received.map((message) => [message.topic, message.text(), message.qos, message.retain])
          .toSorted(),
        [["a", "a", 0, true], ["c", "d", 0, true], ["e", "e", 1, true]],
      );
    },
  );
}
