// A script's peer at a connection whose other end is the test itself: what it takes, what it says
// when something else comes, and what it sends.

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { concat } from "jsr:@std/bytes@^1/concat";
import type { Transport } from "../../src/io/transport.ts";
import { decodePacket, encodePacket, type PacketInit } from "../../src/packets/mod.ts";
import { ExpectationError, ScriptedPeer } from "../../src/testing/mod.ts";
import { bytesOf } from "../hex.ts";
import { settle } from "../io/virtual_clock.ts";
import { type Script, script } from "./script.ts";

const PUBLISH = {
  type: "publish",
  topic: "lamp/set",
  payload: new TextEncoder().encode("on"),
  qos: 1,
  packetId: 7,
  properties: { messageExpiryInterval: 60, userProperties: [["room", "kitchen"]] },
} as const satisfies PacketInit;

/** The message of the error with which an expectation fails. */
async function failure(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ExpectationError)).message;
}

async function received({ other }: Script): Promise<unknown> {
  return decodePacket((await other.read())!);
}

Deno.test("ScriptedPeer expects packets one after the other, however they come", async () => {
  const { peer, other } = script();
  const bytes = concat([encodePacket(PUBLISH), encodePacket({ type: "pingreq" })]);
  other.write(bytes.slice(0, 5));
  const publish = peer.expect("publish");
  const ping = peer.expect("pingreq");
  await settle();
  other.write(bytes.slice(5));
  assertEquals(await publish, decodePacket(encodePacket(PUBLISH)));
  assertEquals(await ping, { type: "pingreq" });
});

Deno.test("ScriptedPeer compares the fields it is given, bytes also by their text, and no others", async () => {
  const { peer, other } = script();
  other.write(encodePacket(PUBLISH));
  const { packetId } = await peer.expect("publish", {
    payload: "on",
    properties: {
      messageExpiryInterval: 60,
      topicAlias: undefined,
      userProperties: [["room", "kitchen"]],
    },
  });
  assertStrictEquals(packetId, 7);
});

Deno.test("ScriptedPeer says which field is another, with the packet and its bytes", async () => {
  const cases: [Parameters<typeof checked>[0], string][] = [
    [{ topic: "fridge/set" }, 'topic "fridge/set", got topic "lamp/set"'],
    [{ qos: 2 }, "qos 2, got qos 1"],
    [{ payload: "off" }, 'payload "off", got payload "on"'],
    [{ payload: new Uint8Array(2) }, "payload [0, 0], got payload [111, 110]"],
    [{ properties: { topicAlias: 1 } }, "properties.topicAlias 1, got properties.topicAlias none"],
    [
      { properties: { messageExpiryInterval: undefined } },
      "properties.messageExpiryInterval none, got properties.messageExpiryInterval 60",
    ],
    [
      { properties: { userProperties: [] } },
      'properties.userProperties [], got properties.userProperties [["room","kitchen"]]',
    ],
    [
      { properties: { userProperties: [["room", "attic"]] } },
      'properties.userProperties[0][1] "attic", got properties.userProperties[0][1] "kitchen"',
    ],
  ];
  async function checked(fields: Parameters<typeof ScriptedPeer.prototype.expect<"publish">>[1]) {
    const { peer, other } = script();
    other.write(encodePacket(PUBLISH));
    return await failure(peer.expect("publish", fields));
  }
  for (const [fields, says] of cases) {
    assertEquals(
      await checked(fields),
      `Expected PUBLISH with ${says} in PUBLISH, 38 bytes (QoS 1; Topic Name "lamp/set"; ` +
        'Packet Identifier 7; Message Expiry Interval 60; User Property name "room"; ' +
        'User Property value "kitchen"; Payload "on"): 32 24 00 08 6C 61 6D 70 2F 73 65 74 00 07 ' +
        "15 02 00 00 00 3C 26 00 04 72 6F 6F 6D 00 07 6B 69 74 63 68 65 6E 6F 6E",
    );
  }
});

Deno.test("ScriptedPeer says what came in place of the packet it expects", async () => {
  const { peer, other } = script();
  other.write(concat([encodePacket({ type: "pingreq" }), encodePacket({ type: "disconnect" })]));
  const error = await assertRejects(() => peer.expect("puback"), ExpectationError);
  assertEquals(error.message, "Expected PUBACK, got PINGREQ, 2 bytes: C0 00");
  assertEquals([error.expected, error.packet?.packet], ["PUBACK", { type: "pingreq" }]);
  assertEquals(
    await failure(peer.expectEnd()),
    "Expected the end of the connection, got DISCONNECT, 2 bytes " +
      "(Disconnect Reason Code 0x00 Normal disconnection (the Server discards the Will Message)): " +
      "E0 00",
  );
  other.closeWrite();
  assertEquals(
    await failure(peer.expect("puback")),
    "Expected PUBACK, got the end of the connection",
  );
});

