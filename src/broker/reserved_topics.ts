// §4.7.2 Topics that are the Server's own: a Client must not use them to exchange messages with
// others.

import type { BrokerOptions } from "./options.ts";

/**
 * Whether clients may not publish to a topic: to `$SYS` and what is below it, unless the options
 * allow it, and to `$share`, which nobody could subscribe to. Other topics that begin with $ are
 * theirs.
 */
export function isReserved(topic: string, { allowPublishToSys = false }: BrokerOptions): boolean {
  if (!topic.startsWith("$")) return false;
  return isWithin("$share", topic) || !allowPublishToSys && isWithin("$SYS", topic);
}

function isWithin(level: string, topic: string): boolean {
  return topic.startsWith(level) && (topic.length === level.length || topic[level.length] === "/");
}
