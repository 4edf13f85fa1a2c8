// What neither end may do, whoever it is, by what has happened before.

import type { Connection } from "../../src/session/connection.ts";
import { type Fault, testFaults } from "./fault.ts";
import { CLIENT, messageOf, type Role, SERVER } from "./roles.ts";
import type { Script } from "./scripted.ts";

testFaults(ofEither());

/** Faults that either end can make. `A server` is whose fault it is, so the client is under test. */
function ofEither(): Fault[] {
  return [CLIENT, SERVER].flatMap((role: Role): Fault[] => {
    const by = role === CLIENT ? "A server" : "A client";
    const { open } = role;
    const sending = (qos: 1 | 2) => () => {
      const script = open();
      script.publish(messageOf("a", qos));
      script.expectPacket("publish");
      return script;
    };
    const fault = (
      what: string,
      hex: string,
      reasonCode: number,
      statements: readonly string[] = [],
      how: () => Script<Connection> = () => open(),
    ) => ({ name: `${by} that sends ${what}`, open: how, hex, reasonCode, statements });
    return [
      fault("a malformed packet", "36 00", 0x81, role === SERVER ? ["MQTT-4.13.1-1"] : []),
      fault("a packet with a reserved flag", "60 02 0001", 0x81),
      fault("a packet of no type", "00 00", 0x82),
      fault("Packet Identifier 0", "32 06 0001 61 0000 00", 0x82),
      fault(
        "a packet larger than it may",
        "30 64",
        0x95,
        [],
        () => open({ own: { maximumPacketSize: 100 } }),
      ),
      fault(
        "an alias over the maximum",
        "30 07 0001 61 03 23 0003",
        0x94,
        [],
        () => open({ own: { topicAliasMaximum: 2 } }),
      ),
      fault("an alias where none is taken", "30 07 0001 61 03 23 0001", 0x94),
      fault(
        "alias 0",
        "30 07 0001 61 03 23 0000",
        0x94,
        [],
        () => open({ own: { topicAliasMaximum: 2 } }),
      ),
      fault(
        "an alias that not assigned to a topic",
        "30 06 0000 03 23 0001",
        0x82,
        [],
        () => open({ own: { topicAliasMaximum: 2 } }),
      ),
      fault("an empty topic without an alias", "30 03 0000 00", 0x82),
      fault(
        "one QoS 1 message more than the Receive Maximum",
        "32 06 0001 61 0003 00",
        0x93,
        [],
        received("32"),
      ),
      fault(
        "one QoS 2 message more than the Receive Maximum",
        "34 06 0001 61 0003 00",
        0x93,
        [],
        received("34"),
      ),
      fault("PUBACK for a QoS 2 message", "40 02 0001", 0x82, [], sending(2)),
      fault("PUBREC for a QoS 1 message", "50 02 0001", 0x82, [], sending(1)),
      fault("PUBREC that refuses a QoS 1 message", "50 03 0001 87", 0x82, [], sending(1)),
      fault("PUBCOMP for a QoS 1 message", "70 02 0001", 0x82, [], sending(1)),
      fault("PUBCOMP before PUBREL", "70 02 0001", 0x82, [], sending(2)),
      fault("PUBREL before PUBREC", "62 02 0001", 0x82, [], received("34")),
      fault("PUBREL before a PUBREC that waits for its turn", "62 02 0002", 0x82, [], () => {
        const script = open();
        script.send("34 06 0001 61 0001 00", "34 06 0001 61 0002 00");
        script.expectMessage("a");
        script.acknowledge(script.expectMessage("a"));
        return script;
      }),
    ];

    function received(firstByte: string) {
      return () => {
        const script = open({ own: { receiveMaximum: 2 } });
        script.send(`${firstByte} 06 0001 61 0001 00`, `${firstByte} 06 0001 61 0002 00`);
        script.expectMessage("a");
        script.expectMessage("a");
        return script;
      };
    }
  });
}
