// What `sub` does: subscribes, prints messages, and acknowledges each once it has been printed.

import type { Client } from "../../client/client.ts";
import type { Message, SubscribeOptions, Subscription } from "../../client/mod.ts";
import type { QoS, RetainHandling } from "../../packets/mod.ts";
import { topicMatches } from "../../topics.ts";
import type { Context, Output } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { Printer } from "../messages/printer.ts";
import { type Connection, connectionOf, topicsOf } from "../options/connection.ts";
import { maxInflightOf } from "../options/message.ts";
import { countOption, integerOption } from "../options/parse.ts";
import { propertiesOf, SUBSCRIBE_NAMES, UNSUBSCRIBE_NAMES } from "../options/properties.ts";
import { noTopic } from "../options/server.ts";
import { checkFilter } from "../options/topic_filters.ts";
import { Progress } from "../terminal/progress.ts";
import { report } from "../terminal/text.ts";
import { withClient } from "../with_client.ts";
import type { SubArguments } from "./sub.ts";

type Values = SubArguments["options"];

/** What may wait to be printed: a burst must not cost messages. */
const RECEIVE_QUEUE = { messages: 1_000_000, bytes: 67_108_864 };

/** Runs `sub`. */
export async function run(context: Context, given: SubArguments): Promise<number> {
  const { options } = given;
  const connection = connectionOf(given);
  const filters = topicsOf(options.topic, connection);
  const receiving = new Receiving(context, options);
  const subscribe = subscribeOptionsOf(options);
  maxInflightOf(options);
  check(filters, connection, options);
  const filtersPerPacket = countPerPacket(options["filters-per-packet"]);
  return await withClient(context, connection, async (client) => {
    // Without --count there is no end to wait for, and the reader of the output may use the
    // terminal.
    using _ = options.count === undefined || context.stdout.isTerminal ||
        connection.trace !== undefined
      ? undefined
      : new Progress(context.stderr, "received", () => receiving.count);
    // A resumed session may deliver messages at once.
    const older = receiving.print(client, client.messages);
    // Its failure rejects the races below.
    older.catch(() => {});
    if (options.unsubscribe.length > 0) {
      const properties = propertiesOf(UNSUBSCRIBE_NAMES, options);
      await Promise.race([older, client.unsubscribe(options.unsubscribe, properties)]);
    }
    if (receiving.isDone) {
      await older;
      return 0;
    }
    const subscription = filters.length === 0
      ? undefined
      : await client.subscribe(filters, subscribe);
    if (options["exit-after-subscribe"]) return 0;
    await receiving.from(client, older, subscription);
    return 0;
  }, {
    connect: { ack: "manual", receiveQueue: RECEIVE_QUEUE, filtersPerPacket },
    // Ctrl-C is how it ends normally.
    onInterrupt: () => 0,
  });
}

function check(filters: readonly string[], { server }: Connection, options: Values): void {
  if (filters.length === 0 && options.unsubscribe.length === 0) {
    throw noTopic("Topic Filter", server);
  }
  const { "filter-out": out, unsubscribe } = options;
  for (const filter of [...filters, ...unsubscribe, ...out]) checkFilter(filter);
  if (options["no-retained"] && options["retained-only"]) {
    throw usageFailure("--no-retained and --retained-only cannot be used together");
  }
}

function countPerPacket(text: string | undefined): number | undefined {
  return text === undefined ? undefined : countOption("filters-per-packet", text);
}

function subscribeOptionsOf(options: Values): SubscribeOptions {
  const { "retain-handling": handling } = options;
  const { subscriptionIdentifiers, userProperties } = propertiesOf(SUBSCRIBE_NAMES, options);
  return {
    qos: integerOption("qos", options.qos ?? "0", 0, 2) as QoS,
    noLocal: options["no-local"],
    retainAsPublished: options["retain-as-published"],
    retainHandling: integerOption("retain-handling", handling ?? "0", 0, 2) as RetainHandling,
    subscriptionIdentifier: subscriptionIdentifiers?.[0],
    userProperties,
  };
}

/** Prints messages, and acknowledges what is printed. */
class Receiving {
  /** How many have been printed. */
  count = 0;
  readonly #stderr: Output;
  readonly #options: Values;
  readonly #printer: Printer;
  readonly #most: number;
  /** Printed but not yet written. */
  #pending: Message[] = [];
  #isDone = false;

  constructor({ stdout, stderr }: Context, options: Values) {
    this.#stderr = stderr;
    this.#options = options;
    this.#printer = new Printer(stdout, options);
    this.#most = countOption("count", options.count);
  }

  /** Whether no more messages are wanted. */
  get isDone(): boolean {
    return this.#isDone || this.count >= this.#most;
  }

  /** Prints the messages of a subscription and of a resumed session, until there are enough. */
  async from(
    client: Client,
    older: Promise<void>,
    subscription: Subscription | undefined,
  ): Promise<void> {
    const newer = subscription === undefined ? [] : [this.print(client, subscription)];
    try {
      await Promise.race([older, ...newer]);
    } finally {
      const dropped = subscription?.dropped ?? 0;
      if (dropped > 0) {
        report(
          this.#stderr,
          `${dropped} messages at QoS 0 were dropped: they arrived faster than they were printed`,
        );
      }
    }
  }

  /** Prints messages until there are enough. */
  async print(
    client: Client,
    messages: AsyncIterable<Message, undefined> & { readonly waiting?: number },
  ): Promise<void> {
    for await (const message of messages) {
      if (this.isDone) break;
      if (this.#options["retained-only"] && !message.retain) {
        message.ack();
        this.#isDone = true;
        break;
      }
      if (this.#wants(message)) {
        this.#printer.print(message);
        this.#pending.push(message);
        this.count++;
        if (this.#options["remove-retained"] && message.retain) {
          await client.publish(message.topic, "", { retain: true, qos: 1 });
        }
      } else message.ack();
      if (this.isDone) break;
      if (this.#printer.isFull || (messages.waiting ?? 0) === 0) await this.#flush();
    }
    await this.#flush();
  }

  #wants({ topic, retain }: Message): boolean {
    if (retain && this.#options["no-retained"]) return false;
    return !this.#options["filter-out"].some((filter) => topicMatches(filter, topic));
  }

  async #flush(): Promise<void> {
    const written = this.#pending;
    this.#pending = [];
    await this.#printer.flush();
    for (const message of written) message.ack();
  }
}
