// §4.7.1.1 The levels of a topic, found without splitting the string.

/** The number of levels of a Topic Name or Topic Filter. */
export function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) levels++;
  return levels;
}

/** The index at which the level that begins at an index ends. */
export function levelEnd(topic: string, start: number): number {
  const end = topic.indexOf("/", start);
  return end < 0 ? topic.length : end;
}

/** Whether a level ends at an index. */
export function isEnd(topic: string, at: number): boolean {
  return at === topic.length || topic.charCodeAt(at) === SLASH;
}

const SLASH = 0x2f;
