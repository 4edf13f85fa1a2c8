// How applications read their subscriptions: fast, slowly, several messages at a time, with
// acknowledgements out of order or in a transaction; some publish meanwhile.

import type { Message } from "../../../src/client/message.ts";
import type { Messages } from "../../../src/client/read.ts";
import type { StoreDatabase } from "../../../src/session/session_store.ts";
import { Random } from "../../../src/testing/random.ts";
import type { ConsumerPlan } from "../plan.ts";
import { failureOf, numberOf } from "../recorder.ts";
import { type Host, pause } from "./host.ts";

/** How long a consumer that holds messages back waits for more of them, in milliseconds. */
const HELD = 400;

/** What a consumer works with. */
export interface Consuming {
  readonly host: Host;
  readonly messages: Messages;
  /** The number of the subscription; `undefined` for what belongs to none. */
  readonly subscription: number | undefined;
  /** That of the step which has asked for it. */
  readonly handle: number;
  readonly plan: ConsumerPlan;
  /** Resolves when consumers may go on that are stalled; `undefined` when they are not. */
  readonly stalled: () => Promise<void> | undefined;
  /** Publishes something, and resolves when that has come to an end of any kind. */
  readonly publish: (topic: string, qos: 0 | 1 | 2) => Promise<void>;
  /** Responds to a request, and resolves likewise. */
  readonly respond: (request: Message) => Promise<void>;
}

/** Reads until the subscription has ended, and says how it has. */
export async function consume(consuming: Consuming): Promise<void> {
  const { host, subscription } = consuming;
  try {
    await loopOf(consuming);
    if (subscription !== undefined) host.record({ type: "subscription ended", subscription });
  } catch (error) {
    if (subscription === undefined) return;
    host.record({ type: "subscription ended", subscription, error: failureOf(error) });
  }
}

/** Writes down that the consumer was given a message. */
export function handed({ host, subscription }: Consuming, message: Message): void {
  const { topic, qos, dup, retain, properties, deliveryId } = message;
  const { messageExpiryInterval: expiry, subscriptionIdentifiers: identifiers } = properties;
  host.record({
    type: "handed",
    subscription,
    id: numberOf(message),
    ...{ topic, qos, dup, retain },
    ...expiry !== undefined && { expiry },
    ...identifiers !== undefined && identifiers.length > 0 && { identifiers },
    ...deliveryId !== undefined && { deliveryId },
  });
}

function loopOf(consuming: Consuming): Promise<void> {
  const { plan } = consuming;
  switch (plan.kind) {
    case "read":
      return readEach(consuming, () => rest(consuming, plan.pace));
    case "echo":
      return readEach(consuming, () => consuming.publish(plan.topic, plan.qos));
    case "respond":
      return readEach(consuming, async (message) => {
        if (message.responseTopic !== undefined) await consuming.respond(message);
      });
    case "commit":
      return commitEach(consuming, plan.pace);
    case "batch":
      return readBatches(consuming, plan.size, plan.pace);
    case "leave":
      return leaveAgain(consuming, plan.after, plan.pace);
    case "hold":
      return holdBack(consuming, plan.count, new Random(plan.seed));
  }
}

function rest({ host }: Consuming, pace: number): Promise<void> | undefined {
  return pace === 0 || !host.isPatient ? undefined : pause(host, pace);
}

/** With `ack: "auto"`: whoever asks for the next is done with the one before. */
async function readEach(
  consuming: Consuming,
  use: (message: Message) => Promise<void> | undefined,
): Promise<void> {
  for await (const message of consuming.messages) {
    handed(consuming, message);
    await use(message);
    await consuming.stalled();
    doneByNext(consuming, message);
  }
}

function doneByNext({ host, subscription }: Consuming, message: Message): void {
  if (message.qos === 0) return;
  const id = numberOf(message);
  const isTaken = !message.isStale;
  host.record({ type: "done", subscription, id, by: "next", isTaken, reasonCode: 0 });
}

async function readBatches(consuming: Consuming, batch: number, pace: number): Promise<void> {
  for await (const messages of consuming.messages.read({ batch })) {
    for (const message of messages) handed(consuming, message);
    await rest(consuming, pace);
    await consuming.stalled();
    for (const message of messages) doneByNext(consuming, message);
  }
}

