// What `pub` does: it publishes all that there is to publish.

import type { Client } from "../client/client.ts";
import { type Context, usageFailure } from "./command.ts";
import { type Connection, connectionOf, topicsOf } from "./connection_options.ts";
import { LINES, PAYLOAD, publishOptionsOf, repetitionOf } from "./message_options.ts";
import {
  checkMessage,
  jsonMessages,
  lineMessages,
  type MessageSource,
  paced,
  payloadOf,
  repeated,
  topicLineMessages,
} from "./message_source.ts";
import { Progress } from "./progress.ts";
import type { PubArguments } from "./pub.ts";
import { Publisher } from "./publisher.ts";
import { withClient } from "./with_client.ts";

/** For how many seconds the server keeps what is in flight while there is no connection. */
const SESSION = 300;

/** Runs `pub`. */
export async function run(context: Context, given: PubArguments): Promise<number> {
  const connection = connectionOf(given);
  const source = await sourceFor(context, connection, given);
  return await withClient(
    context,
    connection,
    (client, stop) => publishAll(client, source(stop), context),
    // What is in flight when the connection is lost is not lost with it.
    { session: SESSION, connect: { topicAliases: "manual" } },
  );
}

async function publishAll(
  client: Client,
  source: MessageSource,
  context: Context,
): Promise<number> {
  const publishing = new Publisher(client, context.stderr);
  using _ = new Progress(context.stderr, "sent", () => publishing.done);
  try {
    for await (const messages of source) await publishing.add(messages);
  } catch (error) {
    // What stood before a line that says no message is published all the same.
    await publishing.finish();
    throw error;
  }
  return await publishing.finish();
}

/** Where the messages come from. What can be wrong with them is found before anybody connects. */
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
      throw usageFailure("With --topic-line each line has its own topic: leave --topic out");
    }
    if (topics.length > 1) throw usageFailure("With --json, give one topic for lines without");
    checkMessage({ topic: topics[0] ?? "topic", options: publish });
    return (stop) => {
      if (kind === "topic-line") return topicLineMessages(context, stop, publish);
      const messages = jsonMessages(context, stop, topics[0], publish);
      return options.timing ? paced(messages, stop) : messages;
    };
  }
  if (topics.length === 0) throw usageFailure("Give a topic: with --topic, or in the URL");
  for (const topic of topics) checkMessage({ topic, options: publish });
  if (kind === "stdin-line") return (stop) => lineMessages(context, stop, topics, publish);
  const payload = (await payloadOf(options, context))!;
  const repetition = repetitionOf(options);
  return (signal) => repeated(topics, payload, publish, { ...repetition, signal });
}

const KINDS = [
  ...Object.keys(PAYLOAD),
  ...Object.keys(LINES),
] as (keyof typeof PAYLOAD | keyof typeof LINES)[];

function kindOf(options: PubArguments["options"]): keyof typeof PAYLOAD | keyof typeof LINES {
  const kinds = KINDS.filter((name) => options[name] !== undefined && options[name] !== false);
  const [kind] = kinds;
  if (kind === undefined) {
    throw usageFailure("Give a payload: -m, -f, -s or -n; or lines of messages: -l or --json");
  }
  if (kinds.length > 1) throw usageFailure(`--${kinds.join(" and --")} exclude each other`);
  const isLines = Object.hasOwn(LINES, kind);
  if (isLines && (options.repeat !== undefined || options["repeat-delay"] !== undefined)) {
    throw usageFailure("--repeat is for one message, not for lines");
  }
  return kind;
}
