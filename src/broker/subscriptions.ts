// §3.8.4, §4.8 Subscriptions: who gets a message. Found by Topic Name in a tree; what was found is remembered until somebody
// subscribes or unsubscribes, as the same topics come again and again.

import type { SubscriptionRequest } from "../packets/mod.ts";
import { parseSharedSubscription } from "../topics.ts";
import { FilterTree } from "./topic_tree.ts";

/** About so many bytes are remembered of what topics match, all of them together. */
const REMEMBERED = 1_572_864;

/** About so many bytes a topic takes beside its name, and so many what it matches, each time. */
const TOPIC = 256;
const MATCH = 64;

/** One subscription of one session. */
export interface Entry<Subscriber> {
  readonly subscriber: Subscriber;
  /** As it was asked for, with `$share/…` if it is shared. */
  readonly request: SubscriptionRequest;
  /** The Subscription Identifier, if the client gave one. */
  readonly identifier: number | undefined;
}

/** The subscribers that share the messages of one Topic Filter, in turn. */
export interface Group<Subscriber> {
  readonly members: Map<Subscriber, Entry<Subscriber>>;
  /** Who had the last message. */
  last: Subscriber | undefined;
}

/** All that wants a message. */
export interface Matches<Subscriber> {
  /** The subscriptions of one subscriber together; none of them is shared. */
  readonly single: readonly (readonly Entry<Subscriber>[])[];
  /** The groups, each of which wants it once. */
  readonly groups: readonly Group<Subscriber>[];
}

/** The subscriptions under one Topic Filter. */
interface Holders<Subscriber> {
  readonly single: Map<Subscriber, Entry<Subscriber>>;
  /** By share name. */
  readonly groups: Map<string, Group<Subscriber>>;
}

/** All subscriptions of a broker. */
export class SubscriptionTable<Subscriber extends object> {
  readonly #tree = new FilterTree<Holders<Subscriber>>();
  #remembered = new Map<string, Matches<Subscriber>>();
  #rememberedSize = 0;
  #size = 0;

  /** How many subscriptions there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a subscription; one of the same subscriber with the same filter is replaced [MQTT-3.8.4-3]. */
  add(entry: Entry<Subscriber>): void {
    const { subscriber, request: { topicFilter } } = entry;
    const shared = parseSharedSubscription(topicFilter);
    const holders = this.#tree.getOrMake(
      shared?.topicFilter ?? topicFilter,
      makeHolders<Subscriber>,
    );
    let members = holders.single;
    if (shared !== undefined) {
      let group = holders.groups.get(shared.shareName);
      if (group === undefined) {
        holders.groups.set(shared.shareName, group = { members: new Map(), last: undefined });
      }
      members = group.members;
    }
    if (!members.has(subscriber)) this.#size++;
    members.set(subscriber, entry);
    this.#forget();
  }

  /** Takes a subscription out. */
  remove(subscriber: Subscriber, topicFilter: string): void {
    const shared = parseSharedSubscription(topicFilter);
    const filter = shared?.topicFilter ?? topicFilter;
    const holders = this.#tree.get(filter);
    if (holders === undefined) return;
    const group = shared && holders.groups.get(shared.shareName);
    const members = shared === undefined ? holders.single : group?.members;
    if (group?.last === subscriber) group.last = before(subscriber, group);
    if (members?.delete(subscriber) !== true) return;
    this.#size--;
    if (shared !== undefined && members.size === 0) holders.groups.delete(shared.shareName);
    if (holders.single.size === 0 && holders.groups.size === 0) this.#tree.delete(filter);
    this.#forget();
  }

  /** Who wants a message with this Topic Name. */
  match(topicName: string): Matches<Subscriber> {
    const known = this.#remembered.get(topicName);
    if (known !== undefined) return known;
    const single = new Map<Subscriber, Entry<Subscriber>[]>();
    const groups: Group<Subscriber>[] = [];
    this.#tree.match(topicName, (holders) => {
      for (const [subscriber, entry] of holders.single) {
        const entries = single.get(subscriber);
        if (entries === undefined) single.set(subscriber, [entry]);
        else entries.push(entry);
      }
      groups.push(...holders.groups.values());
    });
    const matches = { single: [...single.values()], groups };
    this.#remember(topicName, matches);
    return matches;
  }

  /** Many topics with many subscribers, or with long names, would be more than the memory holds. */
  #remember(topicName: string, matches: Matches<Subscriber>): void {
    const { single, groups } = matches;
    const count = single.reduce((count, entries) => count + entries.length, groups.length);
    const size = TOPIC + topicName.length + MATCH * count;
    if (this.#rememberedSize + size > REMEMBERED) this.#forget();
    if (size > REMEMBERED) return;
    this.#remembered.set(topicName, matches);
    this.#rememberedSize += size;
  }

  #forget(): void {
    this.#remembered.clear();
    this.#rememberedSize = 0;
  }
}

/** Who comes before a member in its group, so that the turn is the next one's when the member leaves. */
function before<Subscriber>(
  member: Subscriber,
  { members }: Group<Subscriber>,
): Subscriber | undefined {
  let previous: Subscriber | undefined;
  for (const subscriber of members.keys()) {
    if (subscriber === member) break;
    previous = subscriber;
  }
  return previous;
}

function makeHolders<Subscriber>(): Holders<Subscriber> {
  return { single: new Map(), groups: new Map() };
}

/**
 * The member of a group whose turn it is: the next one after the last who can take the message now, else the next who is
 * there, else the next. Never one of rank -1.
 */
export function nextMember<Subscriber>(
  group: Group<Subscriber>,
  rank: (entry: Entry<Subscriber>) => -1 | 0 | 1 | 2,
): Entry<Subscriber> | undefined {
  const entries = [...group.members.values()];
  const start = entries.findIndex(({ subscriber }) => subscriber === group.last) + 1;
  let best: Entry<Subscriber> | undefined;
  let bestRank = -1;
  for (let step = 0; step < entries.length && bestRank < 2; step++) {
    const entry = entries[(start + step) % entries.length]!;
    const entryRank = rank(entry);
    if (entryRank > bestRank) [best, bestRank] = [entry, entryRank];
  }
  if (best !== undefined) group.last = best.subscriber;
  return best;
}
