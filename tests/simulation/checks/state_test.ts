// The checks of what broker and clients keep, on histories made by hand: each finds its fault, and
// is silent on the lawful neighbour.

import { assertEquals } from "@std/assert";
import type { Published, WillMeant } from "../history.ts";
import { check } from "./all.ts";
import { Story } from "./story.ts";

/** The checks that find something, each with what it says. */
function found(story: Story): string[] {
  return check(story.history).map(({ check, message }) => `${check}: ${message}`);
}

const KEPT = { retain: true } as const;
const CLEARING = { retain: true, isEmpty: true } as const;

Deno.test("a new subscription gets what is retained, not what was replaced, cleared or never kept", () => {
  const got = (second: Partial<Published> | undefined, id: number) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.publish(a, 7, KEPT);
    if (second !== undefined) story.publish(a, 8, second);
    return found(story.subscribe(b, 1, "a").hand(b, 1, id, KEPT));
  };
  assertEquals(got(undefined, 7), []);
  assertEquals(got(KEPT, 8), []);
  assertEquals(got({}, 7), []);
  const what = "comes to b as retained,";
  assertEquals(got(KEPT, 7), [`retained: Message 7 to a ${what} but 8 had replaced it`]);
  assertEquals(got(CLEARING, 7), [`retained: Message 7 to a ${what} but 8 had replaced it`]);
  assertEquals(got({}, 8), [`retained: Message 8 to a ${what} which it was not`]);
});

Deno.test("RETAIN tells what was kept from what is new, unless somebody asks for the publisher's", () => {
  const live = (retainAsPublished: boolean) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a", { retainAsPublished });
    return found(story.publish(a, 7, KEPT).hand(b, 1, 7, KEPT));
  };
  assertEquals(live(true), []);
  assertEquals(live(false), [
    "retained: Message 7 to a comes to b as retained, but nobody has subscribed since",
  ]);
});

Deno.test("a replaced message may come where the one that replaced it was not acknowledged", () => {
  const story = new Story();
  const [a, b] = [story.client("a"), story.client("b")];
  story.publish(a, 7, KEPT).call(a, 8, KEPT).route(8).subscribe(b, 1, "a");
  assertEquals(found(story.hand(b, 1, 7, KEPT).accept(a, 8, 0)).length, 1);
  story.events.pop();
  const error = { name: "RefusedError", reasonCode: 0x97, message: "" };
  story.tell("publish rejected", { process: a, id: 8, error });
  assertEquals(found(story), []);
});

Deno.test("what is retained comes to every new subscription that asks for it", () => {
  const missed = (retainHandling: 0 | 2, qos: 0 | 1) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.publish(a, 7, { ...KEPT, qos }).subscribe(b, 1, "a", { retainHandling });
    return found(story.drain());
  };
  assertEquals(missed(0, 1), [
    "retained: Message 7 to a was retained, and has not come to subscription 1 of b",
  ]);
  assertEquals(missed(0, 0), []);
  assertEquals(missed(2, 1), []);
});

Deno.test("the broker has as many retained messages as the model", () => {
  const counted = (retained: number, isForgetful = false) => {
    const story = new Story();
    const a = story.client("a");
    story.publish(a, 7, KEPT).publish(a, 8, { ...KEPT, topic: "b" }).publish(a, 9, CLEARING);
    if (isForgetful) {
      story.tell("killed", { process: 0 });
      story.tell("started", { process: 9, program: "broker", name: "broker", store: "none" });
    }
    const none = { clients: 0, sessions: 1, subscriptions: 0, dropped: 0, memory: 0 };
    return found(story.tell("statistics", { process: isForgetful ? 9 : 0, retained, ...none }));
  };
  assertEquals(counted(1), []);
  assertEquals(counted(2), ["retained: The broker has 2 retained messages, not 1"]);
  assertEquals(counted(0, true), []);
});

Deno.test("nothing retained comes by a filter that has asked for none, or is shared", () => {
  const got = (topicFilter: string, retainHandling: 0 | 1 | 2) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.publish(a, 7, KEPT).subscribe(b, 1, topicFilter, { retainHandling });
    return found(story.hand(b, 1, 7, KEPT));
  };
  const unasked = [
    "retained: Message 7 to a comes to b as retained, but nobody has subscribed since",
  ];
  assertEquals(got("a", 1), []);
  assertEquals(got("a", 2), unasked);
  assertEquals(got("$share/g/a", 0), unasked);
});

