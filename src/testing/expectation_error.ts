// What a script says when something else happens than it expects: one sentence with the packet that
// came, explained, and its bytes.

import type { Explanation } from "../packets/mod.ts";
import { describeField, hexBytes } from "../packets/shown.ts";
import { byteCount } from "../wire/field.ts";

/** How many bytes of a packet are shown. */
const SHOWN = 48;

/**
 * Something else happened than a script expects. The message says what was expected and what came:
 * a packet with its fields and its bytes, the end of the connection, or nothing in time.
 *
 * @example
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { ExpectationError, ScriptedServer } from "jsr:@mqtt5/mqtt5/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * using server = new ScriptedServer();
 * const connecting = connect(server, { clientId: "lamp", reconnect: false });
 * const peer = await server.accept();
 * const error = await assertRejects(
 *   () => peer.expect("connect", { clientId: "fridge" }),
 *   ExpectationError,
 * );
 * const says = 'Expected CONNECT with clientId "fridge", got clientId "lamp" in CONNECT, 22 bytes';
 * assertEquals(error.message.slice(0, says.length), says);
 * peer.close();
 * await assertRejects(() => connecting);
 * ```
 */
export class ExpectationError extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "ExpectationError";
  /** What was expected, such as `"PUBACK"`. */
  readonly expected: string;
  /** The packet that came, explained; `undefined` when none did. */
  readonly packet: Explanation | undefined;

  /** Makes the error; `actual` is what happened instead. */
  constructor(expected: string, actual: string, packet?: Explanation) {
    super(`Expected ${expected}, got ${actual}`);
    this.expected = expected;
    this.packet = packet;
  }
}

/**
 * A packet in a line: its name, size, fields and bytes, and what is wrong with it if it is
 * malformed.
 */
export function packetText({ packetType, bytes, fields, fault }: Explanation): string {
  const said = fields.flatMap((field) => describeField(field)).map(({ text }) => text).join("; ");
  const wrong = fault === undefined ? "" : `, which is not allowed: ${fault.message}`;
  const more = bytes.length > SHOWN ? " …" : "";
  return `${packetType}, ${byteCount(bytes.length)}${said === "" ? "" : ` (${said})`}${wrong}: ` +
    `${hexBytes(bytes.subarray(0, SHOWN))}${more}`;
}
