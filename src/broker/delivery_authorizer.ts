// Authorization of each delivery, since a Topic Filter does not tell enough: a subscription to "#"
// matches "secret/…", too, and a client that may subscribe to it may not be allowed to read that.
// The hook is called once per session and topic.

import type { PublishPacket } from "../packets/mod.ts";
import type { OutgoingMessage } from "../session/outgoing_message.ts";
import type { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import type { BrokerSession } from "./model.ts";
import type { BrokerMessage, ClientInfo } from "./options.ts";
import type { Matches } from "./routing/subscriptions.ts";
import type { Timers } from "./timers.ts";
import { type Share, type Turns, Work } from "./turns.ts";
import { Verdicts } from "./verdicts.ts";

/** Dependencies of {@linkcode DeliveryAuthorizer}. */
export interface DeliveryAuthorizerSetup {
  readonly hooks: Hooks;
  readonly timers: Timers;
  readonly turns: Turns;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
}

/** Whether a session may have a message; `undefined` when every session may. */
export type DeliveryFilter = ((session: BrokerSession) => boolean) | undefined;

/** For how long the hook is not called again for a topic after it has failed, in milliseconds. */
const RETRY_PAUSE = 10_000;

/** Asks the hook `authorizeDelivery` who may receive a message, and remembers the results. */
export class DeliveryAuthorizer {
  readonly #setup: DeliveryAuthorizerSetup;

  constructor(setup: DeliveryAuthorizerSetup) {
    this.#setup = setup;
  }

  /** Whether there is such a hook. */
  get isAsked(): boolean {
    return this.#setup.hooks.authorizesDelivery;
  }

  /** Whether a session may receive a message. */
  verdict(session: BrokerSession, message: BrokerMessage): boolean | Promise<boolean> {
    if (!this.isAsked) return true;
    return this.#verdict(session.client, session.verdicts ??= new Verdicts(), message);
  }

  /**
   * Decides which of the matching sessions may receive a message. When the hook is async, clients
   * that subscribe while it runs do not receive the message. Where they are very many, they are
   * asked about for `share`, in as many turns as it takes.
   */
  among(
    message: PublishPacket,
    matches: Matches<BrokerSession>,
    share: Share,
  ): DeliveryFilter | Promise<DeliveryFilter> {
    const refused = new Set<BrokerSession>();
    const asked = new Set<BrokerSession>();
    const waiting: Promise<void>[] = [];
    const { turns } = this.#setup;
    const later = turns.forEach(share, sessionsOf(matches), (session) => {
      turns.count(Work.hook);
      asked.add(session);
      const verdict = this.verdict(session, message);
      if (verdict === false) refused.add(session);
      if (!isPromise(verdict)) return;
      waiting.push(verdict.then((isAllowed) => void (isAllowed || refused.add(session))));
    }, () => {});
    if (later === undefined && waiting.length === 0) {
      return refused.size === 0 ? undefined : (session) => !refused.has(session);
    }
    return Promise.resolve(later)
      .then(() => Promise.all(waiting))
      .then(() => (session) => asked.has(session) && !refused.has(session));
  }

  /**
   * The topics of queued messages that the client may not, or may no longer, receive. The hook is
   * called for `share`, in as many turns as it takes; without `share` at once, so that none of the
   * messages can be sent in between.
   */
  refusedOf(
    { state }: BrokerSession,
    client: ClientInfo,
    verdicts: Verdicts,
    share?: Share,
  ): ReadonlySet<string> | Promise<ReadonlySet<string>> {
    const { turns } = this.#setup;
    const refused = new Set<string>();
    const waiting: Promise<void>[] = [];
    const asked = new Set<string>();
    const ask = ({ packet }: OutgoingMessage) => {
      // What the broker queues has all its fields.
      const { topic, payload, qos, retain } = packet as PublishPacket;
      turns.count(asked.has(topic) ? Work.look : Work.hook);
      if (asked.has(topic)) return;
      asked.add(topic);
      const verdict = this.#verdict(client, verdicts, { topic, payload, qos, retain });
      if (verdict === false) refused.add(topic);
      if (!isPromise(verdict)) return;
      waiting.push(verdict.then((isAllowed) => void (isAllowed || refused.add(topic))));
    };
    let later: Promise<void> | undefined;
    if (share === undefined) { for (const message of state.sendQueue) ask(message); }
    else later = turns.forEach(share, state.sendQueue, ask, () => {});
    if (later === undefined && waiting.length === 0) return refused;
    return Promise.resolve(later).then(() => Promise.all(waiting)).then(() => refused);
  }

  #verdict(
    client: ClientInfo,
    verdicts: Verdicts,
    message: BrokerMessage,
  ): boolean | Promise<boolean> {
    const { topic } = message;
    const known = verdicts.get(topic);
    if (known !== undefined) return known;
    const { hooks, timers, now } = this.#setup;
    const verdict = hooks.authorizeDelivery(client, message, () => {
      timers.add(now() + RETRY_PAUSE, () => verdicts.delete(topic));
    });
    verdicts.set(topic, verdict);
    if (!isPromise(verdict)) return verdict;
    return verdict.then((isAllowed) => {
      verdicts.set(topic, isAllowed);
      return isAllowed;
    });
  }
}

/** Those who want a message, alone or as members of a group. */
function* sessionsOf({ single, groups }: Matches<BrokerSession>): Generator<BrokerSession> {
  for (const [subscription] of single) yield subscription!.subscriber;
  for (const { members } of groups) yield* members.keys();
}
