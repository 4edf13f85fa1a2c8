// What the broker does by itself when its time has come, with nobody there to remind it.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { brokerTest, take, textsOf, until, withinPatience } from "./broker_net.ts";

/** Answers each question in a turn of its own. */
const LATER = {
  authorizePublish: () => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 1)),
} as const;

for (const [which, hooks] of [["at once", {}], ["later", LATER]] as const) {
  brokerTest(
    `A retained message expires when nothing else happens, with hooks that answer ${which}`,
    async (broker) => {
      await using client = await connect(broker.url);
      const options = { qos: 1, retain: true, messageExpiryInterval: 1 } as const;
      await client.publish("state", "on", options);
      assertStrictEquals(broker.statistics.retained, 1);
      await until(() => broker.statistics.retained === 0);
    },
    hooks,
  );
}

Deno.test("A session expires on time although its client disconnected while a hook was pending", () =>
  withinPatience((async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    await using broker = await serve({
      port: 0,
      authorizePublish() {
        asked.resolve();
        return answer.promise;
      },
    });
    const client = await connect(broker.url, { sessionExpiryInterval: 1, reconnect: false });
    const published = client.publish("a", "", { qos: 1 }).catch(() => "given up");
    await asked.promise;
    await client.disconnect({ timeout: 1 });
    assertStrictEquals(await published, "given up");
    answer.resolve(true);
    await until(() => broker.statistics.sessions === 0);
  })()));

brokerTest("A Will comes in its time, and ends with its session", async (broker) => {
  await using client = await connect(broker.url);
  const wills = await client.subscribe("wills/#", { qos: 1 });
  const leave = async (name: string, sessionExpiryInterval: number, willDelayInterval: number) => {
    const will = { topic: `wills/${name}`, payload: name, willDelayInterval };
    const other = await connect(broker.url, { sessionExpiryInterval, will });
    await other.disconnect({ reasonCode: 0x04 });
  };
  await leave("with its session", 1, 1000);
  await leave("late", 1000, 2);
  await leave("at once", 1000, 0);
  assertEquals(textsOf(await take(wills, 3)), ["at once", "with its session", "late"]);
});
