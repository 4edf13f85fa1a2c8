// The checks of the order of messages, and of Shared Subscriptions, on histories made by hand: each
// finds its fault, and is silent on the lawful neighbour.

import { assertEquals } from "@std/assert";
import { check } from "./all.ts";
import { Story } from "./story.ts";

/** The checks that find something, each with what it says. */
function found(story: Story): string[] {
  return check(story.history).map(({ check, message }) => `${check}: ${message}`);
}

Deno.test("messages of one publisher, topic and QoS come in their order; others need not", () => {
  const turned = (other: { topic?: string; qos?: 0 | 1 | 2 }, retain = false) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "#").publish(a, 7).publish(a, 8, other);
    const { topic = "a", qos = 1 } = other;
    return found(story.hand(b, 1, 8, { topic, qos, retain }).hand(b, 1, 7))
      .filter((what) => what.startsWith("order"));
  };
  assertEquals(turned({}), [
    "order: Message 7 to a was published before 8, and reaches subscription 1 after it",
  ]);
  assertEquals(turned({ topic: "b" }), []);
  assertEquals(turned({ qos: 2 }), []);
  assertEquals(turned({}, true), []);
});

Deno.test("what comes again begins a new order, which who has subscribed since may see first", () => {
  const again = (dups: readonly [boolean, boolean], isLost = false) => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").publish(a, 7).publish(a, 8).hand(b, 1, 8, { dup: dups[0] });
    if (isLost) story.lose(b).tell("connected", { process: b, sessionPresent: true });
    return found(story.hand(b, 1, 7, { dup: dups[1] }));
  };
  const overtaken = [
    "order: Message 7 to a was published before 8, and reaches subscription 1 after it",
  ];
  assertEquals(again([false, true]), []);
  assertEquals(again([true, true]), overtaken);
  assertEquals(again([true, true], true), []);
  assertEquals(again([false, false], true), overtaken);
});

Deno.test("a message may be late that the broker could not store at first, not one that came before or after", () => {
  const turned = (when: "before" | "meanwhile" | "never") => {
    const story = new Story();
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a");
    const fail = () => story.tell("not stored", { process: 0, isDone: false });
    if (when === "before") fail().tell("stored again", { process: 0 });
    story.publish(a, 7);
    if (when === "meanwhile") fail().tell("stored again", { process: 0 });
    return found(story.publish(a, 8).hand(b, 1, 8).hand(b, 1, 7));
  };
  const overtaken = [
    "order: Message 7 to a was published before 8, and reaches subscription 1 after it",
  ];
  assertEquals(turned("never"), overtaken);
  assertEquals(turned("before"), overtaken);
  assertEquals(turned("meanwhile"), []);
});

Deno.test("a message may be late that was one retained message too many when it was sent first", () => {
  const late = (retainedLimit: number | undefined, retain: boolean, isSentAgain: boolean) => {
    const story = new Story({ retainedLimit });
    const [a, b] = [story.client("a"), story.client("b")];
    story.subscribe(b, 1, "a").call(a, 7, { retain }).publish(a, 8).hand(b, 1, 8);
    if (isSentAgain) story.lose(a).tell("connected", { process: a, sessionPresent: true });
    return found(story.route(7).accept(a, 7).hand(b, 1, 7));
  };
  assertEquals(late(2, true, true), []);
  const overtaken = [
    "order: Message 7 to a was published before 8, and reaches subscription 1 after it",
  ];
  assertEquals(late(undefined, true, true), overtaken);
  assertEquals(late(2, false, true), overtaken);
  assertEquals(late(2, true, false), overtaken);
});

Deno.test("what comes again does not count for the order", () => {
  const story = new Story();
  const [a, b] = [story.client("a"), story.client("b")];
  story.subscribe(b, 1, "a").publish(a, 7).publish(a, 8).hand(b, 1, 7).hand(b, 1, 8);
  story.lose(b).tell("connected", { process: b, sessionPresent: true });
  assertEquals(found(story.hand(b, 1, 7, { dup: true }).hand(b, 1, 8, { dup: true })), []);
});

Deno.test("a message of a group goes to one member; at QoS 1 to another when the session of that one may have ended", () => {
  const both = (qos: 0 | 1 | 2, isLost: boolean, sessionPresent = false) => {
    const story = new Story();
    const [a, b, c] = [story.client("a"), story.client("b"), story.client("c")];
    story.subscribe(b, 1, "$share/g/a").subscribe(c, 2, "$share/g/a");
    story.publish(a, 7, { qos }).hand(b, 1, 7, { qos });
    if (isLost) story.lose(b);
    story.hand(c, 2, 7, { qos });
    if (isLost) story.tell("connected", { process: b, sessionPresent });
    return found(story);
  };
  const what = (qos: number) =>
    `shared: Message 7 of QoS ${qos} to a reaches two members of $share/g/a: b and c`;
  assertEquals(both(0, false), [what(0)]);
  assertEquals(both(2, true), [what(2)]);
  assertEquals(both(1, false), [what(1)]);
  assertEquals(both(1, true, true), [what(1)]);
  assertEquals(both(1, true), []);
});

Deno.test("a member that was away and begins anew may have lost what its old session had", () => {
  const away = (isBefore: boolean) => {
    const story = new Story();
    const [a, b, c] = [story.client("a"), story.client("b"), story.client("c")];
    if (isBefore) story.subscribe(b, 1, "$share/g/a").tell("killed", { process: b });
    story.subscribe(c, 2, "$share/g/a").publish(a, 7);
    return found(story.subscribe(story.client("b"), 3, "$share/g/a").drain());
  };
  assertEquals(away(true), []);
  assertEquals(away(false), [
    "shared: Message 7 of QoS 1 to a was accepted, and no member of $share/g/a has got it",
  ]);
});

Deno.test("some member of a group gets a message that was accepted", () => {
  const story = new Story();
  const [a, b, c] = [story.client("a"), story.client("b"), story.client("c")];
  story.subscribe(b, 1, "$share/g/a").subscribe(c, 2, "$share/g/a").publish(a, 7).drain();
  assertEquals(found(story), [
    "shared: Message 7 of QoS 1 to a was accepted, and no member of $share/g/a has got it",
  ]);
  story.undrain();
  assertEquals(found(story.lose(c).drain()), []);
  story.undrain();
  assertEquals(found(story.hand(b, 1, 7).drain()), []);
});

Deno.test("what a member had whose session has ended goes to another member", () => {
  const story = new Story();
  const [a, b, c] = [story.client("a"), story.client("b"), story.client("c")];
  story.subscribe(b, 1, "$share/g/a").subscribe(c, 2, "$share/g/a").publish(a, 7);
  story.tell("killed", { process: b });
  story.client("b");
  assertEquals(found(story.drain()), [
    "shared: Message 7 of QoS 1 to a was accepted, and no member of $share/g/a has got it",
  ]);
  story.undrain();
  assertEquals(found(story.hand(c, 2, 7).drain()), []);
});
