// What a hook gives back: an answer, or the promise of one.

/** Whether a value is a promise, of any make. */
export function isPromise<Result>(
  value: Result | PromiseLike<Result>,
): value is PromiseLike<Result> {
  return typeof (value as Partial<PromiseLike<Result>> | null | undefined)?.then === "function";
}
