// `pub`: publishes messages, from the command line, a file, or standard input.

import type { Client } from "../client/client.ts";
import { type Context, usageFailure } from "./command.ts";
import {
  type Connection,
  connectionOf,
  connectionOptions,
  connectionPermissions,
  topicsOf,
} from "./connection_options.ts";
import { command } from "./definition.ts";
import { EXIT_CODES, SERVER_USAGE } from "./help.ts";
import {
  checkMessage,
  jsonMessages,
  lineMessages,
  LINES,
  type MessageSource,
  paced,
  PAYLOAD,
  payloadOf,
  PUBLISH,
  publishOptionsOf,
  publishProperties,
  repeated,
  repetitionOf,
  topicLineMessages,
} from "./message_source.ts";
import type { OptionTable, ParsedArguments } from "./options.ts";
import { Progress } from "./progress.ts";
import { Publishing } from "./publishing.ts";
import { withClient } from "./with_client.ts";

const OWN = {
  "topic": { short: "t", value: "TOPIC", many: true, help: "where to" },
  ...PAYLOAD,
  ...LINES,
  "timing": { help: "with --json: keep the time between messages", group: "Sending" },
  "repeat": { value: "N", help: "publish the message N times", group: "Sending" },
  "repeat-delay": { value: "SECONDS", help: "wait so long before each time", group: "Sending" },
  ...PUBLISH,
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions(), ...publishProperties() };

type Given = ParsedArguments<typeof OPTIONS>;

/** For how many seconds the server keeps what is in flight while there is no connection. */
const SESSION = 300;

/** The command `pub`. */
export const pub = command({
  name: "pub",
  about: "Publishes messages. Ends when the server has them; at QoS 0, when they are sent.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    "pub -t home/lamp -m on --retain -q 1",
    "pub -l mqtt://broker.local/home/log < events.txt",
  ],
  exitCodes: EXIT_CODES,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given), given.options.file),
  async run(context, given) {
    const connection = connectionOf(given);
    const source = await sourceFor(context, connection, given);
    return await withClient(
      context,
      connection,
      (client, stop) => publishAll(client, source(stop), context),
      // What is in flight when the connection is lost is not lost with it.
      { session: SESSION, connect: { topicAliases: "manual" } },
    );
  },
});

async function publishAll(
  client: Client,
  source: MessageSource,
  context: Context,
): Promise<number> {
  const publishing = new Publishing(client, context.stderr);
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
  { options }: Given,
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

function kindOf(options: Given["options"]): keyof typeof PAYLOAD | keyof typeof LINES {
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
