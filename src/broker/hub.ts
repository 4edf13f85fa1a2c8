// The broker without its sockets: who is there, which session is whose, who may do what. Pure but
// for its hooks: time comes from the clock that it is given, bytes go in and out by the
// connections.

import { PacketTooLargeError } from "../errors.ts";
import {
  type ConnectPacket,
  type PublishPacket,
  reasonCodeName,
  type ReasonCodeOf,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from "../packets/mod.ts";
import type {
  CloseCause,
  ConnectionEvent,
  DiscardedEvent,
  MessageEvent,
} from "../session/events.ts";
import { expiryOf, Outgoing } from "../session/outgoing.ts";
import type { PeerInfo } from "../session/peer.ts";
import { Queue } from "../session/queue.ts";
import type { Receipt } from "../session/receipt.ts";
import { ServerConnection } from "../session/server_connection.ts";
import { parseSharedSubscription } from "../topics.ts";
import { Account } from "./account.ts";
import { Agenda } from "./agenda.ts";
import { DeliveryAuthorizer, type MayHave } from "./delivery_authorizer.ts";
import { Door } from "./door.ts";
import { ErrorReporter } from "./error_reporter.ts";
import { type Acknowledgement, CommitBeforeWrite } from "./durability/commit_before_write.ts";
import type { Store } from "./durability/store.ts";
import { Guest } from "./guest.ts";
import { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import { Kept } from "./kept.ts";
import type { Member } from "./member.ts";
import {
  type BrokerLimits,
  type BrokerOptions,
  checkOptions,
  type ClientInfo,
  limitsWith,
} from "./options.ts";
import { isReserved } from "./reserved_topics.ts";
import { RetainedMessages } from "./retained.ts";
import { RetainedFeed } from "./retained_feed.ts";
import { Router, type RoutingCode } from "./router.ts";
import { Sessions } from "./sessions.ts";
import { connectionBytes, subscriptionBytes } from "./sizes.ts";
import type { Entry } from "./subscriptions.ts";
import { levelsOf } from "./topic_tree.ts";
import { Verdicts } from "./verdicts.ts";
import { Share, Turns, Work } from "./turns.ts";

/** What a hub gets from the world. */
export interface HubTools {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** A name for a session that nobody can guess. */
  readonly newClientId: () => string;
  /**
   * Calls back when sockets and timers have been looked at. Default: as soon as what is being done
   * is done.
   */
  readonly onNextTurn?: ((callback: () => void) => void) | undefined;
  /** Writes a line to the console: of an error that nobody else is told of. */
  readonly warn: (line: string) => void;
  /** Whether some clients have the User Name of their certificate. */
  readonly hasCertificateUsernames?: boolean | undefined;
  /**
   * Calls back when all that is ready to be done has been done. Default: as soon as this is done.
   */
  readonly atEndOfTurn?: (callback: () => void) => void;
}

/** The most that one look at a broker tells. */
export interface BrokerStatistics {
  /** Connections whose client has been accepted. */
  readonly clients: number;
  /** Sessions, with a connection or without. */
  readonly sessions: number;
  /** Subscriptions of all sessions. */
  readonly subscriptions: number;
  /** Retained messages. */
  readonly retained: number;
  /**
   * Messages dropped, because a session had no room for them or they were too large for a client.
   */
  readonly dropped: number;
  /** Bytes that clients make the broker keep, as `limits.memory` counts them. */
  readonly memory: number;
}

/** So many packets of one client are looked at before somebody asks whether the turn is over. */
const PACKETS_PER_CALL = 64;

/** A broker's middle. */
export class Hub {
  readonly limits: BrokerLimits;
  readonly #options: BrokerOptions;
  readonly #tools: HubTools;
  readonly #agenda = new Agenda();
  readonly #store: Store | undefined;
  readonly #errors: ErrorReporter;
  /** Where something is stored, nothing is told before it is. */
  readonly #commits: CommitBeforeWrite | undefined;
  readonly #hooks: Hooks;
  readonly #deliveries: DeliveryAuthorizer;
  readonly #router: Router;
  readonly #retained: RetainedMessages;
  readonly #feed: RetainedFeed;
  readonly #sessions: Sessions;
  readonly #door: Door;
  readonly #guests = new Set<Guest>();
  /** Those of them that have been let in. */
  readonly #clients = new Set<Guest>();
  readonly #turns: Turns;
  /** What is done for nobody in particular. */
  readonly #share = new Share();
  /** All that clients make the broker keep. */
  readonly #memory: Account;
  /** Guests with something to send that was not asked for by themselves. */
  readonly #sending = new Queue<Guest>();
  #isWaking = false;

  /** `store` is what survives the broker. */
  constructor(options: BrokerOptions, tools: HubTools, store?: Store) {
    checkOptions(options);
    this.limits = limitsWith(options.limits);
    const { memory, retainedMessages, retainedBytes } = this.limits;
    const reserve = memory === Infinity ? 0 : memory * RESERVED;
    this.#memory = new Account(undefined, { limit: memory, reserve });
    this.#options = options;
    this.#tools = tools;
    this.#store = store;
    const { now, warn } = tools;
    this.#errors = new ErrorReporter({ hooks: options, agenda: this.#agenda, now, warn });
    this.#hooks = new Hooks({
      ...{ hooks: options, agenda: this.#agenda, now },
      ...{ timeout: this.limits.hookTimeout, report: this.#errors.report },
    });
    this.#deliveries = new DeliveryAuthorizer({ hooks: this.#hooks, agenda: this.#agenda, now });
    this.#turns = new Turns(
      tools.onNextTurn ?? queueMicrotask,
      (error) => this.report(error, "a turn"),
    );
    const retained = new Account(this.#memory, { limit: retainedBytes });
    this.#retained = new RetainedMessages(this.#agenda, retainedMessages, store, retained);
    this.#commits = store && new CommitBeforeWrite({
      store,
      restoreRetained: (topic, before) => this.#retained.restore(topic, before),
      wakeLater: (guest) => this.#wakeLater(guest),
      acknowledge: (guest, receipt, answer) => this.#answerLater(guest, receipt, answer),
      atEndOfTurn: tools.atEndOfTurn ?? queueMicrotask,
    });
    this.#router = new Router({
      now: tools.now,
      overlapping: options.overlapping ?? "one copy",
      turns: this.#turns,
      onSending: (guest) => this.#wakeLater(guest),
      onFailed: (guest, error) => this.fail(guest, error),
      mayKeep: (member) => this.#commits?.mayKeep(member) ?? true,
      onKept: (member, message) => this.#commits?.keep(member, message),
      onExpired: (message) => this.#forget(message),
      memory: this.#memory,
      onDropped: ({ client }, message, why) => this.#hooks.onDropped(client, message, why),
    });
    this.#feed = new RetainedFeed({
      retained: this.#retained,
      router: this.#router,
      deliveries: this.#deliveries,
      turns: this.#turns,
    });
    this.#sessions = new Sessions({
      now: tools.now,
      agenda: this.#agenda,
      limits: this.limits,
      memory: this.#memory,
      table: this.#router.table,
      turns: this.#turns,
      store,
      onEnded: (member) => this.#feed.forget(member),
      publishWill: (member, will) => this.#distributeWill(willPacket(will), member),
    });
    this.#door = new Door({
      options,
      limits: this.limits,
      hooks: this.#hooks,
      sessions: this.#sessions,
      hasOwners: this.#hooks.hasAuthenticate || this.#hooks.hasSteps ||
        options.sessionOwner !== undefined ||
        tools.hasCertificateUsernames === true,
      newClientId: tools.newClientId,
      canKeepSessions: () => this.#commits?.canKeepSessions ?? true,
      onLeft: (guest, cause) => {
        this.#tellLeft(guest, cause);
        this.#wakeLater(guest);
      },
      deliveries: this.#deliveries,
      takeOut: (member, topics) => this.#takeOut(member, topics),
      onEntered: (guest) => {
        this.#clients.add(guest);
        this.#feedMore(guest);
      },
    });
  }

  /** When to call {@linkcode Hub.tick}. */
  get deadline(): number {
    return this.#agenda.deadline;
  }

  /** A look at the broker. */
  get statistics(): BrokerStatistics {
    return {
      clients: this.#clients.size,
      sessions: this.#sessions.size,
      subscriptions: this.#router.table.size,
      retained: this.#retained.size,
      dropped: this.#router.dropped,
      memory: this.#memory.bytes,
    };
  }

  /**
   * Whether there is room for another connection; if not, it is to be closed at once, as nothing
   * can be said before CONNECT. Some more than may connect have room: they are told why they may
   * not.
   */
  hasRoomFor(peer: PeerInfo): boolean {
    const hasPlace = this.#guests.size < this.limits.connections + REFUSED_AT_ONCE;
    return hasPlace && this.#memory.hasRoomAtAll(connectionBytes(peer));
  }

  /** Nothing of a connection is left. */
  close(guest: Guest): void {
    guest.account.close();
  }

  /** A new connection. Its events are to be given to {@linkcode Hub.handle}. */
  open(peer: PeerInfo, wake: () => void): Guest {
    const { packetSize: maximumPacketSize, connectTimeout, connectBytes } = this.limits;
    const { filtersPerPacket, userPropertiesPerPacket } = this.limits;
    const { topicAliases } = this.#options;
    const memory = new Account(this.#memory, { small: SMALL });
    memory.charge(connectionBytes(peer));
    const options = {
      ...{ maximumPacketSize, connectTimeout, connectBytes, topicAliases, memory },
      ...{ filtersPerPacket, userPropertiesPerPacket, packetsPerCall: PACKETS_PER_CALL },
    };
    const connection = new ServerConnection(this.#tools.now(), options);
    const guest = new Guest(connection, memory, peer, wake);
    this.#guests.add(guest);
    return guest;
  }

  /**
   * What is to be written to a client now: to be asked in place of its connection, so that it is
   * true.
   */
  takeBytes(guest: Guest): Uint8Array<ArrayBuffer> | undefined {
    return this.#commits === undefined
      ? guest.connection.takeBytes()
      : this.#commits.takeBytes(guest);
  }

  /** Brings to disk what is to be there. */
  commit(): void {
    this.#commits?.commit();
  }

  /**
   * Does what is due, as much of it as there is time for in a turn: then the deadline stays where
   * it is.
   */
  tick(): void {
    const turns = this.#turns;
    turns.begin(this.#share);
    this.#agenda.run(
      this.#tools.now(),
      (error) => this.report(error, "what was due at some time"),
      () => {
        turns.count(Work.timer);
        return turns.isOver;
      },
    );
  }

  /** Something has happened on a connection. */
  handle(guest: Guest, event: ConnectionEvent): void {
    if (event.type === "closed") guest.cause = event.cause;
    if (!guest.isBusy && !this.#turns.isOver) return this.#begin(guest, event);
    guest.backlog.push({ event, at: this.#tools.now() });
    if (!guest.isBusy) this.#waitForTurn(guest);
  }

  /**
   * Tells every client that the broker is shutting down. There are to be no new connections from
   * then on.
   */
  async shutDown(): Promise<void> {
    await this.#turns.forEach(this.#share, this.#guests, (guest) => {
      this.#turns.count(Work.write);
      try {
        guest.connection.disconnect({ type: "disconnect", reasonCode: 0x8b });
      } catch (error) {
        this.fail(guest, error);
      }
      guest.wake();
    }, () => {});
  }

  /** Tells of an error that nobody caught, and in what it happened. Never throws. */
  report(error: unknown, what: string, client?: ClientInfo): void {
    this.#errors.report(error, what, client);
  }

  #begin(guest: Guest, event: ConnectionEvent, at?: number): void {
    this.#turns.begin(guest.share);
    let work: Promise<void> | undefined;
    try {
      work = this.#process(guest, event, at);
    } catch (error) {
      this.fail(guest, error);
    }
    if (work === undefined) return;
    this.#pause(guest);
    void work.catch((error) => this.fail(guest, error)).then(() => this.#goOn(guest));
  }

  /** What happens from now on waits. */
  #pause(guest: Guest): void {
    guest.isBusy = true;
    guest.busySince = this.#tools.now();
    guest.connection.pause();
  }

  /** What has happened is looked at in another turn. */
  #waitForTurn(guest: Guest): void {
    this.#pause(guest);
    this.#turns.wait(guest.share, () => this.#goOn(guest));
  }

  /**
   * The hook that was asked has answered, or the turn has come: what has happened in the meantime
   * is next.
   */
  #goOn(guest: Guest): void {
    guest.isBusy = false;
    // Who has gone while a hook did not answer is not kept for as many times as it has asked for
    // something.
    const isGivenUp = guest.connection.isClosed &&
      this.#tools.now() - guest.busySince >= this.limits.hookTimeout;
    while (!guest.isBusy) {
      const next = guest.backlog.shift();
      if (next === undefined) break;
      if (isGivenUp && isRequest(next.event)) continue;
      this.#begin(guest, next.event, next.at);
      if (!guest.isBusy && guest.backlog.length > 0 && this.#turns.isOver) this.#waitForTurn(guest);
    }
    try {
      if (!guest.isBusy) guest.connection.goOn(this.#tools.now());
    } catch (error) {
      this.fail(guest, error);
    }
    guest.wake();
  }

  /**
   * One client cannot be served: it takes packets so small that it cannot be answered, or something
   * has failed here.
   */
  fail(guest: Guest, error: unknown): void {
    const { connection } = guest;
    if (error instanceof PacketTooLargeError) connection.breakOff("cannot be answered");
    else {
      this.report(error, "the connection", guest.client);
      try {
        connection.abort(error);
      } catch (next) {
        this.report(next, "the connection", guest.client);
      }
    }
    this.#wakeLater(guest);
  }

  /**
   * Does what an event asks for that came at `at`, now by default. Takes a promise only where a
   * hook does.
   */
  #process(guest: Guest, event: ConnectionEvent, at?: number): Promise<void> | undefined {
    switch (event.type) {
      case "message":
        return this.#publish(guest, event, at);
      case "more":
        this.#turns.count(Work.look * PACKETS_PER_CALL);
        guest.connection.proceed(this.#tools.now());
        return undefined;
      case "connect":
        return this.#connect(guest, event.packet);
      case "auth":
        return this.#door.goOn(guest, event.packet);
      case "subscribe":
        return this.#subscribe(guest, event.packet);
      case "unsubscribe":
        return this.#unsubscribe(guest, event.packet);
      case "settled":
        this.#forget(event.message);
        this.#feedMore(guest);
        return undefined;
      case "discarded":
        this.#discarded(guest, event);
        this.#forget(event.message);
        this.#feedMore(guest);
        return undefined;
      case "closed":
        return this.#closed(guest, event.cause);
      default:
        return undefined;
    }
  }

  /** A message is kept no more. */
  #forget(message: Outgoing): void {
    if (!(message instanceof Kept)) return;
    message.release();
    this.#store?.deleteMessage(message);
  }

  #discarded({ member }: Guest, { message, why }: DiscardedEvent): void {
    if (why.reason === "expired" || member === undefined) return;
    this.#router.drop(member, message.packet as PublishPacket, "too large");
  }

  #connect(guest: Guest, packet: ConnectPacket): Promise<void> | undefined {
    if (this.#guests.size <= this.limits.connections) return this.#door.receive(guest, packet);
    guest.connection.refuse(0x89, { reasonString: "There are too many connections" });
    return undefined;
  }

  #publish(
    guest: Guest,
    { packet, receipt }: MessageEvent,
    at?: number,
  ): Promise<void> | undefined {
    const { topicLevels } = this.limits;
    // Between two levels there is a character: most topics need not be looked at.
    if (packet.topic.length >= topicLevels && levelsOf(packet.topic) > topicLevels) {
      return this.#answer(guest, receipt, 0x90, "The topic has too many levels");
    }
    if (isReserved(packet.topic, this.#options)) {
      if (receipt === undefined) this.#router.dropped++;
      return this.#answer(guest, receipt, 0x87, "The topic is the server's own (§4.7.2)");
    }
    if (packet.qos === 2 && guest.member?.countReceived() === false) {
      return this.#answer(guest, receipt, 0x97, "Too many messages have not been released");
    }
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const arrivedAt = isExpiring ? at ?? this.#tools.now() : 0;
    return this.#hooks.authorizePublish(guest.client!, packet, (code) => {
      if (code >= 0x80) return void this.#answer(guest, receipt, code, "May not be published");
      return this.#askWhoMayHave(
        packet,
        (mayHave) => this.#spread(guest, packet, { receipt, arrivedAt, mayHave }),
      );
    });
  }

  /** Brings a message to who wants it, and acknowledges it. */
  #spread(
    guest: Guest,
    packet: PublishPacket,
    { receipt, arrivedAt, mayHave }: {
      readonly receipt: Receipt | undefined;
      readonly arrivedAt: number;
      readonly mayHave: MayHave;
    },
  ): undefined {
    const isExpiring = packet.properties.messageExpiryInterval !== undefined;
    const message = isExpiring ? this.#afterWaiting(packet, arrivedAt) : packet;
    // [MQTT-3.3.2-5]
    if (message === undefined) return this.#answer(guest, receipt, 0x00);
    const distribute = () => this.#distribute(guest, message, mayHave);
    const answer = receipt === undefined || this.#commits === undefined
      ? distribute()
      : this.#commits.publish(guest, receipt, message.retain, distribute);
    if (answer !== undefined) this.#answer(guest, receipt, answer.reasonCode, answer.reasonString);
    return undefined;
  }

  /** Brings a message of a client to those who want it. Returns what is to be said to it. */
  #distribute(guest: Guest, message: PublishPacket, mayHave: MayHave): Acknowledgement {
    this.#feed.precede(message.topic, mayHave);
    if (message.retain && !this.#retain(message)) {
      return { reasonCode: 0x97, reasonString: "Too many messages are retained" };
    }
    this.#hooks.onMessage(guest.client, message);
    const code = this.#router.route(message, guest.member, mayHave);
    // What is retained has been taken, whoever had no room for it.
    return code === 0x97 && message.retain ? WANTED : ANSWERS[code];
  }

  /** Asks, if somebody is to be asked, who of those that want a message may have it. */
  #askWhoMayHave(
    packet: PublishPacket,
    then: (mayHave: MayHave) => undefined,
  ): Promise<void> | undefined {
    if (!this.#deliveries.isAsked) return then(undefined);
    const mayHave = this.#deliveries.among(packet, this.#router.table.match(packet.topic));
    return isPromise(mayHave) ? mayHave.then(then) : then(mayHave);
  }

  /**
   * A message that may have waited for a hook, with what is left of its time, if any is
   * [MQTT-3.3.2-6].
   */
  #afterWaiting(packet: PublishPacket, arrivedAt: number): PublishPacket | undefined {
    const now = this.#tools.now();
    if (now === arrivedAt) return packet;
    const message = new Outgoing(packet, expiryOf(packet, arrivedAt));
    message.countDown(now);
    return message.expiresAt <= now ? undefined : message.packet as PublishPacket;
  }

  /**
   * Acknowledges a message, or refuses it; at QoS 0 there is no way to say so. Its client may have
   * come back on another connection while a hook was asked: at QoS 2 that is where it waits for the
   * answer.
   */
  #answer(
    guest: Guest,
    receipt: Receipt | undefined,
    reasonCode: ReasonCodeOf<"puback">,
    reasonString?: string,
  ): undefined {
    if (receipt === undefined) return undefined;
    const current = guest.member?.guest ?? guest;
    const properties = reasonString === undefined ? undefined : { reasonString };
    current.connection.acknowledge(receipt, reasonCode, properties);
    if (current !== guest) current.wake();
    return undefined;
  }

  /** Likewise, what had to be stored first. */
  #answerLater(
    guest: Guest,
    receipt: Receipt,
    { reasonCode, reasonString }: Acknowledgement,
  ): void {
    const current = guest.member?.guest ?? guest;
    try {
      this.#answer(guest, receipt, reasonCode, reasonString);
      this.#wakeLater(current);
    } catch (error) {
      this.fail(current, error);
    }
  }

  /** A message of the broker's own making: a Will. */
  #distributeWill(packet: PublishPacket, publisher: Member): void {
    const asked = this.#askWhoMayHave(packet, (mayHave) => {
      this.#feed.precede(packet.topic, mayHave);
      if (packet.retain) this.#retain(packet);
      this.#hooks.onMessage(publisher.client, packet);
      this.#router.route(packet, publisher, mayHave);
    });
    void asked?.catch((error) => this.report(error, "a Will", publisher.client));
  }

  /**
   * What authorizeDelivery has said, of a client or of all, is to be asked anew, also about what
   * waits.
   */
  clearAuthorizations(clientId?: string): void {
    for (const member of this.#sessions.some(clientId)) {
      if (member.verdicts === undefined) continue;
      const verdicts = member.verdicts = new Verdicts();
      const refused = this.#deliveries.refusedOf(member, member.client, verdicts);
      if (!isPromise(refused)) this.#takeOut(member, refused);
      else {
        void refused.then((topics) => this.#takeOut(member, topics))
          .catch((error) => this.report(error, "clearAuthorizations", member.client));
      }
    }
  }

  /** Takes back what waits for a session that may not have it any more. */
  #takeOut({ session }: Member, topics: ReadonlySet<string>): void {
    if (topics.size === 0) return;
    for (const message of session.outbox.takeOut(({ packet }) => topics.has(packet.topic))) {
      this.#forget(message);
    }
  }

  #retain(packet: PublishPacket): boolean {
    const before = this.#retained.get(packet.topic);
    const isDone = this.#setRetained(packet);
    if (isDone) this.#commits?.retain(packet.topic, before);
    return isDone;
  }

  #setRetained(packet: PublishPacket): boolean {
    if (packet.payload.length > 0) {
      const isExpiring = packet.properties.messageExpiryInterval !== undefined;
      const expiresAt = isExpiring ? expiryOf(packet, this.#tools.now()) : Infinity;
      return this.#retained.set(packet, expiresAt);
    }
    this.#retained.delete(packet.topic);
    return true;
  }

  /**
   * One that was taken over while a hook was asked has nothing to say about the session any more,
   * which may have ended.
   */
  #subscribe(guest: Guest, packet: SubscribePacket): Promise<void> | undefined {
    const member = guest.member!;
    guest.connection.checkAnswer(packet);
    const { subscriptionIdentifiers: [identifier] = [] } = packet.properties;
    return this.#hooks.authorizeSubscribe(guest.client!, packet.subscriptions, (verdicts) => {
      const added: Added[] = [];
      const add = (request: SubscriptionRequest, index: number): ReasonCodeOf<"suback"> => {
        const { topicFilter } = request;
        const before = member.subscriptions.get(topicFilter);
        const isNew = before === undefined;
        const verdict = verdicts[index]!;
        if (verdict >= 0x80) return verdict;
        const shared = parseSharedSubscription(topicFilter);
        const levels = levelsOf(shared?.topicFilter ?? topicFilter);
        if (levels > this.limits.topicLevels) return 0x8f;
        if (isNew && member.subscriptions.size >= this.limits.subscriptionsPerSession) return 0x97;
        const bytes = subscriptionBytes(topicFilter);
        if (isNew && !member.subscriptionAccount.tryCharge(bytes)) return 0x97;
        const entry: Entry<Member> = { subscriber: member, request, identifier };
        member.subscriptions.set(topicFilter, entry);
        this.#router.table.add(entry);
        if (member.lifetime > 0) this.#store?.saveSubscription(entry);
        added.push({ entry, before, index });
        return request.qos;
      };
      const reasonCodes: ReasonCodeOf<"suback">[] = [];
      return this.#turns.forEach(guest.share, packet.subscriptions, (request, index) => {
        if (member.guest !== guest) return;
        this.#turns.count(Work.subscription);
        reasonCodes.push(add(request, index));
      }, () => {
        if (member.guest !== guest) return;
        if (!this.#isStored(member)) {
          for (const each of added.splice(0).toReversed()) {
            this.#takeBack(each);
            reasonCodes[each.index] = 0x97;
          }
        }
        guest.connection.suback(packet, reasonCodes);
        for (const { entry, before } of added) this.#sendRetained(entry, before === undefined);
        this.#feed.feed(member);
      });
    });
  }

  /** Whether all that has been asked for a session is stored, where it is to be. */
  #isStored({ lifetime }: Member): boolean {
    return lifetime === 0 || this.#commits === undefined || this.#commits.commit();
  }

  /** A subscription could not be stored: it is as it was before. */
  #takeBack({ entry, before }: Added): void {
    const { subscriber, request: { topicFilter } } = entry;
    if (before !== undefined) return this.#restore(before);
    subscriber.subscriptions.delete(topicFilter);
    subscriber.subscriptionAccount.release(subscriptionBytes(topicFilter));
    this.#router.table.remove(subscriber, topicFilter);
    this.#store?.deleteSubscription(subscriber, topicFilter);
  }

  #restore(entry: Entry<Member>): void {
    entry.subscriber.subscriptions.set(entry.request.topicFilter, entry);
    this.#router.table.add(entry);
    this.#store?.saveSubscription(entry);
  }

  #sendRetained(entry: Entry<Member>, isNew: boolean): void {
    const { topicFilter, retainHandling } = entry.request;
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a Shared Subscription gets none (§4.8.2).
    if (retainHandling === 2 || retainHandling === 1 && !isNew) return;
    if (parseSharedSubscription(topicFilter) !== undefined) return;
    this.#feed.start(entry);
  }

  /** What waited for a session has gone: there may be retained messages that it is still to get. */
  #feedMore({ member }: Guest): void {
    if (member?.retainedCursors !== undefined) this.#feed.feed(member);
  }

  #unsubscribe(guest: Guest, packet: UnsubscribePacket): Promise<void> | undefined {
    const member = guest.member!;
    if (member.guest !== guest) return undefined;
    guest.connection.checkAnswer(packet);
    const entries: (Entry<Member> | undefined)[] = [];
    const remove = (topicFilter: string) => {
      const entry = member.subscriptions.get(topicFilter);
      if (!member.subscriptions.delete(topicFilter)) return undefined;
      member.subscriptionAccount.release(subscriptionBytes(topicFilter));
      this.#router.table.remove(member, topicFilter);
      this.#store?.deleteSubscription(member, topicFilter);
      return entry;
    };
    const { topicFilters } = packet;
    return this.#turns.forEach(guest.share, topicFilters, (topicFilter) => {
      if (member.guest !== guest) return;
      this.#turns.count(Work.subscription);
      entries.push(remove(topicFilter));
    }, () => {
      if (member.guest !== guest) return;
      const isStored = this.#isStored(member);
      const reasonCodes = topicFilters.map((topicFilter, index) => {
        const entry = entries[index];
        if (entry === undefined) return 0x11;
        if (isStored) this.#feed.stop(member, topicFilter);
        else {
          member.subscriptionAccount.charge(subscriptionBytes(topicFilter));
          this.#restore(entry);
        }
        return isStored ? 0x00 : 0x83;
      });
      guest.connection.unsuback(packet, reasonCodes);
    });
  }

  #closed(guest: Guest, cause: CloseCause): undefined {
    this.#guests.delete(guest);
    this.#clients.delete(guest);
    try {
      this.#sessions.leave(guest, cause);
    } finally {
      this.#tellLeft(guest, cause);
    }
    return undefined;
  }

  /** Tells once that a client is gone: before one that takes its name is told to be there. */
  #tellLeft(guest: Guest, cause: CloseCause): void {
    if (guest.member === undefined || guest.hasLeft) return;
    guest.hasLeft = true;
    this.#hooks.onDisconnect(guest.client!, reasonOf(cause));
  }

  /** Wakes a guest when all that has come together has been routed: one write for all of it. */
  #wakeLater(guest: Guest): void {
    if (guest.isToBeWoken) return;
    guest.isToBeWoken = true;
    this.#sending.push(guest);
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => this.#wakeAll());
  }

  /**
   * Wakes as many as there is time for in this turn: for the others more comes together meanwhile.
   */
  #wakeAll(): void {
    for (let guest = this.#sending.first; guest !== undefined; guest = this.#sending.first) {
      if (this.#turns.isOver) return this.#turns.waitForAll(() => this.#wakeAll());
      this.#sending.shift();
      guest.isToBeWoken = false;
      this.#turns.count(Work.write);
      guest.wake();
    }
    this.#isWaking = false;
  }
}

