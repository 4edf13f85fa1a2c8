// The chapter `qos2`: §3.5 PUBREC, §3.6 PUBREL, §3.7 PUBCOMP, §4.3.3 QoS 2.

import type { Chapter } from "./chapter.ts";

const TOPIC = "shop/order";

/** Exactly once: four packets. */
export const QOS_2: Chapter = {
  about: "An order that is carried out twice is as bad as one that is lost. QoS 2, exactly once, " +
    "takes four packets for a message: the receiver notes the Packet Identifier when it gets " +
    "the message, and forgets it only when the sender has said that it will not send it again. " +
    "Bytes are written in hexadecimal, two digits each.",
  steps: [
    {
      title: "The till and the kitchen connect, and the kitchen subscribes to shop/order at QoS 2.",
      text:
        "The last byte of SUBSCRIBE is `02`: messages may come to the kitchen with QoS 2. The " +
        "till wants to be remembered for 300 seconds if its connection is lost, `11 00 00 01 " +
        "2C` in its CONNECT.",
      async run(stage) {
        await stage.client("kitchen").connect();
        await stage.client("kitchen").subscribe(TOPIC, 2);
        await stage.client("till").connect({ properties: { sessionExpiryInterval: 300 } });
      },
    },
    {
      title: "First of four: the till publishes. Second: the broker answers PUBREC.",
      text: "PUBREC, `50 02 00 01`, says: received, and I have noted the number 1. Until PUBREL, " +
        "another PUBLISH with the number 1 is the same message to the broker, and it will not " +
        "pass it on again (§4.3.3). At once it begins to deliver the message to the kitchen, " +
        "which is an exchange of its own.",
      bytes: {
        of: "PUBLISH from the till",
        rows: [
          ["34", "3 is PUBLISH; the 4 is QoS 2: bits 2 and 1 are 1 and 0 (§3.3.1.2)"],
          ["14", "20 more bytes follow: hexadecimal, 1 × 16 + 4 (§2.1.4)"],
          ["00 0A", "the Topic Name takes 10 bytes (§3.3.2.1)"],
          ["73 68 6F 70 2F 6F 72 64 65 72", '"shop/order"'],
          ["00 01", "the Packet Identifier: the number 1, for the whole exchange (§3.3.2.2)"],
          ["00", "no properties (§3.3.2.3)"],
          ["31 20 74 65 61", 'the payload: "1 tea" (§3.3.3)'],
        ],
      },
      async run(stage) {
        const till = stage.client("till");
        await till.publish(TOPIC, "1 tea", { qos: 2, packetId: 1 });
        await till.receive("pubrec");
        await stage.client("kitchen").receive("publish");
      },
    },
    {
      title: "Third: the till releases the number with PUBREL. Fourth: the broker says PUBCOMP.",
      text: "PUBREL says: I know that you have it, I will not send it again. Only now may the " +
        "broker forget the number 1, and only after PUBCOMP may the till use it for another " +
        "message. Between till and broker the message has now passed exactly once.",
      bytes: {
        of: "PUBREL from the till",
        rows: [
          ["62", "6 is PUBREL; the 2 is fixed, other values are forbidden (§3.6.1)"],
          ["02", "2 more bytes follow: the Reason Code may be left out when all is well"],
          ["00 01", "the number of the exchange (§3.6.2)"],
        ],
      },
      async run(stage) {
        const till = stage.client("till");
        await till.send({ type: "pubrel", packetId: 1 });
        await till.receive("pubcomp");
      },
    },
    {
      title:
        "The same four between broker and kitchen: the kitchen answers PUBREC, and gets PUBREL.",
      text:
        "The kitchen has had its PUBLISH, since the second step. Now it says that it has noted " +
        "the number, and the broker releases it. The 1 here is the broker's number for the " +
        "kitchen: it has nothing to do with that of the till.",
      async run(stage) {
        const kitchen = stage.client("kitchen");
        await kitchen.send({ type: "pubrec", packetId: 1 });
        await kitchen.receive("pubrel");
      },
    },
    {
      title: "The kitchen ends the exchange with PUBCOMP.",
      text:
        "The four packets in order begin with 3, 5, 6 and 7: PUBLISH, PUBREC, PUBREL, PUBCOMP. " +
        "Each but the first is four bytes long: a type, a length, and the number.",
      bytes: {
        of: "PUBCOMP from the kitchen",
        rows: [
          ["70", "7 is PUBCOMP, the end of the exchange (§3.7)"],
          ["02", "2 more bytes follow"],
          ["00 01", "the number of the exchange: it is free again"],
        ],
      },
      async run(stage) {
        await stage.client("kitchen").send({ type: "pubcomp", packetId: 1 });
      },
    },
    {
      title: "Another order, and an accident: the till loses its connection before PUBREC comes.",
      text:
        "The broker has sent its PUBREC, as you see, but the till was gone before it came. So " +
        "the till cannot know whether the broker has the order. With QoS 1 it would send it " +
        "again, and the kitchen might make two teas. Here the broker has noted the number 2 of " +
        "this till. The kitchen has the order, and acknowledges it as before.",
      async run(stage) {
        const till = stage.client("till");
        const kitchen = stage.client("kitchen");
        await till.publish(TOPIC, "1 tea", { qos: 2, packetId: 2 });
        await kitchen.receive("publish");
        till.breakOff();
        await kitchen.send({ type: "pubrec", packetId: 2 });
        await kitchen.receive("pubrel");
        await kitchen.send({ type: "pubcomp", packetId: 2 });
      },
    },
    {
      title: "The till comes back to its session, and sends the order again.",
      text: "It begins with `3C`: 8 is DUP, it may have come before, and 4 is QoS 2. The broker " +
        "knows the number 2, says PUBREC again, and sends nothing to the kitchen: look, there " +
        "is no arrow to it. PUBREL and PUBCOMP end the exchange: exactly once.",
      async run(stage) {
        const till = stage.client("till");
        const properties = { sessionExpiryInterval: 300 };
        await till.connect({ cleanStart: false, properties });
        await till.publish(TOPIC, "1 tea", { qos: 2, packetId: 2, dup: true });
        await till.receive("pubrec");
        await till.send({ type: "pubrel", packetId: 2 });
        await till.receive("pubcomp");
      },
    },
    {
      title: "Both clients leave.",
      text:
        "The price of QoS 2 is four packets in place of one, and a number that both ends have " +
        "to keep, over lost connections too. What it guarantees it guarantees for each hop: " +
        "from the till to the broker, and from the broker to the kitchen.",
      async run(stage) {
        await stage.client("till").disconnect();
        await stage.client("kitchen").disconnect();
      },
    },
  ],
};
