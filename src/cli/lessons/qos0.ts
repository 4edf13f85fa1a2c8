// The chapter `qos0`: §3.3 PUBLISH, §3.8 SUBSCRIBE, §4.3.1 QoS 0, §4.7 topics.

import type { Chapter } from "./chapter.ts";

const TOPIC = "home/lamp";

/** Publish and subscribe, at most once. */
export const QOS_0: Chapter = {
  about: "A switch is to turn on a lamp. Neither knows the other: the switch publishes a message " +
    "with a topic, home/lamp, and the broker passes it on to whoever has subscribed to that " +
    "topic. QoS 0, at most once, is the simplest Quality of Service: each message is one " +
    "packet, sent once.",
  steps: [
    {
      title: "Two clients connect to the broker: the lamp and the switch.",
      text:
        "Each has a connection of its own. Both send CONNECT and get CONNACK, as in the chapter " +
        "connect.",
      async run(stage) {
        await stage.client("lamp").connect();
        await stage.client("switch").connect();
      },
    },
    {
      title: "The lamp subscribes to home/lamp.",
      text: "SUBSCRIBE asks for messages (§3.8). Since there may be several such requests under " +
        "way, it has a number, the Packet Identifier, and the SUBACK with the answer repeats it " +
        "(§2.2.1). The answer has one Reason Code for each Topic Filter: `00`, granted with QoS " +
        "0 at most (§3.9.3).",
      bytes: {
        of: "SUBSCRIBE",
        rows: [
          ["82", "type 8 is SUBSCRIBE; the 2 is fixed, other values are forbidden (§3.8.1)"],
          ["0F", "15 more bytes follow"],
          ["00 01", "the Packet Identifier: 1 (§3.8.2)"],
          ["00", "no properties"],
          ["00 09", "the Topic Filter takes 9 bytes (§3.8.3)"],
          ["68 6F 6D 65 2F 6C 61 6D 70", '"home/lamp"'],
          ["00", "the Subscription Options: bits 0 and 1 are the highest QoS, 0 (§3.8.3.1)"],
        ],
      },
      async run(stage) {
        await stage.client("lamp").subscribe(TOPIC, 0);
      },
    },
    {
      title: 'The switch publishes "on" to home/lamp, and the broker passes it on to the lamp.',
      text:
        "The same bytes come twice: from the switch to the broker, and from the broker to the " +
        "lamp. Nobody answers, so nobody knows whether they have arrived (§4.3.1). If a " +
        "connection breaks just now, the message is lost. For a temperature that is sent every " +
        "second this is good enough, and nothing is cheaper.",
      bytes: {
        of: "PUBLISH",
        rows: [
          ["30", "type 3 is PUBLISH; in the low half: DUP 0, QoS 0, RETAIN 0 (§3.3.1)"],
          ["0E", "14 more bytes follow"],
          ["00 09", "the Topic Name takes 9 bytes (§3.3.2.1)"],
          ["68 6F 6D 65 2F 6C 61 6D 70", '"home/lamp"'],
          ["00", "no properties"],
          ["6F 6E", 'all that is left is the payload: "on" (§3.3.3)'],
        ],
      },
      async run(stage) {
        await stage.client("switch").publish(TOPIC, "on");
        await stage.client("lamp").receive("publish");
      },
    },
    {
      title: "The switch publishes to home/fan, to which nobody has subscribed.",
      text: "The broker takes the message, finds no subscriber, and drops it. The switch is not " +
        "told: at QoS 0 there is no packet that could say so. Topics need not be set up before; " +
        "they exist by being used.",
      async run(stage) {
        await stage.client("switch").publish("home/fan", "on");
      },
    },
    {
      title: "The lamp subscribes to home/+ as well, and the switch publishes to home/fan again.",
      text:
        "A Topic Filter may have wildcards (§4.7.1): `2B`, +, stands for one level between two " +
        "slashes, # for all that follow. Now the message arrives, with the Topic Name that it " +
        "was published to: so the lamp can see that this one is for the fan.",
      async run(stage) {
        const lamp = stage.client("lamp");
        await lamp.subscribe("home/+", 0, 2);
        await stage.client("switch").publish("home/fan", "on");
        await lamp.receive("publish");
      },
    },
    {
      title: "The lamp unsubscribes from both, and both clients leave.",
      text: "UNSUBSCRIBE names Topic Filters as they were subscribed to (§3.10); UNSUBACK has a " +
        "Reason Code for each, here `00`, Success (§3.11.3). To leave, a client need not " +
        "unsubscribe: when its session ends, so do its subscriptions.",
      async run(stage) {
        const lamp = stage.client("lamp");
        await lamp.send({ type: "unsubscribe", packetId: 3, topicFilters: [TOPIC, "home/+"] });
        await lamp.receive("unsuback");
        await lamp.disconnect();
        await stage.client("switch").disconnect();
      },
    },
  ],
};
