// The chapters: what each one says of bytes is true, and what it is about happens.

import { assert, assertEquals } from "@std/assert";
import { CHAPTERS } from "../../../src/cli/lessons/registry.ts";
import { ReasonCode } from "../../../src/packets/mod.ts";
import normative from "../../conformance/normative.json" with { type: "json" };
import { packetsOf, play, textOf } from "./play.ts";

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
}

const HEX = /^[0-9A-F]{2}( [0-9A-F]{2})*$/;
const STATEMENTS: ReadonlySet<string> = new Set(normative.map(({ id }) => id));

for (const name of CHAPTERS.keys()) {
  Deno.test(`the chapter ${name} breaks no rule, and what it says of bytes is true`, async () => {
    const { chapter, steps } = await play(name);
    for (const [index, { title, text, bytes }] of chapter.steps.entries()) {
      const passed = steps[index]!;
      const hexes = passed.map(({ bytes }) => hexOf(bytes));
      const texts = passed.map(({ bytes }) => String.fromCharCode(...bytes));
      const where = `step ${index + 1}`;
      assert(passed.length > 0, `${where}: nothing passes`);
      assertEquals(passed.flatMap(({ findings }) => findings), [], where);
      for (const [, quoted] of text.matchAll(/`([^`]*)`/g)) {
        const places = HEX.test(quoted!) ? hexes : texts;
        assert(places.some((place) => place.includes(quoted!)), `${where}: no ${quoted}`);
      }
      const whole = bytes?.rows.map(([hex]) => hex).join(" ");
      assert(whole === undefined || hexes.includes(whole), `${where}: no packet ${whole}`);
      for (const [, id] of text.matchAll(/\[(MQTT-[^\]]*)\]/g)) {
        assert(STATEMENTS.has(id!), `${where}: no statement ${id}`);
      }
      assert(/^[A-Z].*[^.]\.$/.test(title) && text.endsWith("."), `${where}: no sentences`);
    }
  });
}

Deno.test("connect: CONNECT is accepted, PINGREQ answered, and DISCONNECT ends it", async () => {
  const { steps } = await play("connect");
  assertEquals(steps.map((step) => step.map(({ packet }) => packet.type)), [
    ["connect", "connack"],
    ["pingreq", "pingresp"],
    ["disconnect"],
  ]);
});

Deno.test("qos0: a message without subscriber reaches nobody, and none is acknowledged", async () => {
  const played = await play("qos0");
  const sent = packetsOf(played, "switch", "client", "publish");
  const received = packetsOf(played, "lamp", "server", "publish");
  assertEquals(sent.map(({ topic, qos }) => [topic, qos]), [
    ["home/lamp", 0],
    ["home/fan", 0],
    ["home/fan", 0],
  ]);
  assertEquals(received.map(({ topic }) => topic), ["home/lamp", "home/fan"]);
  assert(played.steps.flat().every(({ packet }) => packet.type !== "puback"));
});

Deno.test("qos1: what is sent again comes twice, with DUP only where it was sent again", async () => {
  const played = await play("qos1");
  const sent = packetsOf(played, "button", "client", "publish");
  const received = packetsOf(played, "bell", "server", "publish");
  assertEquals(sent.map(({ packetId, dup }) => [packetId, dup]), [[1, false], [2, false], [
    2,
    true,
  ]]);
  assertEquals(received.map(({ packetId, dup }) => [packetId, dup]), [
    [1, false],
    [2, false],
    [3, false],
  ]);
  assertEquals(packetsOf(played, "bell", "client", "puback").length, 3);
});

Deno.test("qos2: what is sent again comes once", async () => {
  const played = await play("qos2");
  const sent = packetsOf(played, "till", "client", "publish");
  assertEquals(sent.map(({ packetId, dup }) => [packetId, dup]), [[1, false], [2, false], [
    2,
    true,
  ]]);
  assertEquals(packetsOf(played, "kitchen", "server", "publish").length, 2);
  for (const [client, from] of [["till", "client"], ["kitchen", "server"]] as const) {
    const other = from === "client" ? "server" : "client";
    assertEquals(packetsOf(played, client, from, "pubrel").map(({ packetId }) => packetId), [1, 2]);
    assertEquals(
      packetsOf(played, client, other, "pubcomp").map(({ packetId }) => packetId),
      [1, 2],
    );
  }
});

Deno.test("retained: RETAIN tells what was there from what is new, until it is deleted", async () => {
  const played = await play("retained");
  const received = packetsOf(played, "display", "server", "publish");
  assertEquals(received.map((message) => [textOf(message), message.retain]), [
    ["21.5", true],
    ["22.0", false],
    ["", false],
  ]);
  assertEquals(packetsOf(played, "display-2", "server", "publish"), []);
});

Deno.test("will: it is published for a lost connection, not for a normal goodbye", async () => {
  const { steps } = await play("will");
  const received = steps.map((step) =>
    step.filter(({ client, packet }) => client === "monitor" && packet.type === "publish")
      .map(({ packet }) => packet.type === "publish" && textOf(packet))
  );
  assertEquals(received, [["online"], ["offline"], [], ["offline"], ["offline"], []]);
});

Deno.test("resume: the session is there or not as CONNACK says, and DUP marks a redelivery", async () => {
  const played = await play("resume");
  const answers = packetsOf(played, "lock", "server", "connack");
  assertEquals(answers.map(({ sessionPresent }) => sessionPresent), [false, true, true, false]);
  const received = packetsOf(played, "lock", "server", "publish");
  assertEquals(received.map(({ packetId, dup }) => [packetId, dup]), [[1, false], [1, true]]);
  const answered = packetsOf(played, "phone", "server", "puback");
  assertEquals(answered.map(({ reasonCode }) => reasonCode), [
    ReasonCode.success,
    ReasonCode.noMatchingSubscribers,
  ]);
});

Deno.test("flow: never more than two messages are under way to the printer", async () => {
  const { steps } = await play("flow");
  let underWay = 0;
  let most = 0;
  for (const { client, packet } of steps.flat()) {
    if (client !== "printer") continue;
    if (packet.type === "publish") most = Math.max(most, ++underWay);
    if (packet.type === "puback") underWay--;
  }
  assertEquals([most, underWay], [2, 0]);
});

Deno.test("alias: the topic is left out, and arrives all the same", async () => {
  const played = await play("alias");
  const sent = packetsOf(played, "sensor", "client", "publish");
  const received = packetsOf(played, "display", "server", "publish");
  assertEquals(sent.map(({ topic }) => topic === ""), [false, true, false, true]);
  assert(sent.every(({ properties }) => properties.topicAlias === 1));
  assertEquals(received.map(({ topic }) => topic.replace(/^.*\//, "")), [
    "temperature",
    "temperature",
    "door",
    "door",
  ]);
  const sizes = played.steps[2]!.map(({ bytes }) => bytes.length);
  assertEquals(sizes, [12, 45]);
});

Deno.test("shared: each photo goes to one worker, and to the other when that one is gone", async () => {
  const played = await play("shared");
  const photosOf = (client: string) => packetsOf(played, client, "server", "publish").map(textOf);
  assertEquals(photosOf("worker-1"), ["photo 1"]);
  assertEquals(photosOf("worker-2"), ["photo 2", "photo 1"]);
  assertEquals(photosOf("log"), ["photo 1", "photo 2"]);
});

Deno.test("request: an answer has the Correlation Data of its question", async () => {
  const played = await play("request");
  const asked = packetsOf(played, "heating", "server", "publish");
  const answered = packetsOf(played, "phone", "server", "publish");
  const marksOf = (messages: typeof asked) =>
    messages.map(({ properties }) => new TextDecoder().decode(properties.correlationData));
  assertEquals(marksOf(asked), ["q1", "q2", "q3"]);
  assertEquals(marksOf(answered), ["q1", "q3", "q2"]);
  assert(asked.every(({ properties }) => properties.responseTopic === answered[0]!.topic));
});

Deno.test("authentication: a password is refused or seen by all, a proof is neither", async () => {
  const played = await play("authentication");
  const answers = packetsOf(played, "alice-1", "server", "connack");
  assertEquals(answers.map(({ reasonCode }) => reasonCode), [
    ReasonCode.badUserNameOrPassword,
    ReasonCode.success,
  ]);
  const withPassword = played.steps.flat()
    .filter(({ bytes }) => String.fromCharCode(...bytes).includes("wonderland"));
  assertEquals(withPassword.map(({ client }) => client), ["alice-1"]);
  const codesOf = (from: "client" | "server") =>
    packetsOf(played, "alice-2", from, "auth").map(({ reasonCode }) => reasonCode);
  const { continueAuthentication, reauthenticate, success } = ReasonCode;
  assertEquals(codesOf("client"), [
    continueAuthentication,
    reauthenticate,
    continueAuthentication,
  ]);
  assertEquals(codesOf("server"), [continueAuthentication, continueAuthentication, success]);
});
