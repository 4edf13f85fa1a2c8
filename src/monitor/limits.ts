// What each end has announced that it takes: §3.1.2.11 in CONNECT, §3.2.2.3 in CONNACK.

import type { ConnackPacket, ConnectPacket, QoS } from "../packets/mod.ts";

/** What one end takes. */
export interface Limits {
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  readonly maximumQoS: QoS;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly subscriptionIdentifierAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
}

/** What an end takes that has said nothing else. */
const DEFAULTS: Limits = {
  receiveMaximum: 65_535,
  maximumPacketSize: Infinity,
  topicAliasMaximum: 0,
  maximumQoS: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifierAvailable: true,
  sharedSubscriptionAvailable: true,
};

/** What a CONNECT announces. */
export function limitsOfClient({ properties }: ConnectPacket): Limits {
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum } = properties;
  return {
    ...DEFAULTS,
    receiveMaximum: receiveMaximum ?? DEFAULTS.receiveMaximum,
    maximumPacketSize: maximumPacketSize ?? DEFAULTS.maximumPacketSize,
    topicAliasMaximum: topicAliasMaximum ?? DEFAULTS.topicAliasMaximum,
  };
}

/** What a CONNACK announces. */
export function limitsOfServer({ properties }: ConnackPacket): Limits {
  return {
    receiveMaximum: properties.receiveMaximum ?? DEFAULTS.receiveMaximum,
    maximumPacketSize: properties.maximumPacketSize ?? DEFAULTS.maximumPacketSize,
    topicAliasMaximum: properties.topicAliasMaximum ?? DEFAULTS.topicAliasMaximum,
    maximumQoS: (properties.maximumQoS ?? DEFAULTS.maximumQoS) as QoS,
    retainAvailable: properties.retainAvailable ?? true,
    wildcardSubscriptionAvailable: properties.wildcardSubscriptionAvailable ?? true,
    subscriptionIdentifierAvailable: properties.subscriptionIdentifierAvailable ?? true,
    sharedSubscriptionAvailable: properties.sharedSubscriptionAvailable ?? true,
  };
}
