// What is left in memory, without asking the garbage collector: whatever a broker keeps by name is in some Map.

/** How many things `body` puts into Maps, and how many of them it leaves there. */
export function countThings(body: () => void): { readonly made: number; readonly left: number } {
  const { set, delete: remove } = Map.prototype;
  let made = 0;
  let gone = 0;
  Map.prototype.set = function (key, value) {
    if (!this.has(key)) made++;
    return set.call(this, key, value);
  };
  Map.prototype.delete = function (key) {
    const isGone = remove.call(this, key);
    if (isGone) gone++;
    return isGone;
  };
  try {
    body();
  } finally {
    Map.prototype.set = set;
    Map.prototype.delete = remove;
  }
  return { made, left: made - gone };
}
