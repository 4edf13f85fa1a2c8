// §4.3 QoS delivery as the receiver has it, in either role: what is handed to the application, how often, and what answers it.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import { eachRole } from "./roles.ts";

eachRole("answers PUBLISH by its QoS: nothing, PUBACK, PUBREC [MQTT-3.3.4-1]", ({ open }) => {
  const script = open();
  script.send("30 04 0001 61 00", "32 06 0001 62 0001 00", "34 06 0001 63 0002 00");
  assertStrictEquals(script.expectMessage("a"), undefined);
  const [second, third] = [script.expectMessage("b"), script.expectMessage("c")];
  // Not before the application is done.
  script.expectQuiet();
  assertStrictEquals(script.acknowledge(second), true);
  script.expect("40 02 0001");
  assertStrictEquals(script.acknowledge(third), true);
  script.expect("50 02 0002");
  script.expectQuiet();
}, { client: ["MQTT-4.5.0-2"] });

eachRole(
  "answers with the identifier of the PUBLISH, PUBREL included [MQTT-2.2.1-5] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11]",
  ({ open }) => {
    const script = open();
    for (const packetId of ["0001", "FFFF", "0100"]) {
      script.send(`32 06 0001 61 ${packetId} 00`);
      script.acknowledge(script.expectMessage("a"));
      script.expect(`40 02 ${packetId}`);
      script.send(`34 06 0001 61 ${packetId} 00`);
      script.acknowledge(script.expectMessage("a"));
      script.expect(`50 02 ${packetId}`);
      script.send(`62 02 ${packetId}`);
      script.expect(`70 02 ${packetId}`);
    }
    script.expectQuiet();
  },
);

eachRole(
  "takes an identifier for a new message once PUBACK is sent, whatever DUP says [MQTT-4.3.2-5]",
  ({ open }) => {
    const script = open();
    for (const firstByte of ["32", "3A", "32"]) {
      script.send(`${firstByte} 06 0001 61 0001 00`);
      script.acknowledge(script.expectMessage("a"));
      script.expect("40 02 0001");
    }
    script.expectQuiet();
  },
);

eachRole(
  "takes an identifier for a new message once PUBREC has refused the last [MQTT-4.3.3-9]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    for (const firstByte of ["34", "3C"]) {
      script.send(`${firstByte} 06 0001 61 0001 00`);
      script.acknowledge(script.expectMessage("a"), 0x87);
      script.expect("50 03 0001 87");
      assertStrictEquals(session.unreleased.size, 0);
    }
    script.send("62 02 0001");
    script.expect("70 03 0001 92");
    script.expectQuiet();
  },
);

eachRole(
  "delivers a QoS 2 message once until PUBREL, and answers PUBREC each time [MQTT-4.3.3-10]",
  ({ open }) => {
    const script = open();
    script.send("34 06 0001 61 0001 00");
    const acknowledgement = script.expectMessage("a");
    // Before the application is done there is nothing to say.
    script.send("3C 06 0001 61 0001 00");
    script.expectQuiet();
    script.acknowledge(acknowledgement);
    script.expect("50 02 0001");
    script.expectQuiet();
    script.send("3C 06 0001 61 0001 00", "34 06 0001 62 0001 00");
    script.expect("50 02 0001", "50 02 0001");
    script.send("62 02 0001");
    script.expect("70 02 0001");
    script.expectQuiet();
  },
);

eachRole(
  "takes an identifier for a new message once PUBCOMP is sent [MQTT-4.3.3-12]",
  ({ open }) => {
    const script = open();
    for (const firstByte of ["34", "3C", "34"]) {
      script.send(`${firstByte} 06 0001 61 0001 00`);
      script.acknowledge(script.expectMessage("a"));
      script.expect("50 02 0001");
      script.send("62 02 0001");
      script.expect("70 02 0001");
    }
    script.expectQuiet();
  },
);

eachRole(
  "answers a PUBREL whose PUBCOMP was lost with the connection with PUBCOMP 0x00 [MQTT-4.3.3-11]",
  ({ open }) => {
    const session = new Session("c");
    const script = open({ session });
    script.send("34 06 0001 61 0001 00");
    script.acknowledge(script.expectMessage("a"));
    script.send("62 02 0001");
    script.expect("50 02 0001", "70 02 0001");
    script.end();
    const again = open({ session, sessionPresent: true });
    again.send("62 02 0001");
    again.expect("70 02 0001");
    again.expectQuiet();
  },
);

eachRole("answers a PUBREL that comes again with PUBCOMP 0x92", ({ open }) => {
  const script = open();
  script.send("34 06 0001 61 0001 00");
  script.acknowledge(script.expectMessage("a"));
  script.send("62 02 0001", "62 02 0001");
  script.expect("50 02 0001", "70 02 0001", "70 03 0001 92");
  script.expectQuiet();
});