/** The last message of each loop is done with when the next loop asks for its first. */
async function leaveAgain(consuming: Consuming, after: number, pace: number): Promise<void> {
  let last: Message | undefined;
  for (;;) {
    let count = 0;
    const loop = consuming.messages[Symbol.asyncIterator]();
    for (;;) {
      if (last !== undefined) doneByNext(consuming, last);
      const { value } = await loop.next();
      if (value === undefined) return;
      handed(consuming, value);
      last = value;
      await rest(consuming, pace);
      await consuming.stalled();
      if (++count === after) break;
    }
    await loop.return?.();
  }
}

/** With `ack: "manual"`: any of those that are held is acknowledged next. */
async function holdBack(consuming: Consuming, count: number, random: Random): Promise<void> {
  const held: Message[] = [];
  const loop = consuming.messages[Symbol.asyncIterator]();
  let isOver = false;
  let next = begin(take());
  async function take(): Promise<void> {
    const { value } = await loop.next();
    if (value === undefined) return void (isOver = true);
    handed(consuming, value);
    if (value.qos > 0) held.push(value);
  }
  while (!isOver) {
    const came = next.then(() => true);
    // A Receive Maximum may be reached before so many have come.
    const hasCome = held.length === 0
      ? await came
      : await Promise.race([came, pause(consuming.host, HELD).then(() => false)]);
    if (hasCome && !isOver) next = begin(take());
    await consuming.stalled();
    while (held.length >= count || !hasCome && held.length > 0) {
      acknowledge(consuming, random.takeFrom(held)!);
    }
  }
  // What has come is to be acknowledged, though nothing more comes.
  for (const message of held) acknowledge(consuming, message);
}

/** Nobody may be waiting for it when it fails; whoever waits next is told. */
function begin(step: Promise<void>): Promise<void> {
  step.catch(() => {});
  return step;
}

function acknowledge({ host, subscription }: Consuming, message: Message): void {
  const isTaken = message.ack();
  const id = numberOf(message);
  host.record({ type: "done", subscription, id, by: "ack", isTaken, reasonCode: 0 });
}

/** With a store: what the application writes and the acknowledgement stand or fall together. */
async function commitEach(consuming: Consuming, pace: number): Promise<void> {
  const { host, subscription } = consuming;
  /** Deliveries of which nobody knows whether they were committed: the disk has said no. */
  const inDoubt = new Set<string>();
  for await (const message of consuming.messages) {
    handed(consuming, message);
    await rest(consuming, pace);
    await consuming.stalled();
    if (message.qos === 0) continue;
    // What could not be written is written at the next attempt, or comes again.
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const id = numberOf(message);
      try {
        const isNew = message.commit((database) => write(database, consuming, message, inDoubt));
        const by = isNew ? "commit" : "ack";
        host.record({ type: "done", subscription, id, by, isTaken: true, reasonCode: 0 });
        break;
      } catch (error) {
        host.record({ type: "commit failed", subscription, id, error: failureOf(error) });
        inDoubt.add(message.deliveryId!);
        if (message.isStale) break;
        await pause(host, HELD);
      }
    }
  }
}

/** Writes an entry, unless it is there already: returns whether it was not. */
function write(
  database: StoreDatabase,
  { handle }: Consuming,
  message: Message,
  inDoubt: ReadonlySet<string>,
): boolean {
  const delivery = message.deliveryId!;
  if (inDoubt.has(delivery)) {
    if (database.prepare(FIND).all(handle, delivery).length > 0) return false;
  }
  database.prepare(INSERT).run(numberOf(message), handle, delivery);
  return true;
}

/** How often a consumer tries to write what the disk does not take. */
const ATTEMPTS = 100;

/** The application's own table. */
export const CREATE =
  "CREATE TABLE IF NOT EXISTS ledger (id INTEGER, handle INTEGER, delivery TEXT)";
const INSERT = "INSERT INTO ledger VALUES (?, ?, ?)";
const FIND = "SELECT id FROM ledger WHERE handle = ? AND delivery = ?";
export const SELECT = "SELECT id FROM ledger ORDER BY rowid";
