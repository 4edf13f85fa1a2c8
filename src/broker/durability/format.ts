// The broker's database file: its tables, and the migrations from earlier versions. Each row has a
// checksum of all its other columns, in their order.

import { checksum } from "../../store/checksum.ts";
import type { StoreFormat } from "../../store/file.ts";
import type { Database, SqlValue } from "../../store/sqlite.ts";
import { fromBase64 } from "../../wire/base64.ts";

const TABLES = `
  CREATE TABLE session (
    client_id TEXT PRIMARY KEY, username TEXT, owner TEXT, address TEXT NOT NULL,
    lifetime REAL, left_at REAL, will BLOB, checksum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE subscription (
    client_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    topic_filter TEXT NOT NULL, request TEXT NOT NULL, identifier INTEGER,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (client_id, topic_filter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE received (
    client_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    packet_id INTEGER NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (client_id, packet_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    publish BLOB NOT NULL, expires_at REAL,
    packet_id INTEGER NOT NULL, released INTEGER NOT NULL, place INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX message_of ON message (client_id);
  CREATE TABLE retained (
    topic TEXT PRIMARY KEY, publish BLOB NOT NULL, expires_at REAL, checksum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** The columns of each table, without the checksum, which is the last one. */
export const COLUMNS = {
  session: ["client_id", "username", "owner", "address", "lifetime", "left_at", "will"],
  subscription: ["client_id", "topic_filter", "request", "identifier"],
  received: ["client_id", "packet_id"],
  message: ["id", "client_id", "publish", "expires_at", "packet_id", "released", "place"],
  retained: ["topic", "publish", "expires_at"],
} as const;

/** A table of the file. */
export type TableName = keyof typeof COLUMNS;

/** The format of a broker's database file. */
export const BROKER_FILE: StoreFormat = {
  // "MQTb"
  applicationId: 0x4d515462,
  name: "the file of an MQTT broker",
  create: TABLES,
  version: 1,
  firstTables: ["session", "subscription", "received", "message", "retained"],
  migrations: { 0: addChecksums },
};

/**
 * Version 0 had no checksums, stored a Will in Base64, and had no owners. The owner becomes the
 * user who was the last to connect.
 */
function addChecksums(database: Database): void {
  const names = Object.keys(COLUMNS) as TableName[];
  const rows = new Map(names.map((name) => {
    const columns = COLUMNS[name].join(", ").replace("owner", "username AS owner");
    return [name, database.prepare(`SELECT ${columns} FROM ${name}`).all()];
  }));
  for (const name of names.toReversed()) database.prepare(`DROP TABLE ${name}`).run();
  for (const sql of TABLES.split(";")) if (sql.trim() !== "") database.prepare(sql).run();
  for (const name of names) {
    const places = COLUMNS[name].map(() => "?").join(", ");
    const insert = database.prepare(`INSERT INTO ${name} VALUES (${places}, ?)`);
    for (const row of rows.get(name)!) {
      const values = COLUMNS[name].map((column): SqlValue => {
        const value = row[column] ?? null;
        return column === "will" && value !== null ? fromBase64(String(value)) : value;
      });
      insert.run(...values, checksum(values));
    }
  }
}
