// Checks the header fields that an application adds to the WebSocket request. In a file of its own:
// pages check them too, but do not load the handshake.

import { OptionError } from "./option_error.ts";

/** A token (RFC 9110, §5.6.2). */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Fields that the handshake sets itself, and fields that announce content, which it has none of.
 */
const OWN =
  /^(?:host|connection|upgrade|content-length|transfer-encoding|expect|sec-websocket-.*)$/i;

/**
 * Checks that header fields may be sent.
 *
 * @throws {TypeError} when one is malformed or reserved for the handshake
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const fault = fieldFault(name, value);
    if (fault !== undefined) throw new OptionError(`header ${JSON.stringify(name)} ${fault}`);
    if (OWN.test(name)) throw new OptionError(`header ${JSON.stringify(name)} cannot be set`);
  }
}

/** What is wrong with a field, as the end of a sentence; `undefined` if nothing is. */
function fieldFault(name: string, value: string): string | undefined {
  if (!TOKEN.test(name)) return "is not the name of a header field";
  if (!/^[\t\x20-\x7e]*$/.test(value)) return "has a value that is not printable ASCII";
  return undefined;
}
