/**
 * For tests of what is built on MQTT.
 *
 * @module
 */

export type { Clock } from "../io/clock.ts";
export type { AnsweredType, AnswerFields, Answers } from "./answers.ts";
export { ExpectationError } from "./expectation_error.ts";
export type { PacketOf, PacketPattern, Pattern } from "./packet_pattern.ts";
export { ScriptedPeer, type ScriptOptions } from "./scripted_peer.ts";
export { ScriptedServer } from "./scripted_server.ts";
