// The steps of a plan. Each world has its own mix: of every kind of step it has none, a few or
// many, since faults hide from worlds in which everything happens at once (swarm testing).

import type { QoS } from "../../src/packets/mod.ts";
import type { Random } from "../../src/testing/random.ts";
import type {
  Action,
  BrokerPlan,
  ClientPlan,
  ConsumerPlan,
  MessagePlan,
  NetworkPlan,
  Step,
  SubscriptionPlan,
} from "./plan.ts";
import { between, oneOf } from "./plan_parts.ts";

/** The topics of applications, of which some lie below others. */
export const TOPICS = ["a", "a/b", "a/b/c", "a/c", "b", "b/c"] as const;

/** Where echoes and requests go. */
export const ECHO = "echo";
export const ASK = "ask";

const FILTERS = ["#", "a/#", "a/+", "+/b/#", "+", ...TOPICS, ...TOPICS, `${ECHO}/+`, "will/+"];

const GROUPS = ["$share/g/a/#", "$share/g/b", "$share/h/#", "$share/h/a/b"] as const;

/** What steps are drawn from. */
export interface Cast {
  readonly network: NetworkPlan;
  readonly broker: BrokerPlan;
  readonly clients: readonly ClientPlan[];
  readonly count: number;
}

/** What this world's draws have in common. */
interface Mood extends Cast {
  readonly random: Random;
  readonly topics: readonly string[];
  readonly sizes: readonly number[];
  /** How long time steps may be. */
  readonly patience: number;
  readonly handles: { readonly handle: number; readonly client: number }[];
  /** The place of the step in the plan, which names what it makes. */
  place: number;
}

type Make = (mood: Mood, client: number) => Action;

/** All kinds of steps: how many of a hundred, in a world that has many, and how one is drawn. */
const KINDS: readonly (readonly [weight: number, isFault: boolean, make: Make])[] = [
  [120, false, (mood, client) => publish(mood, client)],
  [8, false, (mood, client) => subscribe(mood, client)],
  [4, false, (mood, client) => unsubscribe(mood, client)],
  [
    2,
    false,
    ({ random }, client) => ({
      do: "unsubscribe filter",
      client,
      topicFilter: oneOf<string>(random, ...FILTERS),
    }),
  ],
  [8, false, ({ random }, client) => ({
    do: "request",
    client,
    topic: `${ASK}/${random.below(2)}`,
    timeout: oneOf(random, 100, 2000, 30_000),
  })],
  [3, false, ({ random }, client) => ({
    do: "stall consumers",
    client,
    lasts: oneOf(random, 50, 1000, 20_000),
  })],
  [4, false, (mood, client) => disconnect(mood, client)],
  [2, false, (mood) => ({ do: "broker publishes", message: drawMessage(mood) })],
  [3, true, (mood, client) => crash(mood, client)],
  [2, true, (mood, client) => takeOver(mood, client)],
  [14, true, ({ random }, client) => ({
    do: "cut",
    client,
    way: oneOf(random, "up" as const, "down" as const),
    afterBytes: oneOf(random, 0, random.below(5), random.below(60), random.below(1000)),
  })],
  [2, true, (_, client) => ({ do: "half-open", client })],
  [4, true, ({ random }, client) => ({
    do: "stall link",
    client,
    way: oneOf(random, "up" as const, "down" as const),
    lasts: oneOf(random, 20, 1000, 10_000),
  })],
  [3, true, ({ random }, client) => ({
    do: "partition",
    client,
    lasts: oneOf(random, 20, 1000, 10_000),
  })],
  [2, true, ({ random }, client) => ({
    do: "slow link",
    client,
    latency: oneOf(random, 100, 1000),
    lasts: oneOf(random, 1000, 10_000),
  })],
  [2, true, ({ random }) => ({
    do: "refuse dials",
    how: oneOf(random, "refused" as const, "black hole" as const, "closed" as const),
    lasts: oneOf(random, 20, 1000, 10_000),
  })],
  [2, true, ({ random }, client) => ({
    do: "sleep",
    client,
    lasts: oneOf(random, 500, 5000, 60_000),
  })],
  [2, true, ({ random }, client) => ({ do: "set clock", client, by: clockJump(random) })],
  [4, true, ({ random }, client) => ({ do: "disk", client, ...diskFault(random) })],
  [2, true, ({ random }) => ({
    do: "crash broker",
    keepsDisk: !random.onceIn(6),
    awayFor: oneOf(random, 0, 100, 3000),
  })],
  [1, true, ({ random }) => ({
    do: "shut broker down",
    awayFor: oneOf(random, 0, 100, 3000),
  })],
  [1, true, ({ random }) => ({ do: "set broker's clock", by: clockJump(random) })],
  [3, true, ({ random }) => ({ do: "broker's disk", ...diskFault(random) })],
  [1, true, (_, client) => ({ do: "disconnected by broker", client })],
];

