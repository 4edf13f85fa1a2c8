// How an application publishes.

import type { PublishFields } from "../session/publish_packet.ts";

/**
 * Options of `client.publish()`: the fields of PUBLISH (§3.3.1) and its properties (§3.3.2.3),
 * flat.
 */
export interface PublishOptions extends PublishFields {
  /**
   * Gives the message up, if it has not been sent yet. Afterwards it only ends the wait: what was
   * sent cannot be taken back, and the client goes on to deliver it.
   */
  readonly signal?: AbortSignal | undefined;
}
