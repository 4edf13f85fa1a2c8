// A file as the first broker with a file has made it: without identity, version, owners and checksums.

import { DatabaseSync } from "node:sqlite";
import { encodePacket } from "../../mod.ts";

/** Its statements, word for word. */
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS session (
    client_id TEXT PRIMARY KEY, username TEXT, address TEXT NOT NULL,
    lifetime REAL, left_at REAL, will TEXT
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

/** Whose session there is. */
export interface Version0Session {
  readonly clientId: string;
  readonly username?: string;
}

/**
 * Writes a file with a session that is subscribed to `"news"` at QoS 2, with a Will of `"gone"` to `"news"`, in which
 * `"in flight"` (identifier 7), `"waiting"` and `"expiring"` are to be sent and message 9 has been received, and with a
 * retained message `"on"` of `"state"`.
 */
export function writeVersion0(path: string, { clientId, username }: Version0Session): void {
  const database = new DatabaseSync(path);
  const left = Date.now();
  const text = (text: string) => new TextEncoder().encode(text);
  const publish = (topic: string, payload: string, retain = false) =>
    encodePacket({ type: "publish", topic, payload: text(payload), qos: 2, packetId: 1, retain });
  const will = encodePacket({
    type: "connect",
    will: {
      topic: "news",
      payload: text("gone"),
      qos: 1,
      properties: { willDelayInterval: 3600 },
    },
  });
  const request = {
    ...{ topicFilter: "news", qos: 2, noLocal: false, retainAsPublished: false },
    retainHandling: 0,
  };
  try {
    database.exec(SCHEMA);
    const run = (sql: string, ...values: (string | number | null | Uint8Array)[]) =>
      database.prepare(sql).run(...values);
    run(
      "INSERT INTO session VALUES (?, ?, 'memory', 86400000, ?, ?)",
      ...[clientId, username ?? null, left, will.toBase64()],
    );
    run("INSERT INTO subscription VALUES (?, 'news', ?, 5)", clientId, JSON.stringify(request));
    run("INSERT INTO received VALUES (?, 9)", clientId);
    const insert =
      "INSERT INTO message (client_id, packet_id, released, place, publish, expires_at) VALUES (?, ?, 0, ?, ?, ?)";
    run(insert, clientId, 7, 1, publish("news", "in flight"), null);
    run(insert, clientId, 0, 0, publish("news", "waiting"), null);
    run(insert, clientId, 0, 0, publish("news", "expiring"), left + 0.5);
    run("INSERT INTO retained VALUES ('state', ?, NULL)", publish("state", "on", true));
  } finally {
    database.close();
  }
}