/** The steps of a world: first everybody subscribes to something, then anything happens. */
export function drawSteps(random: Random, cast: Cast): Step[] {
  const mood: Mood = {
    ...cast,
    random,
    topics: TOPICS.slice(0, between(random, 1, TOPICS.length)),
    sizes: drawSizes(random, cast.network),
    patience: oneOf(random, 1, 1, 4, 30),
    handles: [],
    place: 0,
  };
  const isCalm = random.onceIn(10);
  const weights = KINDS.map(([weight, isFault]) =>
    isFault && isCalm ? 0 : weight * oneOf(random, 0, 1, 1, 3)
  );
  // A world without messages shows nothing.
  weights[0] ||= KINDS[0]![0];
  const steps: Step[] = [];
  for (let client = 0; client < cast.clients.length; client++) {
    mood.place = steps.length;
    steps.push({ after: 0, ...subscribe(mood, client) });
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  while (steps.length < cast.count) {
    const make = KINDS[placeOf(random.below(total), weights)]![2];
    mood.place = steps.length;
    const action = make(mood, random.below(cast.clients.length));
    steps.push({ after: pause(mood), ...action });
  }
  return steps;
}

/** Where packets are taken apart or hardly fit, large ones would only take time. */
function drawSizes(random: Random, { largestFragment, buffer }: NetworkPlan): readonly number[] {
  if (largestFragment !== undefined && largestFragment < 100) return [12];
  if (buffer !== undefined && buffer < 1000) return [12, 40];
  return oneOf(random, [12], [12, 40], [12, 40, 300], [12, 12, 200, 3000]);
}

function placeOf(drawn: number, weights: readonly number[]): number {
  let left = drawn;
  return weights.findIndex((weight) => (left -= weight) < 0);
}

function pause({ random, patience }: Mood): number {
  switch (random.below(20)) {
    case 0:
      return random.below(300) * patience;
    case 1:
      return random.onceIn(8) ? random.below(4000) * patience : random.below(100);
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
      return random.below(20);
    default:
      return 0;
  }
}

function publish(mood: Mood, client: number): Action {
  const { random, clients } = mood;
  const message = drawMessage(mood);
  const hasStore = clients[client]!.hasDisk;
  const isEnqueued = hasStore && message.qos > 0 && random.onceIn(2);
  return {
    do: "publish",
    client,
    message,
    how: isEnqueued ? "enqueue" : "publish",
    ...!isEnqueued && random.onceIn(12) && { abortAfter: random.below(100) },
  };
}

function drawMessage({ random, topics, sizes, place }: Mood): MessagePlan {
  const retain = random.onceIn(4);
  return {
    id: place,
    topic: oneOf(random, ...topics),
    qos: oneOf<QoS>(random, 0, 1, 1, 2, 2),
    retain,
    size: retain && random.onceIn(4) ? 0 : oneOf(random, ...sizes),
    ...random.onceIn(6) && { messageExpiryInterval: oneOf(random, 1, 5, 60) },
  };
}

function subscribe(mood: Mood, client: number): Action {
  const { random, clients } = mood;
  const handle = mood.place;
  const count = random.onceIn(4) ? 2 : 1;
  const isShared = random.onceIn(5);
  const consumer = drawConsumer(mood, client);
  const qos = () => oneOf<QoS>(random, 0, 1, 2, 2);
  const requests = Array.from({ length: count }, () => ({
    topicFilter: topicFilter(random, isShared, consumer),
    qos: qos(),
    noLocal: !isShared && random.onceIn(8),
    retainAsPublished: random.onceIn(3),
    retainHandling: oneOf(random, 0 as const, 0 as const, 1 as const, 2 as const),
  }));
  const subscription: SubscriptionPlan = {
    handle,
    requests: requests[0]!.topicFilter === requests[1]?.topicFilter
      ? requests.slice(0, 1)
      : requests,
    consumer,
    ...!clients[client]!.hasDisk && random.onceIn(12) && { abortAfter: random.below(100) },
  };
  mood.handles.push({ handle, client });
  return { do: "subscribe", client, subscription };
}

function topicFilter(random: Random, isShared: boolean, { kind }: ConsumerPlan): string {
  if (kind === "respond") return `${ASK}/+`;
  // An echo of an echo would go on for ever.
  if (kind === "echo") return oneOf(random, "a/#", "a/b", "b", "b/+");
  return isShared ? oneOf(random, ...GROUPS) : oneOf<string>(random, ...FILTERS);
}

function drawConsumer({ random, clients }: Mood, client: number): ConsumerPlan {
  const pace = oneOf(random, 0, 0, 0, 5, 100, 2000);
  if (clients[client]!.hasDisk && random.onceIn(2)) return { kind: "commit", pace };
  switch (random.below(16)) {
    case 0:
      return { kind: "batch", size: between(random, 2, 5), pace };
    case 1:
    case 2:
      return { kind: "hold", count: between(random, 1, 8), seed: random.below(1_000_000) };
    case 3:
      return { kind: "leave", after: between(random, 1, 4), pace };
    case 4:
      return { kind: "echo", topic: `${ECHO}/${client}`, qos: oneOf<QoS>(random, 0, 1, 2) };
    case 5:
      return { kind: "respond" };
    default:
      return { kind: "read", pace };
  }
}

function unsubscribe({ random, handles }: Mood, client: number): Action {
  const own = handles.filter((each) => each.client === client);
  const chosen = own.length > 0 ? own : handles;
  return { do: "unsubscribe", ...chosen[random.below(chosen.length)]! };
}

function disconnect({ random, clients }: Mood, client: number): Action {
  const { sessionExpiryInterval = 0 } = clients[client]!.options;
  return {
    do: "disconnect",
    client,
    reasonCode: oneOf(random, 0x00 as const, 0x04 as const),
    ...sessionExpiryInterval > 0 && random.onceIn(4) &&
      { sessionExpiryInterval: oneOf(random, 0, 5, 1000) },
    timeout: oneOf(random, 0, 100, 5000),
    awayFor: oneOf(random, 0, 100, 3000),
    keepsSession: random.onceIn(2),
  };
}

function crash({ random }: Mood, client: number): Action {
  return {
    do: "crash",
    client,
    keepsDisk: !random.onceIn(4),
    resumes: random.onceIn(2),
    leavesLinks: random.onceIn(4),
    awayFor: oneOf(random, 0, 10, 1000, 8000),
  };
}

/** A store has one process at a time, which takes over from the one before when that has crashed. */
function takeOver(mood: Mood, client: number): Action {
  const hasDisk = mood.clients[client]!.hasDisk;
  return hasDisk
    ? { ...crash(mood, client), leavesLinks: true } as Action
    : { do: "take over", client };
}

function clockJump(random: Random): number {
  return oneOf(random, 1, -1) * oneOf(random, 1500, 10_000, 3_600_000);
}

function diskFault(random: Random) {
  return {
    fault: oneOf(
      random,
      "fails" as const,
      "fails, but is done" as const,
      "full" as const,
      "crash before" as const,
      "crash after" as const,
    ),
    times: oneOf(random, 1, 1, 3, 20),
  };
}
