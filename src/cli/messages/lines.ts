// The messages in the lines of standard input. Apart from source.ts, so that `pub -m` does not load
// it.

import type { PublishOptions } from "../../client/mod.ts";
import type { Context } from "../context.ts";
import { Failure } from "../failure.ts";
import { linesOf } from "../terminal/stdin.ts";
import { messageFromJson, type MessageToPublish, textIn } from "./json.ts";
import { faultOf, type MessageSource, pause } from "./source.ts";

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
