// The chapter `request`: §4.10 Request / Response.

import type { Chapter } from "./chapter.ts";

const QUESTIONS = "heating/questions";
const ANSWERS = "phone/answers";

/** A question, and its answer. */
export const REQUEST: Chapter = {
  about:
    "Who publishes gets no answer, only the word of the broker. But a phone wants to ask the " +
    "heating something. For that a message can say where its answer is to go, and have a mark " +
    "by which the answer is known.",
  steps: [
    {
      title: "The heating subscribes to its questions, and the phone to its answers.",
      text: "These are two subscriptions like any others. It is the phone that decides where its " +
        "answers go: to a topic that only it has subscribed to.",
      async run(stage) {
        await stage.client("heating").connect();
        await stage.client("heating").subscribe(QUESTIONS, 0);
        await stage.client("phone").connect();
        await stage.client("phone").subscribe(ANSWERS, 0);
      },
    },
    {
      title: "The phone publishes a question.",
      text: "Two properties come with it. `08` is the Response Topic: `00 0D`, 13 bytes, " +
        "phone/answers (§3.3.2.3.5). `09` is the Correlation Data, `00 02 71 31`: two bytes " +
        'that only the phone needs to understand, here "q1" (§3.3.2.3.6). The broker passes ' +
        "both on as they are [MQTT-3.3.2-15], [MQTT-3.3.2-16].",
      async run(stage) {
        await stage.client("phone").publish(QUESTIONS, "How warm?", { properties: asked("q1") });
        await stage.client("heating").receive("publish");
      },
    },
    {
      title: "The heating publishes its answer to the Response Topic.",
      text:
        "It takes the topic from the question, and gives the Correlation Data back: `09 00 02 " +
        "71 31` again. Response and request are both plain PUBLISH packets; the broker does not " +
        "know that they belong together (§4.10).",
      async run(stage) {
        await stage.client("heating").publish(ANSWERS, "21.5", { properties: answered("q1") });
        await stage.client("phone").receive("publish");
      },
    },
    {
      title: "Two questions at once, answered in the other order.",
      text:
        '"q2" and "q3" are under way at the same time. The answer to q3, `71 33`, comes first; ' +
        "by the Correlation Data the phone knows which question each answer belongs to.",
      async run(stage) {
        const [phone, heating] = [stage.client("phone"), stage.client("heating")];
        await phone.publish(QUESTIONS, "How much oil?", { properties: asked("q2") });
        await phone.publish(QUESTIONS, "On or off?", { properties: asked("q3") });
        await heating.receive("publish");
        await heating.receive("publish");
        await heating.publish(ANSWERS, "on", { properties: answered("q3") });
        await heating.publish(ANSWERS, "840 l", { properties: answered("q2") });
        await phone.receive("publish");
        await phone.receive("publish");
      },
    },
    {
      title: "Both leave.",
      text: "When no answer comes, there is no packet that says so: who asks decides how long to " +
        "wait. A client can also ask the broker in its CONNECT which topics it may use for " +
        "answers: Request Response Information (§3.1.2.11.6).",
      async run(stage) {
        await stage.client("phone").disconnect();
        await stage.client("heating").disconnect();
      },
    },
  ],
};

function asked(mark: string) {
  return { responseTopic: ANSWERS, ...answered(mark) };
}

function answered(mark: string) {
  return { correlationData: new TextEncoder().encode(mark) };
}
