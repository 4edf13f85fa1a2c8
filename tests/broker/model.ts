// A broker as simple as can be, to compare with: no trees, no queues of the engine, everything looked at each time.

import { assertEquals } from "@std/assert";
import type { PublishPacket, QoS } from "../../src/packets/mod.ts";
import { topicMatches } from "../../src/topics.ts";
import { textOf } from "./client.ts";

/** What a client is to get. */
export interface Delivery {
  readonly topic: string;
  readonly text: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
}

/** A subscription. */
export interface Subscription {
  readonly topicFilter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  readonly identifier: number | undefined;
}

/** A message that is published. */
export interface Letter {
  readonly topic: string;
  readonly text: string;
  readonly qos: QoS;
  readonly retain: boolean;
}

/** A session. */
export interface ModelSession {
  readonly clientId: string;
  readonly subscriptions: Map<string, Subscription>;
  isThere: boolean;
  isLasting: boolean;
  will: Letter | undefined;
  /** What it is to get, in order; within one of the lists in any order. */
  readonly expected: Delivery[][];
}

/** The broker. */
export class Model {
  readonly sessions = new Map<string, ModelSession>();
  readonly retained = new Map<string, Letter>();

  /** How many subscriptions there are. */
  get subscriptions(): number {
    return [...this.sessions.values()].reduce(
      (sum, session) => sum + session.subscriptions.size,
      0,
    );
  }

  /** A client connects. Returns whether its session was there. */
  connect(clientId: string, cleanStart: boolean, isLasting: boolean, will?: Letter): boolean {
    this.leave(clientId, true);
    if (cleanStart) this.sessions.delete(clientId);
    const before = this.sessions.get(clientId);
    const session = before ?? {
      ...{ clientId, subscriptions: new Map(), isThere: true, isLasting, will, expected: [] },
    };
    Object.assign(session, { isThere: true, isLasting, will });
    this.sessions.set(clientId, session);
    return before !== undefined;
  }

  /** A client leaves, and its Will is published or not. */
  leave(clientId: string, hasWill: boolean): void {
    const session = this.sessions.get(clientId);
    if (session?.isThere !== true) return;
    session.isThere = false;
    if (hasWill && session.will !== undefined) this.publish(clientId, session.will);
    session.will = undefined;
    if (!session.isLasting) this.sessions.delete(clientId);
  }

  /** A client subscribes. */
  subscribe(session: ModelSession, subscription: Subscription): void {
    const { topicFilter, retainHandling, identifier } = subscription;
    const isNew = !session.subscriptions.has(topicFilter);
    session.subscriptions.set(topicFilter, subscription);
    if (retainHandling === 2 || retainHandling === 1 && !isNew) return;
    const matching = [...this.retained.values()].filter(({ topic }) =>
      topicMatches(topicFilter, topic)
    );
    session.expected.push(matching.map(({ topic, text, qos }) => ({
      topic,
      text,
      qos: Math.min(qos, subscription.qos) as QoS,
      retain: true,
      identifiers: identifier === undefined ? [] : [identifier],
    })));
  }

  /** A message is published. Returns whether anybody has subscribed to its topic. */
  publish(publisher: string, { topic, text, qos, retain }: Letter): boolean {
    if (retain && text === "") this.retained.delete(topic);
    else if (retain) this.retained.set(topic, { topic, text, qos, retain });
    let isWanted = false;
    for (const session of this.sessions.values()) {
      const matching = [...session.subscriptions.values()].filter(({ topicFilter }) =>
        topicMatches(topicFilter, topic)
      );
      isWanted ||= matching.length > 0;
      const wanting = matching.filter(({ noLocal }) =>
        !(noLocal && session.clientId === publisher)
      );
      if (wanting.length === 0) continue;
      const most = Math.max(...wanting.map((subscription) => subscription.qos));
      const delivery: Delivery = {
        topic,
        text,
        qos: Math.min(qos, most) as QoS,
        retain: retain && wanting.some(({ retainAsPublished }) => retainAsPublished),
        identifiers: wanting.flatMap(({ identifier }) => identifier ?? []).toSorted(),
      };
      if (session.isThere || delivery.qos > 0) session.expected.push([delivery]);
    }
    return isWanted;
  }
}

/** A client has got a message for the first time: it is what was to come next. */
export function take({ expected }: ModelSession, packet: PublishPacket): void {
  while (expected[0]?.length === 0) expected.shift();
  const { topic, qos, retain, properties } = packet;
  const identifiers = [...properties.subscriptionIdentifiers ?? []].toSorted();
  const got: Delivery = { topic, text: textOf(packet), qos, retain, identifiers };
  const [next = []] = expected;
  const at = next.findIndex((delivery) => isSame(delivery, got));
  if (at < 0) assertEquals([got], next);
  next.splice(at, 1);
}

function isSame(a: Delivery, b: Delivery): boolean {
  return a.topic === b.topic && a.text === b.text && a.qos === b.qos && a.retain === b.retain &&
    a.identifiers.join() === b.identifiers.join();
}
