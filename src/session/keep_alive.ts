// §3.1.2.10 Keep Alive, both sides. The Client proves that it lives by sending; that the Server
// lives, and that the way there is open, only an answer proves. So a PINGREQ is due so long after
// the last packet sent, and so long after the last answer.

/**
 * A PINGREQ goes a tenth of the Keep Alive early, but no more than this, so that it is never late
 * [MQTT-3.1.2-20].
 */
const EARLY = 1000;

/**
 * A tick this much later than asked for tells of a clock that has jumped: the machine has slept.
 */
const LATE = 1000;

/** The Client's side. Times in milliseconds. */
export class ClientKeepAlive {
  readonly #interval: number;
  readonly #timeout: number;
  #sent: number;
  #answered: number;
  /**
   * When the Server is given up, if it has not answered the first PINGREQ that waits for an answer.
   */
  #giveUp = Infinity;

  /** `keepAlive` in seconds, 0 for none; `timeout` is how long a PINGRESP may take. */
  constructor(keepAlive: number, timeout: number, now: number) {
    const interval = keepAlive * 1000;
    this.#interval = keepAlive === 0 ? Infinity : interval - Math.min(EARLY, interval / 10);
    this.#timeout = timeout;
    this.#sent = now;
    this.#answered = now;
  }

  /** When to look at the clock again. */
  get deadline(): number {
    return Math.min(this.#giveUp, this.#due);
  }

  /** When the next PINGREQ is due; while one is waited for, only silence asks for another. */
  get #due(): number {
    const since = this.#giveUp === Infinity ? Math.min(this.#sent, this.#answered) : this.#sent;
    return since + this.#interval;
  }

  /** Something was sent. */
  sent(now: number): void {
    this.#sent = now;
  }

  /** An answer has come: to a PINGREQ, or to anything that was sent after the last answer. */
  answered(now: number, isPingresp: boolean): void {
    this.#answered = now;
    if (isPingresp) this.#giveUp = Infinity;
  }

  /** Bytes have come that are but a part of a packet: a PINGRESP can only come after its end. */
  delayed(now: number): void {
    if (this.#giveUp !== Infinity) this.#giveUp = Math.max(this.#giveUp, now + this.#timeout);
  }

  /** What is to be done: send a PINGREQ, or give the Server up. */
  check(now: number): "ping" | "dead" | undefined {
    if (now >= this.#giveUp) {
      // After a sleep the PINGRESP may lie in the socket unread: ask once more.
      if (now < this.#giveUp + LATE) return "dead";
      this.#giveUp = Infinity;
    } else if (now < this.#due) return undefined;
    return this.#ping(now);
  }

  /**
   * Whether a PINGREQ can be sent ahead of its time: it can, if there is a Keep Alive and none is
   * waited for.
   */
  probe(now: number): boolean {
    if (this.#interval === Infinity || this.#giveUp !== Infinity) return false;
    this.#ping(now);
    return true;
  }

  #ping(now: number): "ping" {
    this.#sent = now;
    if (this.#giveUp === Infinity) this.#giveUp = now + this.#timeout;
    return "ping";
  }
}

/**
 * The Server's side: the Client is given up after one and a half times the Keep Alive
 * [MQTT-3.1.2-22].
 */
export class ServerKeepAlive {
  readonly #patience: number;
  #deadline: number;

  /** `keepAlive` in seconds, 0 for none. */
  constructor(keepAlive: number, now: number) {
    this.#patience = keepAlive === 0 ? Infinity : keepAlive * 1500;
    this.#deadline = now + this.#patience;
  }

  /** When the Client is given up. */
  get deadline(): number {
    return this.#deadline;
  }

  /** A packet has come. */
  received(now: number): void {
    this.#deadline = now + this.#patience;
  }

  /** Whether the Client is to be given up. */
  isOver(now: number): boolean {
    if (now < this.#deadline) return false;
    if (now < this.#deadline + LATE) return true;
    // After a sleep its packets may lie in the socket unread: a second chance, a short one.
    this.#deadline = now + LATE;
    return false;
  }
}
