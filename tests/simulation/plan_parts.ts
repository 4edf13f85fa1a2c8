// Who takes part in a simulated world: the network, the broker and the clients, with options drawn
// from all over their ranges, and from the ends of them more often.

import type { BrokerLimits, BrokerOptions } from "../../src/broker/mod.ts";
import type { ConnectOptions, WillOptions } from "../../src/client/options.ts";
import type { QoS } from "../../src/packets/mod.ts";
import type { Random } from "../../src/testing/random.ts";
import type { BrokerPlan, ClientPlan, NetworkPlan } from "./plan.ts";

/** One of some values. */
export function oneOf<Value>(random: Random, ...values: readonly Value[]): Value {
  return values[random.below(values.length)]!;
}

/** A whole number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least + 1);
}

/** Only what is not `undefined`. */
function given<Options extends object>(options: Options): Given<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Given<Options>;
}

type Given<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };

/** The links of a world. */
export function drawNetwork(random: Random): NetworkPlan {
  const leastLatency = oneOf(random, 0, 0, 1, 5, 40);
  return {
    leastLatency,
    mostLatency: leastLatency + oneOf(random, 0, 1, 10, 50),
    largestFragment: oneOf(random, undefined, undefined, 1, 7, 100),
    buffer: oneOf(random, undefined, undefined, undefined, 64, 1000),
  };
}

/** The broker of a world. */
export function drawBroker(random: Random): BrokerPlan {
  const limits: Partial<BrokerLimits> = given({
    receiveMaximum: oneOf(random, undefined, 1, 2, 10, 65_535),
    topicAliasMaximum: oneOf(random, undefined, 0, 1, 3),
    maximumPacketSize: random.onceIn(8) ? 300 : undefined,
    queuedMessages: random.onceIn(8) ? oneOf(random, 2, 10) : undefined,
    sessionExpiryInterval: random.onceIn(8) ? oneOf(random, 0, 3, 60) : undefined,
    retainedMessages: random.onceIn(12) ? 2 : undefined,
    subscriptionsPerSession: random.onceIn(12) ? 3 : undefined,
  });
  const options: BrokerOptions = given({
    limits,
    overlapping: oneOf(random, undefined, "one copy" as const, "several copies" as const),
    topicAliases: oneOf(random, undefined, "automatic" as const),
    maximumQoS: random.onceIn(20) ? oneOf<QoS>(random, 0, 1) : undefined,
    retainAvailable: random.onceIn(20) ? false : undefined,
    wildcardSubscriptionAvailable: random.onceIn(20) ? false : undefined,
    subscriptionIdentifierAvailable: random.onceIn(12) ? false : undefined,
    sharedSubscriptionAvailable: random.onceIn(20) ? false : undefined,
    serverKeepAlive: random.onceIn(8) ? oneOf(random, 2, 10) : undefined,
  });
  return { hasDisk: random.onceIn(2), options };
}

/** The most clients of a world, and the most of them that have stores. */
const MOST_CLIENTS = 6;
const MOST_STORES = 2;

/** The clients of a world. */
export function drawClients(random: Random): ClientPlan[] {
  const count = between(random, 2, MOST_CLIENTS);
  const stores = random.onceIn(2) ? between(random, 1, MOST_STORES) : 0;
  return Array.from({ length: count }, (_, index) => {
    const hasDisk = index < stores;
    return { clientId: `c${index}`, hasDisk, options: drawOptions(random, index, hasDisk) };
  });
}

function drawOptions(random: Random, index: number, hasDisk: boolean): ConnectOptions {
  const expiry = oneOf(random, 0, 0, 2, 20, 3600, 0xffff_ffff);
  return given({
    sessionExpiryInterval: hasDisk && expiry < 3600 ? 3600 : expiry,
    keepAlive: oneOf(random, undefined, 0, 3, 20),
    receiveMaximum: oneOf(random, undefined, undefined, 1, 2, 10),
    maximumPacketSize: random.onceIn(6) ? oneOf(random, 120, 400) : undefined,
    topicAliasMaximum: oneOf(random, undefined, 0, 1, 10),
    topicAliases: oneOf(random, "off" as const, "automatic" as const),
    requestProblemInformation: random.onceIn(4) ? false : undefined,
    requestResponseInformation: random.onceIn(6) ? true : undefined,
    connectTimeout: oneOf(random, undefined, 500, 5000),
    pingTimeout: oneOf(random, undefined, 1000),
    waitForServer: true,
    reconnect: {
      initialDelay: oneOf(random, 1, 50, 1000),
      maximumDelay: oneOf(random, 1000, 10_000),
      stableAfter: oneOf(random, 1, 1000, 10_000),
    },
    onSessionLost: hasDisk ? oneOf(random, "resend" as const, "reject" as const) : undefined,
    queueQoS0: random.onceIn(3) ? false : undefined,
    sendQueue: random.onceIn(6)
      ? { messages: 3, whenFull: oneOf(random, "drop newest" as const, "drop oldest" as const) }
      : undefined,
    receiveQueue: random.onceIn(6)
      ? { messages: 2, whenFull: oneOf(random, "drop newest" as const, "drop oldest" as const) }
      : undefined,
    filtersPerPacket: random.onceIn(4) ? 1 : undefined,
    will: random.onceIn(2) ? drawWill(random, index) : undefined,
  });
}

function drawWill(random: Random, index: number): WillOptions {
  return given({
    topic: `will/${index}`,
    qos: oneOf<QoS>(random, 0, 1, 2),
    retain: random.onceIn(3),
    willDelayInterval: oneOf(random, undefined, 1, 5, 60),
    messageExpiryInterval: random.onceIn(6) ? 10 : undefined,
  });
}
