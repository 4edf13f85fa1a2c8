// `broker.publish()`: messages of the program that runs the broker. One is routed after the other,
// so that they keep their order [MQTT-4.6.0-5], though a hook or many subscribers take several
// turns; those that have to be stored go into one commit.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import {
  decodePacket,
  encodePacket,
  isFailure,
  type PublishPacket,
  ReasonCode,
  reasonCodeName,
} from "../packets/mod.ts";
import {
  type MessageContent,
  type PublishFields,
  publishPacket,
} from "../session/publish_packet.ts";
import { validateTopicName } from "../topics.ts";
import type { BrokerLimits } from "./limits.ts";
import type { PublishHandler } from "./publishing.ts";
import { levelsOf } from "./routing/topic_levels.ts";
import { Share, type Turns } from "./turns.ts";

/**
 * Options of `broker.publish()`: the fields of PUBLISH (§3.3.1) and its properties (§3.3.2.3),
 * flat.
 */
export type LocalPublishOptions = Omit<PublishFields, "topicAlias">;

/** What has become of a message of `broker.publish()`. */
export interface LocalPublishResult {
  /**
   * Success (0x00), or No matching subscribers (0x10); at QoS 0 also Quota exceeded (0x97).
   */
  readonly reasonCode: number;
}

/** Dependencies of {@linkcode LocalPublisher}. */
export interface LocalPublisherSetup {
  readonly limits: BrokerLimits;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  readonly turns: Turns;
  readonly publishHandler: PublishHandler;
}

/** The messages of the program. */
export class LocalPublisher {
  readonly #setup: LocalPublisherSetup;
  /** Counts the work done for the program. */
  readonly #share = new Share();
  /** The message before has been routed; `undefined` when none is under way. */
  #before: Promise<unknown> | undefined;
  /** How many are under way or wait. */
  #pending = 0;
  #isShutDown = false;

  constructor(setup: LocalPublisherSetup) {
    this.#setup = setup;
  }

  /** As `broker.publish()`. */
  async publish(
    topic: string,
    content: string | Uint8Array | MessageContent,
    options: LocalPublishOptions,
  ): Promise<LocalPublishResult> {
    const packet = packetOf(topic, content, options);
    const { limits: { topicLevels, queuedMessages }, now } = this.#setup;
    if (levelsOf(topic) > topicLevels) {
      throw new RangeError(`The topic has more than ${topicLevels} levels, see limits.topicLevels`);
    }
    if (this.#isShutDown) {
      throw new ConnectionClosedError("The broker has shut down", { kind: "closed" });
    }
    if (this.#pending >= queuedMessages) {
      return resultOf(ReasonCode.quotaExceeded, packet, "Too many messages are being published");
    }
    const at = now();
    this.#pending++;
    const routed = this.#before === undefined
      ? this.#route(packet, at)
      : this.#before.then(() => this.#route(packet, at));
    const before = this.#before = routed.catch(() => {});
    void before.then(() => {
      if (this.#before === before) this.#before = undefined;
    });
    try {
      const { reasonCode, reasonString } = await (await routed).answer;
      return resultOf(reasonCode, packet, reasonString);
    } finally {
      this.#pending--;
    }
  }

  /** Takes no more messages. */
  shutDown(): void {
    this.#isShutDown = true;
  }

  #route(packet: PublishPacket, at: number): ReturnType<PublishHandler["publishLocal"]> {
    const { turns, publishHandler } = this.#setup;
    turns.begin(this.#share);
    return publishHandler.publishLocal(packet, at, this.#share);
  }
}

/** The message as the broker has it. A copy: queues may have it for longer than the caller does. */
function packetOf(
  topic: string,
  content: string | Uint8Array | MessageContent,
  options: LocalPublishOptions,
): PublishPacket {
  validateTopicName(topic);
  if (topic === "$share" || topic.startsWith("$share/")) {
    throw new TypeError(`Nobody can subscribe to ${JSON.stringify(topic)} (§4.8.2)`);
  }
  for (const name of ["topicAlias", "signal"]) {
    if (name in options) throw new TypeError(`${name} is not an option of broker.publish()`);
  }
  const packet = publishPacket(topic, content, options);
  const bytes = encodePacket({ ...packet, packetId: packet.qos === 0 ? 0 : 1 });
  return { ...decodePacket(bytes) as PublishPacket, packetId: 0 };
}

function resultOf(
  reasonCode: number,
  { qos, topic }: PublishPacket,
  reasonString: string | undefined,
): LocalPublishResult {
  if (qos === 0 || !isFailure(reasonCode)) return { reasonCode };
  throw new RefusedError(`The broker refused to publish to ${JSON.stringify(topic)}`, {
    reasonCode,
    reason: reasonCodeName(reasonCode, "puback") ?? "",
    reasonString,
  });
}
