// What one end of a connection takes, as it said in CONNECT or CONNACK, or by saying nothing. The
// other end keeps to it. Which properties say so follows from Table 2-4: those whose row has what
// an absent one means.

import {
  PROPERTIES,
  type PropertiesOf,
  type PropertyName,
  type PropertyRow,
  type PropertyValue,
  type QoS,
} from "../packets/mod.ts";

/**
 * What one end of a connection takes: Receive Maximum, Maximum Packet Size (`Infinity` for no
 * limit), Topic Alias Maximum, and of a Server also Maximum QoS, Retain Available, Wildcard
 * Subscription Available, Subscription Identifier Available and Shared Subscription Available
 * (§3.1.2.11, §3.2.2.3). Each has the value that the standard gives it where the end said nothing.
 */
export type Capabilities = {
  readonly [
    Name in PropertyName as (typeof PROPERTIES)[Name] extends { readonly absent: unknown } ? Name
      : never
  ]: Name extends "maximumQoS" ? QoS : PropertyValue<(typeof PROPERTIES)[Name]>;
};

const NAMES = Object.entries<PropertyRow>(PROPERTIES)
  .flatMap(([name, { absent }]) => absent === undefined ? [] : [[name, absent] as const]);

/** What the properties of a CONNECT or a CONNACK say. */
export function capabilitiesOf(
  properties: PropertiesOf<"connect"> | PropertiesOf<"connack">,
): Capabilities {
  const said = properties as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    NAMES.map(([name, absent]) => [name, said[name] ?? absent]),
  ) as unknown as Capabilities;
}
