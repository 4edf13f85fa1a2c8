// The rows of the broker's database: sessions, subscriptions, messages, retained messages. Each
// write can be repeated, because a commit that reports a failure may have succeeded. When to write
// is decided by the store.

import { decodePacket, encodePacket, type PublishPacket, type Will } from "../../packets/mod.ts";
import { decodeMessage, encodeMessage } from "../../session/snapshot.ts";
import { checksum } from "../../store/checksum.ts";
import type { Database, SqlValue } from "../../store/sqlite.ts";
import { finite, orInfinity, Tables } from "../../store/tables.ts";
import type { ClientInfo } from "../options.ts";
import type { QueuedMessage } from "../routing/queued_message.ts";
import type { Subscription } from "../routing/subscriptions.ts";
import { BROKER_FILE, COLUMNS, type TableName } from "./format.ts";

/** A stored session. Times are those of the wall clock, in milliseconds. */
export interface SessionRow {
  readonly client: ClientInfo;
  /** The user the session belongs to, if clients are authenticated. */
  readonly owner: string | undefined;
  /** The Session Expiry Interval, in milliseconds; `Infinity` when it does not expire. */
  readonly lifetime: number;
  /** When its client disconnected; `undefined` while it is connected. */
  readonly leftAt: number | undefined;
  readonly will: Will | undefined;
}

/** A stored message of a session. */
export interface MessageRow {
  readonly id: number;
  readonly packet: PublishPacket;
  /** By the wall clock, in milliseconds; `Infinity` when it does not expire. */
  readonly expiresAt: number;
  readonly packetId: number;
  readonly isReleased: boolean;
  readonly order: number;
  /** The checksum of the columns that never change. */
  readonly contentChecksum: number;
}

/** A stored subscription. */
export type SubscriptionRow = Pick<Subscription<unknown>, "request" | "identifier">;

const SQL = {
  saveSession: `INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    username = excluded.username, owner = excluded.owner, address = excluded.address,
    lifetime = excluded.lifetime, left_at = excluded.left_at, will = excluded.will,
    checksum = excluded.checksum`,
  deleteSession: "DELETE FROM session WHERE client_id = ?",
  saveSubscription: "INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?, ?)",
  deleteSubscription: "DELETE FROM subscription WHERE client_id = ? AND topic_filter = ?",
  saveReceived: "INSERT OR REPLACE INTO received VALUES (?, ?, ?)",
  deleteReceived: "DELETE FROM received WHERE client_id = ? AND packet_id = ?",
  saveMessage: "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  saveFlight:
    "UPDATE message SET packet_id = ?, released = ?, place = ?, checksum = ? WHERE id = ?",
  deleteMessage: "DELETE FROM message WHERE id = ?",
  saveRetained: "INSERT OR REPLACE INTO retained VALUES (?, ?, ?, ?)",
  deleteRetained: "DELETE FROM retained WHERE topic = ?",
} as const;

/** The broker's tables. */
export class BrokerDatabase {
  readonly #database: Database;
  readonly #tables: Tables<TableName>;

  /** `path` names the file in error messages. */
  constructor(database: Database, path: string) {
    this.#database = database;
    this.#tables = new Tables(database, path, COLUMNS);
  }

