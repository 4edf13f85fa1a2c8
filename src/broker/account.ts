// Bytes that clients make the broker keep, counted by one means wherever they are kept: each
// connection and each session has an account, and all of them are on the broker's.
//
//   connection ──▶ broker ◀── session ◀── subscriptions
//                    ▲
//            retained messages

import type { Memory } from "../session/memory.ts";

/** What an account is opened with. */
export interface AccountOptions {
  /** The most bytes on it. Default: no limit but those above. */
  readonly limit?: number | undefined;
  /** The part of the limit that only small accounts may use. Default: 0. */
  readonly reserve?: number | undefined;
  /**
   * The part of the limit that is left to the connections and sessions that there are, so that their
   * messages go on when no more can be opened. Default: 0.
   */
  readonly left?: number | undefined;
  /** With so many bytes the account is small. Default: as many as the account above, or none. */
  readonly small?: number | undefined;
}

/** An account of bytes. What is charged to it is charged to those above it, too. */
export class Account implements Memory {
  readonly #above: Account | undefined;
  readonly #limit: number;
  readonly #ordinaryLimit: number;
  readonly #openingLimit: number;
  readonly #small: number;
  #bytes = 0;
  /** Those of them that somebody else has charged above. */
  #shared = 0;
  #isClosed = false;

  /** Opens an account below another one, or one of its own. */
  constructor(above?: Account, options: AccountOptions = {}) {
    const { limit = Infinity, reserve = 0, left = 0, small } = options;
    this.#above = above;
    this.#limit = limit;
    this.#ordinaryLimit = limit - reserve;
    this.#openingLimit = limit - left;
    this.#small = small ?? (above === undefined ? 0 : above.#small);
  }

  /** How many bytes are on it. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether there is room for so many bytes more, here and above; `shared` ones count only here, as
   * those above have them already.
   */
  hasRoom(bytes: number, shared = 0): boolean {
    return this.#hasRoom(bytes, shared, this.#bytes + bytes + shared <= this.#small);
  }

  /** Whether there is room for so many bytes more when what is in reserve is counted in. */
  hasRoomAtAll(bytes: number): boolean {
    return this.#hasRoom(bytes, 0, true);
  }

  /**
   * Whether there is room for a connection or a session of so many bytes, on an account with none
   * above it.
   */
  hasRoomToOpen(bytes: number): boolean {
    return this.#bytes + bytes <= this.#openingLimit;
  }

  /** So many bytes more are kept, whether there was room or not. */
  charge(bytes: number, shared = 0): void {
    if (this.#isClosed) return;
    this.#bytes += bytes + shared;
    this.#shared += shared;
    for (let above = this.#above; above !== undefined && !above.#isClosed; above = above.#above) {
      above.#bytes += bytes;
    }
  }

  /** Charges so many bytes if there is room for them. Returns whether there was. */
  tryCharge(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.charge(bytes);
    return true;
  }

  /** So many bytes fewer are kept. */
  release(bytes: number, shared = 0): void {
    this.charge(-bytes, -shared);
  }

  /** So many bytes more are kept; fewer when it is negative. */
  add(bytes: number): void {
    this.charge(bytes);
  }

  /** Nothing on it is kept any more, and nothing will be. */
  close(): void {
    this.release(this.#bytes - this.#shared, this.#shared);
    this.#isClosed = true;
  }

  #hasRoom(bytes: number, shared: number, isSmall: boolean): boolean {
    if (this.#bytes + bytes + shared > this.#limitFor(isSmall)) return false;
    for (let above = this.#above; above !== undefined; above = above.#above) {
      if (above.#bytes + bytes > above.#limitFor(isSmall)) return false;
    }
    return true;
  }

  #limitFor(isSmall: boolean): number {
    return isSmall ? this.#limit : this.#ordinaryLimit;
  }
}
