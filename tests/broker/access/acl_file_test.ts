// Access control lists: which line means what, and what they do in a broker.

import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { aclFile, type AclHooks, type ClientInfo } from "../../../src/broker/mod.ts";
import { bytesOfText } from "../client.ts";
import { World } from "../world.ts";

/** A client by its User Name and Client Identifier. */
function clientOf(username?: string, clientId = "c"): ClientInfo {
  const nowhere = { address: "here", listener: undefined, certificate: undefined };
  return { clientId, username, ...nowhere, origin: undefined };
}

/** What a client may do with a topic: `r`, `w`, `rw` or nothing. */
function accessOf(hooks: AclHooks, client: ClientInfo, topic: string): string {
  const message = { topic, payload: new Uint8Array(), qos: 0, retain: false } as const;
  const mayRead = hooks.authorizeDelivery(client, message) === true;
  const mayWrite = hooks.authorizePublish(client, message) === true;
  return `${mayRead ? "r" : ""}${mayWrite ? "w" : ""}`;
}

const LIST = `# who may do what
topic read public/#
topic $dev/anybody

user alice
topic readwrite home/#
topic deny home/safe
topic read  diary of alice/+
  topic write inbox/alice
topic read $dev/#

user bob smith
topic bob
user alice
topic write late

pattern read user/%u/#
pattern readwrite device/%c/data
pattern deny device/%c/data/raw
pattern read device/+/data/#
pattern write literal/%cx
`;

for (
  const [who, client, topic, expected] of [
    ["without a User Name", clientOf(), "public/news", "r"],
    ["without a User Name", clientOf(), "public", "r"],
    ["without a User Name", clientOf(), "home/door", ""],
    ["without a User Name", clientOf(), "user/undefined/a", ""],
    ["without a User Name", clientOf(), "user/%u/a", ""],
    ["without a User Name", clientOf(), "$dev/anybody", "rw"],
    ["without a User Name", clientOf(), "device/c/data", "rw"],
    ["alice", clientOf("alice"), "public/news", ""],
    ["alice", clientOf("alice"), "home", "rw"],
    ["alice", clientOf("alice"), "home/safe", ""],
    ["alice", clientOf("alice"), "home/safe/door", "rw"],
    ["alice", clientOf("alice"), "diary of alice/today", "r"],
    ["alice", clientOf("alice"), "diary", ""],
    ["alice", clientOf("alice"), "inbox/alice", "w"],
    ["alice", clientOf("alice"), "late", "w"],
    ["alice", clientOf("alice"), "$dev/x", "r"],
    ["alice", clientOf("alice"), "user/alice/a/b", "r"],
    ["alice", clientOf("alice"), "user/bob smith/a", ""],
    ["alice as device d", clientOf("alice", "d"), "device/d/data", "rw"],
    ["alice as device d", clientOf("alice", "d"), "device/d2/data", "r"],
    ["alice as device d", clientOf("alice", "d"), "device/d/data/raw", ""],
    ["alice as device d", clientOf("alice", "d"), "device/e/data/raw", "r"],
    ["alice as device d", clientOf("alice", "d"), "literal/dx", ""],
    ["alice as device d", clientOf("alice", "d"), "literal/%cx", "w"],
    ["bob smith", clientOf("bob smith"), "bob", "rw"],
    ["bob smith", clientOf("bob smith"), "bob/a", ""],
    ["bob smith", clientOf("bob smith"), "user/bob smith", "r"],
    ["an unknown user", clientOf("eve"), "bob", ""],
    ["an unknown user", clientOf("eve"), "user/eve/a", "r"],
    // A name stands for itself, and for nothing more.
    ["a user named +", clientOf("+"), "user/alice/a", ""],
    ["a user named #", clientOf("#"), "user/alice", ""],
    ["a device named +", clientOf("alice", "+"), "device/d/data", ""],
    ["a device named +", clientOf("alice", "+"), "home/a", "rw"],
    ["a device named + of nobody", clientOf(undefined, "+"), "user/a/b", ""],
    ["a user named alice/a", clientOf("alice/a"), "user/alice/a", ""],
    ["a user named alice/a", clientOf("alice/a"), "user/alice/b", ""],
    ["a user named alice/a", clientOf("alice/a"), "device/c/data", "rw"],
    ["a user without letters", clientOf(""), "user//a", ""],
    ["a device named d/data", clientOf("eve", "d/data"), "device/d/data/data", "r"],
  ] as const
) {
  const rights = {
    "": "neither read nor write",
    r: "only read",
    w: "only write",
    rw: "read and write",
  };
  Deno.test(`By the access control list, ${who} may ${rights[expected]} ${topic}`, () => {
    assertStrictEquals(accessOf(aclFile(LIST), client, topic), expected);
  });
}

Deno.test("An access control list may have CRLF, a comment of any kind and no end of line", () => {
  const hooks = aclFile("#\r\n#topic b\r\nuser a\r\n\r\ntopic read x y \t\r\ntopic write z");
  assertStrictEquals(accessOf(hooks, clientOf("a"), "x y"), "r");
  assertStrictEquals(accessOf(hooks, clientOf("a"), "z"), "w");
  assertStrictEquals(accessOf(hooks, clientOf("a"), "b"), "");
});

Deno.test("An empty access control list allows nothing", () => {
  assertStrictEquals(accessOf(aclFile(""), clientOf(), "a"), "");
});

Deno.test("A rule for a Shared Subscription grants nothing, as no topic has such a name", () => {
  assertStrictEquals(accessOf(aclFile("topic $share/g/a"), clientOf(), "a"), "");
});

