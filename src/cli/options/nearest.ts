// The name that a mistyped one was probably meant to be.

/** How far a name may be from what was typed: half of its letters, but no more than this. */
const FARTHEST = 3;

/** The name that is nearest to what was typed, if one is near enough. */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  const typed = text.toLowerCase();
  let best: string | undefined;
  let least = Math.min(FARTHEST, Math.max(1, Math.floor(typed.length / 2))) + 1;
  for (const name of names) {
    const away = Math.min(distance(typed, name), startDistance(typed, name));
    if (away >= least) continue;
    least = away;
    best = name;
  }
  return best;
}

/** A beginning of the name counts as one fault, the name with more behind it as two. */
function startDistance(typed: string, name: string): number {
  if (typed === name || typed.length < 3 || name.length < 3) return Infinity;
  return name.startsWith(typed) ? 1 : typed.startsWith(name) ? 2 : Infinity;
}

/**
 * How many letters must be put in, taken out or replaced, or exchanged with the next, to make one
 * of the other.
 */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isExchanged = row > 1 && column > 1 && from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      next.push(Math.min(
        last[column]! + 1,
        next[column - 1]! + 1,
        last[column - 1]! + (isSame ? 0 : 1),
        isExchanged ? before[column - 2]! + 1 : Infinity,
      ));
    }
    before = last;
    last = next;
  }
  return last[to.length]!;
}