  /**
   * Reads all sessions.
   *
   * @throws {StoreError} when a row is damaged, as with every method that reads
   */
  sessions(): SessionRow[] {
    return this.#tables.rows("session", "", [], (row) => ({
      client: {
        clientId: String(row["client_id"]),
        username: row["username"] === null ? undefined : String(row["username"]),
        address: String(row["address"]),
        listener: undefined,
        certificate: undefined,
        origin: undefined,
      },
      owner: row["owner"] === null ? undefined : String(row["owner"]),
      lifetime: orInfinity(row["lifetime"]),
      leftAt: row["left_at"] === null ? undefined : Number(row["left_at"]),
      will: row["will"] === null ? undefined : willFrom(row["will"]),
    }));
  }

  /** Reads the subscriptions of a session. */
  subscriptions(clientId: string): SubscriptionRow[] {
    return this.#tables.rows("subscription", "WHERE client_id = ?", [clientId], (row) => ({
      request: JSON.parse(String(row["request"])),
      identifier: row["identifier"] === null ? undefined : Number(row["identifier"]),
    }));
  }

  /** Reads the Packet Identifiers of received QoS 2 messages whose PUBREL has not arrived. */
  received(clientId: string): number[] {
    const where = "WHERE client_id = ?";
    return this.#tables.rows("received", where, [clientId], (row) => Number(row["packet_id"]));
  }

  /**
   * Reads the messages of a session in their order: those in flight, then those that are queued.
   */
  messages(clientId: string): MessageRow[] {
    const where = "WHERE client_id = ? ORDER BY packet_id = 0, place, id";
    return this.#tables.rows("message", where, [clientId], (row) => ({
      id: Number(row["id"]),
      packet: decodeMessage(row["publish"] as Uint8Array),
      expiresAt: orInfinity(row["expires_at"]),
      packetId: Number(row["packet_id"]),
      isReleased: row["released"] === 1,
      order: Number(row["place"]),
      contentChecksum: checksum(
        ["id", "client_id", "publish", "expires_at"].map((column) => row[column]!),
      ),
    }));
  }

  /** Reads all retained messages and when they expire, by the wall clock. */
  retained(): { readonly packet: PublishPacket; readonly expiresAt: number }[] {
    return this.#tables.rows("retained", "", [], (row) => ({
      packet: decodeMessage(row["publish"] as Uint8Array),
      expiresAt: orInfinity(row["expires_at"]),
    }));
  }

  /** The highest `id` of a message; 0 when there is none. */
  lastMessageId(): number {
    const [row] = this.#tables.read("SELECT max(id) AS id FROM message");
    return Number(row?.["id"] ?? 0);
  }

  saveSession({ client, owner, lifetime, leftAt, will }: SessionRow): void {
    this.#write("saveSession", [
      client.clientId,
      client.username ?? null,
      owner ?? null,
      client.address,
      finite(lifetime),
      leftAt ?? null,
      will === undefined ? null : encodePacket({ type: "connect", will }),
    ]);
  }

  /** Deletes a session; its subscriptions and messages go with it, by their foreign keys. */
  deleteSession(clientId: string): void {
    this.#run("deleteSession", clientId);
  }

  saveSubscription(clientId: string, { request, identifier }: SubscriptionRow): void {
    this.#write("saveSubscription", [
      clientId,
      request.topicFilter,
      JSON.stringify(request),
      identifier ?? null,
    ]);
  }

  deleteSubscription(clientId: string, topicFilter: string): void {
    this.#run("deleteSubscription", clientId, topicFilter);
  }

  saveReceived(clientId: string, packetId: number): void {
    this.#write("saveReceived", [clientId, packetId]);
  }

  deleteReceived(clientId: string, packetId: number): void {
    this.#run("deleteReceived", clientId, packetId);
  }

  /** Saves a message that is queued or in flight. */
  saveMessage(clientId: string, message: QueuedMessage, expiresAt: number): void {
    const content = [message.row!, clientId, encodeMessage(message.packet), finite(expiresAt)];
    message.contentChecksum = checksum(content);
    const flight = flightOf(message);
    const sum = checksum(flight, message.contentChecksum);
    this.#run("saveMessage", ...content, ...flight, sum);
  }

  /** Updates the delivery state of a stored message. */
  saveFlight(message: QueuedMessage): void {
    const flight = flightOf(message);
    const sum = checksum(flight, message.contentChecksum);
    this.#run("saveFlight", ...flight, sum, message.row!);
  }

  deleteMessage(id: number): void {
    this.#run("deleteMessage", id);
  }

  saveRetained(packet: PublishPacket, expiresAt: number): void {
    this.#write("saveRetained", [packet.topic, encodeMessage(packet), finite(expiresAt)]);
  }

  deleteRetained(topic: string): void {
    this.#run("deleteRetained", topic);
  }

  /** Finds out whether the file can be written, by writing a value that it already has. */
  probe(): void {
    this.#database.prepare(`PRAGMA user_version = ${BROKER_FILE.version}`).run();
  }

  /** Closes the database. */
  close(): void {
    this.#database.close();
  }

  #write(name: keyof typeof SQL, values: SqlValue[]): void {
    this.#tables.write(SQL[name], values);
  }

  #run(name: keyof typeof SQL, ...values: SqlValue[]): void {
    this.#tables.run(SQL[name], ...values);
  }
}

function flightOf({ packetId, isReleased, order }: QueuedMessage): SqlValue[] {
  return [packetId, isReleased ? 1 : 0, order];
}

/** A Will is stored as a CONNECT packet that contains it. */
function willFrom(bytes: SqlValue | undefined): Will | undefined {
  const packet = decodePacket(bytes as Uint8Array);
  return packet.type === "connect" ? packet.will : undefined;
}
