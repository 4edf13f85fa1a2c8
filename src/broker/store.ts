// What survives the broker: sessions, the messages that wait for them or are in flight, retained messages. Every change is
// made at once, within a transaction that ends before the next byte is written to any client: what a client was told is on
// disk first.

import { decodePacket, encodePacket, type PublishPacket, type Will } from "../packets/mod.ts";
import { Receipt } from "../session/receipt.ts";
import { fromBase64, toBase64 } from "../wire/base64.ts";
import { Kept } from "./kept.ts";
import type { Member } from "./member.ts";
import type { ClientInfo } from "./options.ts";
import type { Entry } from "./subscriptions.ts";

/** A value in a database. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** A statement of a database. */
export interface Statement {
  /** Does it. */
  run(...values: SqlValue[]): { readonly lastInsertRowid: number | bigint };
  /** Does it, and gives the rows. */
  all(...values: SqlValue[]): Record<string, SqlValue>[];
}

/** A database that speaks SQL as SQLite does. */
export interface Database {
  /** Does some statements without values. */
  exec(sql: string): void;
  /** Makes a statement ready. */
  prepare(sql: string): Statement;
  /** Closes it. */
  close(): void;
}

/** Clocks: of the engine, and of the wall, which goes on while there is no broker. In milliseconds. */
export interface Clocks {
  readonly now: () => number;
  readonly wall: () => number;
}

/** A session as it was found. */
export interface FoundSession {
  readonly client: ClientInfo;
  readonly owner: string | undefined;
  /** In milliseconds; `Infinity` for ever. */
  readonly lifetime: number;
  /** When its client left, on the engine's clock, which may be below 0; `undefined` if it was there when the broker ended. */
  readonly leftAt: number | undefined;
  readonly will: Will | undefined;
}

