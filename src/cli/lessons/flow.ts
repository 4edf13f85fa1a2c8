// The chapter `flow`: §4.9 Flow Control, §3.1.2.11.3 Receive Maximum.

import type { Chapter } from "./chapter.ts";

const TOPIC = "print/jobs";

/** Who is slow says how much may be under way. */
export const FLOW: Chapter = {
  about: "A printer takes a while for each job, and has room for two. If the broker sent it a " +
    "hundred at once, it would have to throw some away. Flow control lets the receiver say how " +
    "many messages with QoS 1 or 2 may be under way without its acknowledgement.",
  steps: [
    {
      title: "The printer connects with a Receive Maximum of 2, and subscribes at QoS 1.",
      text: "`21 00 02` in its CONNECT is the property Receive Maximum: no more than 2 messages " +
        "without acknowledgement (§3.1.2.11.3). The broker says the same of itself in its " +
        "CONNACK: `21 03 E8`, that is 1000. It is the receiver that says it, for its direction.",
      async run(stage) {
        const printer = stage.client("printer");
        await printer.connect({ properties: { receiveMaximum: 2 } });
        await printer.subscribe(TOPIC, 1);
        await stage.client("office").connect();
      },
    },
    {
      title: "The office publishes three jobs; the printer gets two.",
      text: "The office gets three PUBACKs: the broker has all three. Look at the printer: two " +
        "PUBLISH, with the Packet Identifiers 1 and 2, and no third. The broker counts down " +
        "from 2 with each that it sends, and at 0 it waits [MQTT-4.9.0-1], [MQTT-4.9.0-2].",
      async run(stage) {
        const office = stage.client("office");
        const printer = stage.client("printer");
        for (const packetId of [1, 2, 3]) {
          await office.publish(TOPIC, `job ${packetId}`, { qos: 1, packetId });
          await office.receive("puback");
          if (packetId <= 2) await printer.receive("publish");
        }
      },
    },
    {
      title: "The printer has printed the first job and says PUBACK: the third one comes.",
      text:
        "Each PUBACK, and each PUBCOMP at QoS 2, makes room for one more (§4.9). So the sender " +
        "is never faster than the receiver for long, and nothing is thrown away. The messages " +
        "keep their order.",
      async run(stage) {
        const printer = stage.client("printer");
        await printer.send({ type: "puback", packetId: 1 });
        await printer.receive("publish");
      },
    },
    {
      title: "It prints the rest, and both leave.",
      text: "QoS 0 is not counted: it has no acknowledgement. All other packets go on, too: a " +
        "PINGREQ or a SUBSCRIBE never waits for room [MQTT-4.9.0-3]. Who sends more than was " +
        "allowed is disconnected with the Reason Code 0x93, Receive Maximum exceeded.",
      async run(stage) {
        const printer = stage.client("printer");
        await printer.send({ type: "puback", packetId: 2 });
        await printer.send({ type: "puback", packetId: 3 });
        await printer.disconnect();
        await stage.client("office").disconnect();
      },
    },
  ],
};
