// What a fuzzer collects in one run: what must never be thrown, and how often what was seen.

/** What was seen, by name. */
export type Counts = Map<string, number>;

/** Runs `work`, and throws the first thing that went wrong in it, also where nobody waits for it. */
export async function withoutFaults(
  errors: unknown[],
  work: () => Promise<void>,
): Promise<void> {
  const onError = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    errors.push("reason" in event ? event.reason : event.error);
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onError);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve));
    throwFirst(errors);
  } finally {
    globalThis.removeEventListener("error", onError);
    globalThis.removeEventListener("unhandledrejection", onError);
  }
}

/** Throws the first of them, if there is one. */
export function throwFirst(errors: readonly unknown[]): void {
  if (errors.length > 0) throw errors[0];
}

/** Counts once more. */
export function count(counts: Counts, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
