// Publishes much, with a bounded part of it under way, and tells what was refused.

import type { Client } from "../../client/client.ts";
import { ConnectionClosedError, RefusedError } from "../../errors.ts";
import type { Output } from "../context.ts";
import { tellOf } from "../terminal/text.ts";
import type { OutgoingMessage } from "./json.ts";

/** So much may be under way at once: enough that no round trip is waited for. */
const MOST_MESSAGES = 4096;
const MOST_BYTES = 8_388_608;

/** So many refusals are told one by one. */
const TOLD = 5;

/** Messages on their way. */
export class Publisher {
  /** How many the server has, or at QoS 0 how many were sent. */
  done = 0;
  readonly #client: Client;
  readonly #stderr: Output;
  /** How many are under way, and the bytes of their payloads. */
  #count = 0;
  #bytes = 0;
  #refused = 0;
  /** The exit code of the first failure. */
  #exitCode = 0;
  /** Why nothing more can be published. */
  #end: { readonly error: unknown } | undefined;
  /** Goes on when less is under way. */
  #goOn: (() => void) | undefined;

  constructor(client: Client, stderr: Output) {
    this.#client = client;
    this.#stderr = stderr;
  }

  /**
   * Publishes messages. Resolves when there is room for more.
   *
   * @throws {ConnectionClosedError} when the client is at its end
   */
  async add(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) {
      this.#publish(message);
      if (this.#count >= MOST_MESSAGES || this.#bytes >= MOST_BYTES) await this.#room();
      if (this.#end !== undefined) throw this.#end.error;
    }
  }

  /**
   * Waits for all that is under way. Resolves to the exit code.
   *
   * @throws {ConnectionClosedError} when the client has come to its end before
   */
  async finish(): Promise<number> {
    while (this.#count > 0 && this.#end === undefined) await this.#room();
    if (this.#end !== undefined) throw this.#end.error;
    if (this.#refused > TOLD) this.#tell(`${this.#refused} messages were not published in all`);
    return this.#exitCode;
  }

  #publish({ topic, payload, options }: OutgoingMessage): void {
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
    if (++this.#refused <= TOLD) this.#tell((error as Error).message);
  }

  #tell(text: string): void {
    tellOf(this.#stderr, text, true);
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => this.#goOn = resolve);
    this.#goOn = undefined;
  }
}
