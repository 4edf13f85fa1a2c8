// The rows of clients' sessions: what SQL makes of the changes of a session, and of its messages.
// Each write can be repeated, because a commit that reports a failure may have succeeded.

import type {
  SessionChange,
  StoredDelivery,
  StoredMessage,
  StoredReceipt,
  StoredSession,
  StoredSubscription,
} from "../session/session_store.ts";
import { CLIENT_COLUMNS, type ClientTable } from "./client_format.ts";
import type { Database, SqlRow, SqlValue } from "./sqlite.ts";
import { finite, orInfinity, Tables } from "./tables.ts";
import { checksum } from "./checksum.ts";

/** The columns of a message that never change. */
const CONTENT = CLIENT_COLUMNS.mqtt_message.slice(0, 5);

/** So many messages are inserted by one statement: that takes a third of the time. */
const ROWS = 8;

/** The columns of a message, with the checksum. */
const COLUMNS = CLIENT_COLUMNS.mqtt_message.length + 1;

const SQL = {
  saveSession: `INSERT INTO mqtt_session (client_id, number, unanswered, checksum)
    VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET number = excluded.number, unanswered = excluded.unanswered,
      checksum = excluded.checksum`,
  deleteDeliveries: "DELETE FROM mqtt_delivery WHERE client_id = ?",
  deleteSubscriptions: "DELETE FROM mqtt_subscription WHERE client_id = ?",
  saveMessage: saveMessages(1),
  saveMessages: saveMessages(ROWS),
  readContent: `SELECT ${CONTENT.join(", ")}, packet_id FROM mqtt_message WHERE id = ?`,
  saveFlight: `UPDATE mqtt_message SET packet_id = ?, released = ?, place = ?, checksum = ?
    WHERE id = ?`,
  saveRelease: "UPDATE mqtt_message SET released = ?, place = ?, checksum = ? WHERE id = ?",
  deleteMessages: "DELETE FROM mqtt_message WHERE id BETWEEN ? AND ?",
  saveDelivery: "INSERT OR REPLACE INTO mqtt_delivery VALUES (?, ?, ?, ?, ?)",
  saveSubscription: "INSERT OR REPLACE INTO mqtt_subscription VALUES (?, ?, ?, ?, ?, ?)",
  deleteSubscription: "DELETE FROM mqtt_subscription WHERE client_id = ? AND topic_filter = ?",
  saveReceipt: "INSERT OR REPLACE INTO mqtt_receipt VALUES (?, ?, ?, ?, ?, ?)",
  deleteReceipts: `DELETE FROM mqtt_receipt
    WHERE id IN (SELECT id FROM mqtt_receipt WHERE at < ? ORDER BY at LIMIT ?)`,
  dropReceipts: `DELETE FROM mqtt_receipt
    WHERE id IN (SELECT id FROM mqtt_receipt ORDER BY at LIMIT 1000) RETURNING id`,
  saveLastId: "UPDATE mqtt_store SET last_id = ? WHERE id = 1",
  readStore: "SELECT name, last_id FROM mqtt_store WHERE id = 1",
  waitingSizes: `SELECT id, length(publish) AS size FROM mqtt_message
    WHERE client_id = ? AND packet_id = 0 AND id > ? ORDER BY id LIMIT ?`,
  countWaiting: "SELECT count(*) AS count FROM mqtt_message WHERE client_id = ? AND packet_id = 0",
  nextExpiry: `SELECT min(expires_at) AS at FROM mqtt_message
    WHERE client_id = ? AND packet_id = 0 AND expires_at IS NOT NULL`,
  now: "SELECT unixepoch('subsec') * 1000 AS now",
  clientIds: "SELECT client_id FROM mqtt_session ORDER BY client_id",
} as const;

/** What is known of a message that is in flight, or about to be. */
interface KnownMessage {
  /** The checksum of what never changes in it. */
  readonly content: number;
  /** Its Packet Identifier as it is stored. */
  readonly packetId: number;
}

/** The tables of the file of clients. */
export class ClientTables {
  readonly #tables: Tables<ClientTable>;
  /** Messages that are in flight, or about to be, by their `id`. */
  readonly #known = new Map<number, KnownMessage>();

  /** `path` names the file in error messages. */
  constructor(database: Database, path: string) {
    this.#tables = new Tables(database, path, CLIENT_COLUMNS);
  }

  /** The name of the store, and the largest identifier that may have been given out. */
  store(): { readonly name: string; readonly lastId: number } {
    const [row] = this.#tables.read(SQL.readStore);
    return { name: String(row!["name"]), lastId: Number(row!["last_id"]) };
  }

