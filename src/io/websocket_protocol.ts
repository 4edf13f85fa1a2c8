// Constants and rules of RFC 6455 that both ends share: opcodes, close codes and close frames.

/** Which end of a WebSocket this is. */
export type WebSocketRole = "client" | "server";

/** Opcodes of frames (RFC 6455, §5.2). */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Status codes of close frames (RFC 6455, §7.4.1). */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** A reason that is not UTF-8. */
  invalidPayload: 1007,
} as const;

/** The peer violated RFC 6455 or §6 of MQTT. */
export class FrameFault extends Error {
  /** Tells the errors apart in logs. */
  override readonly name = "FrameFault";
  /** The status code to close the WebSocket with. */
  readonly code: number;

  /** Makes the error for a sentence. */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The longest data of a control frame, in bytes (RFC 6455, §5.5). */
export const LONGEST_CONTROL = 125;

/** The content of a close frame (RFC 6455, §5.5.1). */
export interface Closing {
  /** `undefined` when the frame is empty. */
  readonly code: number | undefined;
  readonly reason: string;
}

const NOTHING = new Uint8Array(0);

/**
 * Parses the data of a close frame.
 *
 * @throws {FrameFault} when it is invalid
 */
export function closingOf(data: Uint8Array): Closing {
  if (data.length === 0) return { code: undefined, reason: "" };
  if (data.length === 1) throw broken("a close frame has one byte");
  const code = data[0]! << 8 | data[1]!;
  if (!mayBeSent(code)) throw broken(`close code ${code} must not be sent`);
  try {
    return { code, reason: utf8.decode(data.subarray(2)) };
  } catch {
    throw new FrameFault(CloseCode.invalidPayload, "The reason for closing is not UTF-8");
  }
}

/** The data of a close frame. */
export function closeData({ code, reason }: Closing): Uint8Array {
  if (code === undefined) return NOTHING;
  const data = new Uint8Array(LONGEST_CONTROL);
  data[0] = code >> 8;
  data[1] = code;
  return data.subarray(0, 2 + encoder.encodeInto(reason, data.subarray(2)).written);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Whether a code may stand in a close frame: 1004, 1005, 1006 and 1015 may not (RFC 6455, §7.4;
 * IANA's registry).
 */
function mayBeSent(code: number): boolean {
  return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
    code >= 3000 && code <= 4999;
}

/** The error for a violation of RFC 6455; `what` ends the sentence. */
export function broken(what: string): FrameFault {
  return new FrameFault(CloseCode.protocolError, `WebSocket protocol error: ${what}`);
}
