// What one end of a connection takes, as it said in CONNECT or CONNACK. The other end keeps to it.

import type { QoS } from "../packets/mod.ts";

/** What an end takes; where it said nothing, what the standard says then. */
export interface Capabilities {
  /** The most unacknowledged messages of QoS 1 and 2 (§3.1.2.11.3, §3.2.2.3.3). */
  readonly receiveMaximum: number;
  /** The most bytes in a packet; `Infinity` for no limit (§3.1.2.11.4, §3.2.2.3.6). */
  readonly maximumPacketSize: number;
  /** The greatest Topic Alias; 0 for none (§3.1.2.11.5, §3.2.2.3.8). */
  readonly topicAliasMaximum: number;
  /** The highest QoS that may be published (§3.2.2.3.4). */
  readonly maximumQoS: QoS;
  /** Whether messages may be retained (§3.2.2.3.5). */
  readonly retainAvailable: boolean;
  /** Whether Topic Filters may have wildcards (§3.2.2.3.11). */
  readonly wildcardSubscriptionAvailable: boolean;
  /** Whether subscriptions may have an identifier (§3.2.2.3.12). */
  readonly subscriptionIdentifierAvailable: boolean;
  /** Whether there are Shared Subscriptions (§3.2.2.3.13). */
  readonly sharedSubscriptionAvailable: boolean;
}

/** The limits that an end has set, by properties of its packet. */
type CapabilityProperties =
  & {
    readonly [Name in Exclude<keyof Capabilities, "maximumQoS">]?: Capabilities[Name] | undefined;
  }
  & {
    readonly maximumQoS?: number | undefined;
  };

/** The limits in the properties of a CONNECT or a CONNACK. */
export function capabilitiesOf(properties: CapabilityProperties): Capabilities {
  return {
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    maximumPacketSize: properties.maximumPacketSize ?? Infinity,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    maximumQoS: (properties.maximumQoS ?? 2) as QoS,
    retainAvailable: properties.retainAvailable ?? true,
    wildcardSubscriptionAvailable: properties.wildcardSubscriptionAvailable ?? true,
    subscriptionIdentifierAvailable: properties.subscriptionIdentifierAvailable ?? true,
    sharedSubscriptionAvailable: properties.sharedSubscriptionAvailable ?? true,
  };
}
