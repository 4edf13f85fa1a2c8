// The console of whoever runs the program: where errors go that nobody has asked for.

/** Writes one line. A console that is closed is no reason to fail. */
export function writeToConsole(line: string): void {
  try {
    console.error(line);
  } catch {
    // There is nobody left to tell.
  }
}
