// How a connection begins and ends: CONNECT, CONNACK, AUTH, DISCONNECT.

import { assertEquals } from "@std/assert";
import { client, connected, ends, listen, server, testCases } from "./conversation.ts";

const CONNECT = { type: "connect", clientId: "a" } as const;
const CONNACK = { type: "connack" } as const;
const PINGREQ = { type: "pingreq" } as const;
const PINGRESP = { type: "pingresp" } as const;
const DISCONNECT = { type: "disconnect" } as const;
const SCRAM = { authenticationMethod: "SCRAM-SHA-256" };
const PLAIN = { authenticationMethod: "PLAIN" };
const WITH_METHOD = { ...CONNECT, properties: SCRAM };
const MORE = { type: "auth", reasonCode: 0x18, properties: SCRAM } as const;
const AGAIN = { type: "auth", reasonCode: 0x19, properties: SCRAM } as const;

testCases([
  {
    name: "a first packet that is not CONNECT",
    rule: "MQTT-3.1.0-1",
    by: "client",
    wrong: [[client(PINGREQ)]],
    right: [connected()],
  },
  {
    name: "a second CONNECT",
    rule: "MQTT-3.1.0-2",
    by: "client",
    wrong: [[...connected(), client(CONNECT)]],
    right: [connected(), connected()],
    isExercised: false,
  },
  {
    name: "a packet of the Client before CONNACK while it authenticates",
    rule: "MQTT-3.1.2-30",
    by: "client",
    wrong: [[client(WITH_METHOD), client(PINGREQ)]],
    right: [[client(WITH_METHOD), server(MORE), client(MORE)]],
  },
  {
    name: "a packet of the Server before CONNACK",
    rule: "MQTT-3.2.0-1",
    by: "server",
    wrong: [[client(CONNECT), server(PINGRESP)]],
    right: [connected()],
  },
  {
    name: "DISCONNECT of the Server before CONNACK",
    rule: "MQTT-3.14.0-1",
    by: "server",
    wrong: [[client(CONNECT), server({ ...DISCONNECT, reasonCode: 0x89 })]],
    right: [[...connected(), server({ ...DISCONNECT, reasonCode: 0x89 })]],
  },
  {
    name: "a second CONNACK",
    rule: "MQTT-3.2.0-2",
    by: "server",
    wrong: [[...connected(), server(CONNACK)]],
    right: [[...connected(), ...ends()]],
  },
  {
    name: "packets of the Client that only the Server sends",
    rule: "§2.1.2",
    by: "client",
    wrong: [[...connected(), client(PINGRESP)]],
    right: [[...connected(), client(PINGREQ), server(PINGRESP)]],
  },
  {
    name: "packets of the Server that only the Client sends",
    rule: "§2.1.2",
    by: "server",
    wrong: [[...connected(), server(PINGREQ)]],
    right: [[...connected(), client(PINGREQ), server(PINGRESP)]],
  },
  {
    name: "a PINGRESP that nothing waits for",
    rule: "§3.13",
    by: "server",
    wrong: [[...connected(), client(PINGREQ), server(PINGRESP), server(PINGRESP)]],
    right: [[...connected(), client(PINGREQ), client(PINGREQ), server(PINGRESP), server(PINGRESP)]],
  },
  {
    name: "a packet after DISCONNECT",
    rule: "MQTT-3.14.4-1",
    by: "client",
    wrong: [[...connected(), client(DISCONNECT), client(PINGREQ)]],
    right: [[...connected(), client(DISCONNECT), ...ends()]],
  },
  {
    name: "a packet of the Server after CONNACK that refuses the Client",
    rule: "MQTT-3.2.2-7",
    by: "server",
    wrong: [[...connected({}, { reasonCode: 0x87 }), server(PINGRESP)]],
    right: [[...connected({}, { reasonCode: 0x87 }), ...ends()]],
  },
  {
    name: "a session that is present after Clean Start",
    rule: "MQTT-3.2.2-2",
    by: "server",
    wrong: [connected({ cleanStart: true }, { sessionPresent: true })],
    right: [connected({ cleanStart: true })],
  },
  {
    name: "Response Information that was not asked for",
    rule: "MQTT-3.1.2-28",
    by: "server",
    wrong: [connected({}, { properties: { responseInformation: "a" } })],
    right: [connected()],
  },
  {
    name: "an assigned Client Identifier that is missing",
    rule: "MQTT-3.1.3-7",
    by: "server",
    wrong: [connected({ clientId: "" })],
    right: [connected({ clientId: "" }, { properties: { assignedClientIdentifier: "b" } })],
  },
  {
    name: "an assigned Client Identifier that is not needed",
    rule: "§3.2.2.3.7",
    by: "server",
    wrong: [connected({}, { properties: { assignedClientIdentifier: "b" } })],
    right: [connected({ clientId: "" }, { properties: { assignedClientIdentifier: "b" } })],
  },
  {
    name: "an Authentication Method in CONNACK that the Client has not given",
    rule: "MQTT-4.12.0-6",
    by: "server",
    wrong: [connected({}, { properties: SCRAM })],
    right: [connected()],
  },
  {
    name: "a CONNACK without the Authentication Method",
    rule: "MQTT-4.12.0-5",
    by: "server",
    wrong: [connected({ properties: SCRAM })],
    right: [connected({ properties: SCRAM }, { properties: SCRAM })],
  },
  {
    name: "AUTH with another method",
    rule: "MQTT-4.12.0-5",
    by: "client",
    wrong: [[client(WITH_METHOD), server(MORE), client({ ...MORE, properties: PLAIN })]],
    right: [[client(WITH_METHOD), server(MORE), client(MORE)]],
  },
  {
    name: "AUTH of a Client without a method",
    rule: "MQTT-4.12.0-7",
    by: "client",
    wrong: [[...connected(), client(AGAIN)]],
    right: [[...connected({ properties: SCRAM }, { properties: SCRAM }), client(AGAIN)]],
    isExercised: false,
  },
  {
    name: "AUTH of the Server that does not go on",
    rule: "MQTT-4.12.0-2",
    by: "server",
    wrong: [[client(WITH_METHOD), server({ ...MORE, reasonCode: 0x00 })]],
    right: [[client(WITH_METHOD), server(MORE)]],
  },
  {
    name: "an answer to AUTH with another Reason Code than 0x18",
    rule: "MQTT-4.12.0-3",
    by: "client",
    wrong: [[client(WITH_METHOD), server(MORE), client(AGAIN)]],
    right: [[client(WITH_METHOD), server(MORE), client(MORE)]],
  },
  {
    name: "AUTH of the Client that answers nothing",
    rule: "MQTT-4.12.1-1",
    by: "client",
    wrong: [[...connected({ properties: SCRAM }, { properties: SCRAM }), client(MORE)]],
    right: [[
      ...connected({ properties: SCRAM }, { properties: SCRAM }),
      client(AGAIN),
      server(MORE),
      client(MORE),
      server({ ...MORE, reasonCode: 0x00 }),
      client(AGAIN),
    ]],
  },
  {
    name: "AUTH of the Server when it has been asked nothing",
    rule: "§4.12",
    by: "server",
    wrong: [[...connected({ properties: SCRAM }, { properties: SCRAM }), server(MORE)]],
    right: [[
      ...connected({ properties: SCRAM }, { properties: SCRAM }),
      client(AGAIN),
      server(MORE),
    ]],
  },
  {
    name: "a Session Expiry Interval in DISCONNECT of the Server",
    rule: "MQTT-3.14.2-2",
    by: "server",
    wrong: [[
      ...connected(),
      server({ ...DISCONNECT, reasonCode: 0x98, properties: { sessionExpiryInterval: 1 } }),
    ]],
    right: [[...connected(), server({ ...DISCONNECT, reasonCode: 0x98 })]],
  },
  {
    name: "a Reason Code in DISCONNECT that only the Client may send",
    rule: "§3.14.2.1",
    by: "server",
    wrong: [[...connected(), server({ ...DISCONNECT, reasonCode: 0x04 })]],
    right: [[...connected(), client({ ...DISCONNECT, reasonCode: 0x04 })]],
  },
  {
    name: "a Reason Code in DISCONNECT that only the Server may send",
    rule: "§3.14.2.1",
    by: "client",
    wrong: [[...connected(), client({ ...DISCONNECT, reasonCode: 0x8E })]],
    right: [[...connected(), client({ ...DISCONNECT, reasonCode: 0x82 })]],
  },
  {
    name: "a Server Reference in DISCONNECT of the Client",
    rule: "§3.14.2.2.5",
    by: "client",
    wrong: [[...connected(), client({ ...DISCONNECT, properties: { serverReference: "b" } })]],
    right: [[...connected(), client(DISCONNECT)]],
  },
  {
    name: "a Session Expiry Interval in DISCONNECT after none in CONNECT",
    rule: "§3.14.2.2.2",
    by: "client",
    wrong: [[...connected(), client({ ...DISCONNECT, properties: { sessionExpiryInterval: 1 } })]],
    right: [[
      ...connected({ properties: { sessionExpiryInterval: 1 } }),
      client({ ...DISCONNECT, properties: { sessionExpiryInterval: 2 } }),
    ]],
  },
]);

Deno.test("the monitor counts why a Server refuses a Client and closes", () => {
  for (
    const [reasonCode, statement] of [
      [0x81, "MQTT-3.1.4-1"],
      [0x84, "MQTT-3.1.2-2"],
      [0x85, "MQTT-3.1.3-8"],
      [0x86, "MQTT-3.1.4-2"],
      [0x8C, "MQTT-4.12.0-1"],
      [0x9A, "MQTT-3.2.2-13"],
      [0x9B, "MQTT-3.2.2-12"],
    ] as const
  ) {
    const { exercised } = listen([[...connected({}, { reasonCode }), ...ends()]]);
    assertEquals(exercised.get(statement), 1);
    assertEquals(listen([connected({}, { reasonCode })]).exercised.get(statement), undefined);
  }
});
