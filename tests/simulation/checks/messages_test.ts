// The checks of messages on histories made by hand: each finds its fault, and is silent on the
// lawful neighbour.

import { assertEquals } from "@std/assert";
import { check } from "./all.ts";
import { Story } from "./story.ts";

/** The checks that find something, each with what it says. */
function found(story: Story): string[] {
  return check(story.history).map(({ check, message }) => `${check}: ${message}`);
}

Deno.test("a message of QoS 2 that comes twice is found, be it that its connection was lost", () => {
  const story = new Story();
  const [a, b] = [story.client("a"), story.client("b")];
  story.subscribe(b, 1, "a").publish(a, 7, { qos: 2 }).hand(b, 1, 7, { qos: 2 });
  assertEquals(found(story), []);
  story.lose(b).tell("connected", { process: b, sessionPresent: true });
  story.hand(b, 1, 7, { qos: 2, dup: true });
  assertEquals(found(story), [
    "once: Message 7 of QoS 2 is handed 2 times to subscription 1",
  ]);
});

Deno.test("a message of QoS 1 may come again with DUP when the connection was lost, only then", () => {
  const again = (isLost: boolean, dup: boolean) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").publish(a, 7).hand(b, 1, 7);
    if (isLost) story.lose(b).tell("connected", { process: b, sessionPresent: true });
    return found(story.hand(b, 1, 7, { dup }));
  };
  const what = "once: Message 7 of QoS 1 is handed 2 times to subscription 1";
  assertEquals(again(true, true), []);
  assertEquals(again(true, false), [`${what}, the last time without DUP`]);
  assertEquals(again(false, true), [`${what} although no connection was lost`]);
});

Deno.test("QoS 0 comes once, and a copy for each overlapping subscription where there are several", () => {
  const twice = (overlapping: "one copy" | "several copies", topicFilter: string) => {
    const story = new Story({ overlapping });
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").subscribe(b, 2, topicFilter);
    story.call(a, 7, { qos: 0 }).accept(a, 7).route(7);
    return found(story.hand(b, 1, 7, { qos: 0 }).hand(b, 1, 7, { qos: 0 }));
  };
  const what = "once: Message 7 of QoS 0 is handed 2 times to subscription 1";
  assertEquals(twice("one copy", "+"), [what]);
  assertEquals(twice("several copies", "+"), []);
  assertEquals(twice("several copies", "b"), [what]);
});

Deno.test("a copy of QoS 0 is no more than may come when one of QoS 1 has come again before it", () => {
  const copies = (deliveryId: string) => {
    const story = new Story({ overlapping: "several copies" });
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").subscribe(b, 2, "+").publish(a, 7);
    story.hand(b, 1, 7, { deliveryId: "1" }).lose(b);
    story.tell("connected", { process: b, sessionPresent: true });
    return found(story.hand(b, 1, 7, { dup: true, deliveryId }).hand(b, 1, 7, { qos: 0 }));
  };
  assertEquals(copies("1"), []);
  assertEquals(copies("2"), ["once: Message 7 of QoS 0 is handed 3 times to subscription 1"]);
});

Deno.test("a message of QoS 2 may be taken twice when its session has expired without a word", () => {
  const taken = (milliseconds: number) => {
    const story = new Story();
    const a = story.client("a");
    story.link(a, { clientId: "a", sessionExpiry: 2 });
    story.call(a, 7, { qos: 2 }).route(7).leave("a").lose(a).wait(milliseconds);
    // Nobody reads this CONNACK.
    const connect = { clientId: "a", cleanStart: false, sessionExpiry: 2 } as const;
    story.tell("link opened", { link: 9, client: a, server: 0 });
    story.tell("packet", { link: 9, to: "server", packet: { type: "connect", ...connect } });
    story.tell("broker connected", { process: 0, clientId: "a", link: 9 }).leave("a", 9);
    story.link(a, { ...connect, sessionPresent: true });
    story.tell("connected", { process: a, sessionPresent: true });
    return found(story.route(7).accept(a, 7));
  };
  assertEquals(taken(2000), []);
  assertEquals(taken(1000), ["once: Message 7 of QoS 2 is taken twice by the broker"]);
});

