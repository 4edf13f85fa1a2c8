// Where a server of the benchmarks is, whatever carries the bytes.

/** A server on this machine. */
export interface Server {
  /** `"mqtt://127.0.0.1:1883"`, or another scheme. */
  readonly url: string;
  /** In PEM: whom to trust, and who the client is, if it is to say so. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string } | undefined;
}
