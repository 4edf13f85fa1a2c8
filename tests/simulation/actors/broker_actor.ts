// The broker of a world through all its processes, and what its hooks are told.

import type { Broker, BrokerOptions, ClientInfo } from "../../../src/broker/mod.ts";
import type { Action, BrokerPlan } from "../plan.ts";
import { contentOf, failureOf, numberOf } from "../recorder.ts";
import type { Stage } from "../stage.ts";
import type { StagedDisk } from "../staged_disk.ts";
import type { StagedProcess } from "../staged_process.ts";
import type { Empties } from "../empties.ts";
import { Waiting } from "./host.ts";

type ActionOf<Name extends Action["do"]> = Extract<Action, { readonly do: Name }>;

/** When it is started again that has crashed, or could not start, by itself: in milliseconds. */
const RESTART = 500;

/** The broker. */
export class BrokerActor {
  /** What its process waits for. */
  waiting = new Waiting();
  readonly #stage: Stage;
  readonly #plan: BrokerPlan;
  readonly #disk: StagedDisk | undefined;
  #process: StagedProcess | undefined;
  #broker: Broker | undefined;
  #isAwaited = false;

  constructor(stage: Stage, plan: BrokerPlan) {
    this.#stage = stage;
    this.#plan = plan;
    this.#disk = plan.hasDisk ? stage.disk("broker.db") : undefined;
  }

  /** What runs, if it does. */
  get broker(): Broker | undefined {
    return this.#broker;
  }

  get process(): StagedProcess | undefined {
    return this.#process;
  }

  get disk(): StagedDisk | undefined {
    return this.#disk;
  }

  /** Starts a process, if there is none. */
  start(): void {
    if (this.#process !== undefined) return;
    const process = this.#stage.process("broker", "broker", this.#disk?.state ?? "none");
    this.#process = process;
    this.waiting = new Waiting();
    this.#disk?.startedBy(process);
    process.onCrash = () => this.#crashed(process, RESTART);
    void this.#start(process);
  }

  /** Ends the process at once. */
  crash({ keepsDisk, awayFor }: ActionOf<"crash broker">): void {
    const process = this.#process;
    if (process === undefined) return;
    process.kill("closed");
    if (!keepsDisk) this.#disk?.replace();
    this.#crashed(process, awayFor);
  }

  /** Ends in good order, and comes back. */
  async shutDown(awayFor: number): Promise<void> {
    const process = this.#process;
    const broker = this.#broker;
    if (process === undefined || broker === undefined) return;
    this.#broker = undefined;
    await this.waiting.for("shutDown", undefined, broker.shutDown());
    if (this.#process !== process) return;
    process.kill("closed");
    if (awayFor < Infinity) this.#crashed(process, awayFor);
  }

  /** Publishes as no client. */
  async publish({ message }: ActionOf<"broker publishes">): Promise<void> {
    const process = this.#process;
    const broker = this.#broker;
    if (process === undefined || broker === undefined) return;
    const { id, topic, qos, retain, size, messageExpiryInterval: expiry } = message;
    const published = { id, topic, qos, retain, ...expiry !== undefined && { expiry } };
    const isEmpty = size === 0;
    if (isEmpty) this.#stage.empties.sent("", topic, id, qos);
    process.record({
      type: "publish called",
      message: { ...published, ...isEmpty && { isEmpty } },
      isDurable: false,
    });
    try {
      const options = { qos, retain, messageExpiryInterval: expiry };
      const sent = broker.publish(topic, contentOf(id, size), options);
      const { reasonCode } = await this.waiting.for("broker.publish", id, sent);
      process.record({ type: "published", id, reasonCode });
    } catch (error) {
      process.record({ type: "publish rejected", id, error: failureOf(error) });
    }
  }

  /** Tells a client to go. */
  disconnect(clientId: string): void {
    this.#broker?.disconnect(clientId);
  }

  /** Clears what is retained of a topic. */
  clear(topic: string): void {
    const id = this.#stage.recorder.nextNumber();
    const message = { id, topic, qos: 1, retain: true, size: 0 } as const;
    void this.publish({ do: "broker publishes", message });
  }

  /** Writes down what the broker counts. */
  recordStatistics(): void {
    if (this.#broker === undefined) return;
    this.#process?.record({ type: "statistics", ...this.#broker.statistics });
  }

  /** Writes down how many messages its file has. */
  recordMessages(): void {
    if (this.#broker === undefined || this.#disk === undefined) return;
    this.#process?.record({ type: "messages on disk", count: this.#disk.count("message") });
  }

  /** Writes down which promises have not settled. */
  recordPending(): void {
    for (const { what, id } of this.waiting.values()) {
      this.#process?.record({ type: "pending", what, ...id !== undefined && { id } });
    }
  }

  async #start(process: StagedProcess): Promise<void> {
    const options = { ...this.#plan.options, ...hooksOf(process, this.#stage.empties) };
    try {
      const broker = await process.startBroker(options, this.#disk);
      if (this.#process === process) this.#broker = broker;
    } catch (error) {
      process.record({ type: "disk", fault: failureOf(error).message });
      process.kill("closed");
      this.#crashed(process, RESTART);
    }
  }

  #crashed(process: StagedProcess, awayFor: number): void {
    if (this.#process !== process) return;
    this.#process = this.#broker = undefined;
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#stage.later(awayFor, () => {
      this.#isAwaited = false;
      this.start();
    });
  }
}

/** Writes down what the broker tells. */
function hooksOf(process: StagedProcess, empties: Empties): BrokerOptions {
  return {
    onConnect(client) {
      const { clientId } = client;
      process.record({ type: "broker connected", clientId, link: linkOf(client) });
    },
    onDisconnect(client, reason) {
      const { clientId } = client;
      process.record({ type: "broker disconnected", clientId, link: linkOf(client), reason });
    },
    onSubscribe({ clientId }, { topicFilter }) {
      process.record({ type: "broker subscribed", clientId, topicFilter });
    },
    onUnsubscribe({ clientId }, topicFilter) {
      process.record({ type: "broker unsubscribed", clientId, topicFilter });
    },
    onMessage(client, { topic, payload }) {
      const id = payload.length === 0
        ? empties.taken(client?.clientId ?? "", topic)
        : numberOf({ payload });
      process.record({ type: "broker routed", id, topic });
    },
    onDropped({ clientId }, { topic, payload }, reason) {
      const ids = payload.length === 0 ? empties.all(topic) : [numberOf({ payload })];
      for (const id of ids) process.record({ type: "broker dropped", clientId, id, reason });
    },
    onError(error, { what }) {
      if (what === "the store") {
        return process.record({ type: "disk", fault: failureOf(error).message });
      }
      const { message, stack } = error as Error;
      process.record({ type: "internal error", message: `${what}: ${stack ?? message}` });
    },
  };
}

/** The number of the link on which a client has connected, with which its address ends. */
function linkOf({ address }: ClientInfo): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