for (
  const [line, message] of [
    ["topic", "expected a topic after topic"],
    ["pattern", "expected a topic after pattern"],
    ["user", "expected a user name after user"],
    ["user   ", "expected a user name after user"],
    [
      "topic my topic",
      'expected read, write, readwrite or deny before a topic with spaces, got "my"',
    ],
    ["topic read a/#/b", '"a/#/b" is not a valid Topic Filter (§4.7.1)'],
    ["topic a+", '"a+" is not a valid Topic Filter (§4.7.1)'],
    [" # no comment", 'expected user, topic, pattern or a comment (#), got "#"'],
    ["topics a", 'expected user, topic, pattern or a comment (#), got "topics"'],
    ["topic\tread a", 'expected user, topic, pattern or a comment (#), got "topic\\tread"'],
  ] as const
) {
  Deno.test(`In an access control list ${JSON.stringify(line)} is a fault at its line`, () => {
    const error = assertThrows(() => aclFile(`topic a\n\n${line}\n`), TypeError);
    assertStrictEquals(error.message, `Line 3: ${message}`);
  });
}

Deno.test("aclFile() takes text and a boolean", () => {
  assertThrows(() => aclFile(new Uint8Array() as never), TypeError, "text must be a string");
  assertThrows(() => aclFile("", { strict: 1 as never }), TypeError, "strict must be of type");
});

/** A world with the list in which alice may read home/# but home/safe, and write home/# and inbox. */
function worldOf(strict: boolean): World {
  return new World(aclFile(
    "user alice\ntopic read home/#\ntopic deny home/safe\ntopic deny home/cellar/#\n" +
      "topic write in\nuser root\ntopic #\ntopic $a/#\n",
    { strict },
  ));
}

Deno.test("Every SUBSCRIBE is granted, and what may not be read is not delivered", async () => {
  await using world = worldOf(false);
  const root = await world.connect("r", { username: "root" });
  await root.publish("home/safe", "kept", { retain: true, qos: 1 });
  await root.publish("home/door", "kept", { retain: true, qos: 1 });
  const alice = await world.connect("a", { username: "alice" });
  assertStrictEquals(await alice.subscribe("#"), 0x00);
  assertStrictEquals(await alice.subscribe("other/#"), 0x00);
  assertStrictEquals(await alice.subscribe("$share/g/home/safe"), 0x00);
  for (const topic of ["home/door", "home/safe", "other/a", "in"]) await root.publish(topic);
  const topics = (await alice.receive()).map(({ topic }) => topic);
  assertEquals(topics, ["home/door", "home/door"]);
});

Deno.test("A message that may not be written is refused with Not authorized", async () => {
  await using world = worldOf(false);
  const alice = await world.connect("a", { username: "alice" });
  assertStrictEquals(await alice.publish("in", "", { qos: 1 }), 0x10);
  assertStrictEquals(await alice.publish("home/door", "", { qos: 1 }), 0x87);
  assertStrictEquals(await alice.publish("home/door", "", { qos: 2 }), 0x87);
});

Deno.test("A Will that may not be written is accepted, and not published", async () => {
  await using world = worldOf(false);
  const root = await world.connect("r", { username: "root" });
  await root.subscribe("#");
  for (const topic of ["home/door", "in"]) {
    const will = { topic, payload: bytesOfText("gone") };
    const alice = await world.connect("a", { username: "alice", will });
    await alice.cut();
  }
  root.expectMessage("in", "gone");
  root.expectNothing();
  assertStrictEquals(world.engine.statistics.dropped, 1);
});

Deno.test("A strict list refuses a CONNECT whose Will may not be written", async () => {
  await using world = worldOf(true);
  const payload = bytesOfText("gone");
  const options = { username: "alice", will: { topic: "home/door", payload } };
  (await world.ask("a", options)).expectRefusal(0x87);
  await world.connect("a", { username: "alice", will: { topic: "in", payload } });
});

Deno.test("A Will that may no longer be written when it is due is not published", async () => {
  let list = aclFile("topic #");
  await using world = new World({
    authorizeWill: (client, message, moment) => list.authorizeWill(client, message, moment),
  });
  const witness = await world.connect("w");
  await witness.subscribe("#");
  const client = await world.connect("c", { will: { topic: "a", payload: bytesOfText("gone") } });
  list = aclFile("topic read #", { strict: true });
  await client.cut();
  witness.expectNothing();
});

Deno.test("A strict list refuses a SUBSCRIBE that may never bring anything", async () => {
  await using world = worldOf(true);
  const alice = await world.connect("a", { username: "alice" });
  for (
    const [topicFilter, code] of [
      ["#", 0x00],
      ["home/+", 0x00],
      ["home", 0x00],
      ["+/safe", 0x87],
      ["home/safe", 0x87],
      ["home/safe/#", 0x00],
      ["home/cellar", 0x87],
      ["home/cellar/+", 0x87],
      ["home/+/shelf", 0x00],
      ["in", 0x87],
      ["other/#", 0x87],
      ["$share/g/home/door", 0x00],
      ["$share/g/other", 0x87],
      ["$a/#", 0x87],
    ] as const
  ) {
    assertStrictEquals(await alice.subscribe(topicFilter), code, topicFilter);
  }
  const root = await world.connect("r", { username: "root" });
  assertStrictEquals(await root.subscribe("$a/b"), 0x00);
  assertStrictEquals(await root.subscribe("$SYS/#"), 0x87);
});

Deno.test("Of a user and another with a similar name, each has its own rules", () => {
  const hooks = aclFile("user a\ntopic one\nuser A\ntopic two");
  assert(accessOf(hooks, clientOf("a"), "one") === "rw");
  assertFalse(accessOf(hooks, clientOf("A"), "one") === "rw");
});