Deno.test("nothing retained comes that is marked as of a Shared Subscription alone", () => {
  const got = (subscription: number) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.publish(a, 7, KEPT).subscribe(b, 1, "a").subscribe(b, 2, "$share/g/a");
    return found(story.hand(b, subscription, 7, { ...KEPT, identifiers: [subscription] }));
  };
  assertEquals(got(1), []);
  assertEquals(got(2), [
    "retained: Message 7 to a comes to b as retained, by a Shared Subscription",
  ]);
});

/** A client with a Will that leaves, and what comes then. */
function willed(
  { delay = 0, sessionExpiry = 0, reasonCode }: {
    readonly delay?: number;
    readonly sessionExpiry?: number;
    readonly reasonCode?: number;
  },
  after: (story: Story, process: number) => unknown,
  store: "none" | "new" = "new",
): string[] {
  const will: WillMeant = { id: 7, topic: "w", qos: 1, retain: false, delay };
  const story = new Story({}, store);
  const process = story.client("c");
  story.tell("connect called", { process, cleanStart: false, sessionExpiry, will });
  const link = story.link(process, { sessionExpiry, will });
  if (reasonCode !== undefined) {
    story.tell("packet", { link, to: "server", packet: { type: "disconnect", reasonCode } });
  }
  story.leave();
  after(story, process);
  story.wait(100_000).tell("faults over", {});
  return found(story);
}

Deno.test("a Will is published when the connection is lost or ends with 0x04, and not after 0x00", () => {
  const now = (story: Story) => story.route(7, "w");
  const never = () => {};
  const missing = "wills: Will 7 of c was not published between 0 and 0 ms";
  assertEquals(willed({}, now), []);
  assertEquals(willed({}, never), [missing]);
  assertEquals(willed({ reasonCode: 0x04 }, now), []);
  assertEquals(willed({ reasonCode: 0x04 }, never), [missing]);
  assertEquals(willed({ reasonCode: 0 }, never), []);
  assertEquals(willed({ reasonCode: 0 }, now), ["wills: Will 7 was published without a reason"]);
  assertEquals(willed({}, (story) => story.route(7, "w").route(7, "w")), [
    "wills: Will 7 was published without a reason",
  ]);
});

Deno.test("a Will waits for its delay or for the end of the session, whichever comes first", () => {
  const after = (milliseconds: number) => (story: Story) => story.wait(milliseconds).route(7, "w");
  const delayed = { delay: 10, sessionExpiry: 60 };
  assertEquals(willed(delayed, after(10_000)), []);
  assertEquals(willed({ delay: 60, sessionExpiry: 10 }, after(10_000)), []);
  assertEquals(willed(delayed, after(5000)), [
    "wills: Will 7 of c was not published between 10000 and 10000 ms",
    "wills: Will 7 was published without a reason",
  ]);
});

Deno.test("a client that comes back in time has its Will not published, unless its session ends", () => {
  const back = (milliseconds: number, cleanStart: boolean, isPublished: boolean) =>
    willed({ delay: 10, sessionExpiry: 60 }, (story, process) => {
      story.wait(milliseconds);
      const sessionPresent = !cleanStart;
      story.link(process, { sessionExpiry: 60, cleanStart, sessionPresent });
      if (isPublished) story.route(7, "w");
    });
  assertEquals(back(5000, false, false), []);
  assertEquals(back(5000, false, true), ["wills: Will 7 was published without a reason"]);
  assertEquals(back(5000, true, true), []);
  assertEquals(back(5000, true, false), [
    "wills: Will 7 of c was not published between 5000 and 5000 ms",
  ]);
});

