// What the standard answers a packet with where all is well, so that a script spells out only what
// is different.

import type { AckInit, ConnackInit, PacketInit, SubackInit, UnsubackInit } from "../packets/mod.ts";
import { quoted } from "../packets/shown.ts";
import type { PacketOf } from "./packet_pattern.ts";

/** The packets that are answered, each with its answer. */
export interface Answers {
  /** CONNACK: Success, a new session. */
  readonly connect: ConnackInit;
  /** PUBACK at QoS 1, PUBREC at QoS 2. */
  readonly publish: AckInit<"puback"> | AckInit<"pubrec">;
  /** PUBREL. */
  readonly pubrec: AckInit<"pubrel">;
  /** PUBCOMP. */
  readonly pubrel: AckInit<"pubcomp">;
  /** SUBACK: every filter at the QoS that was asked for. */
  readonly subscribe: SubackInit;
  /** UNSUBACK: Success for every filter. */
  readonly unsubscribe: UnsubackInit;
  /** PINGRESP. */
  readonly pingreq: { readonly type: "pingresp" };
}

/** The types of packets that are answered. */
export type AnsweredType = keyof Answers;

/** What an answer is to say in place of what it would say. */
export type AnswerFields<Type extends AnsweredType> = Partial<Omit<Answers[Type], "type">>;

/**
 * The answer to a packet, where all is well.
 *
 * @throws {TypeError} when a packet of its type, or at its QoS, is not answered
 */
export function answerTo(packet: PacketOf<AnsweredType>): PacketInit {
  switch (packet.type) {
    case "connect":
      return { type: "connack" };
    case "publish": {
      const { qos, packetId } = packet;
      if (qos === 0) throw new TypeError("A PUBLISH at QoS 0 is not answered");
      return { type: qos === 1 ? "puback" : "pubrec", packetId };
    }
    case "pubrec":
      return { type: "pubrel", packetId: packet.packetId };
    case "pubrel":
      return { type: "pubcomp", packetId: packet.packetId };
    case "subscribe": {
      const { packetId, subscriptions } = packet;
      return { type: "suback", packetId, reasonCodes: subscriptions.map(({ qos }) => qos) };
    }
    case "unsubscribe": {
      const { packetId, topicFilters } = packet;
      return { type: "unsuback", packetId, reasonCodes: topicFilters.map(() => 0x00) };
    }
    case "pingreq":
      return { type: "pingresp" };
    default: {
      const { type } = packet as { readonly type: unknown };
      throw new TypeError(`A packet of type ${quoted(String(type))} is not answered`);
    }
  }
}
