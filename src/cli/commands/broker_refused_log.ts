// Refused connections in the log of `broker`: a line for each, as long as they are few. A flood of
// them must not fill the disk: beyond some lines at a time they are counted.

import type { Refusal, RefusalReason } from "../../broker/mod.ts";
import { escaped, quoted } from "../terminal/text.ts";

/** So many lines are written in one interval, at most. */
const LINES = 10;

/** The interval, in milliseconds. */
const INTERVAL = 10_000;

/** So many characters of what a client chooses are shown, at most. */
const LONGEST = 300;

/** Logs refused connections, or how many there were. */
export class RefusedLog {
  readonly #write: (text: string) => void;
  /** The lines of this interval, and the refusals beyond them. */
  #lines = 0;
  readonly #counts = new Map<RefusalReason, number>();
  #last = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Logs with `write`, a line at a time. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Logs or counts a refused connection. */
  add({ why, message, address, client }: Refusal): void {
    this.#timer ??= setTimeout(() => this.#tell(), INTERVAL);
    if (this.#lines === LINES) {
      this.#counts.set(why, (this.#counts.get(why) ?? 0) + 1);
      this.#last = address;
      return;
    }
    this.#lines++;
    const who = client === undefined ? address : `${quoted(client.clientId)} from ${address}`;
    const name = client?.username === undefined ? "" : ` as ${quoted(client.username)}`;
    this.#write(`refused ${short(who + name)}: ${short(escaped(message))}${hintFor(message)}`);
  }

  /** Logs what has not been logged yet. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#tell();
  }

  #tell(): void {
    this.#timer = undefined;
    this.#lines = 0;
    if (this.#counts.size === 0) return;
    const parts = Array.from(this.#counts, ([why, count]) => `${count} ${TITLES[why]}`);
    this.#counts.clear();
    this.#write(`refused more connections: ${parts.join(", ")}; the last one from ${this.#last}`);
  }
}

function short(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** What to do, where a person can do something. */
function hintFor(message: string): string {
  return /^the client speaks MQTT 3/.test(message)
    ? "; mosquitto_pub and mosquitto_sub need -V 5"
    : "";
}

/** The reasons, as they follow a number. */
const TITLES: Readonly<Record<RefusalReason, string>> = {
  "version": "of another version of MQTT",
  "credentials": "for their credentials or rights",
  "limit": "because of a limit",
  "not supported": "for a Will that is not supported",
  "malformed": "for a malformed packet",
  "not MQTT": "that did not speak MQTT",
  "handshake": "in the handshake of TLS or WebSocket",
  "timeout": "that sent nothing in time",
  "unavailable": "because the broker could not serve them",
};
