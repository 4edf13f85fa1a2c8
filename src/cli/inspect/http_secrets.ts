// What is secret in HTTP, which comes where MQTT was expected when a client takes a port for that
// of a WebSocket: its Authorization, its cookies, the signature in its URL. Shown is what is known
// to be harmless, and nothing behind the head: there are packets in WebSocket frames.

/** The byte that stands in place of each secret one: `*`. */
const MASK = 0x2a;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const QUESTION_MARK = 0x3f;

/** Fields of which the value is shown. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["host", "upgrade", "connection", "origin", "user-agent", "server", "date", "via", "allow"],
  ...["sec-websocket-version", "content-type", "content-length", "transfer-encoding"],
]);

/** The longest name among them, and a little more. */
const LONGEST_NAME = 24;

/** Whether a direction begins as HTTP does: with a method, or the name of the protocol. */
export function isHttp(start: Uint8Array): boolean {
  return start.length > 0 && start.every(isCapital);
}

/** Whether a byte is a letter of a method. */
export function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/** Hides what is secret in one direction of HTTP. */
export class HttpMask {
  #state: "first line" | "query" | "line" | "name" | "value" | "secret" | "body" = "first line";
  #name = "";
  /** Whether the value of the field at hand is secret. */
  #isSecret = false;

  /** The next bytes, with `*` in place of secret ones. */
  hide(bytes: Uint8Array): Uint8Array {
    const shown = bytes.slice();
    for (const [index, byte] of bytes.entries()) {
      if (this.#isHidden(byte)) shown[index] = MASK;
    }
    return shown;
  }

  /** Takes the next byte; returns whether it is hidden. */
  #isHidden(byte: number): boolean {
    switch (this.#state) {
      case "body":
        return true;
      case "line":
        return this.#begin(byte);
      default:
        if (byte === NEWLINE) this.#state = "line";
        if (byte === NEWLINE || byte === RETURN) return false;
    }
    switch (this.#state) {
      case "first line":
        if (byte === QUESTION_MARK) this.#state = "query";
        return false;
      case "query":
        if (byte === SPACE) this.#state = "first line";
        return byte !== SPACE;
      case "name":
        return this.#nameByte(byte);
      default:
        return this.#state === "secret" && byte !== SPACE;
    }
  }

  /** The first byte of a line: of a field, of the rest of one, or of the empty line. */
  #begin(byte: number): boolean {
    if (byte === NEWLINE) {
      this.#state = "body";
    } else if (byte === SPACE || byte === TAB) {
      this.#state = this.#isSecret ? "secret" : "value";
    } else if (byte !== RETURN) {
      this.#state = "name";
      this.#name = "";
      this.#isSecret = true;
      return this.#nameByte(byte);
    }
    return false;
  }

  /** A name that is too long is a secret, too. */
  #nameByte(byte: number): boolean {
    if (byte === COLON) {
      this.#isSecret = !HARMLESS.has(this.#name.toLowerCase());
      this.#state = this.#isSecret ? "secret" : "value";
      return false;
    }
    this.#name += String.fromCharCode(byte);
    if (this.#name.length > LONGEST_NAME) this.#state = "secret";
    return this.#state === "secret";
  }
}
