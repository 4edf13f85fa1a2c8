// §3.8.4, §4.8 All subscriptions, found by Topic Name in a tree. Results are cached until somebody
// subscribes or unsubscribes, as most messages have one of a few topics.

import type { SubscriptionRequest } from "../../packets/mod.ts";
import { parseSharedSubscription } from "../../topics.ts";
import { Account } from "../account.ts";
import { Work } from "../turns.ts";
import { FilterTree } from "./topic_tree.ts";

/** The approximate limit of the cache, in bytes. */
const REMEMBERED = 1_572_864;

/** The approximate size of a cache entry in bytes, without its topic, and of each match in it. */
const TOPIC = 256;
const MATCH = 64;

/** One subscription of one session. */
export interface Subscription<Subscriber> {
  readonly subscriber: Subscriber;
  /** As in SUBSCRIBE, with `$share/…` if it is shared. */
  readonly request: SubscriptionRequest;
  /** The Subscription Identifier, if the client gave one. */
  readonly identifier: number | undefined;
}

/** The subscribers that share the messages of one Topic Filter, in turn. */
export interface Group<Subscriber> {
  /** In the order of their turns: a member that has received a message moves to the end. */
  readonly members: Map<Subscriber, Subscription<Subscriber>>;
}

/** The subscriptions that match a Topic Name. */
export interface Matches<Subscriber> {
  /** The subscriptions of one subscriber together; none of them is shared. */
  readonly single: readonly (readonly Subscription<Subscriber>[])[];
  /** The groups, each of which gets the message once. */
  readonly groups: readonly Group<Subscriber>[];
}

/** The result for a topic without subscribers. */
const NOBODY: Matches<never> = { single: [], groups: [] };

/**
 * The subscriptions with one Topic Filter. Most filters have one subscriber and no shared
 * subscription: a map for each of them would take most of the memory of a subscription.
 */
interface Holders<Subscriber> {
  /** The subscription that is not shared, if there is exactly one. */
  only: Subscription<Subscriber> | undefined;
  /** The subscriptions that are not shared, if there are several. */
  single: Map<Subscriber, Subscription<Subscriber>> | undefined;
  /** By share name. */
  groups: Map<string, Group<Subscriber>> | undefined;
}

/** All subscriptions of a broker. */
export class SubscriptionTable<Subscriber extends object> {
  readonly #tree = new FilterTree<Holders<Subscriber>>();
  readonly #account: Account;
  #remembered = new Map<string, Matches<Subscriber>>();
  #rememberedSize = 0;
  #size = 0;
  readonly #count: (work: number) => void;

  /**
   * `count` is called with the work of each search. The cache is charged to `account`.
   */
  constructor(count: (work: number) => void = () => {}, account = new Account()) {
    this.#count = count;
    this.#account = account;
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a subscription; one of the same subscriber with the same filter is replaced
   * [MQTT-3.8.4-3].
   */
  add(subscription: Subscription<Subscriber>): void {
    const { request: { topicFilter } } = subscription;
    const shared = parseSharedSubscription(topicFilter);
    const holders = this.#tree.getOrMake(
      shared?.topicFilter ?? topicFilter,
      makeHolders<Subscriber>,
    );
    const isNew = shared === undefined
      ? addSingle(holders, subscription)
      : addShared(holders, shared.shareName, subscription);
    if (isNew) this.#size++;
    this.#forget(shared?.topicFilter ?? topicFilter);
  }

  /** Removes a subscription. */
  remove(subscriber: Subscriber, topicFilter: string): void {
    const shared = parseSharedSubscription(topicFilter);
    const filter = shared?.topicFilter ?? topicFilter;
    const holders = this.#tree.get(filter);
    if (holders === undefined) return;
    const isRemoved = shared === undefined
      ? removeSingle(holders, subscriber)
      : removeShared(holders, shared.shareName, subscriber);
    if (!isRemoved) return;
    this.#size--;
    const { only, single, groups } = holders;
    if (only === undefined && single === undefined && groups === undefined) {
      this.#tree.delete(filter);
    }
    this.#forget(filter);
  }

