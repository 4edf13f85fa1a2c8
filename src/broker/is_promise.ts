// Hooks may be async: tells a promise from a result, so that a synchronous hook costs no turn.

/** Whether a value is a promise, or any other thenable. */
export function isPromise<Result>(
  value: Result | PromiseLike<Result>,
): value is PromiseLike<Result> {
  return typeof (value as Partial<PromiseLike<Result>> | null | undefined)?.then === "function";
}
