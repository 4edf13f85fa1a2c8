// The chapter `alias`: §3.3.2.3.4 Topic Alias.

import type { Chapter } from "./chapter.ts";

const TOPIC = "plant/hall-3/line-7/oven/temperature";

/** A number in place of a long topic. */
export const ALIAS: Chapter = {
  about: "A sensor sends a number of four characters each second, to a topic of 36. Over a radio " +
    "link that is paid by the byte, the topic costs most. A Topic Alias is a small number in " +
    "place of the topic, agreed upon for one connection.",
  steps: [
    {
      title: "The sensor and a display connect, and the display subscribes.",
      text:
        "`22 00 40` in CONNACK is the Topic Alias Maximum: the broker accepts the numbers 1 to " +
        "64 from each client (§3.2.2.3.8). The display has not said in its CONNECT that it " +
        "accepts any, so the broker may send none to it [MQTT-3.1.2-27].",
      async run(stage) {
        const display = stage.client("display");
        await display.connect();
        await display.subscribe("plant/#", 0);
        await stage.client("sensor").connect();
      },
    },
    {
      title: "The sensor publishes with topic and alias: from now on, 1 stands for this topic.",
      text: "Behind the topic there are 3 bytes of properties now: `23 00 01`, Topic Alias 1 " +
        "(§3.3.2.3.4). The display gets the same message without the alias: an alias is between " +
        "the two ends of one connection, and nobody else's business.",
      async run(stage) {
        await stage.client("sensor").publish(TOPIC, "21.5", { properties: { topicAlias: 1 } });
        await stage.client("display").receive("publish");
      },
    },
    {
      title: "It publishes again, with the alias alone: 12 bytes in place of 45.",
      text: "The topic is empty, and the broker puts the one in its place that it knows. The " +
        "display notices nothing.",
      bytes: {
        of: "PUBLISH from the sensor",
        rows: [
          ["30", "PUBLISH with QoS 0"],
          ["0A", "10 more bytes follow"],
          ["00 00", "the Topic Name takes 0 bytes"],
          ["03", "the properties take 3 bytes"],
          ["23 00 01", "Topic Alias (23): 1"],
          ["32 31 2E 36", 'the payload: "21.6"'],
        ],
      },
      async run(stage) {
        await stage.client("sensor").publish("", "21.6", { properties: { topicAlias: 1 } });
        await stage.client("display").receive("publish");
      },
    },
    {
      title: "The same alias is given to another topic.",
      text:
        "Whenever topic and alias come together, the alias gets that topic, and what it stood " +
        "for before is forgotten (§3.3.2.3.4). So a sender can go on with few numbers.",
      async run(stage) {
        const sensor = stage.client("sensor");
        const display = stage.client("display");
        const properties = { topicAlias: 1 };
        await sensor.publish("plant/hall-3/line-7/oven/door", "shut", { properties });
        await display.receive("publish");
        await sensor.publish("", "open", { properties });
        await display.receive("publish");
      },
    },
    {
      title: "Both leave, and with the connection the alias is forgotten.",
      text:
        "A new connection begins without any alias, even if the session goes on [MQTT-3.3.2-7]. " +
        "Then the first PUBLISH must have its topic again.",
      async run(stage) {
        await stage.client("sensor").disconnect();
        await stage.client("display").disconnect();
      },
    },
  ],
};
