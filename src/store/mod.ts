/**
 * A file in which clients keep their sessions, so that nothing is lost when the process dies: what
 * is queued is sent, what was received is processed, and the application's own writes and the
 * acknowledgement of a message stand or fall together. Needs `node:sqlite`, and permission to read
 * and write the file.
 *
 * @example Readings that survive the process
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { openStore } from "jsr:@mqtt5/mqtt5/store";
 *
 * async function main() {
 *   using store = openStore("meter.db");
 *   const options = { clientId: "meter-7", store, sessionExpiryInterval: 86_400 };
 *   await using client = await connect("mqtt://localhost:1883", options);
 *   await client.enqueue("meters/7/reading", "4711", { qos: 2 });
 * }
 * ```
 *
 * @module
 */

export type {
  SessionChange,
  SessionStorage,
  SessionStore,
  StoreDatabase,
  StoredDelivery,
  StoredMessage,
  StoredOutcome,
  StoredReceipt,
  StoredSession,
  StoredSubscription,
  TransactionalStorage,
} from "../session/session_store.ts";
export {
  openStore,
  type Publish,
  type Store,
  type StoreOptions,
  type TransactionPublishOptions,
} from "./client_store.ts";
export type { MessageContent, PublishFields } from "../session/publish_packet.ts";
export { StoreError, type StoreErrorKind } from "./store_error.ts";
