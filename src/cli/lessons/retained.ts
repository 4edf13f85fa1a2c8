// The chapter `retained`: §3.3.1.3 RETAIN, and what a new subscriber gets.

import type { Chapter } from "./chapter.ts";

const TOPIC = "home/temperature";

/** The broker keeps the last message of a topic. */
export const RETAINED: Chapter = {
  about:
    "A sensor says every ten minutes how warm it is. A display that is switched on in between " +
    "would show nothing for a while. Therefore the broker can keep the last message of a topic, " +
    "the retained message, and give it to each new subscriber at once.",
  steps: [
    {
      title: "The sensor connects and publishes its temperature as a retained message.",
      text: "One bit makes the difference: in `31` the type is 3, PUBLISH, and bit 0 is RETAIN " +
        "(§3.3.1.3). The broker passes the message on, here to nobody, and keeps it with its " +
        "topic.",
      bytes: {
        of: "PUBLISH",
        rows: [
          ["31", "type 3 is PUBLISH; in the low half: DUP 0, QoS 0, RETAIN 1"],
          ["17", "23 more bytes follow"],
          ["00 10", "the Topic Name takes 16 bytes"],
          ["68 6F 6D 65 2F 74 65 6D 70 65 72 61 74 75 72 65", '"home/temperature"'],
          ["00", "no properties"],
          ["32 31 2E 35", 'the payload: "21.5"'],
        ],
      },
      async run(stage) {
        const sensor = stage.client("sensor");
        await sensor.connect();
        await sensor.publish(TOPIC, "21.5", { retain: true });
      },
    },
    {
      title: "Later a display connects and subscribes: the temperature is there at once.",
      text:
        "Right behind SUBACK the broker sends what it has kept. This PUBLISH begins with `31`, " +
        "too: RETAIN 1 tells the display that the message was there before its subscription " +
        "(§3.3.1.3). It may be old.",
      async run(stage) {
        const display = stage.client("display");
        await display.connect();
        await display.subscribe(TOPIC, 0);
        await display.receive("publish");
      },
    },
    {
      title: "It gets warmer: the sensor publishes again, and the display gets it as it happens.",
      text: "The sensor sends `31`, RETAIN 1, and the new message takes the place of the old one " +
        "[MQTT-3.3.1-5]. The display gets it as `30`, RETAIN 0: to a subscriber that was there " +
        "already it is news like any other [MQTT-3.3.1-12].",
      async run(stage) {
        await stage.client("sensor").publish(TOPIC, "22.0", { retain: true });
        await stage.client("display").receive("publish");
      },
    },
    {
      title: "The sensor is to be removed: it deletes its retained message.",
      text:
        "A retained message with an empty payload deletes what was retained before, and is not " +
        "kept itself [MQTT-3.3.1-6], [MQTT-3.3.1-7]. The packet ends with `00`, no properties. " +
        "The display gets the empty message, too.",
      async run(stage) {
        await stage.client("sensor").publish(TOPIC, "", { retain: true });
        await stage.client("display").receive("publish");
      },
    },
    {
      title: "A second display subscribes, and gets nothing.",
      text:
        "There is SUBACK, and no PUBLISH behind it. A subscriber can also ask not to get what " +
        "was retained: two bits of its Subscription Options, Retain Handling, say when it wants " +
        "it (§3.8.3.1). 0x20 in the last byte of SUBSCRIBE would be: never.",
      async run(stage) {
        const display = stage.client("display-2");
        await display.connect();
        await display.subscribe(TOPIC, 0);
      },
    },
    {
      title: "All three leave.",
      text:
        "A retained message belongs to its topic, not to a session: it would outlive the client " +
        "that has published it. When it is to end by itself, PUBLISH can have a Message Expiry " +
        "Interval (§3.3.2.3.3).",
      async run(stage) {
        for (const name of ["sensor", "display", "display-2"]) {
          await stage.client(name).disconnect();
        }
      },
    },
  ],
};
