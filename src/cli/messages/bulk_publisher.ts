// Publishes many messages, with a bound on how many are unacknowledged, and reports refusals.

import type { Client } from "../../client/client.ts";
import { ConnectionClosedError, RefusedError } from "../../errors.ts";
import type { Output } from "../context.ts";
import { report } from "../terminal/text.ts";
import type { MessageToPublish } from "./json.ts";

/** How much may be unacknowledged: enough not to wait for round trips. */
const MOST_MESSAGES = 4096;
const MOST_BYTES = 8_388_608;

/** How many refusals are reported one by one. */
const REPORTED = 5;

/** Publishes messages. */
export class BulkPublisher {
  /** How many are acknowledged, or at QoS 0 sent. */
  done = 0;
  readonly #client: Client;
  readonly #stderr: Output;
  readonly #most: number;
  /** How many are unacknowledged, and the bytes of their payloads. */
  #count = 0;
  #bytes = 0;
  #refused = 0;
  /** The exit code of the first failure. */
  #exitCode = 0;
  /** Why nothing more can be published. */
  #end: { readonly error: unknown } | undefined;
  /** Wakes whoever waits for room. */
  #goOn: (() => void) | undefined;

  /** A publisher with at most so many unacknowledged messages at once. */
  constructor(client: Client, stderr: Output, most = MOST_MESSAGES) {
    this.#client = client;
    this.#stderr = stderr;
    this.#most = Math.min(most, MOST_MESSAGES);
  }

  /**
   * Publishes messages. Resolves when there is room for more.
   *
   * @throws {ConnectionClosedError} when the client is closed
   */
  async add(messages: readonly MessageToPublish[]): Promise<void> {
    for (const message of messages) {
      this.#publish(message);
      if (this.#count >= this.#most || this.#bytes >= MOST_BYTES) await this.#room();
      if (this.#end !== undefined) throw this.#end.error;
    }
  }

  /**
   * Waits for all acknowledgements. Resolves to the exit code.
   *
   * @throws {ConnectionClosedError} when the client is closed before
   */
  async finish(): Promise<number> {
    while (this.#count > 0 && this.#end === undefined) await this.#room();
    if (this.#end !== undefined) throw this.#end.error;
    if (this.#refused > REPORTED) {
      this.#tell(`In total, ${this.#refused} messages were not published`);
    }
    return this.#exitCode;
  }

  #publish({ topic, payload, options }: MessageToPublish): void {
    const size = payload.length;
    this.#count++;
    this.#bytes += size;
    const settled = () => {
      this.#count--;
      this.#bytes -= size;
      this.#goOn?.();
    };
    this.#client.publish(topic, payload, options).then(() => {
      this.done++;
      settled();
    }, (error) => {
      this.#failed(error);
      settled();
    });
  }

  #failed(error: unknown): void {
    if (error instanceof ConnectionClosedError) {
      this.#end ??= { error };
      return;
    }
    const exitCode = error instanceof RefusedError ? error.reasonCode : 1;
    if (this.#exitCode === 0) this.#exitCode = exitCode;
    if (++this.#refused <= REPORTED) this.#tell((error as Error).message);
  }

  #tell(text: string): void {
    report(this.#stderr, text, true);
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => this.#goOn = resolve);
    this.#goOn = undefined;
  }
}
