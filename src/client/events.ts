// What a client tells about itself, to those who listen.

import { ConnectionClosedError, type RefusedError } from "../errors.ts";
import { checkKnown, checkOneOf } from "../session/option_checks.ts";
import type { Message } from "./message.ts";
import type { ServerInfo } from "./server_info.ts";
import type { Subscription } from "./subscription.ts";

/** What each event of a client tells. */
export interface ClientEvents {
  /** A CONNACK has come after a lost connection. The first one resolves `connect()`. */
  readonly connected: {
    /** What the server granted. */
    readonly server: ServerInfo;
  };
  /** The connection is lost: not by `disconnect()`. */
  readonly disconnected: {
    /** Why. */
    readonly error: ConnectionClosedError;
    /** Whether the client tries again. */
    readonly willReconnect: boolean;
    /**
     * Whether the server has ended several connections in a row soon after they were made, without
     * saying why: another client may be using the same Client Identifier.
     */
    readonly isContested: boolean;
  };
  /** Another attempt to connect is due. */
  readonly reconnecting: {
    /** Which attempt since the connection was last stable, from 1. */
    readonly attempt: number;
    /** How long the client waits before it, in milliseconds. */
    readonly delay: number;
    /** Why the attempt before it has failed; `undefined` before the first. */
    readonly error: ConnectionClosedError | undefined;
  };
  /**
   * The client could not begin to authenticate again before a token expires: another attempt is
   * due.
   */
  readonly reauthenticating: {
    /** Which attempt has failed, from 1. */
    readonly attempt: number;
    /** How long the client waits before the next one, in milliseconds. */
    readonly delay: number;
    /** Why. */
    readonly error: unknown;
  };
  /**
   * After a session was lost, or may have been, the server refused a Topic Filter that it had
   * granted before.
   */
  readonly refused: {
    readonly topicFilter: string;
    readonly subscription: Subscription;
    /**
     * What the server said; a `TypeError` or `RangeError` when this server cannot even be asked.
     */
    readonly error: RefusedError | Error;
    /**
     * How long the client waits before it asks for it again, in milliseconds, as the reason may
     * pass, such as Quota exceeded. `undefined` when it does not, and the subscription has lost the
     * filter.
     */
    readonly delay: number | undefined;
  };
  /** A message was dropped because nobody read it in time. */
  readonly dropped: {
    readonly message: Message;
    /** The subscription; `undefined` when it was for none. */
    readonly subscription: Subscription | undefined;
  };
  /**
   * The server has sent more unacknowledged messages of QoS 1 and 2 than the Receive Maximum
   * allows. They are kept, up to `receiveExcess` bytes. Comes once for each connection.
   */
  readonly exceeded: {
    /** The Receive Maximum that the client has announced. */
    readonly receiveMaximum: number;
  };
  /**
   * Nothing can be written to the client's store, such as because the disk is full: messages are
   * refused, and nothing that has to be stored first is sent, until it can. Comes once each time.
   */
  readonly storefailed: {
    /** Why: a `StoreError` for a store that `openStore()` has opened. */
    readonly error: Error;
  };
  /** The client is at its end. */
  readonly closed: {
    /** Why; `undefined` after `disconnect()`. */
    readonly error: ConnectionClosedError | undefined;
  };
}

/** An event of a client; what it tells is its `detail`. */
export type ClientEvent<Type extends keyof ClientEvents> = CustomEvent<ClientEvents[Type]>;

/** Who is called at an event. */
export type ClientEventListener<Type extends keyof ClientEvents> =
  | ((event: ClientEvent<Type>) => void)
  | { handleEvent(event: ClientEvent<Type>): void };

/**
 * Events with their types; there are no others. Listeners are called in the order of the events.
 */
export interface ClientEventTarget extends EventTarget {
  /** Calls `listener` at each event of a type. */
  addEventListener<Type extends keyof ClientEvents>(
    type: Type,
    listener: ClientEventListener<Type> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Ends what `addEventListener()` began. */
  removeEventListener<Type extends keyof ClientEvents>(
    type: Type,
    listener: ClientEventListener<Type> | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The platform's `EventTarget`, seen with these types. */
export const ClientEventTarget = EventTarget as { new (): ClientEventTarget };

/** Options of `client.once()`. */
export interface OnceOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

const ONCE_NAMES: ReadonlySet<string> = new Set<keyof OnceOptions>(["signal"]);

const TYPES = Object.keys(
  {
    connected: true,
    disconnected: true,
    reconnecting: true,
    reauthenticating: true,
    exceeded: true,
    refused: true,
    dropped: true,
    storefailed: true,
    closed: true,
  } satisfies Record<keyof ClientEvents, true>,
);

/** As `client.once()`. */
export async function once<Type extends keyof ClientEvents>(
  client: ClientEventTarget & {
    readonly state: string;
    readonly closed: Promise<ConnectionClosedError | undefined>;
  },
  type: Type,
  options: OnceOptions,
): Promise<ClientEvents[Type]> {
  checkKnown(options, ONCE_NAMES, "once()");
  checkOneOf("type", type, TYPES);
  const { signal } = options;
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ClientEvents[Type]>();
  const told = ({ detail }: ClientEvent<Type>) => resolve(detail);
  const abort = () => reject(signal?.reason);
  const closed = ({ detail }: { readonly detail: ClientEvents["closed"] }) => {
    if (type === "closed") return resolve(detail as ClientEvents[Type]);
    reject(detail.error ?? new ConnectionClosedError("The client is closed", { kind: "closed" }));
  };
  client.addEventListener(type, told);
  client.addEventListener("closed", closed);
  signal?.addEventListener("abort", abort);
  try {
    if (client.state === "closed") closed({ detail: { error: await client.closed } });
    return await promise;
  } finally {
    client.removeEventListener(type, told);
    client.removeEventListener("closed", closed);
    signal?.removeEventListener("abort", abort);
  }
}
