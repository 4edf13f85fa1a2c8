// A request from when it is asked until nobody waits for responses to it any more.

import type { MessageContent } from "../session/publish_packet.ts";
import type { Message } from "./message.ts";
import type { Publication } from "./publication.ts";
import type { PublishOptions } from "./publish_options.ts";
import type { ResponseInbox } from "./response_inbox.ts";

/**
 * Where an exchange stands:
 *
 * | state         | what has happened                           | what comes next         |
 * | ------------- | ------------------------------------------- | ----------------------- |
 * | `"asked"`     | the Response Topic is being subscribed to   | `"submitted"`, `"over"` |
 * | `"submitted"` | the request is sent, or waits to be         | `"accepted"`, `"over"`  |
 * | `"accepted"`  | the server has it; at QoS 0 the send buffer | `"over"`                |
 * | `"over"`      | a response, an error, the time              |                         |
 */
export type ExchangeState = "asked" | "submitted" | "accepted" | "over";

/** What whoever asked wants to know. */
export interface ExchangeListener {
  /** A response has come; to acknowledge it is up to the listener. */
  onResponse(message: Message): void;
  /** There will be no response any more, for this reason. */
  onEnd(error: unknown): void;
}

/** A request that waits for responses. */
export interface Exchange {
  readonly topic: string;
  readonly payload: string | Uint8Array | MessageContent;
  readonly publish: PublishOptions;
  readonly listener: ExchangeListener;
  readonly timeout: number;
  readonly deadline: number;
  readonly inbox: ResponseInbox;
  /** The Correlation Data, a character for each byte. */
  readonly correlation: string;
  readonly matches: ((message: Message) => boolean) | undefined;
  /** Withdraws the signal's listener. */
  readonly forgetSignal: () => void;
  state: ExchangeState;
  /** The PUBLISH, unless it was sent at QoS 0 at once. */
  publication: Publication | undefined;
  /** How many connections and sessions had been lost when the request was submitted. */
  connectionsLost: number;
  sessionsLost: number;
}

/** Bytes as a key: a character for each. */
export function correlationKey(bytes: Uint8Array): string {
  let key = "";
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}

/** About how many bytes a payload takes. */
export function payloadSize(payload: string | Uint8Array | MessageContent): number {
  return typeof payload === "string" || payload instanceof Uint8Array
    ? payload.length
    : payload.payload.length;
}