Deno.test("the broker takes no message twice but one that was sent again", () => {
  const taken = (qos: 1 | 2, isLost: boolean, sessionPresent: boolean) => {
    const story = new Story();
    const a = story.client("a");
    story.call(a, 7, { qos }).route(7);
    if (isLost) story.lose(a).tell("connected", { process: a, sessionPresent });
    return found(story.route(7).accept(a, 7));
  };
  assertEquals(taken(1, true, true), []);
  assertEquals(taken(2, true, false), []);
  assertEquals(taken(2, true, true), ["once: Message 7 of QoS 2 is taken twice by the broker"]);
  assertEquals(taken(1, false, true), [
    "once: Message 7 of QoS 1 is taken twice by the broker although no connection was lost",
  ]);
});

Deno.test("the broker may take a message anew in a session that it has begun without a word", () => {
  const taken = (milliseconds: number, isHeard: boolean) => {
    const story = new Story();
    const a = story.client("a");
    story.link(a, { clientId: "a", sessionExpiry: 2 });
    story.call(a, 7, { qos: 2 }).route(7).lose(a).leave("a").wait(milliseconds);
    story.link(a, { clientId: "a", sessionExpiry: 2, sessionPresent: milliseconds < 2000 });
    if (!isHeard) story.events.pop();
    return found(story.leave("a").route(7).accept(a, 7)).filter((what) => what.startsWith("once"));
  };
  assertEquals(taken(10_000, false), []);
  assertEquals(taken(1000, false), ["once: Message 7 of QoS 2 is taken twice by the broker"]);
});

Deno.test("what was committed does not come again to the next process", () => {
  const story = new Story();
  const [a, b] = [story.client("a"), story.client("b", "new")];
  story.subscribe(b, 1, "a").publish(a, 7, { qos: 2 }).hand(b, 1, 7, { qos: 2 });
  const done = { process: b, subscription: 1, id: 7, isTaken: true, reasonCode: 0 } as const;
  story.tell("done", { ...done, by: "commit" }).tell("killed", { process: b });
  const next = story.client("b", "kept", true);
  story.subscribe(next, 2, "a");
  assertEquals(found(story), []);
  assertEquals(found(story.hand(next, 2, 7, { qos: 2, dup: true })), [
    "once: Message 7 comes again to b, which has committed it",
  ]);
});

Deno.test("what an application has written with a commit is there, once for each delivery", () => {
  const written = (ids: readonly number[], hasFailed = false) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b", "new")];
    story.subscribe(b, 1, "a").publish(a, 7, { qos: 2 }).hand(b, 1, 7, { qos: 2 });
    const message = { process: b, subscription: 1, id: 7 };
    const error = { name: "StoreError", message: "" };
    if (hasFailed) story.tell("commit failed", { ...message, error });
    story.tell("done", { ...message, by: "commit", isTaken: true, reasonCode: 0 });
    return found(story.tell("committed", { process: b, ids }));
  };
  assertEquals(written([7]), []);
  assertEquals(written([]), ["once: Message 7 was committed by b, and is not there"]);
  assertEquals(written([7, 7]), ["once: Message 7 is committed 2 times by b"]);
  assertEquals(written([7, 7], true), []);
});

