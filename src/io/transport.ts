// A byte stream both ways, whatever carries it. All of the world that the layers above io see of a
// Network Connection.

/** An open Network Connection (§4.2): bytes in order, both ways, none lost while it lasts. */
export interface Transport {
  /** The next bytes, at least one; `undefined` once the other end has closed its side. */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Nothing of what was read last is kept any more, so that the next bytes may lie in its place.
   * Not while a read is under way. Default: what was read stays as it is.
   */
  release?(): void;
  /** Sends all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more will be sent, after all that was. The other direction stays open. */
  closeWrite(): Promise<void>;
  /** Closes both ways, at once and as often as you like. */
  close(): void;
}
