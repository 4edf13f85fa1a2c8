// How many connections come from each address.

/** Counts connections by the network they come from. */
export class AddressCounts {
  readonly #counts = new Map<string, number>();

  /** How many there are from a network; 0 for one that is not known. */
  of(network: string | undefined): number {
    return network === undefined ? 0 : this.#counts.get(network) ?? 0;
  }

  /** One more. */
  add(network: string | undefined): void {
    if (network !== undefined) this.#counts.set(network, this.of(network) + 1);
  }

  /** One less. */
  remove(network: string | undefined): void {
    if (network === undefined) return;
    const count = this.of(network) - 1;
    if (count > 0) this.#counts.set(network, count);
    else this.#counts.delete(network);
  }
}
