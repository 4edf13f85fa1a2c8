// Header fields that an application wants in the request for a WebSocket. Apart from the handshake,
// as they are checked where they are given, also on what has no handshake of ours.

import { OptionError } from "./option_error.ts";

/** A token (RFC 9110, §5.6.2). */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The handshake's own fields, and those that announce content, which the request has none of. */
const OWN =
  /^(?:host|connection|upgrade|content-length|transfer-encoding|expect|sec-websocket-.*)$/i;

/**
 * Refuses header fields that may not be sent.
 *
 * @throws {TypeError} when one is malformed, or is one of the handshake's own
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const fault = fieldFault(name, value);
    if (fault !== undefined) throw new OptionError(`header ${JSON.stringify(name)} ${fault}`);
    if (OWN.test(name)) throw new OptionError(`header ${JSON.stringify(name)} cannot be set`);
  }
}

/** What is wrong with a field that is to be sent, as the rest of a sentence. */
function fieldFault(name: string, value: string): string | undefined {
  if (!TOKEN.test(name)) return "is not the name of a header field";
  if (!/^[\t\x20-\x7e]*$/.test(value)) return "has a value that is not printable ASCII";
  return undefined;
}
