/**
 * MQTT 5.0 for Deno.
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
