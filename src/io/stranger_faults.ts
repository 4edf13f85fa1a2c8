// Recognizes servers that speak something else than MQTT by their first bytes.

import { type Destination, usesTls } from "./destination.ts";
import { ConnectionFault } from "./faults.ts";

/** The fault for a server whose first bytes cannot be MQTT; `undefined` if they can. */
export function strangerFault(
  bytes: Uint8Array,
  destination: Destination,
): ConnectionFault | undefined {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 40));
  const text = strangerText(bytes, start, usesTls(destination));
  if (text === undefined) return undefined;
  const message = `Cannot connect to ${destination.address}: ${text}`;
  return new ConnectionFault("wrong protocol", "server", message);
}

function strangerText(bytes: Uint8Array, start: string, isSecure: boolean): string | undefined {
  if (isTlsAlert(bytes)) {
    return "the server speaks TLS on this port; use mqtts://, or its port for plain TCP, usually " +
      "1883";
  }
  if (start.startsWith("HTTP/")) {
    const [other, port] = isSecure ? ["wss://", "8883"] : ["ws://", "1883"];
    return `a web server answers on this port; use ${other} if it serves MQTT over WebSocket, or ` +
      `its port for MQTT, usually ${port}`;
  }
  if (!GREETING.test(start)) return undefined;
  return `the server does not speak MQTT, it said ${JSON.stringify(start)}; check the port`;
}

/** Whether a server's first bytes are what one that expects TLS answers to anything else. */
export function isTlsAlert(bytes: Uint8Array | undefined): boolean {
  return bytes?.[0] === TLS_ALERT && bytes[1] === TLS_MAJOR_VERSION;
}

const TLS_ALERT = 0x15;
const TLS_MAJOR_VERSION = 0x03;

/** The greeting of a text protocol. No MQTT packet that a server may send first matches it. */
// deno-lint-ignore no-control-regex
const GREETING = /^[\x20-\x7e\r\n\t\x1b]{4,}$/;
