// The database file of clients' sessions: its tables. Each row has a checksum of all its other
// columns, in their order. An application may have tables of its own beside them.

import { checksum } from "./checksum.ts";
import type { StoreFormat } from "./file.ts";
import type { Database } from "./sqlite.ts";

const TABLES = `
  CREATE TABLE mqtt_store (
    id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, last_id INTEGER NOT NULL
  ) STRICT;
  INSERT INTO mqtt_store VALUES (1, lower(hex(randomblob(8))), 0);
  CREATE TABLE mqtt_session (
    client_id TEXT PRIMARY KEY, number INTEGER NOT NULL, unanswered INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE mqtt_message (
    id INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES mqtt_session ON DELETE CASCADE,
    publish BLOB NOT NULL, expires_at REAL, receipt INTEGER NOT NULL,
    packet_id INTEGER NOT NULL, released INTEGER NOT NULL, place INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX mqtt_waiting ON mqtt_message (client_id) WHERE packet_id = 0;
  CREATE INDEX mqtt_in_flight ON mqtt_message (client_id) WHERE packet_id <> 0;
  CREATE INDEX mqtt_expiry ON mqtt_message (client_id, expires_at)
    WHERE packet_id = 0 AND expires_at IS NOT NULL;
  CREATE TABLE mqtt_delivery (
    client_id TEXT NOT NULL REFERENCES mqtt_session ON DELETE CASCADE,
    packet_id INTEGER NOT NULL, count INTEGER NOT NULL, unreleased INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (client_id, packet_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE mqtt_subscription (
    client_id TEXT NOT NULL REFERENCES mqtt_session ON DELETE CASCADE,
    topic_filter TEXT NOT NULL, request TEXT NOT NULL, identifier INTEGER,
    reason_code INTEGER NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (client_id, topic_filter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE mqtt_receipt (
    id INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES mqtt_session ON DELETE CASCADE,
    topic TEXT NOT NULL, outcome TEXT NOT NULL, at REAL NOT NULL, checksum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX mqtt_receipt_age ON mqtt_receipt (at);
`;

/** The columns of each table, without the checksum, which is the last one. */
export const CLIENT_COLUMNS = {
  mqtt_session: ["client_id", "number", "unanswered"],
  mqtt_message: [
    "id",
    "client_id",
    "publish",
    "expires_at",
    "receipt",
    "packet_id",
    "released",
    "place",
  ],
  mqtt_delivery: ["client_id", "packet_id", "count", "unreleased"],
  mqtt_subscription: ["client_id", "topic_filter", "request", "identifier", "reason_code"],
  mqtt_receipt: ["id", "client_id", "topic", "outcome", "at"],
} as const;

/** A table of the file. */
export type ClientTable = keyof typeof CLIENT_COLUMNS;

/** The format of the file of clients' sessions. */
export const CLIENT_FILE: StoreFormat = {
  // "MQTc"
  applicationId: 0x4d515463,
  name: "the file of MQTT clients",
  create: TABLES,
  version: 2,
  migrations: { 1: addUnanswered },
};

/** Version 1 did not say whether a CONNECT has no answer. */
function addUnanswered(database: Database): void {
  // Other tables refer to this one, so that it cannot be made anew.
  const add = "ALTER TABLE mqtt_session ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0";
  database.prepare(add).run();
  const update = database.prepare("UPDATE mqtt_session SET checksum = ? WHERE client_id = ?");
  const rows = database.prepare("SELECT client_id, number FROM mqtt_session").all();
  for (const { client_id, number } of rows) {
    update.run(checksum([client_id!, number!, 0]), client_id!);
  }
}