Deno.test("the Will of a client that is connected when the broker is killed comes from its file", () => {
  const killed = (store: "none" | "kept", isPublished: boolean) => {
    const will: WillMeant = { id: 7, topic: "w", qos: 1, retain: false, delay: 0 };
    const story = new Story();
    const process = story.client("c");
    story.tell("connect called", { process, cleanStart: false, sessionExpiry: 0, will });
    story.link(process, { will });
    story.tell("killed", { process: 0 }).wait(500);
    story.tell("started", { process: 9, program: "broker", name: "broker", store });
    if (isPublished) story.route(7, "w");
    return found(story.wait(10_000).tell("faults over", {}));
  };
  assertEquals(killed("kept", true), []);
  assertEquals(killed("kept", false), [
    "wills: Will 7 of c was not published between 500 and 500 ms",
  ]);
  assertEquals(killed("none", false), []);
});

Deno.test("a Will comes again from the file of a broker that is killed when it has published it, once for each time", () => {
  const published = (...pauses: readonly number[]) =>
    willed({}, (story) => {
      story.route(7, "w");
      for (const [place, milliseconds] of pauses.entries()) {
        story.wait(milliseconds).tell("killed", { process: 8 * place });
        story.tell("started", {
          ...{ process: 8 * (place + 1), program: "broker", name: "broker", store: "kept" },
        });
        story.tell("broker routed", { process: 8 * (place + 1), id: 7, topic: "w" });
      }
    });
  assertEquals(published(10, 10, 10), []);
  assertEquals(published(10, 10, 10_000), ["wills: Will 7 was published without a reason"]);
});

Deno.test("Session Present says whether there is a session: not expired, not begun anew, not lost", () => {
  const back = (
    milliseconds: number,
    sessionPresent: boolean,
    cleanStart = false,
    isLost = false,
  ) => {
    const story = new Story();
    const process = story.client("c");
    story.link(process, { sessionExpiry: 10 });
    story.leave().wait(milliseconds);
    if (isLost) {
      story.tell("killed", { process: 0 });
      story.tell("started", { process: 9, program: "broker", name: "broker", store: "new" });
    }
    story.link(process, { sessionExpiry: 10, cleanStart, sessionPresent });
    return found(story);
  };
  const ended = ["sessions: c has a session that has ended"];
  assertEquals(back(5000, true), []);
  assertEquals(back(5000, false), ["sessions: c has not got the session that it left"]);
  assertEquals(back(15_000, false), []);
  assertEquals(back(15_000, true), ended);
  assertEquals(back(10_000, true), []);
  assertEquals(back(10_000, false), []);
  assertEquals(back(5000, true, true), ended);
  assertEquals(back(5000, false, true), []);
  assertEquals(back(5000, false, false, true), []);
  assertEquals(back(5000, true, false, true), ended);
});

Deno.test("of two connections that come at once each has its own CONNACK and end", () => {
  const story = new Story();
  const process = story.client("c");
  const connect = { type: "connect", clientId: "c", cleanStart: false, sessionExpiry: 10 } as const;
  for (const link of [1, 2]) {
    story.tell("link opened", { link, client: process, server: 0 });
    story.tell("packet", { link, to: "server", packet: connect });
  }
  for (const link of [1, 2]) {
    story.tell("broker connected", { process: 0, clientId: "c", link });
    if (link === 1) story.leave("c", link);
    const connack = { type: "connack", sessionPresent: link === 2, reasonCode: 0 } as const;
    story.tell("packet", { link, to: "client", packet: connack });
  }
  assertEquals(found(story), []);
});

Deno.test("that a DISCONNECT has ended a session may be forgotten with a broker that is killed soon", () => {
  const back = (milliseconds: number, isKilled: boolean) => {
    const story = new Story();
    const process = story.client("c");
    const link = story.link(process, { sessionExpiry: 60 });
    const packet = { type: "disconnect", reasonCode: 0, sessionExpiry: 0 } as const;
    story.tell("packet", { link, to: "server", packet }).leave().wait(milliseconds);
    if (isKilled) {
      story.tell("killed", { process: 0 });
      story.tell("started", { process: 9, program: "broker", name: "broker", store: "kept" });
    }
    story.link(process, { sessionExpiry: 60, sessionPresent: true });
    return found(story);
  };
  const ended = ["sessions: c has a session that has ended"];
  assertEquals(back(100, true), []);
  assertEquals(back(100, false), ended);
  assertEquals(back(10_000, true), ended);
});