Deno.test("ScriptedPeer shows no more than the first bytes of a long packet", async () => {
  const { peer, other } = script();
  other.write(encodePacket({ type: "publish", topic: "a", payload: new Uint8Array(60) }));
  assertEquals(
    await failure(peer.expect("puback")),
    'Expected PUBACK, got PUBLISH, 66 bytes (Topic Name "a"; Payload 60 bytes): 30 40 00 01 61 00' +
      `${" 00".repeat(42)} …`,
  );
});

Deno.test("ScriptedPeer explains a malformed packet up to its fault, and goes on after it", async () => {
  const { peer, other } = script();
  other.write(bytesOf("32 05 00 01 61 00 00 C0 00"));
  assertEquals(
    await failure(peer.expect("publish")),
    'Expected PUBLISH, got PUBLISH, 7 bytes (QoS 1; Topic Name "a"; Packet Identifier 0), which ' +
      "is not allowed: PUBLISH Packet Identifier at byte 5 is 0, which identifies nothing " +
      "(§3.3.2.2): 32 05 00 01 61 00 00",
  );
  await peer.expect("pingreq");
});

Deno.test("ScriptedPeer hears no more after a malformed fixed header", async () => {
  const { peer, other } = script();
  other.write(bytesOf("36 00 C0 00"));
  assertEquals(
    await failure(peer.expect("publish")),
    "Expected PUBLISH, got PUBLISH, 4 bytes (QoS 3), which is not allowed: " +
      "PUBLISH QoS at byte 0 is 3 [MQTT-3.3.1-4] (§3.3.1.2): 36 00 C0 00",
  );
  await peer.expectEnd();
});

Deno.test("ScriptedPeer tells of a packet that the end of the connection cuts off", async () => {
  const { peer, other } = script();
  other.write(bytesOf("30 04 00 01"));
  other.closeWrite();
  assertEquals(
    await failure(peer.expect("publish")),
    "Expected PUBLISH, got PUBLISH, 4 bytes, which is not allowed: PUBLISH Topic Name at byte 2 " +
      "needs 3 bytes, but only 2 are left (§3.3.2.1): 30 04 00 01",
  );
  await peer.expectEnd();
});

Deno.test("ScriptedPeer waits for so long, each time anew, and takes later what comes too late", async () => {
  const { peer, other, clock } = script({ timeout: 3000 });
  const said: string[] = [];
  failure(peer.expect("pingreq")).then((says) => said.push(says));
  failure(peer.expectEnd()).then((says) => said.push(says));
  await clock.advance(2999);
  assertEquals(said, []);
  await clock.advance(1);
  assertEquals(said, ["Expected PINGREQ within 3000 ms, got nothing"]);
  await clock.advance(3000);
  assertEquals(said[1], "Expected the end of the connection within 3000 ms, got nothing");
  other.write(encodePacket({ type: "pingreq" }));
  await peer.expect("pingreq");
  assertStrictEquals(clock.timers, 0);
});

Deno.test("ScriptedPeer gives the next packet, whatever it is, and says what is none", async () => {
  const { peer, other, clock } = script({ timeout: 100 });
  other.write(bytesOf("C0 00 32 05 00 01 61 00 00"));
  assertEquals(await peer.next(), { type: "pingreq" });
  assertMatch(
    await failure(peer.next()),
    /^Expected a packet, got PUBLISH, 7 bytes .* not allowed/,
  );
  const late = failure(peer.next());
  await clock.advance(100);
  assertEquals(await late, "Expected a packet within 100 ms, got nothing");
  other.close();
  assertEquals(await failure(peer.next()), "Expected a packet, got the end of the connection");
});

Deno.test("ScriptedPeer expects silence, which a packet or the end breaks", async () => {
  const { peer, other, clock } = script();
  const silence = peer.expectSilence(1000);
  await clock.advance(1000);
  await silence;
  const broken = failure(peer.expectSilence(1000));
  other.write(encodePacket({ type: "pingreq" }));
  assertEquals(await broken, "Expected silence for 1000 ms, got PINGREQ, 2 bytes: C0 00");
  const ended = failure(peer.expectSilence(1000));
  other.close();
  assertEquals(await ended, "Expected silence for 1000 ms, got the end of the connection");
});

Deno.test("ScriptedPeer answers pings on the way, unless it expects one", async () => {
  const both = script({ answerPings: true });
  const { peer, other } = both;
  other.write(concat([
    ...["pingreq", "publish", "pingreq"].map((type) =>
      encodePacket(type === "publish" ? PUBLISH : { type: "pingreq" })
    ),
  ]));
  await peer.expect("publish");
  assertEquals(await received(both), { type: "pingresp" });
  await peer.expect("pingreq");
  peer.close();
  assertStrictEquals(await other.read(), undefined);
});

