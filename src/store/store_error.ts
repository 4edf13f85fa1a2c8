// What can be wrong with a file in which something is kept: told apart by a code, and said in a
// sentence that names the file and what to do.

/**
 * What is wrong with a file:
 *
 * - `"locked"`: another process uses it;
 * - `"foreign"`: it is of another program, or no database;
 * - `"damaged"`: what is in it is not what was written;
 * - `"empty"`: it is there, and there is nothing in it;
 * - `"newer"`: a later version of this program has made it;
 * - `"full"`: the disk is full;
 * - `"read-only"`: it cannot be written;
 * - `"failed"`: anything else, such as a fault of the disk; see `cause`.
 */
export type StoreErrorCode =
  | "locked"
  | "foreign"
  | "damaged"
  | "empty"
  | "newer"
  | "full"
  | "read-only"
  | "failed";

/** A file in which something is kept cannot be used, or cannot be used now. */
export class StoreError extends Error {
  /** Says what it is. */
  override readonly name = "StoreError";
  /** What is wrong. */
  readonly code: StoreErrorCode;
  /** The file. */
  readonly path: string;

  /** `why` goes on after the file's name and a colon. */
  constructor(code: StoreErrorCode, path: string, why: string, options?: ErrorOptions) {
    super(`${path} cannot be used: ${why}`, options);
    this.code = code;
    this.path = path;
  }

  /** What a database has thrown. */
  static from(cause: unknown, path: string): StoreError {
    if (cause instanceof StoreError) return cause;
    const code = codeOf(cause);
    const message = cause instanceof Error ? cause.message : String(cause);
    return new StoreError(code, path, WHY[code] ?? message, { cause });
  }
}

/** What to say in place of what SQLite says, where there is something to do. */
const WHY: Partial<Record<StoreErrorCode, string>> = {
  locked: "another process uses it; end that one, or name another file",
  foreign: "it is not a database; name another file",
  damaged: "it is damaged; restore it from a copy, or move it away to begin with an empty one",
  full: "the disk is full; make room on it",
  "read-only": "it is read-only; allow this process to write it and its folder",
};

/** SQLite's own codes, the lowest byte of them: https://sqlite.org/rescode.html */
const CODES: Readonly<Record<number, StoreErrorCode>> = {
  5: "locked",
  6: "locked",
  8: "read-only",
  11: "damaged",
  13: "full",
  26: "foreign",
};

function codeOf(error: unknown): StoreErrorCode {
  const { errcode } = error as { readonly errcode?: unknown };
  return typeof errcode === "number" ? CODES[errcode & 0xff] ?? "failed" : "failed";
}
