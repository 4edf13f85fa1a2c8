// The packets on which sessions and Wills depend (CONNECT, CONNACK and DISCONNECT), as the history
// has them. All others are the monitor's business alone.

import type { ConnectPacket, Packet } from "../../src/packets/mod.ts";
import type { ConnackSeen, ConnectSeen, DisconnectSeen, WillMeant } from "./history.ts";
import { numberOf } from "./recorder.ts";

type Seen = ConnectSeen | ConnackSeen | DisconnectSeen;

/** What the history tells of a packet, if that is one of them. */
export function seenOf(packet: Packet): Seen | undefined {
  switch (packet.type) {
    case "connect":
      return {
        type: "connect",
        clientId: packet.clientId,
        cleanStart: packet.cleanStart,
        sessionExpiry: packet.properties.sessionExpiryInterval ?? 0,
        ...packet.will !== undefined && { will: willOf(packet.will) },
      };
    case "connack": {
      const { sessionExpiryInterval, assignedClientIdentifier } = packet.properties;
      return {
        type: "connack",
        sessionPresent: packet.sessionPresent,
        reasonCode: packet.reasonCode,
        ...sessionExpiryInterval !== undefined && { sessionExpiry: sessionExpiryInterval },
        ...assignedClientIdentifier !== undefined && { clientId: assignedClientIdentifier },
      };
    }
    case "disconnect": {
      const { sessionExpiryInterval } = packet.properties;
      return {
        type: "disconnect",
        reasonCode: packet.reasonCode,
        ...sessionExpiryInterval !== undefined && { sessionExpiry: sessionExpiryInterval },
      };
    }
    default:
      return undefined;
  }
}

function willOf(will: NonNullable<ConnectPacket["will"]>): WillMeant {
  const { messageExpiryInterval, willDelayInterval } = will.properties;
  return {
    id: numberOf(will),
    topic: will.topic,
    qos: will.qos,
    retain: will.retain,
    ...messageExpiryInterval !== undefined && { expiry: messageExpiryInterval },
    delay: willDelayInterval ?? 0,
  };
}
