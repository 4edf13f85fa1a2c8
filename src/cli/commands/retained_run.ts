// What `retained` does: lists retained messages, and with --remove removes them.

import type { Message, Subscription } from "../../client/mod.ts";
import { parseSharedSubscription } from "../../topics.ts";
import type { Context } from "../context.ts";
import { usageFailure } from "../failure.ts";
import type { MessageToPublish } from "../messages/json.ts";
import { Printer, verbose } from "../messages/printer.ts";
import { BulkPublisher } from "../messages/bulk_publisher.ts";
import { connectionOf, topicsOf } from "../options/connection.ts";
import { secondsOption } from "../options/parse.ts";
import { noTopic } from "../options/server.ts";
import { checkFilter } from "../options/topic_filters.ts";
import { withClient } from "../with_client.ts";
import type { RetainedArguments } from "./retained.ts";

/** Runs `retained`. */
export async function run(context: Context, given: RetainedArguments): Promise<number> {
  const { options } = given;
  const connection = connectionOf(given);
  const filters = topicsOf(options.topic, connection);
  if (filters.length === 0) throw noTopic("Topic Filter", connection.server);
  for (const filter of filters) {
    checkFilter(filter);
    if (parseSharedSubscription(filter) !== undefined) {
      throw usageFailure(
        "A shared subscription gets no retained messages: remove $share/… from the filter",
      );
    }
  }
  const settle = secondsOption("settle", options.settle ?? "1");
  const printer = new Printer(context.stdout, { ...options, verbose: false }, verbose);
  return await withClient(context, connection, async (client) => {
    const publisher = new BulkPublisher(client, context.stderr);
    const messages = await client.subscribe(filters, { qos: 1 });
    // With overlapping filters, a message may arrive once for each.
    const listed = new Set<string>();
    for await (const message of untilSettled(messages, settle)) {
      if (listed.has(message.topic)) continue;
      if (filters.length > 1) listed.add(message.topic);
      printer.print(message);
      if (printer.isFull || messages.waiting === 0) await printer.flush();
      if (options.remove) await publisher.add([removal(message)]);
    }
    await printer.flush();
    return await publisher.finish();
  });
}

/** The message that removes a retained message (§3.3.1.3). */
function removal({ topic }: Message): MessageToPublish {
  return { topic, payload: "", options: { retain: true, qos: 1 } };
}

/** The retained messages of a subscription, until none has arrived for `settle` milliseconds. */
async function* untilSettled(messages: Subscription, settle: number): AsyncGenerator<Message> {
  const end = () => void messages.unsubscribe();
  let timer = setTimeout(end, settle);
  for await (const message of messages) {
    // This one was published in the meantime.
    if (!message.retain) continue;
    clearTimeout(timer);
    yield message;
    timer = setTimeout(end, settle);
  }
  clearTimeout(timer);
}
