// Who keeps, copies: a message that is decoded is a view of all that was read with it, and would
// keep that in memory, too.

/** What has bytes of a message: a PUBLISH, a Will. */
interface Message {
  readonly payload: Uint8Array;
  readonly properties: { readonly correlationData?: Uint8Array | undefined };
}

/** The size of a page in bytes. A page stays in memory as long as any copy in it does. */
const PAGE = 4096;

/** Payloads larger than this get a buffer of their own. */
const SMALL = 512;

/**
 * Copies of small payloads, side by side: a buffer for each would cost several times as much as
 * what it takes to fill it.
 */
export class PayloadPages {
  #page = new Uint8Array(0);
  #used = 0;

  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { length } = bytes;
    if (length > SMALL) return bytes.slice();
    if (this.#used + length > this.#page.length) {
      this.#page = new Uint8Array(PAGE);
      this.#used = 0;
    }
    const copy = this.#page.subarray(this.#used, this.#used += length);
    copy.set(bytes);
    return copy;
  }
}

/** A message whose bytes are copies, independent of the buffer that was read. */
export function withOwnBytes<Kind extends Message>(message: Kind): Kind {
  const { payload, properties } = message;
  return { ...message, payload: payload.slice(), properties: withOwnCorrelationData(properties) };
}

/** Properties whose bytes are copies; the same object if they contain no bytes. */
export function withOwnCorrelationData<Kind extends Message["properties"]>(properties: Kind): Kind {
  const { correlationData } = properties;
  if (correlationData === undefined) return properties;
  return { ...properties, correlationData: correlationData.slice() };
}
