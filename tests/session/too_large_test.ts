// A packet that is too large for its peer leaves no trace: no alias, no identifier, no message in
// flight. What else is thrown within this end is no fault of the packet's, and is not taken for
// one.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PacketTooLargeError } from "../../src/errors.ts";
import type { QoS } from "../../src/packets/mod.ts";
import type { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { Session } from "../../src/session/session.ts";
import { connectServer, eachRole, messageOf, openServer } from "./roles.ts";

const SIZES = { client: ["MQTT-3.2.2-15"], server: ["MQTT-3.1.2-24"] };

// Of "t" an alias takes two bytes more than the topic itself.
eachRole(
  "sends the topic where the packet has room for that, and none for its alias",
  ({ open }) => {
    const script = open({
      topicAliases: "automatic",
      peer: { topicAliasMaximum: 1, maximumPacketSize: 14 },
    });
    script.publish(messageOf("t", 0));
    script.expect("30 07 0001 74 03 23 0001");
    script.publish(messageOf("t", 0, { payload: new Uint8Array(8) }));
    script.expect("30 0C 0001 74 00 0000000000000000");
    assertThrows(
      () => script.publish(messageOf("t", 0, { payload: new Uint8Array(9) })),
      PacketTooLargeError,
    );
  },
  SIZES,
);

eachRole("forgets no alias for a message that fits neither with nor without it", ({ open }) => {
  const script = open({
    topicAliases: "automatic",
    peer: { topicAliasMaximum: 1, maximumPacketSize: 60 },
  });
  script.publish(messageOf("t", 0));
  script.expect("30 07 0001 74 03 23 0001");
  for (const qos of [0, 1, 2] satisfies QoS[]) {
    const message = messageOf("t", qos, { payload: new Uint8Array(100) });
    assertThrows(() => script.publish(message), PacketTooLargeError);
    if (qos > 0) continue;
    assertThrows(() => script.connection.trySend(message.packet), PacketTooLargeError);
  }
  script.expectNothing();
  script.publish(messageOf("t", 0));
  script.expect("30 06 0000 03 23 0001");
}, SIZES);

eachRole("counts no use of an alias for a message that is too large", ({ open }) => {
  const script = open({
    topicAliases: "automatic",
    peer: { topicAliasMaximum: 2, maximumPacketSize: 60 },
  });
  // At its third time c has found that both aliases were in use until now.
  for (const topic of ["a", "b", "c", "c", "c"]) script.publish(messageOf(topic, 0));
  script.takePackets();
  const message = messageOf("a", 0, { payload: new Uint8Array(100) });
  assertThrows(() => script.publish(message), PacketTooLargeError);
  script.publish(messageOf("c", 0));
  script.expect("30 07 0001 63 03 23 0001");
});

eachRole(
  "gives an alias of the application's no topic by a message that is too large",
  ({ open }) => {
    const script = open({
      topicAliases: "manual",
      peer: { topicAliasMaximum: 1, maximumPacketSize: 20 },
    });
    const properties = { topicAlias: 1 };
    const large = messageOf("a", 0, { payload: new Uint8Array(100), properties });
    assertThrows(() => script.publish(large), PacketTooLargeError);
    assertThrows(() => script.connection.trySend(large.packet), PacketTooLargeError);
    const short = messageOf("", 0, { properties });
    assertThrows(() => script.publish(short), TypeError, "not assigned to a topic");
    script.expectNothing();
  },
);

eachRole("gives up a message that waits and is too large, and says that it is", ({ open }) => {
  const session = new Session("c");
  session.sendQueue.add(messageOf("t", 1, { payload: new Uint8Array(100) }));
  session.sendQueue.add(messageOf("u", 0));
  const script = open({ session, peer: { maximumPacketSize: 60 } });
  script.expect("30 04 0001 75 00");
  const { cause } = script.expectEvent("discarded");
  assertStrictEquals(
    cause.kind === "not allowed" && cause.error instanceof PacketTooLargeError,
    true,
  );
  assertStrictEquals(session.inFlight.size, 0);
});

/** As V8 throws it where a program calls itself too deeply. */
const overflow = new RangeError("Maximum call stack size exceeded");

/** A message that cannot be encoded, for a reason that has nothing to do with it. */
function broken(): OutgoingMessage {
  const message = messageOf("t", 0);
  Object.defineProperty(message.packet, "payload", {
    enumerable: true,
    get() {
      throw overflow;
    },
  });
  return message;
}

eachRole(
  "throws what is no fault of a message that waits, and does not meet it again",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    const message = broken();
    // Its size is not asked for: that would throw, too.
    Object.defineProperty(message, "size", { value: 1 });
    session.sendQueue.add(message);
    session.sendQueue.add(messageOf("u", 0));
    assertStrictEquals(
      assertThrows(() => script.connection.tick(script.now), RangeError),
      overflow,
    );
    assertStrictEquals(session.sendQueue.length, 1);
    script.call((connection) => connection.abort(overflow));
    assertStrictEquals(script.expectEvent("discarded").message, message);
    assertEquals(script.expectEvent("closed").cause, { kind: "internal error", error: overflow });
    script.expect("E0 01 83");
  },
);

Deno.test("A server that fails before CONNACK closes the connection without a word", () => {
  const script = connectServer();
  script.call((connection) => connection.abort(overflow));
  assertStrictEquals(script.expectEvent("closed").cause.kind, "internal error");
  script.expectNothing();
});

Deno.test("A server knows before it accepts a client whether that takes the CONNACK, and before it does what a client asks for whether that takes the answer [MQTT-3.1.2-24]", () => {
  const script = connectServer({ peer: { maximumPacketSize: 9 } });
  const { connection } = script;
  const session = new Session("c");
  const granted = {
    type: "connack",
    properties: { receiveMaximum: 1, topicAliasMaximum: 1 },
  } as const;
  assertThrows(() => connection.checkAccept(granted), PacketTooLargeError);
  assertThrows(() => connection.accept(session, granted), PacketTooLargeError);
  assertStrictEquals(session.exists, false);
  connection.checkAccept({ type: "connack", properties: { receiveMaximum: 1 } });
  script.expectNothing();

  const open = openServer({ peer: { maximumPacketSize: 8 } });
  open.send(
    "82 0F 0001 00 0001 61 00 0001 62 00 0001 63 00",
    "82 13 0001 00 0001 61 00 0001 62 00 0001 63 00 0001 64 00",
  );
  open.connection.checkAnswer(open.expectEvent("subscribe").packet);
  const { packet } = open.expectEvent("subscribe");
  assertThrows(() => open.connection.checkAnswer(packet), PacketTooLargeError);
  open.send("A2 0F 0001 00 0001 61 0001 62 0001 63 0001 64");
  const unsubscribe = open.expectEvent("unsubscribe").packet;
  assertThrows(() => open.connection.checkAnswer(unsubscribe), PacketTooLargeError);
});
