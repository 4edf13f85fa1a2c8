// What is owed to the peer for a message of QoS 1 or 2: a PUBACK, or a PUBREC, once the application
// is done with it.

import { checkPacket, isFailure, ReasonCode, type ReasonCodeOf } from "../packets/mod.ts";

/** What an acknowledgement may say beside its Reason Code. */
export interface AckProperties {
  /** A sentence for people. */
  readonly reasonString?: string | undefined;
  /** Names and values for programs, in their order. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
}

/** What an acknowledgement may say, alike for PUBACK and PUBREC. */
export type AckReasonCode = ReasonCodeOf<"puback"> & ReasonCodeOf<"pubrec">;

/** A message received. The application may hold it longer than the connection lasts. */
export class PendingAcknowledgement {
  /** Its Packet Identifier. */
  readonly packetId: number;
  /** Its QoS. */
  readonly qos: 1 | 2;
  /** What the application said; `undefined` as long as it is not done. */
  reasonCode: AckReasonCode | undefined;
  /** What else it said. */
  properties: AckProperties | undefined;
  /** The connection on which its PUBLISH came last: whose Receive Maximum it uses. */
  receivedOn: object | undefined;
  /** Whether its acknowledgement was sent on that connection. */
  isSent = false;

  /** For a message with this Packet Identifier and QoS. */
  constructor(packetId: number, qos: 1 | 2) {
    this.packetId = packetId;
    this.qos = qos;
  }

  /** Whether the application has taken the message: it is not to be delivered again. */
  get isTaken(): boolean {
    return this.reasonCode !== undefined && !isFailure(this.reasonCode);
  }

  /** The application is done. False when it was before. */
  settle(reasonCode: AckReasonCode, properties?: AckProperties): boolean {
    if (this.reasonCode !== undefined) return false;
    this.reasonCode = reasonCode;
    this.properties = properties;
    return true;
  }

  /** The application is not done after all: what it said may not be sent. */
  unsettle(): void {
    this.reasonCode = undefined;
  }
}

/**
 * Refuses what no acknowledgement may say.
 *
 * @throws {TypeError} when a property is wrong
 * @throws {RangeError} when the Reason Code is none of PUBACK and PUBREC
 */
export function checkAcknowledgement(reasonCode: AckReasonCode, properties?: AckProperties): void {
  if (reasonCode === ReasonCode.success && properties === undefined) return;
  checkPacket({ type: "puback", packetId: 1, reasonCode, properties });
}
