// §4.1 Session State: what outlives a link. One of these for all links of one server: then what is
// sent again on a new connection is judged by what was sent on the old one.

import type { QoS } from "../packets/mod.ts";
import { Flights } from "./flights.ts";
import type { Judge, Side } from "./findings.ts";
import { SubscriptionHistory } from "./subscription_history.ts";

/** The most sessions that are kept, if nothing else is said; the oldest is forgotten first. */
const MOST_SESSIONS = 10_000;

/** A Session Expiry Interval of this many seconds never ends (§3.1.2.11.2). */
const NEVER = 0xffff_ffff;

/** Whether the Server should have a session, as far as that can be told. */
export type Expectation = "present" | "absent" | undefined;

/** What is known of a session, and of whether there is one. */
export class MonitoredSession {
  /** The unsettled messages, by who sends them. */
  flights: { readonly [From in Side]: Flights } = {
    client: new Flights(false),
    server: new Flights(false),
  };
  /** What the Client has subscribed to. */
  subscriptions: SubscriptionHistory = new SubscriptionHistory(false);
  /** Takes the session from the link that has it. */
  detach: (() => void) | undefined;
  /** The last CONNECT, as long as no CONNACK has passed. */
  #unanswered: Unanswered | undefined;
  /** The last CONNECT, answered or not. */
  #latest: Unanswered | undefined;
  /** Whether a CONNACK has told of the session. */
  #isKnown = false;
  /** Seconds; they differ when a change may have been lost on its way. */
  #shortestExpiry = 0;
  #longestExpiry = 0;
  /** When the Server was last heard of on the session's link, and when it closed that. */
  #heardAt = -Infinity;
  #closedAt = Infinity;

  /** A CONNECT; an earlier one that was never answered may have begun another session. */
  asked(unanswered: Unanswered, now: number): void {
    if (this.#unanswered !== undefined) this.#doubt(this.#unanswered, now);
    this.#unanswered = this.#latest = unanswered;
  }

  /** Whether there was a CONNECT after this one: then another connection takes its place. */
  isTakenOver(unanswered: Unanswered): boolean {
    return this.#latest !== unanswered;
  }

  /** Its CONNACK. */
  answered(unanswered: Unanswered): void {
    if (this.#unanswered === unanswered) this.#unanswered = undefined;
  }

  /** A CONNACK: there is a session, with this Session Expiry Interval in seconds. */
  begin(expiry: number, now: number): void {
    this.#isKnown = true;
    this.#shortestExpiry = this.#longestExpiry = expiry;
    this.#heardAt = now;
    this.#closedAt = Infinity;
  }

  /** A DISCONNECT of the Client, which the Server may get or not, changes the expiry. */
  changeExpiry(expiry: number): void {
    this.#shortestExpiry = Math.min(this.#shortestExpiry, expiry);
    this.#longestExpiry = Math.max(this.#longestExpiry, expiry);
  }

  /** The Server has sent a packet on the session's link: the session has not begun to expire. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** The Server has closed the session's link. */
  closed(now: number): void {
    this.#closedAt = now;
  }

  /**
   * Whether the Server should have the session when it answers a CONNECT that came at `asked`;
   * `tolerance` in milliseconds.
   */
  expectation(asked: number, now: number, tolerance: number): Expectation {
    if (!this.#isKnown) return undefined;
    const shortest = this.#shortestExpiry === NEVER ? Infinity : this.#shortestExpiry * 1000;
    const longest = this.#longestExpiry === NEVER ? Infinity : this.#longestExpiry * 1000;
    if (now - this.#heardAt < shortest - tolerance) return "present";
    if (longest === 0 && this.#closedAt <= asked) return "absent";
    return asked - this.#closedAt > longest + tolerance ? "absent" : undefined;
  }

  /** Judges what CONNACK says of the session. */
  judgePresence(judge: Judge, isPresent: boolean, expectation: Expectation): void {
    judge.count(isPresent ? "MQTT-3.1.2-5" : "MQTT-3.1.2-6");
    if (isPresent) judge.count("MQTT-3.1.2-23");
    if (expectation === undefined) return;
    if (expectation === "absent") judge.count("MQTT-4.1.0-2");
    // The connection that has it is open, as far as is known.
    else if (this.#closedAt === Infinity) judge.count("MQTT-4.1.0-1");
    judge.holds(
      "MQTT-3.2.2-3",
      isPresent === (expectation === "present"),
      () =>
        expectation === "present"
          ? "says that there is no session, though it has not expired"
          : "says that a session is present, though it has expired",
    );
  }

  /** The Server has a new session: nothing of the old one is left. */
  replace(flights: { readonly [From in Side]: Flights }): void {
    this.flights = flights;
    this.subscriptions = new SubscriptionHistory(true);
  }

  /** The Client may have lost its part: it is not held to what it has sent. */
  forgetClient(): void {
    this.flights = { ...this.flights, client: new Flights(false) };
  }

  /** The Client may have lost its messages of this QoS: it is not held to them. */
  forgetOfClient(qos: QoS): void {
    const { byId } = this.flights.client;
    for (const [packetId, flight] of byId) if (flight.qos === qos) byId.delete(packetId);
  }

  /** The Server may have lost its part: it is not held to what it has sent and granted. */
  forgetServer(): void {
    this.flights = { ...this.flights, server: new Flights(false) };
    this.forgetSubscriptions();
  }

  /** The Server may have lost what it has granted. */
  forgetSubscriptions(): void {
    this.subscriptions = new SubscriptionHistory(false);
  }

  #doubt({ cleanStart, sessionExpiryInterval }: Unanswered, now: number): void {
    if (!cleanStart && this.expectation(now, now, 0) === "present") {
      return this.changeExpiry(sessionExpiryInterval);
    }
    this.#isKnown = false;
    // The Client has given its part up only if it asked for a new session.
    if (cleanStart) this.forgetClient();
    this.forgetServer();
  }
}

/** What a CONNECT says of the session. */
export interface Unanswered {
  readonly cleanStart: boolean;
  readonly sessionExpiryInterval: number;
}

/**
 * What links of one server have in common: the sessions of its clients, by Client Identifier.
 * Bounded: a session that has been forgotten is treated as one that began unseen.
 */
export class SessionMonitor {
  readonly #byClientId = new Map<string, MonitoredSession>();
  readonly #most: number;

  /** Keeps so many sessions at the most. */
  constructor(mostSessions: number = MOST_SESSIONS) {
    this.#most = mostSessions;
  }

  /** The session of a client. */
  of(clientId: string): MonitoredSession {
    let session = this.#byClientId.get(clientId);
    if (session !== undefined) {
      this.#byClientId.delete(clientId);
    } else {
      session = new MonitoredSession();
      const [oldest] = this.#byClientId.keys();
      if (this.#byClientId.size >= this.#most && oldest !== undefined) {
        this.#byClientId.delete(oldest);
      }
    }
    this.#byClientId.set(clientId, session);
    return session;
  }

  /** Forgets all: the server has lost its sessions, as one without a store does in a crash. */
  forget(): void {
    this.#byClientId.clear();
  }
}
