// What a simulated world does, drawn from its seed before it begins: who takes part, with which
// options, and the steps one after the other. A step means the same whether or not the steps before
// it are there, so that a failing plan is reduced by leaving steps out. All of it is plain data.

import type { BrokerOptions } from "../../src/broker/mod.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { QoS, SubscriptionRequest } from "../../src/packets/mod.ts";
import { Random } from "../../src/testing/random.ts";
import { drawBroker, drawClients, drawNetwork } from "./plan_parts.ts";
import { drawSteps } from "./plan_steps.ts";

/** So many steps a plan has at least. */
export const STEPS = 200;

/** Everything that happens in a world, but for the noise of its network. */
export interface Plan {
  readonly seed: number;
  /** The first Packet Identifier of every session, of client and broker. */
  readonly firstPacketId: number;
  readonly network: NetworkPlan;
  readonly broker: BrokerPlan;
  readonly clients: readonly ClientPlan[];
  readonly steps: readonly Step[];
}

/** How the links are while nothing is wrong. Times in milliseconds. */
export interface NetworkPlan {
  readonly leastLatency: number;
  readonly mostLatency: number;
  /** The most bytes that arrive at once. Default: as many as were sent. */
  readonly largestFragment?: number | undefined;
  /** How many bytes may be under way in one direction. Default: that of the network. */
  readonly buffer?: number | undefined;
}

/** The broker of a world. */
export interface BrokerPlan {
  /** Whether it has a file. */
  readonly hasDisk: boolean;
  readonly options: BrokerOptions;
}

/** A client of a world: one Client Identifier, whatever processes use it. */
export interface ClientPlan {
  readonly clientId: string;
  /** Whether it has a store. */
  readonly hasDisk: boolean;
  /** Without the Will's payload, which names the process. */
  readonly options: ConnectOptions;
}

/** A message to be published. Its payload begins with its number. */
export interface MessagePlan {
  readonly id: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** How many bytes its payload has at least; 0 for none, which clears what is retained. */
  readonly size: number;
  readonly messageExpiryInterval?: number;
}

/** How an application reads a subscription. */
export type ConsumerPlan =
  /** It takes each message in turn, and so many milliseconds for it. */
  | { readonly kind: "read"; readonly pace: number }
  /** Likewise, several at a time. */
  | { readonly kind: "batch"; readonly size: number; readonly pace: number }
  /** It holds so many messages back, and acknowledges any of them in turn. */
  | { readonly kind: "hold"; readonly count: number; readonly seed: number }
  /** It leaves its loop after each so many messages, and begins another. */
  | { readonly kind: "leave"; readonly after: number; readonly pace: number }
  /** It acknowledges each message in a transaction of its store, with an entry in a table. */
  | { readonly kind: "commit"; readonly pace: number }
  /** It publishes within its loop, and awaits that. */
  | { readonly kind: "echo"; readonly topic: string; readonly qos: QoS }
  /** It responds to requests. */
  | { readonly kind: "respond" };

/** A subscription of an application. */
export interface SubscriptionPlan {
  readonly handle: number;
  readonly requests: readonly Required<SubscriptionRequest>[];
  readonly consumer: ConsumerPlan;
  /** Whether it is given up so many milliseconds after it was asked for. */
  readonly abortAfter?: number;
}

/** What a client of a plan does, or what is done to it, by its place in the list. */
type OfClient = { readonly client: number };

/** For how long something lasts, in milliseconds. */
type Lasting = { readonly lasts: number };

/** Something that happens in a world. */
export type Action =
  | OfClient & {
    readonly do: "publish";
    readonly message: MessagePlan;
    readonly how: "publish" | "enqueue";
    /** Its signal aborts so many milliseconds later. */
    readonly abortAfter?: number;
  }
  | OfClient & { readonly do: "subscribe"; readonly subscription: SubscriptionPlan }
  | OfClient & { readonly do: "unsubscribe"; readonly handle: number }
  | OfClient & { readonly do: "unsubscribe filter"; readonly topicFilter: string }
  | OfClient & { readonly do: "request"; readonly topic: string; readonly timeout: number }
  /** All its consumers stop reading. */
  | OfClient & Lasting & { readonly do: "stall consumers" }
  | OfClient & {
    readonly do: "disconnect";
    readonly reasonCode: 0x00 | 0x04;
    readonly sessionExpiryInterval?: number;
    readonly timeout: number;
    /** When it connects again; it goes on with its saved session if it has no store. */
    readonly awayFor: number;
    readonly keepsSession: boolean;
  }
  | OfClient & {
    readonly do: "crash";
    readonly keepsDisk: boolean;
    /** Whether the next process goes on with the session, though it knows nothing of it. */
    readonly resumes: boolean;
    /** Whether its links are left open, so that the peer does not notice. */
    readonly leavesLinks: boolean;
    readonly awayFor: number;
  }
  /** A second process begins a session with its Client Identifier, and the first goes on. */
  | OfClient & { readonly do: "take over" }
  | OfClient & { readonly do: "cut"; readonly way: Way; readonly afterBytes: number }
  | OfClient & { readonly do: "half-open" }
  | OfClient & Lasting & { readonly do: "stall link"; readonly way: Way }
  | OfClient & Lasting & { readonly do: "partition" }
  | OfClient & Lasting & { readonly do: "slow link"; readonly latency: number }
  | Lasting & { readonly do: "refuse dials"; readonly how: DialFault }
  | OfClient & Lasting & { readonly do: "sleep" }
  | OfClient & { readonly do: "set clock"; readonly by: number }
  | OfClient & { readonly do: "disk"; readonly fault: DiskFault; readonly times: number }
  | { readonly do: "crash broker"; readonly keepsDisk: boolean; readonly awayFor: number }
  | { readonly do: "shut broker down"; readonly awayFor: number }
  | { readonly do: "set broker's clock"; readonly by: number }
  | { readonly do: "broker's disk"; readonly fault: DiskFault; readonly times: number }
  | OfClient & { readonly do: "disconnected by broker" }
  | { readonly do: "broker publishes"; readonly message: MessagePlan };

/** Which way bytes go, as seen by the client. */
export type Way = "up" | "down";

/** What becomes of dials. */
export type DialFault = "refused" | "black hole" | "closed";

/** What becomes of commits. */
export type DiskFault = "fails" | "fails, but is done" | "full" | "crash before" | "crash after";

/** An action, and how many milliseconds pass before it. */
export type Step = Action & { readonly after: number };

/** The plan of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const firstPacketId = random.onceIn(6) ? 65_530 : 1;
  const network = drawNetwork(random);
  const broker = drawBroker(random);
  const clients = drawClients(random);
  const steps = drawSteps(random, {
    network,
    broker,
    clients,
    count: STEPS + random.below(STEPS / 4),
  });
  return { seed, firstPacketId, network, broker, clients, steps };
}

/** The plan with only some of its steps. */
export function withSteps(plan: Plan, steps: readonly Step[]): Plan {
  return { ...plan, steps };
}
