// @ts-check
// Which packets belong together: a request and its answers, a PUBLISH and its acknowledgements. An
// exchange goes on over connections of the same Client Identifier, as sessions do.

/** @import { PacketEntry, PageEntry } from "./events.ts" */

/**
 * @typedef {object} Exchange Packets that belong together.
 * @property {number} id 1 for the first.
 * @property {"connect" | "auth" | "publish" | "subscribe" | "unsubscribe" | "ping"} kind
 * @property {number} hue Which of the colours it has; -1 if none.
 * @property {number[]} members The numbers of its entries, in their order.
 * @property {boolean} isDone Whether the last packet has come.
 */

/**
 * @typedef {object} Membership What an entry is in its exchange.
 * @property {Exchange} exchange
 * @property {boolean} isRepeated Whether the packet was sent before.
 */

/** How many colours there are in page.css. */
export const HUES = 8;

/** So many exchanges that are not done are remembered, and so many packets of one. */
const MOST_OPEN = 10_000;
const MOST_MEMBERS = 200;

/** Finds the exchanges in entries, which are given in their order. */
export class Exchanges {
  /** @type {Map<string, Exchange>} Those that are not done, by session and identifier. */
  #open = new Map();
  /** @type {Map<number, string>} The session of a connection. */
  #sessions = new Map();
  /** @type {WeakMap<PageEntry, Membership>} */
  #memberships = new WeakMap();
  #count = 0;

  /**
   * The exchange of an entry, if it is in one.
   *
   * @param {PageEntry} entry
   */
  of(entry) {
    return this.#memberships.get(entry);
  }

  /**
   * Takes the next entry.
   *
   * @param {PageEntry} entry
   * @returns {Membership | undefined}
   */
  add(entry) {
    if (entry.type === "closed") this.#close(entry.connection);
    if (entry.type !== "packet" || !entry.isPacket) return undefined;
    const membership = this.#place(entry);
    if (membership === undefined) return undefined;
    const { members } = membership.exchange;
    members.push(entry.n);
    if (members.length > MOST_MEMBERS) members.splice(1, 1);
    this.#memberships.set(entry, membership);
    return membership;
  }

  /**
   * @param {PacketEntry} entry
   * @returns {Membership | undefined}
   */
  #place(entry) {
    const { name, from, packetId, qos = 0, reason } = entry;
    const answering = from === "client" ? "server" : "client";
    switch (name) {
      case "CONNECT":
        this.#join(entry);
        return this.#begin(entry, "connect", "connect");
      case "CONNACK":
        return this.#end(entry, "connect");
      case "AUTH": {
        const isDone = from === "server" && reason?.code === 0;
        if (this.#find(entry, "connect") !== undefined) return this.#go(entry, "connect", false);
        return this.#go(entry, "auth", isDone) ?? this.#begin(entry, "auth", "auth");
      }
      case "PINGREQ":
        return this.#begin(entry, "ping", "ping");
      case "PINGRESP":
        return this.#end(entry, "ping");
      case "SUBSCRIBE":
        return this.#begin(entry, `subscribe ${packetId}`, "subscribe");
      case "SUBACK":
        return this.#end(entry, `subscribe ${packetId}`);
      case "UNSUBSCRIBE":
        return this.#begin(entry, `unsubscribe ${packetId}`, "unsubscribe");
      case "UNSUBACK":
        return this.#end(entry, `unsubscribe ${packetId}`);
      case "PUBLISH":
        return qos === 0 ? undefined : this.#publish(entry, `publish ${from} ${packetId}`);
      case "PUBREL":
        return this.#again(this.#go(entry, `publish ${from} ${packetId}`, false), "PUBREL");
      case "PUBREC":
        // One that refuses is the last packet of its exchange (§4.3.3).
        return this.#go(entry, `publish ${answering} ${packetId}`, (reason?.code ?? 0) >= 0x80);
      case "PUBACK":
      case "PUBCOMP":
        return this.#end(entry, `publish ${answering} ${packetId}`);
      default:
        return undefined;
    }
  }

  /**
   * A PUBLISH with DUP belongs to the one that it repeats; without, its identifier is a new one's.
   *
   * @param {PacketEntry} entry
   * @param {string} key
   */
  #publish(entry, key) {
    const repeated = entry.dup ? this.#go(entry, key, false) : undefined;
    if (repeated !== undefined) return { ...repeated, isRepeated: true };
    return this.#begin(entry, key, "publish");
  }

  /**
   * @param {Membership | undefined} membership
   * @param {string} name
   */
  #again(membership, name) {
    if (membership === undefined) return undefined;
    const { exchange } = membership;
    const seen = this.#released.has(exchange);
    if (name === "PUBREL") this.#released.add(exchange);
    return { exchange, isRepeated: seen };
  }

  /** @type {WeakSet<Exchange>} Those of which a PUBREL has been seen. */
  #released = new WeakSet();

  /**
   * @param {PacketEntry} entry
   * @param {string} key
   * @param {Exchange["kind"]} kind
   * @returns {Membership}
   */
  #begin(entry, key, kind) {
    const id = ++this.#count;
    const hue = kind === "ping" ? -1 : id % HUES;
    /** @type {Exchange} */
    const exchange = { id, kind, hue, members: [], isDone: false };
    remember(this.#open, this.#keyOf(entry, key), exchange);
    return { exchange, isRepeated: false };
  }

  /**
   * @param {PacketEntry} entry
   * @param {string} key
   */
  #end(entry, key) {
    return this.#go(entry, key, true);
  }

  /**
   * @param {PacketEntry} entry
   * @param {string} key
   * @param {boolean} isDone
   * @returns {Membership | undefined}
   */
  #go(entry, key, isDone) {
    const exchange = this.#find(entry, key);
    if (exchange === undefined) return undefined;
    if (isDone) {
      exchange.isDone = true;
      this.#open.delete(this.#keyOf(entry, key));
    }
    return { exchange, isRepeated: false };
  }

  /**
   * @param {PacketEntry} entry
   * @param {string} key
   */
  #find(entry, key) {
    return this.#open.get(this.#keyOf(entry, key));
  }

  /** @param {PacketEntry} connect */
  #join({ connection, clientId = "" }) {
    if (clientId !== "") remember(this.#sessions, connection, `client ${clientId}`);
  }

  /**
   * What belongs to a connection, and not to a session, ends with it.
   *
   * @param {number} connection
   */
  #close(connection) {
    const session = this.#sessionOf(connection);
    this.#sessions.delete(connection);
    const isKept = !session.startsWith("connection");
    for (const [key, exchange] of this.#open) {
      const { kind } = exchange;
      if (!key.startsWith(`${session}\n`) || isKept && kind === "publish") continue;
      exchange.isDone = true;
      this.#open.delete(key);
    }
  }

  /** @param {number} connection */
  #sessionOf(connection) {
    return this.#sessions.get(connection) ?? `connection ${connection}`;
  }

  /**
   * @param {PacketEntry} entry
   * @param {string} key
   */
  #keyOf({ connection }, key) {
    return `${this.#sessionOf(connection)}\n${key}`;
  }
}

/**
 * Keeps a value; the oldest goes when there are too many.
 *
 * @template Key, Value
 * @param {Map<Key, Value>} map
 * @param {Key} key
 * @param {Value} value
 */
function remember(map, key, value) {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MOST_OPEN) break;
    map.delete(oldest);
  }
}
