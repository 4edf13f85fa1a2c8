// What `pub` does: publishes messages from the command line, a file or standard input.

import type { Context } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { BulkPublisher } from "../messages/bulk_publisher.ts";
import { checkMessage, type MessageSource, payloadReader, repeated } from "../messages/source.ts";
import { type Connection, connectionOf, topicsOf } from "../options/connection.ts";
import {
  LINES,
  maxInflightOf,
  PAYLOAD,
  publishOptionsOf,
  repetitionOf,
} from "../options/message.ts";
import { isGiven } from "../options/parse.ts";
import { noTopic } from "../options/server.ts";
import { Progress } from "../terminal/progress.ts";
import { SESSION, withClient } from "../with_client.ts";
import type { PubArguments } from "./pub.ts";

/** Runs `pub`. */
export async function run(context: Context, given: PubArguments): Promise<number> {
  const connection = connectionOf(given);
  const source = await sourceFor(context, connection, given);
  const most = maxInflightOf(given.options);
  // A line of JSON has a QoS of its own.
  const mayBeInFlight = given.options.json || !["0", undefined].includes(given.options.qos);
  return await withClient(
    context,
    connection,
    async (client, stop) => {
      const publisher = new BulkPublisher(client, context.stderr, most);
      // Between packets that are shown, or lines that are typed, a counter would be in the way.
      using _ = connection.trace !== undefined || isTyped(context, given)
        ? undefined
        : new Progress(context.stderr, "sent", () => publisher.done);
      return await publishAll(publisher, source(stop));
    },
    { connect: { topicAliases: "manual" }, ...mayBeInFlight && { session: SESSION } },
  );
}

/** Whether a person types the messages. */
function isTyped({ stdin }: Context, { options }: PubArguments): boolean {
  const kind = kindOf(options);
  return (Object.hasOwn(LINES, kind) || kind === "stdin-file") && stdin.isTerminal;
}

async function publishAll(publisher: BulkPublisher, source: MessageSource): Promise<number> {
  try {
    for await (const messages of source) await publisher.add(messages);
  } catch (error) {
    // The messages before an invalid line are published all the same.
    await publisher.finish();
    throw error;
  }
  return await publisher.finish();
}

/** Where the messages come from. Their faults are found, where possible, before connecting. */
async function sourceFor(
  context: Context,
  connection: Connection,
  { options }: PubArguments,
): Promise<(stop: AbortSignal) => MessageSource> {
  const topics = topicsOf(options.topic, connection);
  const publish = publishOptionsOf(options);
  const kind = kindOf(options);
  if (options.timing && kind !== "json") throw usageFailure("--timing needs --json");
  if (kind === "topic-line" || kind === "json") {
    if (kind === "topic-line" && topics.length > 0) {
      throw usageFailure(
        "--topic cannot be used with --topic-line: each line begins with its topic",
      );
    }
    if (topics.length > 1) throw usageFailure("With --json, --topic can be given only once");
    checkMessage({ topic: topics[0] ?? "topic", options: publish });
    const { jsonMessages, paced, topicLineMessages } = await import("../messages/lines.ts");
    return (stop) => {
      if (kind === "topic-line") return topicLineMessages(context, stop, publish);
      const messages = jsonMessages(context, stop, topics[0], publish);
      return options.timing ? paced(messages, stop) : messages;
    };
  }
  if (topics.length === 0) throw noTopic("topic", connection.server);
  for (const topic of topics) checkMessage({ topic, options: publish });
  if (kind === "stdin-line") {
    const { lineMessages } = await import("../messages/lines.ts");
    return (stop) => lineMessages(context, stop, topics, publish);
  }
  const payloadUntil = await payloadReader(options, context);
  const repetition = repetitionOf(options);
  return (stop) => repeated(topics, payloadUntil!, publish, repetition, stop);
}

const KINDS = [
  ...Object.keys(PAYLOAD),
  ...Object.keys(LINES),
] as (keyof typeof PAYLOAD | keyof typeof LINES)[];

function kindOf(options: PubArguments["options"]): keyof typeof PAYLOAD | keyof typeof LINES {
  const kind = KINDS.find((name) => isGiven(options[name]));
  if (kind === undefined) {
    throw usageFailure(
      "No payload: give -m, -f, -s or -n, or read messages line by line with -l or --json",
    );
  }
  const isLines = Object.hasOwn(LINES, kind);
  if (isLines && (options.repeat !== undefined || options["repeat-delay"] !== undefined)) {
    throw usageFailure(`--repeat and --repeat-delay cannot be used with --${kind}`);
  }
  return kind;
}