  /** The time of the clock on the wall, in milliseconds. */
  now(): number {
    return Number(this.#tables.read(SQL.now)[0]!["now"]);
  }

  /** The Client Identifiers of the sessions. */
  clientIds(): string[] {
    return this.#tables.read(SQL.clientIds).map((row) => String(row["client_id"]));
  }

  /** Whether there is a session. */
  has(clientId: string): boolean {
    return this.#tables.rows("mqtt_session", "WHERE client_id = ?", [clientId], () => 1).length > 0;
  }

  /**
   * Reads a session, apart from the messages that wait.
   *
   * @throws {StoreError} when a row is damaged, as with every method that reads
   */
  session(clientId: string): StoredSession {
    const where = "WHERE client_id = ?";
    const begun = this.#begun(clientId);
    const inFlight = this.#messages(`${where} AND packet_id <> 0 ORDER BY place`, [clientId]);
    const [count] = this.#tables.read(SQL.countWaiting, clientId);
    return {
      ...begun,
      inFlight,
      deliveries: this.#tables.rows("mqtt_delivery", where, [clientId], deliveryFrom),
      subscriptions: this.#tables.rows("mqtt_subscription", where, [clientId], subscriptionFrom),
      waiting: Number(count!["count"]),
    };
  }

  /** The messages of a session that wait, after one of them: so many, of so many bytes at most. */
  waiting(clientId: string, after: number, count: number, bytes: number): StoredMessage[] {
    // What is large is found before it is read.
    let left = bytes;
    let last = 0;
    for (const { id, size } of this.#tables.read(SQL.waitingSizes, clientId, after, count)) {
      left -= Number(size);
      if (left < 0 && last !== 0) break;
      last = Number(id);
    }
    const where = "WHERE client_id = ? AND packet_id = 0 AND id > ? AND id <= ? ORDER BY id";
    return this.#tables.rows("mqtt_message", where, [clientId, after, last], (row) => {
      const content = checksum(CONTENT.map((column) => row[column]!));
      this.#known.set(Number(row["id"]), { content, packetId: 0 });
      return messageFrom(row);
    });
  }

  /** The messages of a session that wait and have expired. */
  expired(clientId: string, now: number, count: number): StoredMessage[] {
    const where =
      "WHERE client_id = ? AND packet_id = 0 AND expires_at IS NOT NULL AND expires_at <= ? " +
      "ORDER BY expires_at LIMIT ?";
    return this.#messages(where, [clientId, now, count]);
  }

  /** When the next message of a session that waits expires. */
  nextExpiry(clientId: string): number {
    return orInfinity(this.#tables.read(SQL.nextExpiry, clientId)[0]?.["at"]);
  }

  /** The messages of a session that have receipts and no outcome, after one of them. */
  pending(clientId: string, after: number, count: number): StoredMessage[] {
    const where = "WHERE client_id = ? AND receipt = 1 AND id > ? ORDER BY id LIMIT ?";
    return this.#messages(where, [clientId, after, count]);
  }

  /** The message of a receipt, or its outcome. */
  receipt(clientId: string, id: number): StoredMessage | StoredReceipt | undefined {
    const where = "WHERE id = ? AND client_id = ?";
    return this.#messages(`${where} AND receipt = 1`, [id, clientId])[0] ??
      this.#tables.rows("mqtt_receipt", where, [id, clientId], receiptFrom)[0];
  }

  /** Writes changes of a session, in their order; what is alike is written together. */
  write(clientId: string, changes: readonly SessionChange[]): void {
    const added: SqlValue[] = [];
    const settled: number[] = [];
    for (const change of changes) {
      if (change.type === "message") this.#add(clientId, change.message, added);
      else {
        if (change.type === "flight") this.#saveMessages(added);
        else if (change.type === "settled") settled.push(change.receipt.id);
        this.#write(clientId, change);
      }
    }
    this.#saveMessages(added);
    this.#deleteMessages(settled);
  }

  #write(clientId: string, change: Exclude<SessionChange, { readonly type: "message" }>): void {
    switch (change.type) {
      case "session":
        return this.saveSession(clientId, change.number);
      case "unanswered": {
        const { number } = this.#begun(clientId);
        const unanswered = change.isUnanswered ? 1 : 0;
        return this.#tables.write(SQL.saveSession, [clientId, number, unanswered]);
      }
      case "flight":
        return this.#saveFlight(change.id, [
          change.packetId,
          change.isReleased ? 1 : 0,
          change.place,
        ]);
      case "settled": {
        const { id, topic, outcome, at } = change.receipt;
        if (!change.hasReceipt) return;
        return this.#tables.write(SQL.saveReceipt, [
          id,
          clientId,
          topic,
          JSON.stringify(outcome),
          at,
        ]);
      }
      case "delivery": {
        const { packetId, count, isUnreleased } = change.delivery;
        return this.#tables.write(SQL.saveDelivery, [
          clientId,
          packetId,
          count,
          isUnreleased ? 1 : 0,
        ]);
      }
      case "subscribed": {
        const { request, identifier, reasonCode } = change.subscription;
        const { topicFilter } = request;
        const text = JSON.stringify(request);
        return this.#tables.write(SQL.saveSubscription, [
          clientId,
          topicFilter,
          text,
          identifier ?? null,
          reasonCode,
        ]);
      }
      case "unsubscribed":
        return this.#tables.run(SQL.deleteSubscription, clientId, change.topicFilter);
      default:
        change satisfies never;
    }
  }

  /** Begins a session, which has nothing but the messages to be sent. */
  saveSession(clientId: string, number: number): void {
    this.#tables.write(SQL.saveSession, [clientId, number, 0]);
    this.#tables.run(SQL.deleteDeliveries, clientId);
    this.#tables.run(SQL.deleteSubscriptions, clientId);
  }

  /** Saves the largest identifier that may have been given out. */
  saveLastId(id: number): void {
    this.#tables.run(SQL.saveLastId, id);
  }

  /** Deletes the oldest receipts of outcomes that were known before, so many at most. */
  deleteReceipts(before: number, count: number): void {
    this.#tables.run(SQL.deleteReceipts, before, count);
  }

  #add(clientId: string, message: StoredMessage, added: SqlValue[]): void {
    const { id, publish, expiresAt, hasReceipt, packetId, isReleased, place } = message;
    const content = [id, clientId, publish, finite(expiresAt), hasReceipt ? 1 : 0];
    const flight = [packetId, isReleased ? 1 : 0, place];
    const sum = checksum(content);
    if (packetId !== 0) this.#known.set(id, { content: sum, packetId });
    added.push(...content, ...flight, checksum(flight, sum));
    if (added.length === ROWS * COLUMNS) {
      this.#tables.run(SQL.saveMessages, ...added);
      added.length = 0;
    }
  }

  /** Writes what is left of messages that were added. */
  #saveMessages(added: SqlValue[]): void {
    for (let start = 0; start < added.length; start += COLUMNS) {
      this.#tables.run(SQL.saveMessage, ...added.slice(start, start + COLUMNS));
    }
    added.length = 0;
  }

  #saveFlight(id: number, flight: readonly [packetId: number, released: number, place: number]) {
    let known = this.#known.get(id);
    if (known === undefined) {
      const [row] = this.#tables.read(SQL.readContent, id);
      // It may have been settled by a commit that reported a failure.
      if (row === undefined) return;
      const content = checksum(CONTENT.map((column) => row[column]!));
      known = { content, packetId: Number(row["packet_id"]) };
    }
    const [packetId, released, place] = flight;
    const sum = checksum(flight, known.content);
    // No index has anything to do then.
    if (packetId === known.packetId) this.#tables.run(SQL.saveRelease, released, place, sum, id);
    else this.#tables.run(SQL.saveFlight, ...flight, sum, id);
    this.#known.set(id, { ...known, packetId });
  }

  /** Those that follow one another go together: usually all do. */
  #deleteMessages(ids: number[]): void {
    ids.sort((a, b) => a - b);
    for (let start = 0, end = 0; start < ids.length; start = end) {
      do this.#known.delete(ids[end++]!); while (ids[end] === ids[end - 1]! + 1);
      this.#tables.run(SQL.deleteMessages, ids[start]!, ids[end - 1]!);
    }
  }

  /** Deletes some of the oldest receipts. Returns whether there were any. */
  dropReceipts(): boolean {
    return this.#tables.read(SQL.dropReceipts).length > 0;
  }

  /** What was written last is not in the file: nothing is known of it. */
  forget(): void {
    this.#known.clear();
  }

  #begun(clientId: string): Pick<StoredSession, "number" | "isUnanswered"> {
    const [begun] = this.#tables.rows("mqtt_session", "WHERE client_id = ?", [clientId], (row) => ({
      number: Number(row["number"]),
      isUnanswered: row["unanswered"] === 1,
    }));
    return begun ?? { number: 0, isUnanswered: false };
  }

  #messages(clause: string, values: SqlValue[]): StoredMessage[] {
    return this.#tables.rows("mqtt_message", clause, values, messageFrom);
  }
}

