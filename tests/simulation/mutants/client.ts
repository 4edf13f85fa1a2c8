// Mistakes in the client, and in its store.

import type { Mutant } from "./mutant.ts";

export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: "a client with a store sends what is not stored yet",
    file: "src/client/commit_gate.ts",
    from: "    this.#isWanted = this.#log.isDirty;",
    to: "    this.#isWanted = false;",
    by: "monitor",
    within: 200,
  },
  {
    name: "a message is acknowledged before anybody has seen it",
    file: "src/client/subscriptions.ts",
    from: "    const pending = Math.max(1, subscriptions.length);",
    to: "    const pending = Math.max(1, subscriptions.length);\n" +
      "    if (acknowledgement !== undefined) " +
      "this.#host.acknowledge(acknowledgement, ReasonCode.success);",
    by: "delivered",
    within: 100,
  },
  {
    name: "a message of two subscriptions is acknowledged by the first",
    file: "src/client/message.ts",
    from: "    const isLast = this.#remaining === 1;\n    const said =",
    to: "    const isLast = this.#remaining > 0;\n    const said =",
    by: "delivered",
    within: 4000,
  },
  {
    name: "commit() does not store the acknowledgement",
    file: "src/client/journal.ts",
    from: "const last: SessionChange[] = delivery === undefined ? [] : " +
      '[{ type: "delivery", delivery }];',
    to: "const last: SessionChange[] = [];",
    by: "once",
    within: 1500,
  },
  {
    name: "which messages of QoS 2 came is not restored",
    file: "src/client/durable_session.ts",
    from: "if (isUnreleased) restoreUnreleased(session, packetId);",
    to: "if (isUnreleased && packetId === 0) restoreUnreleased(session, packetId);",
    by: "once",
    within: 1000,
  },
  {
    name: "that a CONNECT has no answer is not stored",
    file: "src/client/client.ts",
    from: "unanswered: (isUnanswered) => this.#durable?.subscriptions.setUnanswered(isUnanswered),",
    to: "unanswered: () => {},",
    by: "delivered",
    within: 4000,
  },
  {
    name: "what is in flight is not restored",
    file: "src/client/durable_session.ts",
    from: "    session.inFlight.add(DurableMessage.restore(message, toEngine));",
    to: "    void toEngine;",
    by: "everything drains",
    within: 100,
  },
  {
    name: "a message that is acknowledged stays in the store",
    file: "src/store/client_tables.ts",
    from: "    this.#deleteMessages(settled);",
    to: "    this.#deleteMessages([]);",
    by: "everything drains",
    within: 100,
  },
  {
    name: "that a message was released is not stored",
    file: "src/store/client_tables.ts",
    from: "          change.isReleased ? 1 : 0,",
    to: "          0,",
    by: "once",
    within: 1000,
  },
  {
    name: "a message that could not be stored is sent",
    file: "src/client/journal.ts",
    from: "      if (message.isStored || message.outcome !== undefined) " +
      "this.#pending.messages.add(message);\n      else refused.push(message);",
    to: "      if (message.isStored || message.outcome !== undefined) " +
      "this.#pending.messages.add(message);\n      else this.#giveUp(message, error);",
    by: "receipts",
    within: 200,
  },
  {
    name: "enqueue() resolves before the message is stored",
    file: "src/client/client.ts",
    from: "    await new Promise<void>((resolve, reject) => message.whenStored(resolve, reject));",
    to: "    message.whenStored(() => {}, () => {});",
    by: "receipts",
    within: 200,
  },
  {
    name: "messages that wait in the store are read in the wrong order",
    file: "src/store/client_tables.ts",
    from: 'AND id > ? AND id <= ? ORDER BY id";',
    to: 'AND id > ? AND id <= ? ORDER BY id DESC";',
    by: "order",
    within: 100,
  },
  {
    name: "what was in flight in a lost session is forgotten",
    file: "src/client/publisher.ts",
    from: "    fail(message, discardError(event));",
    to: '    if (cause.kind !== "session lost") fail(message, discardError(event));',
    by: "everything drains",
    within: 100,
  },
  {
    name: "subscriptions are not asked for again in a new session",
    file: "src/client/subscriptions.ts",
    from: "      if (!sessionPresent) subscription.lost();",
    to: "      if (!sessionPresent) subscription.queue.forgetStale();",
    by: "delivered",
    within: 100,
  },
  {
    name: "what waits is rejected when the connection is lost",
    file: "src/client/publisher.ts",
    from: "  lost(): void {\n    this.#onIdle?.();",
    to: "  lost(): void {\n    this.#setup.session.sendQueue.takeOut(() => true);\n" +
      "    this.#onIdle?.();",
    by: "everything drains",
    within: 100,
  },
  {
    name: "the journal tells of success when a commit has failed",
    file: "src/client/journal.ts",
    from: "      this.#failed(batch, error as Error);\n      return Promise.resolve();",
    to: "      void error;\n      this.#committed(batch);\n      return Promise.resolve();",
    by: "everything drains",
    within: 500,
  },
];