Deno.test("ScriptedPeer answers as the standard does, or otherwise if it is told to", async () => {
  const both = script();
  const { peer, other } = both;
  const answers: [PacketInit, PacketInit][] = [
    [{ type: "connect" }, { type: "connack" }],
    [PUBLISH, { type: "puback", packetId: 7 }],
    [{ ...PUBLISH, qos: 2 }, { type: "pubrec", packetId: 7 }],
    [{ type: "pubrec", packetId: 8 }, { type: "pubrel", packetId: 8 }],
    [{ type: "pubrel", packetId: 8 }, { type: "pubcomp", packetId: 8 }],
    [
      {
        type: "subscribe",
        packetId: 9,
        subscriptions: [{ topicFilter: "a", qos: 2 }, { topicFilter: "b" }],
      },
      { type: "suback", packetId: 9, reasonCodes: [2, 0] },
    ],
    [
      { type: "unsubscribe", packetId: 9, topicFilters: ["a", "b"] },
      { type: "unsuback", packetId: 9, reasonCodes: [0, 0] },
    ],
    [{ type: "pingreq" }, { type: "pingresp" }],
  ];
  for (const [packet, answer] of answers) {
    other.write(encodePacket(packet));
    // The types are the table's own.
    peer.answer(await peer.expect(packet.type) as Parameters<ScriptedPeer["answer"]>[0]);
    assertEquals(await received(both), decodePacket(encodePacket(answer)), packet.type);
  }
  other.write(encodePacket({ type: "connect" }));
  const properties = { receiveMaximum: 1 };
  peer.answer(await peer.expect("connect"), { reasonCode: 0x00, sessionPresent: true, properties });
  assertEquals(
    await received(both),
    decodePacket(encodePacket({ type: "connack", sessionPresent: true, properties })),
  );
});

Deno.test("ScriptedPeer refuses to answer what nobody answers", async () => {
  const { peer, other } = script();
  other.write(encodePacket({ type: "publish", topic: "a" }));
  const publish = await peer.expect("publish");
  assertThrows(() => peer.answer(publish), TypeError, "A PUBLISH at QoS 0 is not answered");
  const puback = decodePacket(encodePacket({ type: "puback", packetId: 1 }));
  assertThrows(
    () => peer.answer(puback as unknown as typeof publish),
    TypeError,
    'A packet of type "puback" is not answered',
  );
});

Deno.test("ScriptedPeer sends bytes in order, whatever they are, and then closes", async () => {
  const { peer, other } = script();
  peer.send({ type: "pingresp" }, { type: "disconnect" });
  peer.sendBytes(bytesOf("FF"), bytesOf("00"));
  peer.close();
  const chunks = await Array.fromAsync((async function* () {
    for (let chunk; (chunk = await other.read()) !== undefined;) yield chunk;
  })());
  assertEquals(concat(chunks), bytesOf("D0 00 E0 00 FF 00"));
});

Deno.test("ScriptedPeer writes, ends and closes one after the other, however long each takes", async () => {
  const done: string[] = [];
  let isBusy = false;
  const slowly = async (what: string) => {
    assertStrictEquals(isBusy, false, "two at once");
    isBusy = true;
    await settle();
    isBusy = false;
    done.push(what);
  };
  const transport: Transport = {
    read: () => new Promise(() => {}),
    write: ([first]) => slowly(`write ${first}`),
    closeWrite: () => slowly("end"),
    close: () => void done.push("close"),
  };
  const peer = new ScriptedPeer(transport);
  peer.sendBytes(Uint8Array.of(1));
  peer.sendBytes(Uint8Array.of(2));
  const ended = peer.endSending();
  peer.close();
  await ended;
  await settle();
  assertEquals(done, ["write 1", "write 2", "end", "close"]);
});

Deno.test("ScriptedPeer may end its side and still expect packets", async () => {
  const { peer, other } = script();
  peer.send({ type: "pingresp" });
  await peer.endSending();
  await other.read();
  assertStrictEquals(await other.read(), undefined);
  other.write(encodePacket({ type: "pingreq" }));
  await peer.expect("pingreq");
});

Deno.test("ScriptedPeer rejects what it sends to an end that is closed, which nobody need look at", async () => {
  const { peer, other } = script();
  other.close();
  peer.send({ type: "pingresp" });
  await assertRejects(
    () => peer.send({ type: "pingresp" }),
    Error,
    "The other end has been closed",
  );
});

Deno.test("ScriptedPeer refuses what no packet can be", async () => {
  const { peer } = script();
  const expect = peer.expect.bind(peer) as (type: string, fields?: unknown) => Promise<unknown>;
  await assertRejects(() => expect("publsh"), TypeError, '"publsh" is not a type of packet');
  await assertRejects(
    () => expect("publish", { properties: { topicAlais: 1 } }),
    TypeError,
    '"topicAlais" is not a property',
  );
  await assertRejects(() => peer.expectSilence(0), RangeError, "milliseconds");
  assertThrows(() => script({ timeout: 0 }), RangeError, "timeout");
  assertThrows(() => script({ timeuot: 1 } as unknown as { timeout: 1 }), TypeError, "timeuot");
  assertThrows(() => new ScriptedPeer({} as unknown as Script["other"]), TypeError);
});
