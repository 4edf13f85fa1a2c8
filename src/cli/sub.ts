// `sub`: subscribes, and prints what comes.

import type { Client } from "../client/client.ts";
import type { Message, SubscribeOptions, Subscription } from "../client/mod.ts";
import type { QoS, RetainHandling } from "../packets/mod.ts";
import { topicMatches, validateTopicFilter } from "../topics.ts";
import { type Context, type Output, usageFailure } from "./command.ts";
import {
  connectionOf,
  connectionOptions,
  connectionPermissions,
  topicsOf,
} from "./connection_options.ts";
import { command } from "./definition.ts";
import { EXIT_CODES, SERVER_USAGE } from "./help.ts";
import { FORMAT_LETTERS, OUTPUT, Printer } from "./message_output.ts";
import { integerOption, type OptionTable, type OptionValues } from "./options.ts";
import { Progress } from "./progress.ts";
import { propertiesOf, type PropertyNames, propertyOptions } from "./property_options.ts";
import { withClient } from "./with_client.ts";

const SELECTING = "Selecting";
const SUBSCRIBING = "Subscribing";

const OWN = {
  "topic": { short: "t", value: "FILTER", many: true, help: "what to subscribe to" },
  "qos": { short: "q", value: "0|1|2", help: "the highest QoS to receive at; 0 by default" },
  ...OUTPUT,
  "count": { short: "C", value: "N", help: "end after N messages" },
  "exit-after-subscribe": {
    short: "E",
    help: "end as soon as the server has granted all",
    group: SUBSCRIBING,
  },
  "no-retained": { short: "R", help: "leave out what the server had retained", group: SELECTING },
  "retained-only": { help: "end at the first message that was not retained", group: SELECTING },
  "remove-retained": { help: "remove each retained message that comes", group: SELECTING },
  "filter-out": {
    short: "T",
    value: "FILTER",
    many: true,
    help: "leave out what matches this",
    group: SELECTING,
  },
  "unsubscribe": {
    short: "U",
    value: "FILTER",
    many: true,
    help: "end this subscription of the session",
    group: SUBSCRIBING,
  },
  "no-local": { help: "leave out what this client has published", group: SUBSCRIBING },
  "retain-as-published": { help: "keep RETAIN as it was published", group: SUBSCRIBING },
  "retain-handling": {
    value: "0|1|2",
    help: "retained messages: always, if new, never",
    group: SUBSCRIBING,
  },
} as const satisfies OptionTable;

const SUBSCRIBE_NAMES = { holder: "subscribe", prefix: "" } as const satisfies PropertyNames;

const OPTIONS = { ...OWN, ...connectionOptions(), ...propertyOptions(SUBSCRIBE_NAMES) };

type Values = OptionValues<typeof OPTIONS>;

/** What can wait to be printed: a burst must not cost messages. */
const RECEIVE_QUEUE = { messages: 1_000_000, bytes: 67_108_864 };

/** The command `sub`. */
export const sub = command({
  name: "sub",
  about: "Subscribes, and prints the messages that come. Ends on Ctrl-C.",
  usage: `[options] ${SERVER_USAGE}`,
  examples: [
    'sub -v -t "home/+/temperature"',
    "sub -t home/log -C 1 -W 5 mqtt://broker.local",
  ],
  exitCodes: EXIT_CODES,
  notes: FORMAT_LETTERS,
  options: OPTIONS,
  permissions: (given) => connectionPermissions(connectionOf(given)),
  async run(context, given) {
    const { options } = given;
    const connection = connectionOf(given);
    const filters = topicsOf(options.topic, connection);
    const receiving = new Receiving(context, options);
    const subscribe = subscribeOptionsOf(options);
    check(filters, options);
    return await withClient(context, connection, async (client) => {
      if (options.unsubscribe.length > 0) await client.unsubscribe(options.unsubscribe);
      if (filters.length === 0) {
        return options["exit-after-subscribe"] ? 0 : await receiving.from(client, undefined);
      }
      const subscription = await client.subscribe(filters, subscribe);
      return options["exit-after-subscribe"] ? 0 : await receiving.from(client, subscription);
    }, {
      connect: { ack: "manual", receiveQueue: RECEIVE_QUEUE },
      // Who listens ends by stopping to.
      onInterrupt: () => 0,
    });
  },
});

function check(filters: readonly string[], options: Values): void {
  if (filters.length === 0 && options.unsubscribe.length === 0) {
    throw usageFailure("Give a Topic Filter: with --topic, or in the URL");
  }
  const { "filter-out": out, unsubscribe } = options;
  for (const filter of [...filters, ...unsubscribe, ...out]) checkFilter(filter);
  if (options["no-retained"] && options["retained-only"]) {
    throw usageFailure("--no-retained and --retained-only leave no message: choose one");
  }
}

/**
 * Refuses a Topic Filter that is none.
 *
 * @throws {Failure} when it is none
 */
export function checkFilter(filter: string): void {
  try {
    validateTopicFilter(filter);
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
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
  readonly #stderr: Output;
  readonly #options: Values;
  readonly #printer: Printer;
  readonly #showsProgress: boolean;
  readonly #most: number;
  /** Printed, but not written yet. */
  #pending: Message[] = [];
  #count = 0;

  constructor({ stdout, stderr }: Context, options: Values) {
    this.#stderr = stderr;
    this.#options = options;
    this.#printer = new Printer(stdout, options);
    this.#showsProgress = !stdout.isTerminal;
    this.#most = options.count === undefined
      ? Infinity
      : integerOption("count", options.count, 1, Number.MAX_SAFE_INTEGER);
  }

  /** All of a subscription, and all that an older session brings. Resolves to the exit code. */
  async from(client: Client, subscription: Subscription | undefined): Promise<number> {
    using _ = this.#showsProgress
      ? new Progress(this.#stderr, "received", () => this.#count)
      : undefined;
    const refused = refusalOf(client);
    try {
      const loops = [this.#print(client, client.messages)];
      if (subscription !== undefined) loops.push(this.#print(client, subscription));
      await Promise.race([...loops, refused]);
      return 0;
    } finally {
      const dropped = subscription?.dropped ?? 0;
      if (dropped > 0) {
        this.#stderr.write(`mqtt5: ${dropped} messages of QoS 0 came faster than they were read\n`);
      }
    }
  }

  /** Prints messages up to the last one that is wanted. */
  async #print(
    client: Client,
    messages: AsyncIterable<Message, undefined> & { readonly waiting?: number },
  ): Promise<void> {
    for await (const message of messages) {
      if (this.#count >= this.#most) return;
      if (this.#options["retained-only"] && !message.retain) {
        message.ack();
        return await this.#flush();
      }
      if (this.#wants(message)) {
        this.#printer.print(message);
        this.#pending.push(message);
        this.#count++;
        if (this.#options["remove-retained"] && message.retain) {
          await client.publish(message.topic, "", { retain: true, qos: 1 });
        }
      } else message.ack();
      const isLast = this.#count >= this.#most;
      if (isLast || this.#printer.isFull || (messages.waiting ?? 0) === 0) await this.#flush();
      if (isLast) return;
    }
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

/** Rejects when the server, after a lost session, does not grant again what it had granted. */
function refusalOf(client: Client): Promise<never> {
  return new Promise((_, reject) => {
    client.addEventListener("refused", ({ detail: { error } }) => reject(error));
  });
}