  /** The subscriptions that match a Topic Name. */
  match(topicName: string): Matches<Subscriber> {
    const known = this.#remembered.get(topicName);
    if (known !== undefined) return known;
    if (this.#size === 0) return NOBODY;
    const single = new Map<Subscriber, Subscription<Subscriber>[]>();
    const groups: Group<Subscriber>[] = [];
    const nodes = this.#tree.match(topicName, (holders) => {
      if (holders.only !== undefined) addTo(single, holders.only);
      for (const subscription of holders.single?.values() ?? []) addTo(single, subscription);
      for (const group of holders.groups?.values() ?? []) groups.push(group);
    });
    const matches = { single: [...single.values()], groups };
    this.#count(Work.node * nodes + Work.look * (single.size + groups.length));
    this.#remember(topicName, matches);
    return matches;
  }

  /** Keeps the cache within its limit: many topics or many matches would fill the memory. */
  #remember(topicName: string, matches: Matches<Subscriber>): void {
    const size = sizeOf(topicName, matches);
    if (this.#rememberedSize + size > REMEMBERED) this.#forgetAll();
    if (size > REMEMBERED || !this.#account.tryCharge(size)) return;
    this.#remembered.set(topicName, matches);
    this.#rememberedSize += size;
  }

  /** The subscriptions of a filter have changed: one without wildcards matches one topic. */
  #forget(topicFilter: string): void {
    const isOne = !topicFilter.includes("+") && !topicFilter.includes("#");
    // Topics without subscribers are cached, too, as long as there is any subscription.
    if (!isOne || this.#size === 0) return this.#forgetAll();
    const matches = this.#remembered.get(topicFilter);
    if (matches === undefined) return;
    this.#remembered.delete(topicFilter);
    const size = sizeOf(topicFilter, matches);
    this.#rememberedSize -= size;
    this.#account.release(size);
  }

  #forgetAll(): void {
    this.#account.release(this.#rememberedSize);
    this.#remembered = new Map();
    this.#rememberedSize = 0;
  }
}

/** The approximate size of a cache entry, in bytes. */
function sizeOf<Subscriber>(topicName: string, { single, groups }: Matches<Subscriber>): number {
  const count = single.reduce((count, entries) => count + entries.length, groups.length);
  return TOPIC + topicName.length + MATCH * count;
}

function makeHolders<Subscriber>(): Holders<Subscriber> {
  return { only: undefined, single: undefined, groups: undefined };
}

/** Returns whether it had none before. */
function addSingle<Subscriber>(
  holders: Holders<Subscriber>,
  subscription: Subscription<Subscriber>,
): boolean {
  const { subscriber } = subscription;
  const { only, single } = holders;
  if (single !== undefined) {
    const isNew = !single.has(subscriber);
    single.set(subscriber, subscription);
    return isNew;
  }
  if (only !== undefined && only.subscriber !== subscriber) {
    holders.single = new Map([[only.subscriber, only], [subscriber, subscription]]);
    holders.only = undefined;
    return true;
  }
  holders.only = subscription;
  return only === undefined;
}

function addShared<Subscriber>(
  holders: Holders<Subscriber>,
  shareName: string,
  subscription: Subscription<Subscriber>,
): boolean {
  const groups = holders.groups ??= new Map<string, Group<Subscriber>>();
  let group = groups.get(shareName);
  if (group === undefined) groups.set(shareName, group = { members: new Map() });
  const isNew = !group.members.has(subscription.subscriber);
  group.members.set(subscription.subscriber, subscription);
  return isNew;
}

/** Returns whether there was one. */
function removeSingle<Subscriber>(
  holders: Holders<Subscriber>,
  subscriber: Subscriber,
): boolean {
  const { only, single } = holders;
  if (only?.subscriber === subscriber) {
    holders.only = undefined;
    return true;
  }
  if (single?.delete(subscriber) !== true) return false;
  if (single.size === 0) holders.single = undefined;
  return true;
}

function removeShared<Subscriber>(
  holders: Holders<Subscriber>,
  shareName: string,
  subscriber: Subscriber,
): boolean {
  const group = holders.groups?.get(shareName);
  if (group?.members.delete(subscriber) !== true) return false;
  if (group.members.size === 0) holders.groups!.delete(shareName);
  if (holders.groups!.size === 0) holders.groups = undefined;
  return true;
}

function addTo<Subscriber>(
  single: Map<Subscriber, Subscription<Subscriber>[]>,
  subscription: Subscription<Subscriber>,
): void {
  const { subscriber } = subscription;
  const entries = single.get(subscriber);
  if (entries === undefined) single.set(subscriber, [subscription]);
  else entries.push(subscription);
}

/**
 * The member of a group that gets the next message: the first in turn of the highest rank. Rank 2
 * can take the message now, rank 1 is connected, rank 0 is not. Members of rank -1 are skipped:
 * they may not have the message, or their session has ended.
 */
export function nextMember<Subscriber>(
  group: Group<Subscriber>,
  rank: (subscription: Subscription<Subscriber>) => -1 | 0 | 1 | 2,
): Subscription<Subscriber> | undefined {
  const { members } = group;
  const passed: Subscription<Subscriber>[] = [];
  let best: Subscription<Subscriber> | undefined;
  let bestRank = -1;
  let upTo = 0;
  for (const subscription of members.values()) {
    passed.push(subscription);
    const entryRank = rank(subscription);
    if (entryRank > bestRank) [best, bestRank, upTo] = [subscription, entryRank, passed.length];
    if (bestRank === 2) break;
  }
  // Those up to the one that is found go to the end: the next one's turn is next.
  for (const subscription of passed.slice(0, upTo)) {
    members.delete(subscription.subscriber);
    members.set(subscription.subscriber, subscription);
  }
  return best;
}
