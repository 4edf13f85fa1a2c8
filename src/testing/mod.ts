/**
 * A virtual world for tests of applications: the real client and the real broker, with a clock, a
 * network and a disk that the test holds in its hands. Needs no permission.
 *
 * @example A lost connection, and five minutes in no time
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { World } from "jsr:@mqtt5/mqtt5/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using world = new World();
 * await world.startBroker();
 * await using client = await connect(world.server(), { clientId: "sensor-7" });
 * world.crashBroker();
 * await world.advance(300_000);
 * assertEquals(client.state, "reconnecting");
 * await world.restartBroker();
 * await world.until(client.once("connected"));
 * ```
 *
 * @module
 */

export type { Clock } from "../io/clock.ts";
export type { AnsweredType, AnswerFields, Answers } from "./answers.ts";
export { ExpectationError } from "./expectation_error.ts";
export type { PacketOf, PacketPattern, Pattern } from "./packet_pattern.ts";
export { ScriptedPeer, type ScriptOptions } from "./scripted_peer.ts";
export { ScriptedServer } from "./scripted_server.ts";
export {
  type CutOptions,
  type UntilOptions,
  World,
  type WorldLink,
  type WorldOptions,
} from "./world.ts";
export { WorldProcess } from "./world_process.ts";
export type { VirtualBrokerOptions } from "./virtual_broker.ts";
export { type CommitFate, VirtualDisk } from "./virtual_disk.ts";
export type { LinkConditions, LinkObserver, Way } from "./virtual_link.ts";
export type { DialMode } from "./virtual_network.ts";
export type { DeathOfLinks } from "./virtual_process.ts";
