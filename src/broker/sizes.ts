// What things take in memory beside the bytes that are in them: objects, tables, what the platform
// keeps. Measured on Deno 2.9 with garbage collected, and rounded up.

import type { PublishPacket, Will } from "../packets/mod.ts";
import { elementsOf, messageSize, textBytes } from "../session/message_size.ts";
import type { PeerInfo } from "../session/peer.ts";
import type { ClientInfo } from "./options.ts";

/** A connection: 16 kB of the platform's, and what is made to serve it. */
const CONNECTION = 18_432;

/** A connection with TLS: the platform keeps from 40 to 67 kB. */
export const SECURE_CONNECTION = 65_536;

/** A connection within the process. */
const INNER_CONNECTION = 8192;

/** A session with nothing in it. */
const SESSION = 2048;

/** A certificate as it is shown to the hooks. */
const CERTIFICATE = 4096;

/** A subscription, in the session and among all others: with as many branches as a topic takes. */
const SUBSCRIPTION = 800;

/** A retained message, with its branches of the tree. */
const RETAINED = 800;

/** So often a topic is in memory: as it was given, and as labels of branches. */
const COPIES = 2;

/** A place in a queue, or in flight, with what is each subscriber's own of a message. */
export const PLACE = 320;

/** A message beside its place: the objects that it consists of. */
const MESSAGE = 256;

/** A property that may come again: an array and two texts. */
const ELEMENT = 112;

/** A QoS 2 message that has been received and not released. */
export const UNRELEASED = 160;

/** What a connection takes from the first byte on. */
export function connectionBytes({ listener = "", address }: PeerInfo): number {
  if (address === "memory") return INNER_CONNECTION;
  return /^(mqtts|wss):/.test(listener) ? SECURE_CONNECTION : CONNECTION;
}

/** What a session takes with nothing in it but who it is for, and its Will. */
export function sessionBytes(client: ClientInfo, will: Will | undefined): number {
  const { clientId, username = "", certificate } = client;
  const names = textBytes(clientId) + textBytes(username);
  const certificateBytes = certificate === undefined ? 0 : CERTIFICATE;
  return SESSION + names + certificateBytes + (will === undefined ? 0 : messageBytes(will));
}

/** What a subscription takes, with its part of the tree. */
export function subscriptionBytes(topicFilter: string): number {
  return SUBSCRIPTION + COPIES * textBytes(topicFilter);
}

/** What a retained message takes, with its part of the tree. */
export function retainedBytes(packet: PublishPacket): number {
  return RETAINED + textBytes(packet.topic) + messageBytes(packet);
}

/** What a message takes, however many wait for it. */
export function messageBytes(message: Content): number {
  return MESSAGE + messageSize(message) + ELEMENT * elementsOf(message.properties);
}

/** What has a topic, a payload and properties. */
type Content = Pick<PublishPacket | Will, "topic" | "payload" | "properties">;
