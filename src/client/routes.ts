// Which subscriptions a message is for. A server with Subscription Identifiers says so itself; else
// the Topic Filters do.
//
// At the server a Topic Filter belongs to one subscription, the last that asked for it
// [MQTT-3.8.4-3], and carries its identifier. Here it may have several: a message marked with the
// identifier of one reaches each that has the filter.

import type { PublishPacket, QoS } from "../packets/mod.ts";
import { topicMatches } from "../topics.ts";
import type { ActiveSubscription } from "./subscription.ts";

/** So many topics are remembered with the subscriptions that they match. */
const REMEMBERED = 256;

/**
 * So many identifiers are remembered with a filter that their subscriptions have left to others.
 */
const FORMER = 64;

/** The subscriptions of a client. */
export class Routes {
  readonly #byIdentifier = new Map<number, ActiveSubscription>();
  readonly #byFilter = new Map<string, Set<ActiveSubscription>>();
  /**
   * Under which identifiers of subscriptions that are gone the server may still have a filter that
   * others hold.
   */
  #former: Map<string, readonly number[]> | undefined;
  /**
   * Subscriptions none of whose filters anybody else has, by identifier: what is marked so is for
   * them alone.
   */
  #alone: Map<number, readonly ActiveSubscription[]> | undefined;
  #remembered: Map<string, readonly ActiveSubscription[]> | undefined;
  #ending: readonly string[] = [];
  readonly #before: number;
  #lastIdentifier: number;
  /** The identifiers of an earlier process. */
  readonly #earlier: ReadonlySet<number> | undefined;
  /**
   * Those of them that subscriptions have now, or had, with their filters. The server may still
   * have messages for other filters that the earlier process had under them.
   */
  #takenOver: Map<number, readonly string[]> | undefined;

  /**
   * The first identifier is the one after `before`. In a session that is older than this client the
   * server may have subscriptions with identifiers of somebody else's: ours should be far from
   * them. `earlier` are those that are known.
   */
  constructor(before: number, earlier?: readonly number[]) {
    this.#before = before;
    this.#earlier = earlier && new Set(earlier);
    this.#lastIdentifier = before;
  }

  /** The subscriptions, in the order in which they were made. */
  get all(): readonly ActiveSubscription[] {
    return [...this.#byIdentifier.values()];
  }

  /** An identifier that no subscription has, and none has had but those whose own was asked for. */
  nextIdentifier(): number {
    do this.#lastIdentifier++; while (
      this.#byIdentifier.has(this.#lastIdentifier) || this.#earlier?.has(this.#lastIdentifier)
    );
    return this.#lastIdentifier;
  }