eachRole(
  "remembers a QoS 2 message that it has taken with PUBREC 0x10 [MQTT-4.3.3-10]",
  ({ open }) => {
    const script = open();
    script.send("34 06 0001 61 0001 00");
    script.acknowledge(script.expectMessage("a"), 0x10);
    script.expect("50 03 0001 10");
    script.send("3C 06 0001 61 0001 00");
    script.expectNoEvent();
    script.expectPacket("pubrec");
    script.send("62 02 0001");
    script.expect("70 02 0001");
  },
);

eachRole("completes the exchange of a message that has expired [MQTT-4.3.3-13]", ({ open }) => {
  const script = open();
  script.send("34 0B 0001 61 0001 05 02 00000001");
  const { acknowledgement, packet } = script.expectEvent("message");
  assertStrictEquals(packet.properties.messageExpiryInterval, 1);
  script.advance(10_000);
  script.acknowledge(acknowledgement);
  script.expect("50 02 0001");
  script.advance(10_000);
  script.send("62 02 0001");
  script.expect("70 02 0001");
  script.expectQuiet();
});

eachRole("refuses a QoS 1 message whose identifier is that of a QoS 2 message", ({ open }) => {
  const script = open();
  script.send("34 06 0001 61 0001 00");
  script.acknowledge(script.expectMessage("a"));
  script.expect("50 02 0001");
  script.send("32 06 0001 62 0002 00", "32 06 0001 63 0001 00");
  const acknowledgement = script.expectMessage("b");
  // Not before the PUBACK of the message that came before it.
  script.expectQuiet();
  script.acknowledge(acknowledgement);
  script.expect("40 02 0002", "40 03 0001 91");
  script.expectQuiet();
});

eachRole("takes an acknowledgement once", ({ open }) => {
  const script = open();
  script.send("32 06 0001 61 0001 00");
  const acknowledgement = script.expectMessage("a");
  assertStrictEquals(script.connection.awaits(acknowledgement!), true);
  assertStrictEquals(script.acknowledge(acknowledgement, 0x87), true);
  assertStrictEquals(script.connection.awaits(acknowledgement!), false);
  assertStrictEquals(script.acknowledge(acknowledgement), false);
  script.expect("40 03 0001 87");
  script.expectQuiet();
});

eachRole("says in an acknowledgement what the application says", ({ open }) => {
  const script = open();
  script.send("32 06 0001 61 0001 00", "34 06 0001 61 0002 00");
  const said = { reasonString: "r", userProperties: [["k", "v"]] } as const;
  for (const type of ["puback", "pubrec"] as const) {
    const { acknowledgement } = script.expectEvent("message");
    script.call((connection) => connection.acknowledge(acknowledgement!, 0x83, said));
    const packet = script.expectPacket(type);
    assertStrictEquals(packet.reasonCode, 0x83);
    assertEquals(packet.properties, said);
  }
});

eachRole(
  "refuses an acknowledgement that breaks the standard, and takes a better one",
  ({ open }) => {
    const script = open();
    script.send("34 06 0001 61 0001 00");
    const acknowledgement = script.expectMessage("a")!;
    assertThrows(() => script.connection.acknowledge(acknowledgement, 0x01 as 0x00), RangeError);
    assertThrows(
      () =>
        script.connection.acknowledge(acknowledgement, 0x00, {
          reasonString: 1 as unknown as string,
        }),
      TypeError,
    );
    script.expectQuiet();
    assertStrictEquals(script.acknowledge(acknowledgement), true);
    script.expect("50 02 0001");
  },
);

eachRole("keeps the order of messages of all QoS", ({ open }) => {
  const script = open();
  script.send("32 06 0001 61 0001 00 30 04 0001 62 00 34 06 0001 63 0002 00 30 04 0001 64 00");
  for (const topic of ["a", "b", "c", "d"]) script.expectMessage(topic);
  script.expectQuiet();
});

eachRole(
  "takes an identifier for a new message where the peer may have begun the session anew, and sends for the first time what it would have to release",
  ({ open }) => {
    const session = new Session("c");
    let script = open({ session });
    const receive = (firstByte: string, topic: string, isNew: boolean) => {
      script.send(`${firstByte} 06 0001 ${topic} 0001 00`);
      if (isNew) script.acknowledge(script.expectMessage(topic === "61" ? "a" : "b"));
      script.expect("50 02 0001");
    };
    receive("34", "61", true);
    const reconnect = () => {
      script.end();
      script = open({ session, sessionPresent: true });
    };
    reconnect();
    // Of a session that is there for sure nothing is taken twice, whatever DUP says.
    receive("34", "61", false);
    reconnect();
    session.doubt();
    // It is there after all.
    receive("3C", "61", false);
    receive("34", "61", false);
    reconnect();
    session.doubt();
    reconnect();
    receive("34", "62", true);
    script.send("62 02 0001");
    script.expect("70 02 0001");
    script.expectQuiet();
  },
);
