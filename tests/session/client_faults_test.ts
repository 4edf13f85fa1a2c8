// What a client may not do, by what has happened before: a server is under test.

import { type Fault, testFaults } from "./fault.ts";
import { openServer, type ServerSetup } from "./roles.ts";

testFaults(ofClients());

/** Faults that a client alone can make: a server is under test. */
function ofClients(): Fault[] {
  const fault = (
    what: string,
    hex: string,
    reasonCode: number,
    setup: ServerSetup = {},
    statements: readonly string[] = [],
  ) => ({
    name: `A client that sends ${what}`,
    open: () => openServer(setup),
    hex,
    reasonCode,
    statements,
  });
  const method = { connect: { properties: { authenticationMethod: "m" } } };
  return [
    fault("CONNACK", "20 03 00 00 00", 0x82),
    ...[
      ["CONNACK of MQTT 3", "20 02 00 01"],
      ["a second CONNECT of MQTT 3.1", "10 0E 00064D5149736470 03 02 003C 0000"],
      ["a second CONNECT of MQTT 3.1.1", "10 0C 00044D515454 04 02 003C 0000"],
      ["a second CONNECT of MQTT 6", "10 0D 00044D515454 06 00 0000 00 0000"],
    ].map(([what, hex]) => ({ ...fault(what!, hex!, 0x82), errorCode: 0x84 })),
    fault("SUBACK", "90 04 0001 00 00", 0x82),
    fault("UNSUBACK", "B0 04 0001 00 00", 0x82),
    fault("PINGRESP", "D0 00", 0x82),
    fault("QoS 2 over a Maximum QoS of 1", "34 06 0001 61 0001 00", 0x9b, {
      connack: { maximumQoS: 1 },
    }),
    fault("QoS 1 over a Maximum QoS of 0", "32 06 0001 61 0001 00", 0x9b, {
      connack: { maximumQoS: 0 },
    }),
    fault("RETAIN where nothing is retained", "31 04 0001 61 00", 0x9a, {
      connack: { retainAvailable: false },
    }),
    fault("a Subscription Identifier in PUBLISH", "30 06 0001 61 02 0B 01", 0x82),
    fault(
      "SUBSCRIBE to a Shared Subscription where there are none",
      "82 10 0001 00 000A 2473686172652F672F61 00",
      0x9e,
      {
        connack: { sharedSubscriptionAvailable: false },
      },
    ),
    fault(
      "SUBSCRIBE with an identifier where none is taken",
      "82 09 0001 02 0B 01 0001 61 00",
      0xa1,
      {
        connack: { subscriptionIdentifierAvailable: false },
      },
    ),
    fault("SUBSCRIBE with # where no wildcard is taken", "82 09 0001 00 0003 612F23 00", 0xa2, {
      connack: { wildcardSubscriptionAvailable: false },
    }),
    fault("SUBSCRIBE with + where no wildcard is taken", "82 07 0001 00 0001 2B 00", 0xa2, {
      connack: { wildcardSubscriptionAvailable: false },
    }),
    fault("SUBSCRIBE without a Topic Filter", "82 03 0001 00", 0x82),
    fault("No Local on a Shared Subscription", "82 10 0001 00 000A 2473686172652F672F61 04", 0x82),
    fault("DISCONNECT with a Reason Code of servers", "E0 01 8B", 0x82),
    fault(
      "DISCONNECT with a Session Expiry Interval after CONNECT had 0",
      "E0 07 00 05 11 0000000A",
      0x82,
      {
        connect: { properties: { sessionExpiryInterval: 0 } },
      },
    ),
    fault("AUTH where CONNECT had no method", "F0 06 19 04 15 0001 6D", 0x82),
    fault("AUTH with another method", "F0 06 19 04 15 0001 6E", 0x82, method, ["MQTT-4.12.0-5"]),
    fault("AUTH 0x00", "F0 06 00 04 15 0001 6D", 0x82, method),
    fault("AUTH 0x18 with no exchange running", "F0 06 18 04 15 0001 6D", 0x82, method),
  ];
}
