// §4.7.2 Topics that are reserved for the Server: Clients must not use them to exchange messages
// with each other.

import type { BrokerOptions } from "./options.ts";

/**
 * Whether clients may not publish to a topic: `$share` and below, which no one could subscribe to,
 * and `$SYS` and below, unless the options allow it. Other topics that begin with $ are open.
 */
export function isReserved(topic: string, options: BrokerOptions): boolean {
  if (!topic.startsWith("$")) return false;
  const { allowPublishToSys = false } = options;
  return isWithin("$share", topic) || !allowPublishToSys && isWithin("$SYS", topic);
}

function isWithin(level: string, topic: string): boolean {
  return topic.startsWith(level) && (topic.length === level.length || topic[level.length] === "/");
}
