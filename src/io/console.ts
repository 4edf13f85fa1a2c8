// The console, for errors that have no handler.

/** Writes a line. Never throws, even if the console is closed. */
export function writeToConsole(line: string): void {
  try {
    console.error(line);
  } catch {
    // There is no other place to report it.
  }
}
