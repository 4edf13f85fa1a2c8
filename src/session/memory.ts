// Whoever counts the bytes that a peer makes this end keep. A connection tells it what it keeps,
// and asks before it keeps more.

/** Where a connection's bytes are counted. */
export interface Memory {
  /** Whether there is room for so many bytes more. */
  hasRoom(bytes: number): boolean;
  /** Likewise, when what is in reserve is counted in: for what others wait for. */
  hasRoomAtAll(bytes: number): boolean;
  /** So many bytes more are kept; fewer when it is negative. */
  add(bytes: number): void;
}

/** Counts nothing: there is always room. */
export const UNCOUNTED: Memory = {
  hasRoom: () => true,
  hasRoomAtAll: () => true,
  add: () => {},
};
