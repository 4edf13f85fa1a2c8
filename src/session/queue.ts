// First in, first out. An array that is read from a moving head: neither end costs more than the
// other.

/**
 * An empty queue keeps its array if that has no more places: a new one would have to grow again.
 */
const KEPT = 128;

/**
 * Items in the order in which they came.
 *
 * @internal
 */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;
  #end = 0;

  /** How many items wait. */
  get length(): number {
    return this.#end - this.#head;
  }

  /** The item that has waited longest. */
  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  /** Adds an item at the end. */
  push(item: Item): void {
    this.#items[this.#end++] = item;
  }

  /** Takes the item that has waited longest. */
  shift(): Item | undefined {
    if (this.#head === this.#end) return undefined;
    const items = this.#items;
    const item = items[this.#head];
    items[this.#head++] = undefined;
    if (this.#head === this.#end) {
      this.#head = this.#end = 0;
      if (items.length > KEPT) this.#items = [];
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#end) {
      items.splice(0, this.#head);
      this.#end -= this.#head;
      this.#head = 0;
    }
    return item;
  }

  /** Keeps the items that `keep` wants, in their order. */
  filter(keep: (item: Item) => boolean): void {
    this.#items = [...this].filter(keep);
    this.#head = 0;
    this.#end = this.#items.length;
  }

  /** Takes all items. */
  takeAll(): Item[] {
    const items = [...this];
    this.#items = [];
    this.#head = this.#end = 0;
    return items;
  }

  /** The items, the first first. */
  *[Symbol.iterator](): Generator<Item> {
    for (let index = this.#head; index < this.#end; index++) {
      yield this.#items[index] as Item;
    }
  }
}