Deno.test("a message that was accepted reaches who had subscribed before it was published", () => {
  const missed = (change: (story: Story, b: number) => unknown) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").publish(a, 7);
    change(story, b);
    return found(story.drain());
  };
  const what = "delivered: Message 7 of QoS 1 to a was accepted, and has not reached " +
    "subscription 1 of b";
  assertEquals(missed(() => {}), [what]);
  assertEquals(missed((story, b) => story.hand(b, 1, 7)), []);
  assertEquals(missed((story, b) => story.lose(b)), []);
  const back = (sessionPresent: boolean) => (story: Story, b: number) =>
    story.lose(b).tell("connected", { process: b, sessionPresent });
  assertEquals(missed(back(true)), [what]);
  const anew = { process: 0, clientId: "b", topicFilter: "a" };
  assertEquals(
    missed((story, b) => back(false)(story, b).tell("broker subscribed", anew)),
    [],
  );
  const unsubscribe = { topicFilters: ["a"], subscription: 1 };
  assertEquals(
    missed((story, process) => story.tell("unsubscribe called", { process, ...unsubscribe })),
    [],
  );
  const drop = { process: 0, clientId: "b", id: 7, reason: "too large" };
  assertEquals(missed((story) => story.tell("broker dropped", drop)), []);
});

Deno.test("a session that has expired need not have a message, though it was not stored that it has", () => {
  const away = (milliseconds: number, isKilled: boolean) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.link(b, { clientId: "b", sessionExpiry: 10 });
    story.subscribe(b, 1, "a").lose(b).leave("b").wait(milliseconds).publish(a, 7);
    if (isKilled) {
      story.tell("killed", { process: 0 });
      story.tell("started", { process: 9, program: "broker", name: "broker", store: "kept" });
    }
    story.tell("connected", { process: b, sessionPresent: true });
    return found(story.drain());
  };
  const missing = [
    "delivered: Message 7 of QoS 1 to a was accepted, and has not reached subscription 1 of b",
  ];
  assertEquals(away(5000, true), missing);
  assertEquals(away(15_000, false), missing);
  assertEquals(away(15_000, true), []);
});

Deno.test("a session that began anew need not have a message, though nobody heard that it did", () => {
  const back = (...present: readonly boolean[]) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.link(b, { clientId: "b", sessionExpiry: 10 });
    story.subscribe(b, 1, "a").publish(a, 7).lose(b).leave("b").wait(15_000);
    for (const sessionPresent of present) {
      if (sessionPresent) story.wait(100);
      story.link(b, { clientId: "b", sessionExpiry: 10, sessionPresent });
      if (!sessionPresent) story.leave("b");
    }
    story.tell("connected", { process: b, sessionPresent: true });
    story.tell("broker subscribed", { process: 0, clientId: "b", topicFilter: "a" });
    return found(story.drain()).filter((what) => what.startsWith("delivered"));
  };
  assertEquals(back(false, true), []);
  assertEquals(back(true), [
    "delivered: Message 7 of QoS 1 to a was accepted, and has not reached subscription 1 of b",
  ]);
});

Deno.test("what is on its way when all has drained need not reach anybody", () => {
  const accepted = (isLate: boolean) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").call(a, 7).route(7);
    return found(isLate ? story.drain().accept(a, 7) : story.accept(a, 7).drain());
  };
  assertEquals(accepted(true), []);
  assertEquals(accepted(false).length, 1);
});

Deno.test("a subscription is in the session that the broker has, be it begun anew without a word", () => {
  const restarted = (isGranted: boolean) => {
    const story = new Story({}, "none");
    const b = story.client("b");
    story.subscribe(b, 1, "a").tell("killed", { process: 0 });
    story.tell("started", { process: 9, program: "broker", name: "broker", store: "none" });
    story.lose(b).tell("connected", { process: b, sessionPresent: true });
    const anew = { process: 9, clientId: "b", topicFilter: "a" };
    if (isGranted) story.tell("broker subscribed", anew);
    return found(story.drain());
  };
  assertEquals(restarted(true), []);
  assertEquals(restarted(false), [
    "delivered: Subscription 1 of b is not there in its session: a",
  ]);
});

