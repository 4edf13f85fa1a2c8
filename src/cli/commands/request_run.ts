// What `request` does: it publishes a request, and waits for the answer (§4.10).

import { equals } from "jsr:@std/bytes@^1/equals";
import type { Client } from "../../client/client.ts";
import type { Message, PublishOptions, SubscribeOptions } from "../../client/mod.ts";
import { randomName } from "../../io/random.ts";
import { validateTopicName } from "../../topics.ts";
import type { Context } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { Printer } from "../messages/printer.ts";
import { checkMessage, payloadReader } from "../messages/source.ts";
import { connectionOf } from "../options/connection.ts";
import { publishOptionsOf } from "../options/message.ts";
import { propertiesOf } from "../options/properties.ts";
import { noTopic } from "../options/server.ts";
import { withClient } from "../with_client.ts";
import { REQUEST_SUBSCRIBE_NAMES, type RequestArguments } from "./request.ts";

/** A question with all that belongs to it. */
interface Question {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly options: PublishOptions;
  readonly subscribe: SubscribeOptions;
  /** Whether an answer that the server had retained is none. */
  readonly isFresh: boolean;
}

/** Runs `request`. */
export async function run(context: Context, given: RequestArguments): Promise<number> {
  const { options } = given;
  const connection = connectionOf(given);
  const topic = options.topic ?? connection.topic;
  if (topic === undefined) throw noTopic("topic", connection.server);
  const publish = publishOptionsOf(options);
  checkMessage({ topic, options: publish });
  checkResponseTopic(publish.responseTopic);
  const payloadUntil = await payloadReader(options, context);
  if (payloadUntil === undefined) throw usageFailure("Give a payload: -m, -f, -s or -n");
  const printer = new Printer(context.stdout, options);
  const subscribe = { ...propertiesOf(REQUEST_SUBSCRIBE_NAMES, options), qos: publish.qos };
  return await withClient(context, connection, async (client, stop) => {
    const payload = await payloadUntil(stop);
    const isFresh = options["no-retained"];
    const question = { topic, payload, options: publish, subscribe, isFresh };
    printer.print(await answerTo(client, question));
    await printer.flush();
    return 0;
  }, { connect: { requestResponseInformation: true, topicAliases: "manual" } });
}

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
  { topic, payload, options, subscribe, isFresh }: Question,
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
    if (isFresh && answer.retain) continue;
    // On a topic that nobody else knows, an answer that says nothing is an answer to this.
    const told = answer.correlationData ?? (isOwn ? correlationData : undefined);
    if (told !== undefined && equals(told, correlationData)) {
      answer.ack();
      return answer;
    }
  }
  throw new Error("The subscription has ended before the answer came");
}
