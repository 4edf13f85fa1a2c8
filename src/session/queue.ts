// First in, first out. An array that is read from a moving head: neither end costs more than the other.

/** Items in the order in which they came. */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  /** How many items wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The item that has waited longest. */
  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  /** Adds an item at the end. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the item that has waited longest. */
  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (this.#head === this.#items.length) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.#items.length = this.#head = 0;
    else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Keeps the items that `keep` wants, in their order. */
  filter(keep: (item: Item) => boolean): void {
    this.#items = [...this].filter(keep);
    this.#head = 0;
  }

  /** Takes all items. */
  takeAll(): Item[] {
    const items = [...this];
    this.#items = [];
    this.#head = 0;
    return items;
  }

  /** The items, the first first. */
  *[Symbol.iterator](): Generator<Item> {
    for (let index = this.#head; index < this.#items.length; index++) {
      yield this.#items[index] as Item;
    }
  }
}