/** Whether a client wants something from the broker, so that hooks may be asked. */
function isRequest({ type }: ConnectionEvent): boolean {
  return type === "message" || type === "subscribe" || type === "unsubscribe" || type === "auth";
}

const WANTED: Acknowledgement = { reasonCode: 0x00 };

/** What is said to a message, by what has become of it. */
const ANSWERS: Readonly<Record<RoutingCode, Acknowledgement>> = {
  0x00: WANTED,
  0x10: { reasonCode: 0x10 },
  0x97: { reasonCode: 0x97, reasonString: "No subscriber had room for it" },
};

/** The part of the memory that is left to those who keep little, whatever others do. */
const RESERVED = 1 / 2;

/** A connection with no more bytes may use that, be it with TLS and in the middle of a packet. */
const SMALL = 524_288;

/** So many connections too many are there at the same time to be told so. */
const REFUSED_AT_ONCE = 64;

/** A subscription that has been added, what was in its place, and which of the packet it is. */
interface Added {
  readonly entry: Entry<Member>;
  readonly before: Entry<Member> | undefined;
  readonly index: number;
}

/** A Will as the message that it is [MQTT-3.1.2-14] [MQTT-3.1.2-15]. */
function willPacket(
  { topic, payload, qos, retain, properties }: NonNullable<Member["will"]>,
): PublishPacket {
  const { willDelayInterval: _, ...rest } = properties;
  return {
    ...{ type: "publish", dup: false, packetId: 0 },
    ...{ topic, payload, qos, retain, properties: rest },
  } as PublishPacket;
}

function reasonOf(cause: CloseCause): string {
  switch (cause.by) {
    case "this end":
      return `the broker closed the connection: ${
        reasonCodeName(cause.packet?.reasonCode ?? 0x80, "disconnect")
      }`;
    case "peer":
      return `the client disconnected with 0x${
        cause.packet.reasonCode.toString(16).padStart(2, "0")
      }`;
    case "fault":
      return cause.error.message;
    case "silence":
      return `the client ${cause.what}`;
    case "network":
      return "the connection broke";
    case "refusal":
      return "the client was refused";
    case "internal error":
      return "the broker failed";
    default:
      return cause satisfies never;
  }
}
