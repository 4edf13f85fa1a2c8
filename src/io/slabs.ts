// A pool of read buffers, which connections reuse. Without it, connections that come and go leave
// garbage outside the heap, and the process grows by hundreds of megabytes before a collection.

/** The smallest buffer that is worth keeping, in bytes. */
const SMALLEST = 4096;

/** The limit of the pool in bytes: small enough not to be charged to any account. */
const MOST_BYTES = 4_194_304;

/** Buffers that are free for reuse. */
export class Slabs {
  readonly #bySize = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #bytes = 0;

  /** The total size of the free buffers, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a buffer of exactly this size, with arbitrary content; a new one if none is free. */
  take(size: number): Uint8Array<ArrayBuffer> {
    const slab = this.#bySize.get(size)?.pop();
    if (slab === undefined) return new Uint8Array(size);
    this.#bytes -= size;
    return slab;
  }

  /** Returns a buffer. The caller must not use any part of it afterwards. */
  give(slab: Uint8Array<ArrayBuffer>): void {
    const { length } = slab;
    if (length < SMALLEST || this.#bytes + length > MOST_BYTES) return;
    this.#bytes += length;
    const slabs = this.#bySize.get(length);
    if (slabs === undefined) this.#bySize.set(length, [slab]);
    else slabs.push(slab);
  }
}
