// The chapter `will`: §3.1.2.5 the Will Message, §3.1.3.2.2 Will Delay Interval, §3.14 DISCONNECT.

import { ReasonCode, type WillInit } from "../../packets/mod.ts";
import type { Chapter } from "./chapter.ts";

const TOPIC = "pump/status";

const WILL: WillInit = { topic: TOPIC, payload: new TextEncoder().encode("offline") };

/** What is published when a client is gone. */
export const WILL_MESSAGE: Chapter = {
  about:
    "A pump that has lost its power cannot say so any more. Therefore it says so in advance: in " +
    "its CONNECT it gives the broker a message, its Will, that the broker publishes when the " +
    "connection ends without a word of goodbye.",
  steps: [
    {
      title: "A monitor subscribes to pump/status, and the pump connects with a Will.",
      text:
        "In the Connect Flags of the pump, `06`, there is bit 2, Will Flag, beside Clean Start " +
        "(§3.1.2.5). Behind its Client Identifier follow the properties of the Will, none, its " +
        'topic, and its payload, "offline": `00 07 6F 66 66 6C 69 6E 65`. Nobody gets any of it ' +
        "yet. The pump then publishes that it is online.",
      async run(stage) {
        const monitor = stage.client("monitor");
        await monitor.connect();
        await monitor.subscribe(TOPIC, 0);
        const pump = stage.client("pump");
        await pump.connect({ will: WILL });
        await pump.publish(TOPIC, "online");
        await monitor.receive("publish");
      },
    },
    {
      title: "The pump loses its connection without DISCONNECT: the broker publishes its Will.",
      text:
        "There is no packet from the pump here, only the end of its connection. For the monitor " +
        "the Will is a PUBLISH like any other, with topic and payload as the pump has wanted " +
        "them (§3.1.2.5). When a connection just falls silent, the broker notices that by Keep " +
        "Alive, after one and a half times that many seconds.",
      async run(stage) {
        stage.client("pump").breakOff();
        await stage.client("monitor").receive("publish");
      },
    },
    {
      title: "The pump connects again with the same Will, and this time it says goodbye.",
      text: "`E0 00` is DISCONNECT with the Reason Code 0x00, which may be left out: Normal " +
        "disconnection. Then the broker deletes the Will without publishing it [MQTT-3.14.4-3]. " +
        "The monitor gets nothing.",
      async run(stage) {
        const pump = stage.client("pump");
        await pump.connect({ will: WILL });
        await pump.disconnect();
      },
    },
    {
      title: "Once more, but the pump wants its Will to be published though it says goodbye.",
      text: "`E0 01 04`: one byte follows, the Reason Code `04`, Disconnect with Will Message " +
        "(§3.14.2.1). So a device can go to sleep, and say so by its Will.",
      async run(stage) {
        const pump = stage.client("pump");
        await pump.connect({ will: WILL });
        await pump.send({
          type: "disconnect",
          reasonCode: ReasonCode.disconnectWithWillMessage,
        });
        pump.breakOff();
        await stage.client("monitor").receive("publish");
      },
    },
    {
      title: "A Will can wait: the pump loses its connection, and a second later it is published.",
      text: "`18 00 00 00 01` is a property of the Will in the CONNECT: Will Delay Interval, 1 " +
        "second (§3.1.3.2.2). A client that is back in time has not been missed: its Will is " +
        "not published. Its session must last as long, hence `11 00 00 00 0A`, the Session " +
        "Expiry Interval of 10 seconds: a Will comes no later than the end of its session.",
      async run(stage) {
        const pump = stage.client("pump");
        await pump.connect({
          properties: { sessionExpiryInterval: 10 },
          will: { ...WILL, properties: { willDelayInterval: 1 } },
        });
        pump.breakOff();
        await stage.client("monitor").receive("publish");
      },
    },
    {
      title: "The monitor leaves.",
      text: "A Will is most useful as a retained message: then somebody who subscribes later " +
        "learns, too, what has become of the pump (§3.1.2.7).",
      async run(stage) {
        await stage.client("monitor").disconnect();
      },
    },
  ],
};
