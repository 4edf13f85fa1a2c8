// Buffers to read into that one connection needs no more and the next one may have: those who come
// and go would leave so much garbage, outside the heap, that the memory of the process grew by
// hundreds of megabytes before anybody collected it.

/** Smaller ones are not worth it. */
const SMALLEST = 4096;

/** So many bytes at most lie here: little enough to be on nobody's account. */
const MOST_BYTES = 4_194_304;

/** Buffers that wait for a connection. */
export class Slabs {
  readonly #bySize = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #bytes = 0;

  /** How many bytes lie here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A buffer of that size, with anything in it. */
  take(size: number): Uint8Array<ArrayBuffer> {
    const slab = this.#bySize.get(size)?.pop();
    if (slab === undefined) return new Uint8Array(size);
    this.#bytes -= size;
    return slab;
  }

  /** Nobody reads into a buffer any more, nor keeps any part of it. */
  give(slab: Uint8Array<ArrayBuffer>): void {
    const { length } = slab;
    if (length < SMALLEST || this.#bytes + length > MOST_BYTES) return;
    this.#bytes += length;
    const slabs = this.#bySize.get(length);
    if (slabs === undefined) this.#bySize.set(length, [slab]);
    else slabs.push(slab);
  }
}
