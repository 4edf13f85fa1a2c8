// `retained`: lists what the server has retained, or removes it.

import type { Message, Subscription } from "../client/mod.ts";
import { parseSharedSubscription } from "../topics.ts";
import { usageFailure } from "./command.ts";
import {
  connectionOf,
  connectionOptions,
  connectionPermissions,
  topicsOf,
} from "./connection_options.ts";
import { command } from "./definition.ts";
import { EXIT_CODES, SERVER_USAGE } from "./help.ts";
import type { OutgoingMessage } from "./json_message.ts";
import { FORMAT_LETTERS, OUTPUT, Printer, verbose } from "./message_output.ts";
import { type OptionTable, secondsOption } from "./options.ts";
import { Publishing } from "./publishing.ts";
import { checkFilter } from "./sub.ts";
import { withClient } from "./with_client.ts";

const { verbose: _, ...FORMATS } = OUTPUT;

const OWN = {
  "topic": { short: "t", value: "FILTER", many: true, help: "which topics; # for all" },
  "remove": { help: "remove what is listed from the server" },
  "settle": { value: "SECONDS", help: "no more for so long is all there is; 1 by default" },
  ...FORMATS,
} as const satisfies OptionTable;

const OPTIONS = { ...OWN, ...connectionOptions() };

/** The command `retained`. */
export const retained = command({
  name: "retained",
  about: `Lists the messages that the server has retained for a filter, or removes them.
Ends when no more come: servers do not say how many there are.`,
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    'retained -t "home/#"',
    'retained -t "test/#" --remove mqtt://broker.local',
  ],
  exitCodes: EXIT_CODES,
  notes: FORMAT_LETTERS,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given)),
  async run(context, given) {
    const { options } = given;
    const connection = connectionOf(given);
    const filters = topicsOf(options.topic, connection);
    if (filters.length === 0) throw usageFailure("Give a Topic Filter, such as #");
    for (const filter of filters) {
      checkFilter(filter);
      if (parseSharedSubscription(filter) !== undefined) {
        throw usageFailure("A shared subscription brings no retained messages: leave $share out");
      }
    }
    const settle = secondsOption("settle", options.settle ?? "1");
    const printer = new Printer(context.stdout, { ...options, verbose: false }, verbose);
    return await withClient(context, connection, async (client) => {
      const publishing = new Publishing(client, context.stderr);
      const messages = await client.subscribe(filters, { qos: 1 });
      for await (const message of untilSettled(messages, settle)) {
        printer.print(message);
        await printer.flush();
        if (options.remove) await publishing.add([removal(message)]);
      }
      return await publishing.finish();
    });
  },
});

/** What removes a retained message (§3.3.1.3). */
function removal({ topic }: Message): OutgoingMessage {
  return { topic, payload: "", options: { retain: true, qos: 1 } };
}

/** The retained messages of a subscription, until there were none for so many milliseconds. */
async function* untilSettled(messages: Subscription, settle: number): AsyncGenerator<Message> {
  const end = () => void messages.unsubscribe();
  let timer = setTimeout(end, settle);
  for await (const message of messages) {
    // What somebody publishes meanwhile is not retained yet.
    if (!message.retain) continue;
    clearTimeout(timer);
    yield message;
    timer = setTimeout(end, settle);
  }
  clearTimeout(timer);
}
