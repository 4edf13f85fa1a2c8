// `request`: publishes a request, and prints the answer (§4.10).

import type { Client } from "../client/client.ts";
import type { Message, PublishOptions, SubscribeOptions } from "../client/mod.ts";
import { equals } from "jsr:@std/bytes@^1/equals";
import { randomName } from "../io/random.ts";
import { validateTopicName } from "../topics.ts";
import { usageFailure } from "./command.ts";
import { connectionOf, connectionOptions, connectionPermissions } from "./connection_options.ts";
import { command } from "./definition.ts";
import { EXIT_CODES, SERVER_USAGE } from "./help.ts";
import { FORMAT_LETTERS, OUTPUT, Printer } from "./message_output.ts";
import {
  checkMessage,
  PAYLOAD,
  payloadOf,
  PUBLISH,
  publishOptionsOf,
  publishProperties,
} from "./message_source.ts";
import type { OptionTable } from "./options.ts";
import { propertiesOf, type PropertyNames, propertyOptions } from "./property_options.ts";
import { withClient } from "./with_client.ts";

const OWN = {
  "topic": { short: "t", value: "TOPIC", help: "where requests are answered" },
  ...PAYLOAD,
  "response-topic": {
    short: "e",
    value: "TOPIC",
    help: "where the answer is to go; one of its own",
  },
  ...PUBLISH,
  "retain": { ...PUBLISH.retain, group: "Sending" },
  ...OUTPUT,
} as const satisfies OptionTable;

const SUBSCRIBE_NAMES = {
  holder: "subscribe",
  prefix: "subscribe-",
  only: new Set(["user-property"]),
} as const satisfies PropertyNames;

const OPTIONS = {
  ...OWN,
  ...connectionOptions(),
  ...publishProperties(),
  ...propertyOptions(SUBSCRIBE_NAMES),
  // The property, with the letter of mosquitto_rr.
  "response-topic": OWN["response-topic"],
};

/** A question with all that belongs to it. */
interface Question {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly options: PublishOptions;
  readonly subscribe: SubscribeOptions;
}

/** The command `request`. */
export const request = command({
  name: "request",
  about: "Publishes a request, waits for the answer (with -W: so long), and prints it.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    "request -t clock/now -n -W 5",
    'request -t sum -m "[1, 2]" --json mqtt://broker.local',
  ],
  exitCodes: EXIT_CODES,
  notes: FORMAT_LETTERS,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given), given.options.file),
  async run(context, given) {
    const { options } = given;
    const connection = connectionOf(given);
    const topic = options.topic ?? connection.topic;
    if (topic === undefined) throw usageFailure("Give a topic: with --topic, or in the URL");
    const publish = publishOptionsOf(options);
    checkMessage({ topic, options: publish });
    checkResponseTopic(publish.responseTopic);
    const payload = await payloadOf(options, context);
    if (payload === undefined) throw usageFailure("Give a payload: -m, -f, -s or -n");
    const printer = new Printer(context.stdout, options);
    const subscribe = { ...propertiesOf(SUBSCRIBE_NAMES, options), qos: publish.qos };
    return await withClient(context, connection, async (client) => {
      const question = { topic, payload, options: publish, subscribe };
      printer.print(await answerTo(client, question));
      await printer.flush();
      return 0;
    }, { connect: { requestResponseInformation: true, topicAliases: "manual" } });
  },
});

function checkResponseTopic(topic: string | undefined): void {
  if (topic === undefined) return;
  try {
    validateTopicName(topic);
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
}

/** Asks, and resolves to the first answer. */
async function answerTo(
  client: Client,
  { topic, payload, options, subscribe }: Question,
): Promise<Message> {
  const { responseInformation = "mqtt5/responses" } = client.server;
  const isOwn = options.responseTopic === undefined;
  const responseTopic = options.responseTopic ?? `${responseInformation}/${randomName()}`;
  const correlationData = options.correlationData ?? new TextEncoder().encode(randomName());
  const { subscriptionIdentifiers, ...others } = subscribe as SubscribeOptions & {
    readonly subscriptionIdentifiers?: readonly number[];
  };
  const answers = await client.subscribe(responseTopic, {
    ...others,
    subscriptionIdentifier: subscriptionIdentifiers?.[0],
  });
  await client.publish(topic, payload, { ...options, responseTopic, correlationData });
  for await (const answer of answers) {
    // On a topic that nobody else knows, an answer that says nothing is an answer to this.
    const told = answer.correlationData ?? (isOwn ? correlationData : undefined);
    if (told !== undefined && equals(told, correlationData)) {
      answer.ack();
      return answer;
    }
  }
  throw new Error("The subscription has ended before the answer came");
}
