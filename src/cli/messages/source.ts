// The messages to publish: from the command line, a file, or lines of standard input.

import type { PublishOptions } from "../../client/mod.ts";
import { encodePacket } from "../../packets/mod.ts";
import type { Context } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { unreadable } from "../files.ts";
import type { PAYLOAD, Repetition } from "../options/message.ts";
import type { OptionValues } from "../options/parse.ts";
import { linesOf, wholeOf } from "../terminal/stdin.ts";
import { messageFromJson, type MessageToPublish, textIn } from "./json.ts";

/** Messages, in batches as they arrive; a batch is published before the next is read. */
export type MessageSource = AsyncIterable<readonly MessageToPublish[]>;

/** Why a message is invalid; `undefined` when it is valid. */
function faultOf({ topic, options }: Omit<MessageToPublish, "payload">): string | undefined {
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
  if (options["stdin-file"]) return (stop) => wholeOf(context.stdin, stop);
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

/** A message for each line, to each topic. */
export async function* lineMessages(
  { stdin }: Context,
  signal: AbortSignal,
  topics: readonly string[],
  options: PublishOptions,
): MessageSource {
  for await (const lines of linesOf(stdin, signal)) {
    yield lines.flatMap((payload) => topics.map((topic) => ({ topic, payload, options })));
  }
}

const BLANK = 0x20;

/** A message for each line, which begins with a topic. */
export function topicLineMessages(
  { stdin }: Context,
  signal: AbortSignal,
  options: PublishOptions,
): MessageSource {
  return parsed(linesOf(stdin, signal), (line) => {
    const end = line.indexOf(BLANK);
    const topic = textIn(end < 0 ? line : line.subarray(0, end));
    if (topic === undefined) throw new TypeError("the topic is not valid UTF-8");
    return { topic, payload: line.subarray(end < 0 ? line.length : end + 1), options };
  });
}

/** A message for each line of JSON. Blank lines are skipped. */
export function jsonMessages(
  { stdin }: Context,
  signal: AbortSignal,
  topic: string | undefined,
  options: PublishOptions,
): MessageSource {
  return parsed(linesOf(stdin, signal), (line) => {
    if (line.every((byte) => byte <= BLANK)) return undefined;
    const text = textIn(line);
    if (text === undefined) throw new TypeError("not valid UTF-8");
    return messageFromJson(text, { topic, options });
  });
}

/** The messages in lines. Those before an invalid line are published before it fails. */
async function* parsed(
  source: AsyncIterable<readonly Uint8Array[]>,
  parse: (line: Uint8Array) => MessageToPublish | undefined,
): MessageSource {
  let number = 0;
  for await (const lines of source) {
    const messages: MessageToPublish[] = [];
    try {
      for (const line of lines) {
        number++;
        const message = parse(line);
        if (message === undefined) continue;
        const fault = faultOf(message);
        if (fault !== undefined) throw new TypeError(fault);
        messages.push(message);
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      yield messages;
      throw new Failure(`Line ${number} of standard input: ${error.message}`);
    }
    yield messages;
  }
}

/** The messages at the pace at which they were received. */
export async function* paced(source: MessageSource, signal: AbortSignal): MessageSource {
  let begun: { readonly first: number; readonly at: number } | undefined;
  for await (const messages of source) {
    for (const message of messages) {
      const now = performance.now();
      const { time } = message;
      if (time !== undefined) {
        begun ??= { first: time, at: now };
        await pause(begun.at + time - begun.first - now, signal);
      }
      yield [message];
    }
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
