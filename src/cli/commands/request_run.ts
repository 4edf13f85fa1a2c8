// What `request` does: publishes a request and waits for the response (§4.10).

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
import { maxInflightOf, publishOptionsOf } from "../options/message.ts";
import { propertiesOf } from "../options/properties.ts";
import { noTopic } from "../options/server.ts";
import { withClient } from "../with_client.ts";
import { REQUEST_SUBSCRIBE_NAMES, type RequestArguments } from "./request.ts";

/** A request, and how to get its response. */
interface Request {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly options: PublishOptions;
  readonly subscribe: SubscribeOptions;
  /** Whether retained responses are ignored. */
  readonly isFresh: boolean;
}

/** Runs `request`. */
export async function run(context: Context, given: RequestArguments): Promise<number> {
  const { options } = given;
  const connection = connectionOf(given);
  const topic = options.topic ?? connection.topic;
  if (topic === undefined) throw noTopic("topic", connection.server);
  maxInflightOf(options);
  const publish = publishOptionsOf(options);
  checkMessage({ topic, options: publish });
  checkResponseTopic(publish.responseTopic);
  const payloadUntil = await payloadReader(options, context);
  if (payloadUntil === undefined) throw usageFailure("No payload: give -m, -f, -s or -n");
  const printer = new Printer(context.stdout, options);
  const subscribe = { ...propertiesOf(REQUEST_SUBSCRIBE_NAMES, options), qos: publish.qos };
  return await withClient(context, connection, async (client, stop) => {
    const payload = await payloadUntil(stop);
    const isFresh = options["no-retained"];
    const request = { topic, payload, options: publish, subscribe, isFresh };
    printer.print(await responseTo(client, request));
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

/** Publishes the request, and resolves to the first response. */
async function responseTo(
  client: Client,
  { topic, payload, options, subscribe, isFresh }: Request,
): Promise<Message> {
  const { correlationData = new TextEncoder().encode(randomName()) } = options;
  const { subscriptionIdentifiers, ...others } = subscribe as SubscribeOptions & {
    readonly subscriptionIdentifiers?: readonly number[];
  };
  return await client.request(topic, payload, {
    ...options,
    qos: options.qos ?? 0,
    correlationData,
    // The time limit is that of the command.
    timeout: Infinity,
    // Retained messages too, as for mosquitto_rr.
    subscribe: {
      ...others,
      retainHandling: 0,
      subscriptionIdentifier: subscriptionIdentifiers?.[0],
    },
    matches: (message) => !(isFresh && message.retain) && answers(message, correlationData),
  });
}

/**
 * Whether a message on the Response Topic answers the request: it has the request's Correlation
 * Data, or none, as responders without knowledge of MQTT 5.0 send it. A retained message without
 * Correlation Data is older than the request, so it answers another.
 */
function answers({ correlationData, retain }: Message, asked: Uint8Array): boolean {
  return correlationData === undefined ? !retain : equals(correlationData, asked);
}
