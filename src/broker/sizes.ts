// Estimates of memory use in bytes, including the overhead of objects, tables and the platform.
// Measured on Deno 2.9 after garbage collection, and rounded up.

import type { PublishPacket, Will } from "../packets/mod.ts";
import { elementsOf, messageSize, textBytes } from "../session/message_size.ts";
import type { PeerInfo } from "../session/peer.ts";
import type { ClientInfo } from "./options.ts";

/** A connection: 16 kB in the platform, and the broker's own objects. */
const CONNECTION = 18_432;

/** A connection with TLS: the platform uses 40 to 67 kB. */
export const SECURE_CONNECTION = 65_536;

/** An in-memory connection. */
const INNER_CONNECTION = 8192;

/** An empty session. */
const SESSION = 2048;

/** A certificate as passed to the hooks. */
const CERTIFICATE = 4096;

/** A subscription: its entry in the session, and its nodes in the topic tree. */
const SUBSCRIPTION = 800;

/** A retained message, with its nodes in the topic tree. */
const RETAINED = 800;

/** How often a topic is in memory: once as received, once as labels in the tree. */
const COPIES = 2;

/** A message's entry in one session, queued or in flight, without the content that is shared. */
export const PLACE = 320;

/** The objects of a message, without its entries in sessions. */
const MESSAGE = 256;

/** A repeatable property: an array and two strings. */
const ELEMENT = 112;

/** A QoS 2 message that has been received but not released (PUBREL). */
export const UNRELEASED = 160;

/** The memory of a connection, from its first byte on. */
export function connectionBytes({ listener = "", address }: PeerInfo): number {
  if (address === "memory") return INNER_CONNECTION;
  return /^(mqtts|wss):/.test(listener) ? SECURE_CONNECTION : CONNECTION;
}

/** The memory of an empty session, with its client's names and its Will. */
export function sessionBytes(client: ClientInfo, will: Will | undefined): number {
  const { clientId, username = "", certificate } = client;
  const names = textBytes(clientId) + textBytes(username);
  const certificateBytes = certificate === undefined ? 0 : CERTIFICATE;
  return SESSION + names + certificateBytes + (will === undefined ? 0 : messageBytes(will));
}

/** The memory of a subscription. */
export function subscriptionBytes(topicFilter: string): number {
  return SUBSCRIPTION + COPIES * textBytes(topicFilter);
}

/** The memory of a retained message. */
export function retainedBytes(packet: PublishPacket): number {
  return RETAINED + textBytes(packet.topic) + messageBytes(packet);
}

/** The memory of a message's content, regardless of how many sessions share it. */
export function messageBytes(message: Content): number {
  return MESSAGE + messageSize(message) + ELEMENT * elementsOf(message.properties);
}

type Content = Pick<PublishPacket | Will, "topic" | "payload" | "properties">;
