// Accounts for the memory that clients make the broker use. Each connection and each session has an
// account, and whatever is charged to it is also charged to the broker's.
//
//   connection ──▶ broker ◀── session ◀── subscriptions
//                    ▲
//            retained messages

import type { Memory } from "../session/memory.ts";

/** The limits of an account. */
export interface AccountOptions {
  /** The maximum number of bytes. Default: only the limits of the accounts above apply. */
  readonly limit?: number | undefined;
  /** The part of the limit that only small accounts may use. Default: 0. */
  readonly reserve?: number | undefined;
  /**
   * The part of the limit that is left to the connections and sessions that there are, so that
   * their messages go on when no more can be opened. Default: 0.
   */
  readonly left?: number | undefined;
  /** Up to this many bytes the account is small. Default: that of the account above, or 0. */
  readonly small?: number | undefined;
}

/** Counts bytes against limits. Charges go to the accounts above, too. */
export class Account implements Memory {
  readonly #above: Account | undefined;
  readonly #limit: number;
  readonly #ordinaryLimit: number;
  readonly #openingLimit: number;
  readonly #small: number;
  #bytes = 0;
  /** How many of the bytes have been charged to the accounts above by another account. */
  #shared = 0;
  #isClosed = false;

  /** Opens an account, below another one if `above` is given. */
  constructor(above?: Account, options: AccountOptions = {}) {
    const { limit = Infinity, reserve = 0, left = 0, small } = options;
    this.#above = above;
    this.#limit = limit;
    this.#ordinaryLimit = limit - reserve;
    this.#openingLimit = limit - left;
    this.#small = small ?? (above === undefined ? 0 : above.#small);
  }

  /** The bytes that are charged to the account. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether this account and those above have room for more bytes. `shared` bytes count only here:
   * they are already charged to the accounts above.
   */
  hasRoom(bytes: number, shared = 0): boolean {
    return this.#hasRoom(bytes, shared, this.#bytes + bytes + shared <= this.#small);
  }

  /** Like {@linkcode Account.hasRoom}, but may use the reserve. */
  hasRoomAtAll(bytes: number): boolean {
    return this.#hasRoom(bytes, 0, true);
  }

  /**
   * Whether a new connection or session of this size may be opened. Only for the topmost account.
   */
  hasRoomToOpen(bytes: number): boolean {
    return this.#bytes + bytes <= this.#openingLimit;
  }

  /** Charges bytes whether or not there is room for them. */
  charge(bytes: number, shared = 0): void {
    if (this.#isClosed) return;
    this.#bytes += bytes + shared;
    this.#shared += shared;
    for (let above = this.#above; above !== undefined && !above.#isClosed; above = above.#above) {
      above.#bytes += bytes;
    }
  }

  /** Charges bytes if there is room for them. Returns whether there was. */
  tryCharge(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.charge(bytes);
    return true;
  }

  /** Takes back a charge. */
  release(bytes: number, shared = 0): void {
    this.charge(-bytes, -shared);
  }

  /** Charges bytes; releases them if the number is negative. */
  add(bytes: number): void {
    this.charge(bytes);
  }

  /** Releases everything and ignores later charges. */
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
