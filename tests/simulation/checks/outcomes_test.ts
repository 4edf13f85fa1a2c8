// The checks of what publishers are told, what a process takes over, and what is left in the end, on
// histories made by hand: each finds its fault, and is silent on the lawful neighbour.

import { assertEquals } from "@std/assert";
import { check } from "./all.ts";
import { Story } from "./story.ts";

/** The checks that find something, each with what it says. */
function found(story: Story): string[] {
  return check(story.history).map(({ check, message }) => `${check}: ${message}`);
}

Deno.test("every promise settles, but those of a process that was killed", () => {
  const story = new Story();
  const a = story.client("a");
  story.call(a, 7).tell("disconnect called", { process: a, reasonCode: 0 });
  assertEquals(found(story), [
    `settled: A promise never settles: ${a}: publish 7`,
    `settled: A promise never settles: ${a}: disconnect`,
  ]);
  assertEquals(found(story.tell("killed", { process: a })), []);
  assertEquals(found(new Story().tell("pending", { process: 0, what: "shutDown()" })), [
    "settled: A promise never settles: shutDown()",
  ]);
  assertEquals(found(new Story().tell("drained", { isComplete: false })), [
    "settled: Not everything has drained",
  ]);
});

Deno.test("what is told to be accepted the broker has taken, and what was not sent it never takes", () => {
  const told = (
    isRouted: boolean,
    error?: { name: string; kind?: string; reasonCode?: number },
  ) => {
    const story = new Story();
    const process = story.client("a");
    story.call(process, 7);
    if (isRouted) story.route(7);
    if (error === undefined) return found(story.accept(process, 7));
    const publish = { process, id: 7, error: { message: "", ...error } };
    return found(story.tell("publish rejected", publish));
  };
  assertEquals(told(true), []);
  assertEquals(told(false), [
    "receipts: Message 7 to a is told to be accepted, and the broker has not taken it",
  ]);
  const unsent = (name: string) => [
    `receipts: Message 7 to a is told not to have been sent (${name}), and the broker takes it`,
  ];
  assertEquals(told(true, { name: "NotSentError", kind: "expired" }), unsent("NotSentError"));
  assertEquals(told(false, { name: "NotSentError", kind: "expired" }), []);
  assertEquals(told(true, { name: "RefusedError", reasonCode: 0x87 }), unsent("RefusedError"));
  assertEquals(told(true, { name: "RefusedError", reasonCode: 0x97 }), []);
  assertEquals(told(true, { name: "ConnectionClosedError" }), []);
});

Deno.test("who has a subscriber is not told that there is none", () => {
  const told = (isLost: boolean) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a");
    if (isLost) story.lose(b);
    return found(story.call(a, 7).route(7).accept(a, 7, 0x10).hand(b, 1, 7));
  };
  assertEquals(told(false), [
    "receipts: Message 7 to a is told to have no subscriber, and has one",
  ]);
  assertEquals(told(true), []);
});

Deno.test("a subscription that was granted before the broker lost it is none, whenever its client hears of that", () => {
  const told = (isKilled: boolean) => {
    const story = new Story({}, "none");
    const [a, b] = [story.client("a"), story.client("b")];
    const filter = {
      ...{ topicFilter: "a", qos: 1 as const, noLocal: false, retainAsPublished: false },
      retainHandling: 0 as const,
    };
    story.tell("subscribe called", { process: b, subscription: 1, filters: [filter], ack: "auto" });
    story.tell("broker subscribed", { process: 0, clientId: "b", topicFilter: "a" });
    if (isKilled) {
      story.tell("killed", { process: 0 });
      story.tell("started", { process: 9, program: "broker", name: "broker", store: "none" });
    }
    story.tell("subscribed", { process: b, subscription: 1, reasonCodes: [1] });
    return found(story.call(a, 7).route(7).accept(a, 7, 0x10));
  };
  assertEquals(told(true), []);
  assertEquals(told(false), [
    "receipts: Message 7 to a is told to have no subscriber, and has one",
  ]);
});

Deno.test("a client that goes on with a session it does not know may be answered for an older message", () => {
  const told = (goesOn: boolean) => {
    const story = new Story();
    const b = story.client("b");
    story.subscribe(b, 1, "a");
    const a = story.client("a", "none", true);
    story.tell("connect called", { process: a, cleanStart: !goesOn, sessionExpiry: 60 });
    return found(story.call(a, 7, { qos: 2 }).accept(a, 7, 0x10)).length;
  };
  assertEquals(told(true), 0);
  assertEquals(told(false), 2);
});

