// The messages to publish: from the command line, a file, or standard input as a whole.

import type { PublishOptions } from "../../client/mod.ts";
import { encodePacket } from "../../packets/mod.ts";
import type { Context } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { unreadable } from "../files.ts";
import type { PAYLOAD, Repetition } from "../options/message.ts";
import type { OptionValues } from "../options/parse.ts";
import type { MessageToPublish } from "./json.ts";

/** Messages, in batches as they arrive; a batch is published before the next is read. */
export type MessageSource = AsyncIterable<readonly MessageToPublish[]>;

/** Why a message is invalid; `undefined` when it is valid. */
export function faultOf(
  { topic, options }: Omit<MessageToPublish, "payload">,
): string | undefined {
  const { qos = 0, retain = false, signal: _, ...properties } = options;
  try {
    encodePacket({ type: "publish", topic, qos, retain, packetId: qos === 0 ? 0 : 1, properties });
    return undefined;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return error.message;
  }
}

/**
 * Checks a message.
 *
 * @throws {Failure} when it is invalid
 */
export function checkMessage(message: Omit<MessageToPublish, "payload">): void {
  const fault = faultOf(message);
  if (fault !== undefined) throw usageFailure(`Invalid message: ${fault}`);
}

/** Reads a whole payload; rejects with the reason of the signal when that aborts first. */
export type PayloadReader = (stop: AbortSignal) => Promise<string | Uint8Array>;

/**
 * The reader of the payload that the options name; `undefined` if they name none.
 *
 * @throws {Failure} when the file cannot be read
 */
export async function payloadReader(
  options: OptionValues<typeof PAYLOAD>,
  context: Context,
): Promise<PayloadReader | undefined> {
  const { message, file } = options;
  if (message !== undefined) return () => Promise.resolve(message);
  if (file !== undefined) {
    const payload = await fileOf(file);
    return () => Promise.resolve(payload);
  }
  if (options["stdin-file"]) {
    const { wholeOf } = await import("../terminal/stdin.ts");
    return (stop) => wholeOf(context.stdin, stop);
  }
  return options["null-message"] ? () => Promise.resolve("") : undefined;
}

async function fileOf(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new Failure(unreadable("", path, error));
  }
}

/** The same payload to each topic, repeated as often as wanted. */
export async function* repeated(
  topics: readonly string[],
  payloadUntil: PayloadReader,
  options: PublishOptions,
  { times, delay }: Repetition,
  stop: AbortSignal,
): MessageSource {
  const payload = await payloadUntil(stop);
  const messages = topics.map((topic) => ({ topic, payload, options }));
  for (let time = 0; time < times && !stop.aborted; time++) {
    if (time > 0 && delay > 0) await pause(delay, stop);
    yield messages;
  }
}

/** Waits; no longer than until the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const stop = () => resolve();
  signal.addEventListener("abort", stop);
  await promise;
  signal.removeEventListener("abort", stop);
  clearTimeout(timer);
}
