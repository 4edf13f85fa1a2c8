// The chapter `qos1`: §3.4 PUBACK, §4.3.2 QoS 1, §4.4 redelivery.

import type { Chapter } from "./chapter.ts";

const TOPIC = "home/doorbell";

/** At least once: acknowledged, and sent again if need be. */
export const QOS_1: Chapter = {
  about:
    "A doorbell that is not heard is useless: its message must arrive. QoS 1, at least once, " +
    "answers each PUBLISH with a PUBACK. Who gets none sends the message again. So it may " +
    "arrive twice, but it is not lost.",
  steps: [
    {
      title: "The button at the door and the bell connect, and the bell subscribes at QoS 1.",
      text:
        "The button asks the broker to remember it for a while if it is gone: `11 00 00 01 2C` " +
        "is its Session Expiry Interval, 300 seconds (§3.1.2.11.2). We come back to that. The " +
        "last byte of SUBSCRIBE is `01`: QoS 1 at most, and the last one of SUBACK, `01`, " +
        "grants it.",
      async run(stage) {
        await stage.client("bell").connect();
        await stage.client("bell").subscribe(TOPIC, 1);
        await stage.client("button").connect({ properties: { sessionExpiryInterval: 300 } });
      },
    },
    {
      title: "The button publishes at QoS 1; the broker says PUBACK, and passes it on to the bell.",
      text: "Two things are new in PUBLISH: the 2 in its first byte, QoS 1, and the Packet " +
        "Identifier behind the topic. PUBACK repeats it, so that the button knows which message " +
        "the broker has. Between broker and bell the same begins anew, with a Packet Identifier " +
        "of the broker's choice: each direction of each connection has its own.",
      bytes: {
        of: "PUBLISH",
        rows: [
          ["32", "type 3, PUBLISH; the 2 is QoS 1: bits 2 and 1 are 0 and 1 (§3.3.1.2)"],
          ["16", "22 more bytes follow"],
          ["00 0D", "the Topic Name takes 13 bytes"],
          ["68 6F 6D 65 2F 64 6F 6F 72 62 65 6C 6C", '"home/doorbell"'],
          ["00 01", "the Packet Identifier: 1, which PUBACK repeats (§3.3.2.2)"],
          ["00", "no properties"],
          ["72 69 6E 67", 'the payload: "ring"'],
        ],
      },
      async run(stage) {
        const button = stage.client("button");
        await button.publish(TOPIC, "ring", { qos: 1, packetId: 1 });
        await stage.client("bell").receive("publish");
        await button.receive("puback");
      },
    },
    {
      title: "The bell has got it, and says so with a PUBACK of its own.",
      text:
        "`40` is PUBACK, `02` says that two bytes follow, and these are the Packet Identifier " +
        "(§3.4). Nothing more is needed when all is well; a Reason Code would come behind it. " +
        "Now the broker forgets the message, and the identifier may be used for another.",
      async run(stage) {
        await stage.client("bell").send({ type: "puback", packetId: 1 });
      },
    },
    {
      title: "It rings again, but the button loses its connection before PUBACK has come.",
      text: "The broker has sent its PUBACK, as you see, but the button was gone before it came. " +
        "The bell has rung. Only the button does not know: to it, all looks as if its message " +
        "had been lost. That is the one case which QoS 1 is about.",
      async run(stage) {
        const button = stage.client("button");
        const bell = stage.client("bell");
        await button.publish(TOPIC, "ring", { qos: 1, packetId: 2 });
        const { packetId } = await bell.receive("publish");
        button.breakOff();
        await bell.send({ type: "puback", packetId });
      },
    },
    {
      title: "The button connects again, and sends the same message again.",
      text:
        "It connects without Clean Start, `00` in the flags, so that both ends go on with the " +
        "session; the `01` in CONNACK says that the broker has it still: Session Present " +
        "(§3.2.2.1.1). Then the PUBLISH comes again with the same Packet Identifier, but it " +
        "begins with `3A`: bit 3, DUP, says that it may have come before (§3.3.1.1, §4.4).",
      async run(stage) {
        const button = stage.client("button");
        const properties = { sessionExpiryInterval: 300 };
        await button.connect({ cleanStart: false, properties });
        await button.publish(TOPIC, "ring", { qos: 1, packetId: 2, dup: true });
        await stage.client("bell").receive("publish");
        await button.receive("puback");
      },
    },
    {
      title: "The bell has now rung once too often: it acknowledges the copy, too.",
      text:
        "To the broker this was a new message, since at QoS 1 it does not remember what it has " +
        "passed on. So the bell cannot tell either: its copy has DUP 0, for the broker sends it " +
        "for the first time (§4.3.2). At least once is enough wherever a second time does no " +
        "harm. Where it does, there is QoS 2.",
      async run(stage) {
        const bell = stage.client("bell");
        await bell.send({ type: "puback", packetId: 3 });
        await bell.disconnect();
        await stage.client("button").disconnect();
      },
    },
  ],
};
