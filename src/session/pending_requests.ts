// §3.8 SUBSCRIBE and §3.10 UNSUBSCRIBE with their answers, the Client's side. They live and die
// with a connection: one that has not been answered has to be said again on the next.

import type {
  SubackPacket,
  SubscribeInit,
  UnsubackPacket,
  UnsubscribeInit,
} from "../packets/mod.ts";
import { protocolError } from "./protocol_errors.ts";
import type { Capabilities } from "./capabilities.ts";
import { unsupportedFeature } from "./subscription_features.ts";
import type { WriteBuffer } from "./write_buffer.ts";
import type { Session } from "./session.ts";

/** A SUBSCRIBE without its identifier. */
export type SubscribeRequest = Omit<SubscribeInit, "packetId">;
/** An UNSUBSCRIBE without its identifier. */
export type UnsubscribeRequest = Omit<UnsubscribeInit, "packetId">;

/** A SUBSCRIBE or UNSUBSCRIBE that waits for its answer. */
interface Request {
  readonly answer: "suback" | "unsuback";
  readonly filters: number;
}

/** The requests of one connection. */
export class PendingRequests {
  readonly #session: Session;
  readonly #writeBuffer: WriteBuffer;
  /** By Packet Identifier; made by the first. */
  #waiting: Map<number, Request> | undefined;

  constructor(session: Session, writeBuffer: WriteBuffer) {
    this.#session = session;
    this.#writeBuffer = writeBuffer;
  }

  /** Whether a request that waits has this Packet Identifier. */
  isInUse(packetId: number): boolean {
    return this.#waiting !== undefined && this.#waiting.has(packetId);
  }

  /**
   * Asks for subscriptions. Returns the Packet Identifier, 0 when none is free.
   *
   * @throws {TypeError} when a field is wrong, or the Server does not have what is asked for
   * @throws {RangeError} when a field is out of its range
   */
  subscribe(request: SubscribeRequest, server: Capabilities): number {
    checkSupported(request, server);
    return this.#send("suback", request.subscriptions.length, (packetId) => {
      this.#writeBuffer.write({ ...request, packetId });
    });
  }

  /**
   * Ends subscriptions. Returns the Packet Identifier, 0 when none is free.
   *
   * @throws {TypeError} when a field is wrong
   * @throws {RangeError} when a field is out of its range
   */
  unsubscribe(request: UnsubscribeRequest): number {
    return this.#send("unsuback", request.topicFilters.length, (packetId) => {
      this.#writeBuffer.write({ ...request, packetId });
    });
  }

  /**
   * The Server has answered. False when nothing waits for that answer, which says nothing.
   *
   * @throws {ProtocolError} when it is no answer to what was asked
   */
  handleAnswer({ type, packetId, reasonCodes }: SubackPacket | UnsubackPacket): boolean {
    const request = this.#waiting?.get(packetId);
    if (request === undefined) return false;
    if (request.answer !== type) {
      const rule = `is ${packetId}, which belongs to another request`;
      throw protocolError(type, "Packet Identifier", rule, "2.2.1");
    }
    if (request.filters !== reasonCodes.length) {
      const statement = type === "suback" ? "MQTT-3.8.4-6" : "MQTT-3.11.3-1";
      const given = `${reasonCodes.length} Reason Codes`;
      throw protocolError(
        type,
        "Payload",
        `has ${given} for ${request.filters} Topic Filters [${statement}]`,
        type === "suback" ? "3.9.3" : "3.11.3",
      );
    }
    this.#waiting?.delete(packetId);
    return true;
  }

  #send(answer: Request["answer"], filters: number, write: (packetId: number) => void): number {
    const { inFlight, packetIds } = this.#session;
    inFlight.reserve();
    const packetId = packetIds.next((id) => inFlight.isTaken(id) || this.isInUse(id));
    if (packetId === 0) return 0;
    write(packetId);
    this.#waiting ??= new Map();
    this.#waiting.set(packetId, { answer, filters });
    return packetId;
  }
}

/**
 * Refuses a SUBSCRIBE that asks for what the Server does not have.
 *
 * @throws {TypeError} when it does
 */
export function checkSupported(request: SubscribeRequest, server: Capabilities): void {
  const feature = unsupportedFeature(request, server);
  if (feature === undefined) return;
  const { name, section, topicFilter } = feature;
  const where = topicFilter === undefined ? "" : `, as in ${JSON.stringify(topicFilter)}`;
  throw new TypeError(`The server does not support ${name}${where} (§${section})`);
}
