// A mistake that is planted in the product on purpose: the simulation has to find it. It is a patch
// of text, kept apart from the product's code.

/** One mistake. */
export interface Mutant {
  /** What is wrong with it, in a few words; unique. */
  readonly name: string;
  /** The file, from the root. */
  readonly file: string;
  /** What stands there once. */
  readonly from: string;
  /** What is to stand there. */
  readonly to: string;
  /**
   * Who finds it first: a check of histories, `"monitor"` for that of the links, or `"everything
   * drains"` where something never comes to its end.
   */
  readonly by: string;
  /** After how many seeds at most. */
  readonly within: number;
}

/**
 * The source with the mistake in it.
 *
 * @throws {Error} when the text is not there exactly once
 */
export function plant(source: string, { name, file, from, to }: Mutant): string {
  const place = source.indexOf(from);
  if (place < 0) throw new Error(`"${name}": ${file} has no longer what was to be changed`);
  if (source.includes(from, place + 1)) {
    throw new Error(`"${name}": what is to be changed is in ${file} more than once`);
  }
  return source.slice(0, place) + to + source.slice(place + from.length);
}
