// Values as JSON, with the properties that say so.

import type { MessageContent } from "../session/publish_packet.ts";

/** A value as JSON, made by {@linkcode json}. */
export interface JsonContent extends MessageContent {
  /** The JSON, as text. */
  readonly payload: string;
  /** §3.3.2.3.9 */
  readonly contentType: "application/json";
  /** The payload is UTF-8 (§3.3.2.3.2). */
  readonly payloadFormatIndicator: 1;
}

/**
 * A value as JSON, with the Content Type `application/json` and a Payload Format Indicator that
 * says UTF-8. The receiver reads it with `message.json()`.
 *
 * @throws {TypeError} when the value is not JSON: `undefined`, a function, a `bigint`, a circle
 *
 * @example A message and a Will in JSON
 * ```ts
 * import { connect, json } from "jsr:@mqtt5/mqtt5";
 *
 * async function report(url: string) {
 *   const will = { topic: "site/7/state", ...json({ online: false }) };
 *   await using client = await connect(url, { will });
 *   await client.publish("site/7/state", json({ online: true }), { qos: 1, retain: true });
 * }
 * ```
 */
export function json(value: unknown): JsonContent {
  const payload = JSON.stringify(value) as string | undefined;
  if (payload !== undefined) {
    return { payload, contentType: "application/json", payloadFormatIndicator: 1 };
  }
  throw new TypeError(`A value of type ${typeof value} cannot be written as JSON`);
}
