// What the tests against real peers share: a Mosquitto for each test, and ways to wait for something to happen instead of
// for time to pass. A test that hangs fails in the end.

import {
  type Client,
  type ClientEvents,
  connect,
  type Message,
  type ServerAddress,
} from "../../mod.ts";
import {
  type Mosquitto,
  type MosquittoOptions,
  mosquittoTest,
  startMosquitto,
} from "../io/mosquitto.ts";

/** After so many milliseconds a test is given up: something that it waits for does not happen. */
const PATIENCE = 60_000;

/** How often a condition is looked at, in milliseconds. */
const GLANCE = 10;

/** Waits of a few milliseconds between attempts to reconnect. */
export const QUICKLY = { initialDelay: 10, maximumDelay: 50 } as const;

/** A test with a Mosquitto of its own. */
export function interopTest<Name extends string = never>(
  name: string,
  test: (server: Mosquitto<Name>) => Promise<void>,
  options: MosquittoOptions<Name> = {},
): void {
  mosquittoTest(name, async () => {
    await using server = await startMosquitto(options);
    await withinPatience(test(server));
  }, options);
}

/** What the work results in, unless it takes too long. */
export async function withinPatience<Result>(work: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`No end within ${PATIENCE} ms`)), PATIENCE);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, GLANCE));
}

/** What the next event of a type tells. */
export function once<Type extends keyof ClientEvents>(
  client: Client,
  type: Type,
): Promise<ClientEvents[Type]> {
  return new Promise((resolve) => {
    client.addEventListener(type, ({ detail }) => resolve(detail), { once: true });
  });
}

/** The next messages, acknowledged. */
export async function take(
  messages: AsyncIterable<Message, undefined>,
  count: number,
): Promise<Message[]> {
  const taken: Message[] = [];
  if (count === 0) return taken;
  for await (const message of messages) {
    message.ack();
    taken.push(message);
    if (taken.length === count) break;
  }
  return taken;
}

/** The texts of the messages before the one that says `last`, all acknowledged. */
export async function textsUntil(
  messages: AsyncIterable<Message, undefined>,
  last: string,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of messages) {
    message.ack();
    const text = message.text();
    if (text === last) break;
    texts.push(text);
  }
  return texts;
}

/** The texts of messages. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text());
}

/** `"0"`, `"1"` and so on. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** Publishes one message by a client that is there for nothing else; resolves when the server has it. */
export async function publishOnce(
  { url }: { readonly url: ServerAddress },
  ...[topic, payload, options]: Parameters<Client["publish"]>
): Promise<void> {
  await using client = await connect(url);
  await client.publish(topic, payload, { qos: 1, ...options });
}
