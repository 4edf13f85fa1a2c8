// Who keeps, copies: a message that is decoded is a view of all that was read with it, and would keep that in memory, too.

/** What has bytes of a message: a PUBLISH, a Will. */
interface Message {
  readonly payload: Uint8Array;
  readonly properties: { readonly correlationData?: Uint8Array | undefined };
}

/** The message with bytes of its own. */
export function withOwnBytes<Kind extends Message>(message: Kind): Kind {
  const { payload, properties } = message;
  const { correlationData } = properties;
  const own = { ...message, payload: payload.slice() };
  if (correlationData === undefined) return own;
  return { ...own, properties: { ...properties, correlationData: correlationData.slice() } };
}