Deno.test("what came while a process with a store was away reaches the next one", () => {
  const story = new Story();
  const [a, b] = [story.client("a"), story.client("b", "new")];
  story.subscribe(b, 1, "a").tell("killed", { process: b }).publish(a, 7);
  const next = story.client("b", "kept", true);
  story.subscribe(next, 2, "a");
  assertEquals(found(story.drain()), [
    "delivered: Message 7 of QoS 1 to a was accepted, and has not reached subscription 1 of b",
  ]);
  story.undrain();
  assertEquals(found(story.hand(next, 2, 7).drain()), []);
});

Deno.test("what is left of the Message Expiry Interval is counted down, and what has expired does not come", () => {
  const waited = (milliseconds: number, expiry: number | undefined) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.link(b, { clientId: "b", sessionExpiry: 60 });
    story.subscribe(b, 1, "a").lose(b).leave("b").publish(a, 7, { expiry: 10 });
    story.wait(milliseconds);
    story.link(b, { clientId: "b", sessionExpiry: 60, sessionPresent: true });
    story.tell("connected", { process: b, sessionPresent: true });
    return found(story.hand(b, 1, 7, { expiry }));
  };
  const what = (seconds: string) =>
    `expiry: Message 7, which expires after 10 s, waited ${seconds} s for b, and `;
  assertEquals(waited(5000, 5), []);
  assertEquals(waited(5000, 10), [`${what("5.0")}says that 10 s are left`]);
  assertEquals(waited(5000, undefined), [`${what("5.0")}has lost its Message Expiry Interval`]);
  assertEquals(waited(12_000, 0), [`${what("12.0")}reaches it`]);
});

Deno.test("a message is not told to have expired before it has", () => {
  const told = (milliseconds: number) => {
    const story = new Story();
    const process = story.client("a");
    story.lose(process).call(process, 7, { expiry: 10 }).wait(milliseconds);
    const error = { name: "NotSentError", kind: "expired", message: "" };
    return found(story.tell("publish rejected", { process, id: 7, error }));
  };
  assertEquals(told(10_000), []);
  assertEquals(told(5000), [
    "expiry: Message 7 is told to have expired after 5.0 s, not 10.0 s",
  ]);
});

Deno.test("a client does not send what has expired while it had no connection", () => {
  const sent = (milliseconds: number) => {
    const story = new Story();
    const a = story.client("a");
    story.lose(a).call(a, 7, { expiry: 10 }).wait(milliseconds);
    story.tell("connected", { process: a, sessionPresent: true });
    return found(story.route(7).accept(a, 7));
  };
  assertEquals(sent(9000), []);
  assertEquals(sent(12_000), [
    "expiry: Message 7, which expires after 10 s, is sent after 12.0 s",
  ]);
});

Deno.test("a message goes only to who has asked for it, at the QoS that was asked for", () => {
  const got = (asked: { qos?: 0 | 1 | 2; noLocal?: boolean }, topic: string, isOwn = false) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a", asked).publish(isOwn ? b : a, 7, { qos: 2 });
    return found(story.hand(b, 1, 7, { topic, qos: 2 }));
  };
  const what = "routing: Message 7 reaches subscription 1";
  assertEquals(got({}, "a"), []);
  assertEquals(got({}, "b"), [`${what} with the topic b, not a`]);
  assertEquals(got({ qos: 1 }, "a"), [`${what} at QoS 2, for which nobody has asked`]);
  assertEquals(got({ noLocal: true }, "a"), []);
  assertEquals(got({ noLocal: true }, "a", true), [
    `${what} of the very client that has published it`,
  ]);
});

Deno.test("a subscription is there again in a new session", () => {
  const story = new Story();
  const b = story.client("b");
  story.subscribe(b, 1, "a").lose(b).tell("connected", { process: b, sessionPresent: false });
  assertEquals(found(story.drain()), [
    "delivered: Subscription 1 of b is not there in its session: a",
  ]);
  story.undrain();
  story.tell("broker subscribed", { process: 0, clientId: "b", topicFilter: "a" });
  assertEquals(found(story.drain()), []);
});