Deno.test("a store that is kept knows no session if no process with it was ever connected", () => {
  const told = (isConnected: boolean) => {
    const story = new Story();
    const b = story.client("b");
    story.subscribe(b, 1, "a");
    story.tell("started", { process: 8, program: "client", name: "a", store: "new" });
    if (isConnected) story.tell("connected", { process: 8, sessionPresent: false });
    story.tell("killed", { process: 8 });
    story.tell("started", { process: 9, program: "client", name: "a", store: "kept" });
    story.tell("connect called", { process: 9, cleanStart: false, sessionExpiry: 60 });
    story.tell("connected", { process: 9, sessionPresent: true });
    return found(story.call(9, 7, { qos: 2 }).accept(9, 7, 0x10)).length;
  };
  assertEquals(told(false), 0);
  assertEquals(told(true), 2);
});

Deno.test("a message that was stored goes to the broker, and has one outcome in all processes", () => {
  const story = new Story();
  const a = story.client("a", "new");
  story.call(a, 7).tell("stored", { process: a, id: 7 }).tell("killed", { process: a });
  const next = story.client("a", "kept", true);
  assertEquals(found(story.drain()), [
    "receipts: Message 7 to a was stored, and the broker never takes it",
  ]);
  assertEquals(found(story.route(7).accept(next, 7)), []);
  const error = { name: "RefusedError", reasonCode: 0x97, message: "" };
  story.tell("publish rejected", { process: next, id: 7, error });
  assertEquals(found(story), ["receipts: Message 7 to a has two outcomes"]);
});

Deno.test("a broker may take a QoS 2 message for one that it refused, if it was killed before it could take that back, and it was sent again", () => {
  const taken = (isDone: boolean, isStoredAgain: boolean, isSentAgain = true) => {
    const story = new Story();
    const a = story.client("a");
    story.tell("not stored", { process: 0, isDone });
    if (isStoredAgain) story.tell("stored again", { process: 0 });
    story.tell("killed", { process: 0 });
    story.tell("started", { process: 9, program: "broker", name: "broker", store: "kept" });
    story.call(a, 7, { qos: 2 });
    if (isSentAgain) story.lose(a).tell("connected", { process: a, sessionPresent: true });
    return found(story.accept(a, 7));
  };
  const untaken = [
    "receipts: Message 7 to a is told to be accepted, and the broker has not taken it",
  ];
  assertEquals(taken(true, false), []);
  assertEquals(taken(true, false, false), untaken);
  assertEquals(taken(true, true), untaken);
  assertEquals(taken(false, false), untaken);
});

Deno.test("a broker without clients and sessions holds nothing", () => {
  const left = (memory: number, subscriptions = 0, sessions = 0) =>
    found(
      new Story().tell("statistics", {
        ...{ process: 0, clients: 0, retained: 0, dropped: 0, sessions, subscriptions, memory },
      }),
    );
  assertEquals(left(0), []);
  assertEquals(left(100, 1, 1), []);
  assertEquals(left(100), ["held: The broker holds 100 bytes for nobody"]);
  assertEquals(left(0, 1), ["held: The broker has 1 subscriptions and no session"]);
});

Deno.test("the file of a broker whose clients are all there has no messages", () => {
  const left = (count: number, isLost = false) => {
    const story = new Story();
    const client = story.client("a");
    if (isLost) story.lose(client);
    return found(story.tell("messages on disk", { process: 0, count }).drain());
  };
  assertEquals(left(0), []);
  assertEquals(left(2, true), []);
  const what = "The file of the broker has 2 messages when all have theirs";
  assertEquals(left(2), [`held: ${what}`]);
});

Deno.test("what a process takes over is not there if the broker has forgotten the session meanwhile", () => {
  const taken = (isAskedFor: boolean) => {
    const story = new Story();
    const first = story.client("c", "new");
    story.subscribe(first, 1, "a").tell("killed", { process: first });
    const broker = { process: 9, program: "broker", name: "broker", store: "new" } as const;
    story.tell("killed", { process: 0 }).tell("started", broker);
    const process = story.client("c", "kept", true);
    if (isAskedFor) return found(story.subscribe(process, 2, "a").drain());
    const filter = {
      ...{ topicFilter: "a", qos: 2 as const, noLocal: false },
      ...{ retainAsPublished: false, retainHandling: 0 as const },
    };
    story.tell("subscribe called", { process, subscription: 2, filters: [filter], ack: "auto" });
    return found(story.tell("subscribed", { process, subscription: 2, reasonCodes: [2] }).drain());
  };
  assertEquals(taken(true), []);
  const what = "Subscription 2 of c is not there in its session: a";
  assertEquals(taken(false), [`delivered: ${what}`]);
});
