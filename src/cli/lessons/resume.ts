// The chapter `resume`: §4.1 Session State, §3.1.2.4 Clean Start, §3.1.2.11.2 Session Expiry
// Interval, §4.4 redelivery.

import type { Chapter } from "./chapter.ts";

const TOPIC = "door/open";
const REMEMBERED = { sessionExpiryInterval: 300 };

/** A session outlives its connection. */
export const RESUME: Chapter = {
  about:
    "A lock in a basement has bad reception: its connection breaks now and then. What it has " +
    "subscribed to, and what has come for it meanwhile, shall not be lost. MQTT calls that the " +
    "session; it can last longer than a connection.",
  steps: [
    {
      title: "The lock connects, asks for a session that lasts, and subscribes at QoS 1.",
      text:
        "`11 00 00 01 2C` in CONNECT is the Session Expiry Interval: the broker is to keep the " +
        "session for 300 seconds after a connection has ended (§3.1.2.11.2). The flags, `02`, " +
        "say Clean Start: if there is an old session, it is to be forgotten. CONNACK has `00` " +
        "where it says whether there was one, Session Present (§3.2.2.1.1).",
      async run(stage) {
        const lock = stage.client("lock");
        await lock.connect({ properties: REMEMBERED });
        await lock.subscribe(TOPIC, 1);
      },
    },
    {
      title: "The connection of the lock breaks; the phone publishes at QoS 1 all the same.",
      text:
        "The broker finds a subscription of a session without connection. It takes the message, " +
        "says PUBACK to the phone, and keeps it for the lock. Messages with QoS 0 need not be " +
        "kept (§4.1).",
      async run(stage) {
        stage.client("lock").breakOff();
        await stage.settled();
        const phone = stage.client("phone");
        await phone.connect();
        await phone.publish(TOPIC, "front", { qos: 1, packetId: 1 });
        await phone.receive("puback");
      },
    },
    {
      title: "The lock is back: it connects without Clean Start, and the message comes at once.",
      text: "The flags are `00` now. In CONNACK stands `01`, Session Present: the broker goes on " +
        "with the session (§3.2.2.1.1). The lock need not subscribe again. But before it says " +
        "PUBACK for the message, its connection breaks once more.",
      async run(stage) {
        const lock = stage.client("lock");
        await lock.connect({ cleanStart: false, properties: REMEMBERED });
        await lock.receive("publish");
        lock.breakOff();
      },
    },
    {
      title: "Back again: what was not acknowledged is sent again.",
      text:
        "The same PUBLISH with the same Packet Identifier, but it begins with `3A`: bit 3, DUP, " +
        "says that it may have come before (§3.3.1.1). That is the only time when MQTT 5.0 " +
        "sends something again: when a session goes on over a new connection, never because an " +
        "answer is late [MQTT-4.4.0-1]. Now the lock says PUBACK.",
      async run(stage) {
        const lock = stage.client("lock");
        await lock.connect({ cleanStart: false, properties: REMEMBERED });
        const { packetId } = await lock.receive("publish");
        await lock.send({ type: "puback", packetId });
      },
    },
    {
      title: "The lock leaves, and comes back with Clean Start: it begins anew.",
      text:
        "DISCONNECT alone does not end the session: it has 300 seconds left. But Clean Start, " +
        "`02` in the flags, ends it [MQTT-3.1.2-4], and CONNACK says Session Present `00`. " +
        "Without Session Expiry Interval in its CONNECT the new session ends with the " +
        "connection.",
      async run(stage) {
        const lock = stage.client("lock");
        await lock.disconnect();
        await stage.settled();
        await lock.connect();
      },
    },
    {
      title: "The phone publishes once more: nobody is subscribed any more.",
      text: "PUBACK says so, though it is no error: `40 03 00 02 10` has a byte more than usual, " +
        "the Reason Code `10`, No matching subscribers (§3.4.2.1). The subscription has ended " +
        "with its session.",
      async run(stage) {
        const phone = stage.client("phone");
        await phone.publish(TOPIC, "front", { qos: 1, packetId: 2 });
        await phone.receive("puback");
        await phone.disconnect();
        await stage.client("lock").disconnect();
      },
    },
  ],
};
