// The console, for errors that have no handler.

/** Characters in a line, at most. */
const LINE_LENGTH = 1000;

/**
 * Writes a line. What a terminal might obey or hide is escaped: parts of a line may come from
 * strangers. Never throws, even if the console is closed.
 */
export function writeToConsole(line: string): void {
  const short = line.length <= LINE_LENGTH ? line : `${line.slice(0, LINE_LENGTH)}…`;
  try {
    console.error(short.replaceAll(/(?! )[\p{C}\p{Z}]/gu, (character) => {
      return `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`;
    }));
  } catch {
    // There is no other place to report it.
  }
}
