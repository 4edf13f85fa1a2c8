// Errors of database files: each has a code that tells them apart, and a message that names the
// file and what to do.

/**
 * What is wrong with a database file:
 *
 * - `"locked"`: another process is using it.
 * - `"foreign"`: it belongs to another program, or is not a database.
 * - `"damaged"`: its contents are not what was written.
 * - `"empty"`: it exists, but is empty.
 * - `"newer"`: it was written by a later version of this program.
 * - `"full"`: the disk is full.
 * - `"read-only"`: it cannot be written.
 * - `"failed"`: anything else, such as a disk error; see `cause`.
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

/** A database file cannot be used, for good or for the time being. */
export class StoreError extends Error {
  /** Always `"StoreError"`. */
  override readonly name = "StoreError";
  /** What is wrong. */
  readonly code: StoreErrorCode;
  /** The path of the file. */
  readonly path: string;

  /** `reason` is the part of the message after the file name. */
  constructor(code: StoreErrorCode, path: string, reason: string, options?: ErrorOptions) {
    super(`${path} cannot be used: ${reason}`, options);
    this.code = code;
    this.path = path;
  }

  /** The error for what a database has thrown. */
  static from(cause: unknown, path: string): StoreError {
    if (cause instanceof StoreError) return cause;
    const code = codeOf(cause);
    const message = cause instanceof Error ? cause.message : String(cause);
    return new StoreError(code, path, REASONS[code] ?? message, { cause });
  }
}

/** Replaces SQLite's message where it can be said what to do. */
const REASONS: Partial<Record<StoreErrorCode, string>> = {
  locked: "another process is using it; stop that process, or choose another file",
  foreign: "it is not a database; choose another file",
  damaged: "it is damaged; restore it from a backup, or move it away to start with an empty one",
  full: "the disk is full; free some space",
  "read-only": "it is read-only; allow this process to write to it and its folder",
};

/** SQLite's primary result codes, the lowest byte of `errcode`: https://sqlite.org/rescode.html */
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
