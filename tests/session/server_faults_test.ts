// What a server may not do, by what has happened before: a client is under test.

import type { ClientConnection } from "../../src/session/client_connection.ts";
import type { Connection } from "../../src/session/connection.ts";
import { type Fault, testFaults } from "./fault.ts";
import { connectClient, openClient } from "./roles.ts";
import type { Script } from "./scripted.ts";

testFaults(ofServers());

/** Faults that a server alone can make: a client is under test. */
function ofServers(): Fault[] {
  const fault = (
    what: string,
    hex: string,
    reasonCode: number,
    open: () => Script<Connection> = openClient,
    statements: readonly string[] = [],
  ) => ({ name: `A server that sends ${what}`, open, hex, reasonCode, statements });
  return [
    fault("CONNECT", "10 0D 00044D515454 05 00 0000 00 0000", 0x82),
    fault("SUBSCRIBE", "82 07 0001 00 0001 61 00", 0x82),
    fault("UNSUBSCRIBE", "A2 06 0001 00 0001 61", 0x82),
    fault("PINGREQ", "C0 00", 0x82),
    fault("CONNACK a second time", "20 03 00 00 00", 0x82),
    { ...fault("CONNACK of MQTT 3 a second time", "20 02 00 01", 0x82), errorCode: 0x84 },
    {
      ...fault("CONNECT of MQTT 3.1.1", "10 0C 00044D515454 04 02 003C 0000", 0x82),
      errorCode: 0x84,
    },
    fault("PUBLISH before CONNACK", "30 04 0001 61 00", 0x82, connecting),
    fault("PINGRESP before CONNACK", "D0 00", 0x82, connecting),
    fault("DISCONNECT before CONNACK", "E0 01 8B", 0x82, connecting),
    fault("Session Present with a refusal", "20 03 01 87 00", 0x82, connecting),
    fault("a reserved flag in CONNACK", "20 03 02 00 00", 0x81, connecting),
    fault(
      "Response Information that was not asked for",
      "20 07 00 00 04 1A 0001 72",
      0x82,
      connecting,
    ),
    fault(
      "an Authentication Method where CONNECT had none",
      "20 07 00 00 04 15 0001 6D",
      0x82,
      connecting,
      ["MQTT-4.12.0-5"],
    ),
    fault(
      "CONNACK with another Authentication Method",
      "20 07 00 00 04 15 0001 6E",
      0x82,
      authenticating,
      ["MQTT-4.12.0-5"],
    ),
    fault("CONNACK without the Authentication Method", "20 03 00 00 00", 0x82, authenticating, [
      "MQTT-4.12.0-5",
    ]),
    fault("AUTH where CONNECT had no method", "F0 06 18 04 15 0001 6D", 0x82, connecting),
    fault("AUTH with another method", "F0 06 18 04 15 0001 6E", 0x82, authenticating, [
      "MQTT-4.12.0-5",
    ]),
    fault("AUTH 0x00 before CONNACK", "F0 06 00 04 15 0001 6D", 0x82, authenticating),
    fault("AUTH 0x19", "F0 06 19 04 15 0001 6D", 0x82, authenticated),
    fault("AUTH 0x18 with no exchange running", "F0 06 18 04 15 0001 6D", 0x82, authenticated),
    fault("AUTH 0x00 with no exchange running", "F0 06 00 04 15 0001 6D", 0x82, authenticated),
    fault("SUBACK with too many Reason Codes", "90 05 0001 00 00 00", 0x82, subscribing),
    fault("UNSUBACK with too many Reason Codes", "B0 05 0001 00 00 00", 0x82, unsubscribing),
    fault("SUBACK for an UNSUBSCRIBE", "90 04 0001 00 00", 0x82, unsubscribing),
    fault("UNSUBACK for a SUBSCRIBE", "B0 04 0001 00 00", 0x82, subscribing),
    fault("a Session Expiry Interval in DISCONNECT", "E0 07 00 05 11 0000000A", 0x82),
    fault("DISCONNECT 0x04", "E0 01 04", 0x82),
    ...[
      ["PUBACK", "40 08 0001 00 04 1F 0001 72"],
      ["PUBREC", "50 08 0001 00 04 1F 0001 72"],
      ["PUBREL", "62 08 0001 92 04 1F 0001 72"],
      ["PUBCOMP", "70 0B 0001 00 07 26 0001 6B 0001 76"],
      ["SUBACK", "90 08 0001 04 1F 0001 72 00"],
      ["UNSUBACK", "B0 0B 0001 07 26 0001 6B 0001 76 00"],
    ].map(([what, hex]) =>
      fault(
        `${what} with an explanation that CONNECT asked it not to send`,
        hex!,
        0x82,
        () => openClient({ connect: { properties: { requestProblemInformation: false } } }),
      )
    ),
    fault(
      "AUTH with an explanation that CONNECT asked it not to send",
      "F0 0A 18 08 15 0001 6D 1F 0001 72",
      0x82,
      () => {
        const properties = { requestProblemInformation: false, authenticationMethod: "m" };
        const script = openClient({
          connect: { properties },
          connack: { authenticationMethod: "m" },
        });
        script.call((connection) => connection.authenticate({}));
        script.expectPacket("auth");
        return script;
      },
    ),
  ];

  function connecting() {
    const script = connectClient();
    script.expectPacket("connect");
    return script;
  }

  function authenticating() {
    const script = connectClient({ connect: { properties: { authenticationMethod: "m" } } });
    script.expectPacket("connect");
    return script;
  }

  function authenticated() {
    return openClient({
      connect: { properties: { authenticationMethod: "m" } },
      connack: { authenticationMethod: "m" },
    });
  }

  function subscribing(): Script<ClientConnection> {
    const script = openClient();
    script.call((connection) =>
      connection.subscribe({ type: "subscribe", subscriptions: [{ topicFilter: "a" }] })
    );
    script.expectPacket("subscribe");
    return script;
  }

  function unsubscribing(): Script<ClientConnection> {
    const script = openClient();
    script.call((connection) =>
      connection.unsubscribe({ type: "unsubscribe", topicFilters: ["a"] })
    );
    script.expectPacket("unsubscribe");
    return script;
  }
}
