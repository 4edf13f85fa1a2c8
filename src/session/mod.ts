/**
 * The engine of client and broker: one end of a Network Connection, in either role, as a state
 * machine without a socket, a clock or a timer. Bytes and the time go in; bytes, events and the
 * time of the next call come out. It keeps to all of §4: who may send what when, QoS 1 and 2, flow
 * control, Topic Aliases, Keep Alive, and which fault gets which Reason Code.
 *
 * After any call of a {@linkcode Connection} take the bytes, take the events, then read the
 * deadline.
 *
 * @example Two connections that talk in memory
 * ```ts
 * import {
 *   ClientConnection,
 *   type Connection,
 *   type ConnectionEvent,
 *   OutgoingMessage,
 *   ServerConnection,
 *   Session,
 * } from "jsr:@mqtt5/mqtt5/session";
 * import { assertEquals } from "@std/assert";
 *
 * const now = 0;
 * const client = new ClientConnection(now, {
 *   connect: { type: "connect", clientId: "thermostat-7" },
 *   session: new Session("thermostat-7"),
 * });
 * const server = new ServerConnection(now);
 * const seen: string[] = [];
 *
 * // Brings the bytes of one end to the other, which says what has happened.
 * function deliver(from: Connection, to: Connection, handle: (event: ConnectionEvent) => void) {
 *   for (let bytes = from.takeBytes(); bytes; bytes = from.takeBytes()) {
 *     to.receive(bytes.slice(), now);
 *   }
 *   for (let event = to.nextEvent(); event; event = to.nextEvent()) handle(event);
 * }
 *
 * function serve(event: ConnectionEvent) {
 *   if (event.type === "connect") {
 *     server.accept(new Session(event.packet.clientId), { type: "connack" });
 *   } else if (event.type === "message") {
 *     seen.push(event.packet.topic);
 *     if (event.acknowledgement !== undefined) server.acknowledge(event.acknowledgement, 0x00);
 *   }
 * }
 *
 * deliver(client, server, serve); // CONNECT
 * deliver(server, client, ({ type }) => seen.push(type)); // CONNACK
 * const payload = new TextEncoder().encode("21.5");
 * client.publish(new OutgoingMessage({ type: "publish", topic: "home/kitchen", payload, qos: 1 }));
 * deliver(client, server, serve); // PUBLISH
 * deliver(server, client, ({ type }) => seen.push(type)); // PUBACK
 * assertEquals(seen, ["connack", "home/kitchen", "settled"]);
 * ```
 *
 * @module
 */

export type { AuthenticationProperties } from "./authentication.ts";
export type { AuthenticationContext, AuthenticationData, Authenticator } from "./authenticator.ts";
export type { Capabilities } from "./capabilities.ts";
export { ClientConnection, type ClientConnectionOptions } from "./client_connection.ts";
export { Connection, type ConnectionOptions } from "./connection.ts";
export type {
  CloseCause,
  ClosedEvent,
  ConnackEvent,
  ConnectEvent,
  ConnectionEvent,
  DiscardedEvent,
  FinalAcknowledgement,
  MessageEvent,
  MoreEvent,
  ReceiveMaximumExceededEvent,
  SettledEvent,
  VerifyEvent,
} from "./events.ts";
export type { ForeignProtocol } from "./foreign_protocol.ts";
export type { Memory } from "./memory.ts";
export { OutgoingMessage } from "./outgoing_message.ts";
export {
  type AckProperties,
  type AckReasonCode,
  PendingAcknowledgement,
} from "./pending_acknowledgement.ts";
export type { SubscribeRequest, UnsubscribeRequest } from "./pending_requests.ts";
export type { SendQueueLimits } from "./send_queue.ts";
export { ServerConnection, type ServerConnectionOptions } from "./server_connection.ts";
export { Session } from "./session.ts";
export { restoreSession, type SavedMessage, type SavedSession, saveSession } from "./snapshot.ts";
export type { TopicAliasMode } from "./topic_alias.ts";
