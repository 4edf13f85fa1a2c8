// Errors of database files: each has a kind that tells them apart, and a message that names the
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
export type StoreErrorKind =
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
  readonly kind: StoreErrorKind;
  /** The path of the file. */
  readonly path: string;

  /** `reason` is the part of the message after the file name. */
  constructor(kind: StoreErrorKind, path: string, reason: string, options?: ErrorOptions) {
    super(`${path} cannot be used: ${reason}`, options);
    this.kind = kind;
    this.path = path;
  }

  /** The error for what a database has thrown. */
  static from(cause: unknown, path: string): StoreError {
    if (cause instanceof StoreError) return cause;
    const kind = kindOf(cause);
    const message = cause instanceof Error ? cause.message : String(cause);
    return new StoreError(kind, path, REASONS[kind] ?? message, { cause });
  }
}

/** Replaces SQLite's message where it can be said what to do. */
const REASONS: Partial<Record<StoreErrorKind, string>> = {
  locked: "another process is using it; stop that process, or choose another file",
  foreign: "it is not a database; choose another file",
  damaged: "it is damaged; restore it from a backup, or move it away to start with an empty one",
  full: "the disk is full; free some space",
  "read-only": "it is read-only; allow this process to write to it and its folder",
};

/** SQLite's primary result codes, the lowest byte of `errcode`: https://sqlite.org/rescode.html */
const KINDS: Readonly<Record<number, StoreErrorKind>> = {
  5: "locked",
  6: "locked",
  8: "read-only",
  11: "damaged",
  13: "full",
  26: "foreign",
};

function kindOf(error: unknown): StoreErrorKind {
  const { errcode } = error as { readonly errcode?: unknown };
  return typeof errcode === "number" ? KINDS[errcode & 0xff] ?? "failed" : "failed";
}
