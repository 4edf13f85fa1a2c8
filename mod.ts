/**
 * MQTT 5.0 for Deno: the packets, to bytes and from bytes, and the rules of topics.
 *
 * @example A message there and back
 * ```ts
 * import { decodePacket, encodePacket } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const payload = new TextEncoder().encode("21.5");
 * const bytes = encodePacket({ type: "publish", topic: "home/kitchen/temperature", payload });
 * const packet = decodePacket(bytes);
 * assertEquals(packet.type === "publish" && packet.topic, "home/kitchen/temperature");
 * ```
 *
 * @module
 */

export * from "./src/packets/mod.ts";
export {
  parseSharedSubscription,
  type SharedSubscription,
  topicMatches,
  validateTopicFilter,
  validateTopicName,
} from "./src/topics.ts";
