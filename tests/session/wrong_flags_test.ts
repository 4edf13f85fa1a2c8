// Flags of a fixed header that are none: the connection that brings them is closed, with 0x81 where
// there is somebody to tell (§4.13.1).

import { type Fault, testFaults } from "./fault.ts";
import { CLIENT, openServer, SERVER } from "./roles.ts";

testFaults([
  toServer("SUBSCRIBE", "80 07 0001 00 0001 61 00", "MQTT-3.8.1-1"),
  toServer("UNSUBSCRIBE", "A0 06 0001 00 0001 61", "MQTT-3.10.1-1"),
  ...[CLIENT, SERVER].flatMap(({ name, open }) => {
    const fault = (what: string, hex: string, statement: string): Fault => ({
      name: `${what} with wrong flags that a ${name} gets`,
      open,
      hex,
      reasonCode: 0x81,
      statements: [statement],
    });
    return [
      fault("PUBREL", "60 02 0001", "MQTT-3.6.1-1"),
      fault("DISCONNECT", "E1 00", "MQTT-3.14.1-1"),
      fault("AUTH", "F1 06 18 04 15 0001 6D", "MQTT-3.15.1-1"),
    ];
  }),
]);

function toServer(what: string, hex: string, statement: string): Fault {
  return {
    name: `${what} with wrong flags that a server gets`,
    open: openServer,
    hex,
    reasonCode: 0x81,
    statements: [statement],
  };
}
