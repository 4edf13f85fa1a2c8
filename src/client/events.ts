// What a client tells about itself, to those who listen.

import type { ConnectionClosedError, RefusedError } from "../errors.ts";
import type { Message } from "./message.ts";
import type { ServerInfo } from "./server_info.ts";
import type { Subscription } from "./subscription.ts";

/** What each event of a client tells. */
export interface ClientEvents {
  /** A CONNACK has come, the first or after a lost connection. */
  readonly connected: {
    /** What the server granted. */
    readonly server: ServerInfo;
    /** Whether it is the first. */
    readonly isFirst: boolean;
  };
  /** The connection is lost: not by `disconnect()`. */
  readonly disconnected: {
    /** Why. */
    readonly error: ConnectionClosedError;
    /** Whether the client tries again. */
    readonly willReconnect: boolean;
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
  /** After a lost session the server refused a Topic Filter that it had granted before. */
  readonly refused: {
    readonly topicFilter: string;
    readonly subscription: Subscription;
    /**
     * What the server said; a `TypeError` or `RangeError` when this server cannot even be asked.
     */
    readonly error: RefusedError | Error;
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
  /** The client is at its end. */
  readonly closed: {
    /** Why; `undefined` after `disconnect()`. */
    readonly error: ConnectionClosedError | undefined;
  };
}

/** An event of a client; what it tells is its `detail`. */
export type ClientEvent<Type extends keyof ClientEvents> = CustomEvent<ClientEvents[Type]>;

/** Events with their types. Listeners are called in the order of the events. */
export interface ClientEventTarget extends EventTarget {
  /** Calls `listener` at each event of a type. */
  addEventListener<Type extends keyof ClientEvents>(
    type: Type,
    listener: (event: ClientEvent<Type>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** As `EventTarget` has it. */
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Ends what `addEventListener()` began. */
  removeEventListener<Type extends keyof ClientEvents>(
    type: Type,
    listener: (event: ClientEvent<Type>) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  /** As `EventTarget` has it. */
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The platform's `EventTarget`, seen with these types. */
export const ClientEventTarget = EventTarget as { new (): ClientEventTarget };
