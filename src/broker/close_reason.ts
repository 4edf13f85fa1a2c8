// Describes for the application why a connection has ended.

import { ReasonCode, reasonCodeName } from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";

/** The `reason` for `onDisconnect`. */
export function closeReason(cause: CloseCause): string {
  switch (cause.kind) {
    case "this end":
      return `the broker closed the connection: ${
        reasonCodeName(cause.packet?.reasonCode ?? ReasonCode.unspecifiedError, "disconnect")
      }`;
    case "peer":
      return `the client disconnected with 0x${
        cause.packet.reasonCode.toString(16).padStart(2, "0")
      }`;
    case "fault":
      return cause.error.message;
    case "silence":
      return `the client ${cause.what}`;
    case "authentication":
      return "the client could not be authenticated";
    case "network":
      return "the connection broke";
    case "refusal":
      return "the client was refused";
    case "internal error":
      return "the broker failed";
    default:
      return cause satisfies never;
  }
}
