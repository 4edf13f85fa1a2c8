// What the checks know of each message, subscription, client and connection. Moments are indices of
// events; `Infinity` stands for one that has not come.

import type { ConnectSeen, EventOf, Failure, FilterAsked, Published } from "../history.ts";

/** What has become of a message for its publisher. */
export interface Outcome {
  readonly index: number;
  /** Where the server has accepted it. */
  readonly reasonCode?: number | undefined;
  readonly error?: Failure | undefined;
}

/** A message that a consumer has got. */
export interface Handing {
  readonly index: number;
  readonly event: EventOf<"handed">;
}

/** A message, be it a Will. */
export interface MessageFacts {
  readonly published: Published;
  readonly isWill: boolean;
  readonly isDurable: boolean;
  /** The process that has published it, and the Client Identifier. */
  readonly process: number;
  readonly client: string;
  readonly called: number;
  readonly outcomes: Outcome[];
  /** When the broker has taken it, each time. */
  readonly routed: number[];
  readonly handed: Handing[];
  readonly done: { readonly index: number; readonly event: EventOf<"done"> }[];
  /** For whom the broker has dropped it. */
  readonly droppedFor: Set<string>;
  stored: number;
  /** Whether a commit of it has failed: it may have been written all the same. */
  hasFailedCommit: boolean;
}

/** A subscription of the application: what one call of `subscribe()` has made. */
export interface SubscriptionFacts {
  readonly id: number;
  readonly process: number;
  readonly client: string;
  readonly filters: readonly FilterAsked[];
  readonly called: number;
  /** When the promise resolved; `Infinity` when it has not. */
  granted: number;
  /** When it may have begun to end, by whatever; `Infinity` when it has not. */
  ended: number;
}

/** One run of a program. */
export interface ProcessFacts {
  readonly number: number;
  readonly started: number;
  readonly event: EventOf<"started">;
  killed: number;
  /** When a client was asked to end, or came to its end. */
  closed: number;
  /** Whether its disk, its clocks or its sleep may have disturbed what it does. */
  isDisturbed: boolean;
  isDiskFaulty: boolean;
  /** When nothing could be stored. */
  readonly failures: DiskFailure[];
  /** Whether a client has found a session of which it knows nothing. */
  hasForeignSession: boolean | undefined;
  /** Whether it goes on with whatever session there is, and knows nothing of it. */
  goesOn: boolean;
}

/** A time in which a program could store nothing, or was told so. */
export interface DiskFailure {
  readonly from: number;
  /** When all was stored; `Infinity` when it never was. */
  to: number;
  /** Whether a commit that was reported to have failed was done all the same. */
  isDone: boolean;
}

/** All runs of one client. */
export interface ClientFacts {
  readonly name: string;
  readonly processes: ProcessFacts[];
  /**
   * When there was no session: the broker said so, the client heard it, or a CONNECT that came late
   * has ended it.
   */
  readonly losses: number[];
  /** When its connection was lost, or a process of it. */
  readonly breaks: number[];
  /** When the broker has granted a Topic Filter. */
  readonly granted: { readonly index: number; readonly topicFilter: string }[];
  /** When it was connected. */
  readonly connected: number[];
  /** Whether it is connected, at the last that is known. */
  isConnected: boolean;
  /** Whether it was connected when all had drained. */
  isThere: boolean;
}

/** A CONNECT that has reached the broker, and what came of it. */
export interface ConnectionFacts {
  readonly link: number;
  readonly clientId: string;
  readonly server: number;
  /** What it said; `undefined` when nobody has seen it. */
  readonly connect: ConnectSeen | undefined;
  /** When the broker accepted it; `Infinity` when it did not. */
  accepted: number;
  /** When the broker let it go, or was killed. */
  ended: number;
  isKilled: boolean;
  /** When the broker has sent CONNACK. */
  connack: number;
  sessionPresent: boolean | undefined;
  /** The DISCONNECT of the client that the broker has read. */
  disconnect: { readonly index: number; readonly event: EventOf<"packet"> } | undefined;
}