function saveMessages(count: number): string {
  const row = `(${Array(COLUMNS).fill("?").join(", ")})`;
  return `INSERT OR REPLACE INTO mqtt_message VALUES ${Array(count).fill(row).join(", ")}`;
}

function messageFrom(row: SqlRow): StoredMessage {
  return {
    id: Number(row["id"]),
    publish: row["publish"] as Uint8Array,
    expiresAt: orInfinity(row["expires_at"]),
    packetId: Number(row["packet_id"]),
    isReleased: row["released"] === 1,
    place: Number(row["place"]),
    hasReceipt: row["receipt"] === 1,
  };
}

function deliveryFrom(row: SqlRow): StoredDelivery {
  return {
    packetId: Number(row["packet_id"]),
    count: Number(row["count"]),
    isUnreleased: row["unreleased"] === 1,
  };
}

function subscriptionFrom(row: SqlRow): StoredSubscription {
  return {
    request: JSON.parse(String(row["request"])),
    identifier: row["identifier"] === null ? undefined : Number(row["identifier"]),
    reasonCode: Number(row["reason_code"]),
  };
}

function receiptFrom(row: SqlRow): StoredReceipt {
  return {
    id: Number(row["id"]),
    topic: String(row["topic"]),
    outcome: JSON.parse(String(row["outcome"])),
    at: Number(row["at"]),
  };
}
