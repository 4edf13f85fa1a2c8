// What subscriptions may need, and a Server may say in CONNACK that it does not have: looked for
// in one place by the Client before it asks, and by the Server when it is asked.

import type { SubscribeInit } from "../packets/mod.ts";
import { parseSharedSubscription } from "../topics.ts";
import type { Capabilities } from "./capabilities.ts";

/** What subscriptions may need, and the section of the standard by which a Server denies it. */
const SECTIONS = {
  "wildcards": "3.2.2.3.11",
  "Subscription Identifiers": "3.2.2.3.12",
  "Shared Subscriptions": "3.2.2.3.13",
} as const;

/** A feature that a SUBSCRIBE needs. */
export interface Feature {
  readonly name: keyof typeof SECTIONS;
  /** The section of the standard, such as `"3.2.2.3.11"`. */
  readonly section: string;
  /** The Topic Filter that needs it, if one does. */
  readonly topicFilter: string | undefined;
}

/** The first feature that a SUBSCRIBE needs and the Server does not have. */
export function unsupportedFeature(
  { subscriptions, properties }: Pick<SubscribeInit, "subscriptions" | "properties">,
  server: Capabilities,
): Feature | undefined {
  for (const { topicFilter } of subscriptions) {
    if (
      !server.sharedSubscriptionAvailable && parseSharedSubscription(topicFilter) !== undefined
    ) return featureOf("Shared Subscriptions", topicFilter);
    if (!server.wildcardSubscriptionAvailable && /[+#]/.test(topicFilter)) {
      return featureOf("wildcards", topicFilter);
    }
  }
  const hasIdentifier = properties?.subscriptionIdentifiers !== undefined;
  return hasIdentifier && !server.subscriptionIdentifierAvailable
    ? featureOf("Subscription Identifiers")
    : undefined;
}

function featureOf(name: Feature["name"], topicFilter?: string): Feature {
  return { name, section: SECTIONS[name], topicFilter };
}
