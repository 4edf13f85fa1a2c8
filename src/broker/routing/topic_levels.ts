// §4.7.1.1 The levels of a topic, looked at where they stand.

/** How many levels a Topic Name has, or a Topic Filter. */
export function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) levels++;
  return levels;
}

/** Where the level ends that begins there. */
export function levelEnd(topic: string, start: number): number {
  const end = topic.indexOf("/", start);
  return end < 0 ? topic.length : end;
}

/** Whether a level ends there. */
export function isEnd(topic: string, at: number): boolean {
  return at === topic.length || topic.charCodeAt(at) === SLASH;
}

const SLASH = 0x2f;
