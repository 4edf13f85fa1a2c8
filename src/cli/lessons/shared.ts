// The chapter `shared`: §4.8.2 Shared Subscriptions.

import type { Chapter } from "./chapter.ts";

const TOPIC = "photos/new";
const SHARED = "$share/workers/photos/new";

/** Several clients share the work. */
export const SHARED_SUBSCRIPTION: Chapter = {
  about: "Each new photo is to be made smaller, which takes a while: two workers shall share the " +
    "work. With normal subscriptions both would get each photo. With a shared subscription each " +
    "message goes to one of them.",
  steps: [
    {
      title: "Two workers subscribe together, and a log subscribes for itself.",
      text:
        "The Topic Filter of the workers is $share/workers/photos/new: $share, a name for the " +
        "group, and then the filter itself (§4.8.2). Who uses the same name shares. The log has " +
        "subscribed to photos/new as ever.",
      async run(stage) {
        for (const name of ["worker-1", "worker-2"]) {
          await stage.client(name).connect();
          await stage.client(name).subscribe(SHARED, 1);
        }
        await stage.client("log").connect();
        await stage.client("log").subscribe(TOPIC, 0);
        await stage.client("camera").connect();
      },
    },
    {
      title: "The camera publishes two photos: each worker gets one, the log gets both.",
      text:
        "Which worker gets what is up to the broker; this one takes turns. The topic that they " +
        "get is photos/new, without $share. The log gets them at QoS 0, `30` …, the workers at " +
        "QoS 1, `32` …: the QoS is that of the message or of the subscription, whichever is " +
        "less [MQTT-3.8.4-8].",
      async run(stage) {
        const camera = stage.client("camera");
        for (const packetId of [1, 2]) {
          await camera.publish(TOPIC, `photo ${packetId}`, { qos: 1, packetId });
          await camera.receive("puback");
          await stage.client("log").receive("publish");
          await stage.client(`worker-${packetId}`).receive("publish");
        }
      },
    },
    {
      title: "The second worker says PUBACK; the first one fails before it is done.",
      text: "Its connection breaks, and its session ends with it. It has not said PUBACK for its " +
        "photo, so the broker gives the message to the other worker (§4.8.2). At QoS 1 nothing " +
        "is lost.",
      async run(stage) {
        const [first, second] = [stage.client("worker-1"), stage.client("worker-2")];
        await second.send({ type: "puback", packetId: 1 });
        first.breakOff();
        const { packetId } = await second.receive("publish");
        await second.send({ type: "puback", packetId });
      },
    },
    {
      title: "All leave.",
      text: "A shared subscription has no retained messages, and no order among its members: for " +
        "work that can be done in any order. Each member may have a QoS of its own.",
      async run(stage) {
        for (const name of ["camera", "worker-2", "log"]) await stage.client(name).disconnect();
      },
    },
  ],
};