/** The file is the broker's alone: two that wrote to one would each undo what the other has done. */
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS session (
    client_id TEXT PRIMARY KEY, username TEXT, address TEXT NOT NULL,
    lifetime REAL, left_at REAL, will TEXT, owner TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS subscription (
    client_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    topic_filter TEXT NOT NULL, request TEXT NOT NULL, identifier INTEGER,
    PRIMARY KEY (client_id, topic_filter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS received (
    client_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY (client_id, packet_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    packet_id INTEGER NOT NULL, released INTEGER NOT NULL, place INTEGER NOT NULL,
    publish BLOB NOT NULL, expires_at REAL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS message_of ON message (client_id);
  CREATE TABLE IF NOT EXISTS retained (
    topic TEXT PRIMARY KEY, publish BLOB NOT NULL, expires_at REAL
  ) STRICT, WITHOUT ROWID;
`;

/** A broker's memory on disk. */
export class Store {
  readonly #database: Database;
  readonly #clocks: Clocks;
  readonly #statements = new Map<string, Statement>();
  /** Sessions whose messages in flight may have changed. */
  readonly #touched = new Set<Member>();
  readonly #received = new WeakMap<Member, Set<number>>();
  /** Sessions that are there. */
  readonly #saved = new WeakSet<Member>();
  #isInTransaction = false;
  #isClosed = false;

  constructor(database: Database, clocks: Clocks) {
    this.#database = database;
    this.#clocks = clocks;
    database.exec(SCHEMA);
    this.#addOwners();
  }

  /** Whether something has not been brought to disk. */
  get isWaiting(): boolean {
    return this.#isInTransaction || this.#touched.size > 0;
  }

  /** The sessions that are there. */
  sessions(): FoundSession[] {
    return this.#all("SELECT * FROM session").map((row) => ({
      client: {
        clientId: String(row["client_id"]),
        username: row["username"] === null ? undefined : String(row["username"]),
        address: String(row["address"]),
        listener: undefined,
        certificate: undefined,
        origin: undefined,
      },
      owner: row["owner"] === null ? undefined : String(row["owner"]),
      lifetime: row["lifetime"] === null ? Infinity : Number(row["lifetime"]),
      leftAt: row["left_at"] === null ? undefined : this.#fromWall(row["left_at"]!),
      will: row["will"] === null ? undefined : willFrom(String(row["will"])),
    }));
  }

  /** Fills a session with what belongs to it. */
  fill(member: Member): void {
    const { clientId } = member.client;
    for (const row of this.#all("SELECT * FROM subscription WHERE client_id = ?", clientId)) {
      const identifier = row["identifier"] === null ? undefined : Number(row["identifier"]);
      const request = JSON.parse(String(row["request"]));
      member.subscriptions.set(String(row["topic_filter"]), {
        subscriber: member,
        request,
        identifier,
      });
    }
    const received = this.#all("SELECT packet_id FROM received WHERE client_id = ?", clientId)
      .map((row) => Number(row["packet_id"]));
    for (const packetId of received) {
      const receipt = new Receipt(packetId, 2);
      receipt.settle(0x00);
      member.session.received.set(packetId, receipt);
    }
    this.#received.set(member, new Set(received));
    const messages = this.#all(
      "SELECT * FROM message WHERE client_id = ? ORDER BY packet_id = 0, place, id",
      clientId,
    );
    for (const row of messages) this.#restore(member, row);
    this.#saved.add(member);
    this.touch(member);
    member.session.exists = true;
  }

  /** The retained messages that are there, with when they expire. */
  retained(): { readonly packet: PublishPacket; readonly expiresAt: number }[] {
    return this.#all("SELECT * FROM retained").map((row) => ({
      packet: decoded(row["publish"]!),
      expiresAt: this.#fromWall(row["expires_at"]!),
    }));
  }

  /** Keeps a session as it is now, without what has functions of its own here. */
  saveSession(member: Member): void {
    const { client, lifetime, guest, will, owner } = member;
    this.#run(
      `INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
       username = excluded.username, address = excluded.address, lifetime = excluded.lifetime,
       left_at = excluded.left_at, will = excluded.will, owner = excluded.owner`,
      client.clientId,
      client.username ?? null,
      client.address,
      lifetime === Infinity ? null : lifetime,
      guest === undefined ? this.#clocks.wall() : null,
      will === undefined ? null : willText(will),
      owner ?? null,
    );
    this.#saved.add(member);
  }

  /** Forgets the Will of a session, which has been published. */
  deleteWill({ client }: Member): void {
    this.#run("UPDATE session SET will = NULL WHERE client_id = ?", client.clientId);
  }

  /** Forgets a session and all that belongs to it, if it is there. */
  deleteSession(member: Member): void {
    if (!this.#saved.delete(member)) return;
    this.#run("DELETE FROM session WHERE client_id = ?", member.client.clientId);
    this.#touched.delete(member);
    this.#received.delete(member);
  }

  /** Keeps a subscription. */
  saveSubscription({ subscriber, request, identifier }: Entry<Member>): void {
    this.#run(
      "INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?)",
      subscriber.client.clientId,
      request.topicFilter,
      JSON.stringify(request),
      identifier ?? null,
    );
  }

  /** Forgets a subscription. */
  deleteSubscription(member: Member, topicFilter: string): void {
    const { clientId } = member.client;
    const sql = "DELETE FROM subscription WHERE client_id = ? AND topic_filter = ?";
    this.#run(sql, clientId, topicFilter);
  }

  /** Keeps a message for a session. */
  saveMessage(member: Member, message: Kept): void {
    const { packet, packetId, order, expiresAt } = message;
    const { lastInsertRowid } = this.#run(
      `INSERT INTO message (client_id, packet_id, released, place, publish, expires_at)
       VALUES (?, ?, 0, ?, ?, ?)`,
      member.client.clientId,
      packetId,
      order,
      encodePacket({ ...packet, packetId: packet.qos === 0 ? 0 : 1, dup: false }),
      this.#toWall(expiresAt),
    );
    message.row = Number(lastInsertRowid);
    message.savedOrder = order;
  }

  /** Forgets a message. */
  deleteMessage(message: Kept): void {
    if (message.row !== undefined) this.#run("DELETE FROM message WHERE id = ?", message.row);
    message.row = undefined;
  }

  /** Keeps a retained message. */
  saveRetained(packet: PublishPacket, expiresAt: number): void {
    this.#run(
      "INSERT OR REPLACE INTO retained VALUES (?, ?, ?)",
      packet.topic,
      encodePacket({ ...packet, qos: packet.qos, packetId: packet.qos === 0 ? 0 : 1, dup: false }),
      this.#toWall(expiresAt),
    );
  }

  /** Forgets a retained message. */
  deleteRetained(topic: string): void {
    this.#run("DELETE FROM retained WHERE topic = ?", topic);
  }

  /** Messages of a session may have been sent, released or received. */
  touch(member: Member): void {
    this.#touched.add(member);
  }

  /** Brings all to disk. To be called before anything is told to a client. */
  commit(): void {
    if (this.#isClosed) return;
    for (const member of this.#touched) this.#saveFlight(member);
    this.#touched.clear();
    if (!this.#isInTransaction) return;
    this.#database.exec("COMMIT");
    this.#isInTransaction = false;
  }

  /** Brings all to disk and closes it. Of what happens afterwards nothing is kept. */
  close(): void {
    this.commit();
    this.#isClosed = true;
    this.#database.close();
  }

  /** In files of before, sessions have no owner: it is whoever has connected last. */
  #addOwners(): void {
    const columns = this.#all("SELECT name FROM pragma_table_info('session')");
    if (columns.some(({ name }) => name === "owner")) return;
    this.#database.exec("ALTER TABLE session ADD COLUMN owner TEXT");
    this.#database.exec("UPDATE session SET owner = username");
  }

  #saveFlight(member: Member): void {
    const { clientId } = member.client;
    for (const message of member.session.outgoing.values()) {
      if (!(message instanceof Kept) || message.row === undefined) continue;
      if (message.savedOrder === message.order) continue;
      this.#run(
        "UPDATE message SET packet_id = ?, released = ?, place = ? WHERE id = ?",
        message.packetId,
        message.isReleased ? 1 : 0,
        message.order,
        message.row,
      );
      message.savedOrder = message.order;
    }
    const saved = this.#received.get(member) ?? new Set();
    this.#received.set(member, saved);
    const { received } = member.session;
    for (const [packetId, receipt] of received) {
      if (saved.has(packetId) || !isTaken(receipt)) continue;
      this.#run("INSERT OR IGNORE INTO received VALUES (?, ?)", clientId, packetId);
      saved.add(packetId);
    }
    for (const packetId of saved) {
      if (isTaken(received.get(packetId))) continue;
      this.#run("DELETE FROM received WHERE client_id = ? AND packet_id = ?", clientId, packetId);
      saved.delete(packetId);
    }
  }

  #restore({ session }: Member, row: Record<string, SqlValue>): void {
    const message = new Kept(decoded(row["publish"]!), this.#fromWall(row["expires_at"]!));
    message.row = Number(row["id"]);
    message.packetId = Number(row["packet_id"]);
    message.isReleased = row["released"] === 1;
    message.savedOrder = Number(row["place"]);
    if (message.packetId !== 0) session.outgoing.add(message);
    // It was let in under other limits.
    else if (session.outbox.add(message).length > 0) this.deleteMessage(message);
  }

  #run(sql: string, ...values: SqlValue[]): { readonly lastInsertRowid: number | bigint } {
    if (this.#isClosed) return NOWHERE;
    if (!this.#isInTransaction) {
      this.#database.exec("BEGIN");
      this.#isInTransaction = true;
    }
    return this.#statement(sql).run(...values);
  }

  #all(sql: string, ...values: SqlValue[]): Record<string, SqlValue>[] {
    return this.#statement(sql).all(...values);
  }

  #statement(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      this.#statements.set(sql, statement = this.#database.prepare(sql));
    }
    return statement;
  }

  #toWall(at: number): number | null {
    return at === Infinity ? null : this.#clocks.wall() + at - this.#clocks.now();
  }

  #fromWall(at: SqlValue): number {
    return at === null ? Infinity : Number(at) - this.#clocks.wall() + this.#clocks.now();
  }
}

const NOWHERE = { lastInsertRowid: 0 };

/** Whether a message that was received has been routed: one that was not is to come again. */
function isTaken(receipt: Receipt | undefined): boolean {
  return receipt?.reasonCode !== undefined && receipt.reasonCode < 0x80;
}

function decoded(bytes: SqlValue): PublishPacket {
  const packet = decodePacket(bytes as Uint8Array) as PublishPacket;
  return { ...packet, packetId: 0 };
}

/** A Will as text: a CONNECT that has it, encoded. */
function willText(will: Will): string {
  return toBase64(encodePacket({ type: "connect", will }));
}

function willFrom(text: string): Will | undefined {
  const packet = decodePacket(fromBase64(text));
  return packet.type === "connect" ? packet.will : undefined;
}
