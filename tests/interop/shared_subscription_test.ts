// Shared Subscriptions (§4.8.2): Mosquitto gives each message to one member of the group.

import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { interopTest, numbers, take, textsOf, until } from "./interop.ts";
import { connectMqttJs } from "./mqttjs.ts";

const COUNT = 90;

for (const qos of [0, 1, 2] as const) {
  interopTest(
    `Each message of QoS ${qos} reaches one member of the group, and none is lost`,
    async (server) => {
      await using publisher = await connect(server.url);
      await using first = await connect(server.url);
      await using second = await connect(server.url);
      const members = [
        await first.subscribe("$share/group/jobs/+", { qos }),
        await second.subscribe("$share/group/jobs/+", { qos }),
      ];
      await using theirs = await connectMqttJs(server);
      await theirs.client.subscribeAsync("$share/group/jobs/+", { qos });
      const received: string[][] = [[], [], []];
      const loops = members.map(async (jobs, index) => {
        for await (const job of jobs) received[index]!.push(job.text());
      });
      theirs.client.on("message", (_, payload) => received[2]!.push(payload.toString()));
      const jobs = numbers(COUNT);
      await Promise.all(jobs.map((job) => publisher.publish(`jobs/${job}`, job, { qos })));
      await until(() => received.flat().length >= COUNT);
      for (const jobs of members) await jobs.unsubscribe();
      await Promise.all(loops);
      assertEquals(received.flat().sort(), jobs.sort());
      assertEquals(received.map(({ length }) => length > 0), [true, true, true]);
    },
  );
}

interopTest(
  "A member gets a message once more for a subscription that is not shared",
  async (server) => {
    await using client = await connect(server.url);
    const shared = await client.subscribe("$share/group/news", { qos: 1 });
    const own = await client.subscribe("news", { qos: 1 });
    const published = numbers(10);
    for (const text of published) await client.publish("news", text, { qos: 1 });
    assertEquals(textsOf(await take(shared, 10)), published);
    assertEquals(textsOf(await take(own, 10)), published);
    assertEquals([shared.waiting, own.waiting], [0, 0]);
  },
);

interopTest("Two members in one client share the messages of their group", async (server) => {
  await using client = await connect(server.url);
  await using other = await connect(server.url);
  const ours = await client.subscribe("$share/group/news", { qos: 1 });
  const others = await other.subscribe("$share/group/news", { qos: 1 });
  const elsewhere = await client.subscribe("$share/another/news", { qos: 1 });
  const published = numbers(20);
  for (const text of published) await client.publish("news", text, { qos: 1 });
  // What the group got altogether is the same that the group with one member got.
  assertEquals(textsOf(await take(elsewhere, 20)), published);
  await until(() => ours.waiting + others.waiting === 20);
  const groups = [...await take(ours, ours.waiting), ...await take(others, others.waiting)];
  assertEquals(textsOf(groups).sort(), published.sort());
});