  /**
   * An identifier that was asked for.
   *
   * @throws {TypeError} when a subscription has it
   */
  takeIdentifier(identifier: number): number {
    if (!this.#byIdentifier.has(identifier)) return identifier;
    throw new TypeError(`Subscription Identifier ${identifier} is in use`);
  }

  /** An identifier of an earlier process, unless a subscription has it. */
  takeOver(identifier: number | undefined): number | undefined {
    return identifier === undefined || this.#byIdentifier.has(identifier) ? undefined : identifier;
  }

  /** From now on messages are also for this subscription. */
  add(subscription: ActiveSubscription): void {
    const { identifier, topicFilters } = subscription;
    this.#byIdentifier.set(identifier, subscription);
    if (this.#earlier?.has(identifier)) {
      this.#takenOver ??= new Map();
      this.#takenOver.set(identifier, [...topicFilters]);
    }
    for (const filter of topicFilters) {
      const holders = this.#byFilter.get(filter) ?? new Set();
      this.#byFilter.set(filter, holders.add(subscription));
    }
    this.#forget();
  }

  /** A subscription gives filters up; without any it is gone. Returns those that nobody has now. */
  remove(subscription: ActiveSubscription, topicFilters: readonly string[]): string[] {
    const free = topicFilters.filter((filter) => {
      const holders = this.#byFilter.get(filter);
      if (holders?.delete(subscription) !== true) return false;
      if (holders.size > 0) {
        this.#former ??= new Map();
        const former = this.#former.get(filter) ?? [];
        this.#former.set(filter, [...former, subscription.identifier].slice(-FORMER));
        return false;
      }
      this.#former?.delete(filter);
      return this.#byFilter.delete(filter);
    });
    subscription.removeFilters((filter) => topicFilters.includes(filter));
    if (subscription.topicFilters.length === 0) this.#byIdentifier.delete(subscription.identifier);
    this.#forget();
    return free;
  }

  /** The subscriptions that have a Topic Filter. */
  holdersOf(topicFilter: string): readonly ActiveSubscription[] {
    return [...this.#byFilter.get(topicFilter) ?? []];
  }

  /** The highest QoS that anybody asks for with a Topic Filter, which the server has but once. */
  highestQoS(topicFilter: string): QoS {
    const wanted = this.holdersOf(topicFilter).map((holder) => holder.qosOf(topicFilter));
    return Math.max(...wanted) as QoS;
  }

  /**
   * The server has been told that nobody wants these Topic Filters: what still comes for them is
   * for nobody.
   */
  markEnding(topicFilters: readonly string[]): void {
    this.#ending = [...this.#ending, ...topicFilters];
  }

  /** The server has taken note. */
  unmarkEnding(topicFilters: readonly string[]): void {
    this.#ending = this.#ending.filter((filter) => !topicFilters.includes(filter));
  }

  /**
   * The subscriptions that a message is for; none when no subscription claims it; `undefined` when
   * it is for one that has ended.
   */
  of(packet: PublishPacket): readonly ActiveSubscription[] | undefined {
    const identifiers = packet.properties.subscriptionIdentifiers;
    if (identifiers === undefined) return this.#matching(packet.topic);
    if (identifiers.length === 1) {
      const alone = this.#alone?.get(identifiers[0]!);
      if (alone !== undefined && this.#isFor(alone[0]!, packet.topic)) return alone;
    }
    return this.#marked(identifiers, packet);
  }

  #marked(
    identifiers: readonly number[],
    packet: PublishPacket,
  ): readonly ActiveSubscription[] | undefined {
    const { topic } = packet;
    const marked = identifiers.flatMap((identifier) => {
      const subscription = this.#byIdentifier.get(identifier);
      return subscription !== undefined && this.#isFor(subscription, topic) ? subscription : [];
    });
    const [first] = marked;
    if (identifiers.length === 1 && first !== undefined && this.#isAlone(first)) {
      this.#alone ??= new Map();
      this.#alone.set(first.identifier, marked);
      return marked;
    }
    const left = [...this.#former ?? []]
      .filter(([, former]) => former.some((identifier) => identifiers.includes(identifier)))
      .map(([filter]) => filter);
    // What the server had retained it sends to each anew; only Retain As Published lets RETAIN say
    // something else, be it that of a subscription which is gone.
    const isForSeveral = left.length > 0 || identifiers.some((each) => each !== identifiers[0]);
    const keepsRetain = isForSeveral || marked.some(({ keepsRetain }) => keepsRetain);
    if (packet.retain && first !== undefined && !keepsRetain) return marked;
    const claimed = [...marked.flatMap(({ topicFilters }) => topicFilters), ...left]
      .filter((filter) => topicMatches(filter, topic));
    const all = new Set([...marked, ...claimed.flatMap((filter) => this.holdersOf(filter))]);
    if (all.size > 0) return [...all];
    const isOurs = identifiers.every((identifier) => this.#isOurs(identifier, topic));
    // For a subscription that is not ours the server may have kept it, when we have taken its
    // place.
    return isOurs ? undefined : this.#matching(topic);
  }

  /**
   * Whether what is marked with a subscription's identifier is for it, and not for an earlier one.
   */
  #isFor(subscription: ActiveSubscription, topic: string): boolean {
    return this.#takenOver?.has(subscription.identifier) !== true || subscription.matches(topic);
  }

  #isOurs(identifier: number, topic: string): boolean {
    if (this.#earlier?.has(identifier)) {
      const filters = this.#takenOver?.get(identifier) ?? [];
      return filters.some((filter) => topicMatches(filter, topic));
    }
    return identifier > this.#before && identifier <= this.#lastIdentifier;
  }

  #isAlone({ topicFilters }: ActiveSubscription): boolean {
    return topicFilters.every((filter) => this.#byFilter.get(filter)!.size === 1);
  }

  #matching(topic: string): readonly ActiveSubscription[] | undefined {
    const known = this.#remembered?.get(topic);
    if (known !== undefined) return known;
    const matching = this.all.filter((subscription) => subscription.matches(topic));
    if (matching.length === 0 && this.#isEnding(topic)) return undefined;
    if (this.#remembered === undefined || this.#remembered.size >= REMEMBERED) {
      this.#remembered = new Map();
    }
    this.#remembered.set(topic, matching);
    return matching;
  }

  #isEnding(topic: string): boolean {
    return this.#ending.some((filter) => topicMatches(filter, topic));
  }

  #forget(): void {
    this.#alone = undefined;
    this.#remembered = undefined;
  }
}
