// What has happened in a simulated world, in order: plain data, written by the actors and by the
// observers of links, read by the checks. Nothing here knows how it came about.
//
// A program that runs is a process, with a number of its own: after a restart it is another
// process. Messages have numbers, too, unique in the history, which their payloads carry; so have
// subscriptions, by the call of subscribe() that made them.

import type { QoS } from "../../src/packets/mod.ts";

/** What a program finds of its disk when it starts. */
export type StoreState =
  /** It has no store. */
  | "none"
  /** An empty one: the first start, or the disk was replaced. */
  | "new"
  /** What the process of this name before it has left. */
  | "kept";

/** A message as its publisher means it. */
export interface Published {
  /** The number of the message, unique in the history. */
  readonly id: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The Message Expiry Interval, in seconds. */
  readonly expiry?: number | undefined;
  /** Whether the payload is empty, which clears a retained message. */
  readonly isEmpty?: boolean | undefined;
}

/** A Will as its client means it. */
export interface WillMeant extends Published {
  /** The Will Delay Interval, in seconds. */
  readonly delay: number;
}

/** A Topic Filter that is asked for. */
export interface FilterAsked {
  readonly topicFilter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

/** Why a promise was rejected. */
export interface Failure {
  /** The name of the error's class, such as `"RefusedError"`. */
  readonly name: string;
  /** Its `kind`, such as `"queue full"`, where it has one. */
  readonly kind?: string | undefined;
  /** Its Reason Code, where it has one. */
  readonly reasonCode?: number | undefined;
  readonly message: string;
}

/** What a CONNECT says that was read by a server. */
export interface ConnectSeen {
  readonly type: "connect";
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds; 0xffff_ffff for one that does not expire. */
  readonly sessionExpiry: number;
  readonly will?: WillMeant | undefined;
}

/** What a CONNACK says. */
export interface ConnackSeen {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  readonly reasonCode: number;
  /** What the server grants, in seconds, where it is less than was asked for. */
  readonly sessionExpiry?: number | undefined;
  readonly clientId?: string | undefined;
}

/** What a DISCONNECT says, of either side. */
export interface DisconnectSeen {
  readonly type: "disconnect";
  readonly reasonCode: number;
  readonly sessionExpiry?: number | undefined;
}

/** One event; `at` is the time of the world in milliseconds, which no clock jump changes. */
export type HistoryEvent = { readonly at: number } & (ProcessEvent | ClientEvent | WorldEvent);

/** Something that a process has met, or told by an end of it. */
type ProcessEvent =
  & {
    /** Which process, by its number. */
    readonly process: number;
  }
  & (
    | {
      readonly type: "started";
      readonly program: "client" | "broker";
      /** The name that the program has through all restarts: of a client, its Client Identifier. */
      readonly name: string;
      readonly store: StoreState;
    }
    /** From now on it does nothing and hears nothing. */
    | { readonly type: "killed" }
    | { readonly type: "suspended" }
    | { readonly type: "resumed" }
    /** Its wall clock has jumped by so many milliseconds. */
    | { readonly type: "clock changed"; readonly by: number }
    /** What its disk did: from now on, or once. */
    | { readonly type: "disk"; readonly fault: string }
    /**
     * A commit of it has failed, and may have been done all the same; or it dies in the middle of
     * one; or its disk is full.
     */
    | { readonly type: "not stored"; readonly isDone: boolean }
    /** After that a commit has succeeded, with all that was to be stored. */
    | { readonly type: "stored again" }
    /** A report that only a fault of this program explains, such as of `onError`. */
    | { readonly type: "internal error"; readonly message: string }
    /** A hook of the broker was told that a client is there. */
    | { readonly type: "broker connected"; readonly clientId: string; readonly link: number }
    | {
      readonly type: "broker disconnected";
      readonly clientId: string;
      readonly link: number;
      readonly reason: string;
    }
    | {
      readonly type: "broker subscribed";
      readonly clientId: string;
      readonly topicFilter: string;
    }
    | {
      readonly type: "broker unsubscribed";
      readonly clientId: string;
      readonly topicFilter: string;
    }
    /** The broker has accepted a message, a Will too, and is about to deliver it. */
    | { readonly type: "broker routed"; readonly id: number; readonly topic: string }
    | {
      readonly type: "broker dropped";
      readonly clientId: string;
      readonly id: number;
      readonly reason: string;
    }
    /** How many messages are in the broker's file, when all has drained. */
    | { readonly type: "messages on disk"; readonly count: number }
    /** What the broker counts, when all is over and every client has gone. */
    | {
      readonly type: "statistics";
      readonly clients: number;
      readonly sessions: number;
      readonly subscriptions: number;
      readonly retained: number;
      readonly dropped: number;
      readonly memory: number;
    }
  );

/** Something that the application of a client did or was told. */
type ClientEvent =
  & {
    /** Which process, by its number. */
    readonly process: number;
  }
  & (
    | {
      readonly type: "connect called";
      readonly cleanStart: boolean | undefined;
      /** Seconds. */
      readonly sessionExpiry: number;
      readonly will?: WillMeant | undefined;
      /** What becomes of messages in flight when the server has lost the session. */
      readonly onSessionLost?: "resend" | "reject" | undefined;
      readonly maximumPacketSize?: number | undefined;
    }
    | { readonly type: "connect rejected"; readonly error: Failure }
    /** CONNACK has come: of the first connection, or a later one. */
    | { readonly type: "connected"; readonly sessionPresent: boolean }
    | { readonly type: "disconnected"; readonly error: Failure; readonly willReconnect: boolean }
    | {
      readonly type: "disconnect called";
      readonly reasonCode: number;
      readonly sessionExpiry?: number | undefined;
    }
    | { readonly type: "disconnect resolved" }
    /** The client is at its end. */
    | { readonly type: "closed"; readonly error?: Failure | undefined }
    | {
      readonly type: "publish called";
      readonly message: Published;
      /** By `enqueue()`: a receipt tells the outcome. */
      readonly isDurable: boolean;
    }
    /** `enqueue()` has resolved: the message is on disk. */
    | { readonly type: "stored"; readonly id: number }
    /** `publish()` or a receipt, in this process or a later one, has told the outcome. */
    | { readonly type: "published"; readonly id: number; readonly reasonCode: number }
    | { readonly type: "publish rejected"; readonly id: number; readonly error: Failure }
    /** A signal was aborted, or a receipt cancelled, which the outcome shows. */
    | { readonly type: "publish given up"; readonly id: number }
    | {
      readonly type: "subscribe called";
      readonly subscription: number;
      readonly filters: readonly FilterAsked[];
      readonly ack: "auto" | "manual";
    }
    | {
      readonly type: "subscribed";
      readonly subscription: number;
      readonly reasonCodes: readonly number[];
    }
    | {
      readonly type: "subscribe rejected";
      readonly subscription: number;
      readonly error: Failure;
    }
    /** A handle is disposed; or, without one, filters are given up whoever has them. */
    | {
      readonly type: "unsubscribe called";
      readonly subscription?: number | undefined;
      readonly topicFilters: readonly string[];
    }
    | { readonly type: "unsubscribed"; readonly subscription?: number | undefined }
    | { readonly type: "unsubscribe rejected"; readonly error: Failure }
    /** The loop over a subscription has ended, by itself or with an error. */
    | {
      readonly type: "subscription ended";
      readonly subscription: number;
      readonly error?: Failure | undefined;
    }
    /** The consumer has got a message: of `client.messages` where there is no subscription. */
    | {
      readonly type: "handed";
      readonly subscription: number | undefined;
      readonly id: number;
      readonly topic: string;
      readonly qos: QoS;
      readonly dup: boolean;
      readonly retain: boolean;
      /** What is left of the Message Expiry Interval, in seconds. */
      readonly expiry?: number | undefined;
      readonly identifiers?: readonly number[] | undefined;
      readonly deliveryId?: string | undefined;
    }
    /**
     * The consumer is done with it: `ack` and `next` when `ack()` returned or the next one was
     * asked for, `commit` when `commit()` did, with what the application wrote. `isTaken` is false
     * where it was too late, so that the message comes again.
     */
    | {
      readonly type: "done";
      readonly subscription: number | undefined;
      readonly id: number;
      readonly by: "next" | "ack" | "commit";
      readonly isTaken: boolean;
      readonly reasonCode: number;
    }
    /** `commit()` has thrown: nothing was written. */
    | {
      readonly type: "commit failed";
      readonly subscription: number | undefined;
      readonly id: number;
      readonly error: Failure;
    }
    /** The client dropped a message that nobody read in time. */
    | {
      readonly type: "dropped";
      readonly subscription: number | undefined;
      readonly id: number;
    }
    /** `request()` and how it ended. */
    | { readonly type: "request called"; readonly id: number; readonly topic: string }
    | { readonly type: "responded"; readonly id: number; readonly response: number }
    | { readonly type: "request rejected"; readonly id: number; readonly error: Failure }
    /** A promise of the client that has not settled when all is over. */
    | {
      readonly type: "pending";
      readonly what: string;
      readonly id?: number | undefined;
    }
    /** What the application has written to its own table by `commit()`, read when all is over. */
    | { readonly type: "committed"; readonly ids: readonly number[] }
  );

/** Something that happened between processes. */
type WorldEvent =
  /** A dial has reached a server. */
  | {
    readonly type: "link opened";
    readonly link: number;
    /** The process that has dialled. */
    readonly client: number;
    /** The broker's process. */
    readonly server: number;
  }
  /** A packet has been read wholly by one end. Only what sessions and Wills depend on. */
  | {
    readonly type: "packet";
    readonly link: number;
    readonly to: "client" | "server";
    readonly packet: ConnectSeen | ConnackSeen | DisconnectSeen;
  }
  /** One end has seen the end of the link, or has made it. */
  | {
    readonly type: "link ended";
    readonly link: number;
    readonly end: "client" | "server";
  }
  /** A fault of the network, for the reader. */
  | { readonly type: "network"; readonly link?: number | undefined; readonly fault: string }
  /** The last fault is over: from now on everything has to drain. */
  | { readonly type: "faults over" }
  /** Everything has drained, or had the time to. */
  | { readonly type: "drained"; readonly isComplete: boolean };

/** The events of one kind. */
export type EventOf<Type extends HistoryEvent["type"]> = Extract<
  HistoryEvent,
  { readonly type: Type }
>;

/** What a whole run was like, beside its events, where a check has to know. */
export interface Conditions {
  /** Whether the broker sends one copy for each overlapping subscription. */
  readonly overlapping: "one copy" | "several copies";
  /** The longest Session Expiry Interval that the broker grants, in seconds. */
  readonly sessionExpiryLimit: number;
  /** How many retained messages the broker keeps at most. Default: as many as there are. */
  readonly retainedLimit?: number | undefined;
  /**
   * So many milliseconds may pass between an event and what the other side makes of it, at most,
   * where nothing is wrong: latency, turns, and what waits for a timer of the broker.
   */
  readonly slack: number;
}

/** A whole run. */
export interface History {
  readonly seed: number;
  readonly conditions: Conditions;
  readonly events: readonly HistoryEvent[];
}

/** What a check has found to be wrong. */
export interface Violation {
  /** The name of the check. */
  readonly check: string;
  /** A sentence that says what is wrong. */
  readonly message: string;
  /** The messages, subscriptions or links that it is about, as they are numbered. */
  readonly ids: readonly number[];
  /** When it showed, in milliseconds of the world. */
  readonly at: number;
}
