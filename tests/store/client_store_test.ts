// What a file keeps of clients' sessions: all of a commit or nothing, and the same after it was
// closed and opened again.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type {
  SessionChange,
  StoreDatabase,
  StoredMessage,
} from "../../src/session/session_store.ts";
import {
  type FileStorage,
  openStore,
  type Store,
  type StoreOptions,
} from "../../src/store/client_store.ts";
import { checksum } from "../../src/store/checksum.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { StoreError } from "../../src/store/store_error.ts";

function fileTest(name: string, test: (path: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync({ prefix: "mqtt5-store-" });
    try {
      test(`${folder}/sessions.db`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

/** Opens a file and one session in it, and closes both again. */
function within<Result>(
  path: string,
  work: (storage: FileStorage) => Result,
  options: StoreOptions & { readonly clientId?: string } = {},
): Result {
  const { clientId = "a", ...others } = options;
  using store = openStore(path, others);
  const storage = open(store, clientId);
  try {
    return work(storage);
  } finally {
    storage.close();
  }
}

/** A session as this store has it: nothing has to be waited for. */
function open(store: Store, clientId: string): FileStorage {
  return store.open(clientId) as FileStorage;
}

function message(id: number, changed: Partial<StoredMessage> = {}): SessionChange {
  const stored: StoredMessage = {
    id,
    publish: Uint8Array.of(id),
    expiresAt: Infinity,
    packetId: 0,
    isReleased: false,
    place: 0,
    hasReceipt: false,
    ...changed,
  };
  return { type: "message", message: stored };
}

const ACCEPTED: SessionChange = { type: "session", number: 1 };

fileTest("A session is found again as it was: flights, deliveries, subscriptions", (path) => {
  const subscription = {
    request: {
      topicFilter: "a/#",
      qos: 1,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 2,
    },
    identifier: 7,
    reasonCode: 1,
  } as const;
  const delivery = { packetId: 3, count: 5, isUnreleased: false };
  within(path, (storage) => {
    assertStrictEquals(storage.session.number, 0);
    storage.commit([
      ACCEPTED,
      message(1, { packetId: 2, place: 5 }),
      message(2, { packetId: 1, isReleased: true, place: 4 }),
      message(3),
      { type: "subscribed", subscription },
      { type: "subscribed", subscription: { ...subscription, identifier: undefined } },
      { type: "delivery", delivery: { ...delivery, count: 4, isUnreleased: true } },
      { type: "delivery", delivery },
    ]);
  });
  within(path, ({ session }) => {
    assertStrictEquals(session.number, 1);
    assertEquals(session.inFlight.map(({ id, packetId }) => [id, packetId]), [[2, 1], [1, 2]]);
    assertStrictEquals(session.inFlight[0]!.isReleased, true);
    assertStrictEquals(session.waiting, 1);
    assertEquals(session.deliveries, [delivery]);
    assertEquals(session.subscriptions, [{ ...subscription, identifier: undefined }]);
  });
  within(path, (storage) => storage.commit([{ type: "session", number: 2 }]));
  within(path, ({ session }) => {
    assertStrictEquals(session.number, 2);
    assertEquals([session.deliveries, session.subscriptions], [[], []]);
    assertEquals([session.inFlight.length, session.waiting], [2, 1]);
  });
});

fileTest("That a CONNECT has no answer is there until it has one, or a session begins", (path) => {
  const unanswered = (isUnanswered: boolean) => ({ type: "unanswered", isUnanswered }) as const;
  within(path, (storage) => {
    assertStrictEquals(storage.session.isUnanswered, false);
    storage.commit([ACCEPTED, unanswered(true)]);
  });
  within(path, (storage) => {
    assertEquals([storage.session.number, storage.session.isUnanswered], [1, true]);
    storage.commit([unanswered(false)]);
  });
  within(path, (storage) => {
    assertEquals([storage.session.number, storage.session.isUnanswered], [1, false]);
    storage.commit([unanswered(true)]);
    storage.commit([{ type: "session", number: 2 }]);
  });
  within(path, ({ session }) => assertEquals([session.number, session.isUnanswered], [2, false]));
});

fileTest("A file of version 1 is brought up to date, with all that is in it", (path) => {
  const delivery = { packetId: 3, count: 5, isUnreleased: false };
  within(path, (storage) => storage.commit([ACCEPTED, message(1), { type: "delivery", delivery }]));
  const database = openSqlite(path);
  database.exec("ALTER TABLE mqtt_session DROP COLUMN unanswered");
  const values = ["a", 1];
  database.prepare("UPDATE mqtt_session SET checksum = ?").run(checksum(values));
  database.exec("PRAGMA user_version = 1");
  database.close();
  within(path, (storage) => {
    const { number, isUnanswered, deliveries, waiting } = storage.session;
    assertEquals([number, isUnanswered, deliveries, waiting], [1, false, [delivery], 1]);
    storage.commit([{ type: "unanswered", isUnanswered: true }]);
  });
  within(path, ({ session }) => assertStrictEquals(session.isUnanswered, true));
});

fileTest(
  "A message goes from waiting into flight and back, and is gone once it has settled",
  (path) => {
    const flight = { type: "flight", id: 1, isReleased: false, place: 1 } as const;
    within(path, (storage) => {
      storage.commit([ACCEPTED, message(1), message(2)]);
      storage.commit([{ ...flight, packetId: 9 }]);
      assertEquals(storage.waiting(0, 10, 1000).map(({ id }) => id), [2]);
    });
    within(path, (storage) => {
      assertEquals(storage.session.inFlight.map(({ id, packetId }) => [id, packetId]), [[1, 9]]);
      storage.commit([{ ...flight, packetId: 0, place: 0 }]);
      assertEquals(storage.waiting(0, 10, 1000).map(({ id }) => id), [1, 2]);
      const receipt = { id: 1, topic: "t", outcome: { kind: "expired" }, at: 0 } as const;
      storage.commit([{ type: "settled", receipt, hasReceipt: false }]);
      assertStrictEquals(storage.receipt(1), undefined);
    });
    within(path, (storage) => assertEquals(storage.waiting(0, 9, 999).map(({ id }) => id), [2]));
  },
);

fileTest("The messages that wait are read in windows, by number and by size", (path) => {
  within(path, (storage) => {
    const ids = Array.from({ length: 20 }, () => storage.nextId());
    const changes = ids.map((id) => message(id, { publish: new Uint8Array(10) }));
    storage.commit([ACCEPTED, ...changes]);
    const window = (after: number, count: number, bytes: number) =>
      storage.waiting(after, count, bytes).map(({ id }) => id);
    assertEquals(window(0, 3, 1000), [1, 2, 3]);
    assertEquals(window(3, 3, 29), [4, 5]);
    assertEquals(window(3, 3, 30), [4, 5, 6]);
    assertEquals(window(5, 3, 1), [6], "at least one, however large");
    assertEquals(window(20, 3, 1000), []);
  });
});

fileTest("Sessions of several clients do not mix, and each has one client at a time", (path) => {
  using store = openStore(path);
  const one = open(store, "one");
  const other = open(store, "other");
  one.commit([ACCEPTED, message(1)]);
  other.commit([ACCEPTED, message(2)]);
  assertEquals(one.waiting(0, 9, 999).map(({ id }) => id), [1]);
  assertEquals(other.waiting(0, 9, 999).map(({ id }) => id), [2]);
  assertEquals(store.clientIds, ["one", "other"]);
  const error = assertThrows(() => store.open("one"), TypeError);
  assert(error.message.includes('"one"'), error.message);
  assertThrows(() => store.close(), TypeError, "disconnect it first");
  one.close();
  store.open("one").close();
  other.close();
});

fileTest("Identifiers are never given out twice, even when their messages are gone", (path) => {
  const first = within(path, (storage) => {
    const id = storage.nextId();
    storage.commit([ACCEPTED, message(id)]);
    const receipt = { id, topic: "t", outcome: { kind: "cancelled" }, at: 0 } as const;
    storage.commit([{ type: "settled", receipt, hasReceipt: false }]);
    return [storage.storeName, id] as const;
  });
  const second = within(path, (storage) => [storage.storeName, storage.nextId()] as const);
  assertStrictEquals(second[0], first[0]);
  assert(second[1] > first[1], `${second[1]}`);
});

fileTest("An outcome is kept for its time, and no longer", (path) => {
  within(path, (storage) => {
    storage.commit([ACCEPTED, message(1, { hasReceipt: true }), message(2), message(3)]);
    assertEquals(storage.pending(0, 9).map(({ id }) => id), [1]);
    assertStrictEquals(storage.receipt(2), undefined, "nobody has asked for it");
    const outcome = { kind: "accepted", reasonCode: 16, userProperties: [["a", "b"]] } as const;
    const settle = (id: number, at: number) =>
      storage.commit([{
        type: "settled",
        receipt: { id, topic: "t", outcome, at },
        hasReceipt: true,
      }]);
    settle(1, 100_000);
    assertEquals(storage.receipt(1), { id: 1, topic: "t", outcome, at: 100_000 });
    assertEquals(storage.pending(0, 9), []);
    settle(2, 199_000);
    assertEquals(storage.receipt(1), { id: 1, topic: "t", outcome, at: 100_000 });
    settle(3, 260_001);
    assertStrictEquals(storage.receipt(1), undefined);
    assertEquals(storage.receipt(2), { id: 2, topic: "t", outcome, at: 199_000 });
  }, { keepReceipts: 100_000 });
});

fileTest("Twice as many outcomes go as come, once their time is over", (path) => {
  within(path, (storage) => {
    const outcome = { kind: "cancelled" } as const;
    const ids = [1, 2, 3, 4, 5, 6, 7];
    storage.commit([ACCEPTED, ...ids.map((id) => message(id, { hasReceipt: true }))]);
    const settle = (at: number, ...ids: number[]) =>
      storage.commit(ids.map((id) => ({
        type: "settled",
        receipt: { id, topic: "t", outcome, at },
        hasReceipt: true,
      })));
    settle(0, 1, 2, 3, 4, 5);
    settle(200_000, 6, 7);
    const left = ids.filter((id) => storage.receipt(id) !== undefined);
    assertEquals(left, [5, 6, 7]);
  }, { keepReceipts: 100_000 });
});

fileTest("Messages that wait are found when they expire", (path) => {
  within(path, (storage) => {
    assertStrictEquals(storage.nextExpiry(), Infinity);
    storage.commit([
      ACCEPTED,
      message(1, { expiresAt: 3000 }),
      message(2, { expiresAt: 2000 }),
      message(3),
      message(4, { expiresAt: 1000, packetId: 1 }),
    ]);
    assertStrictEquals(storage.nextExpiry(), 2000);
    assertEquals(storage.expired(1999, 9), []);
    assertEquals(storage.expired(3000, 9).map(({ id }) => id), [2, 1]);
    assertEquals(storage.expired(3000, 1).map(({ id }) => id), [2]);
  });
});

fileTest(
  "The application's own writes and the session's are there together, or not at all",
  (path) => {
    within(path, (storage) => {
      storage.transact((database) => database.exec("CREATE TABLE own (value INTEGER)"), [ACCEPTED]);
      const count = storage.transact((database) => {
        database.exec("INSERT INTO own VALUES (1)");
        return 5;
      }, [message(1)]);
      assertStrictEquals(count, 5);
      const failing = () =>
        storage.transact((database) => {
          database.exec("INSERT INTO own VALUES (2)");
          throw new RangeError("of the application");
        }, [message(2)]);
      assertThrows(failing, RangeError, "of the application");
      const late = () => storage.transact(() => Promise.resolve(), [message(3)]);
      assertThrows(late, TypeError, "must not return a promise");
      const broken = [{
        type: "delivery",
        delivery: { packetId: NaN, count: 1, isUnreleased: true },
      }];
      const fails = () =>
        storage.transact((database) => database.exec("INSERT INTO own VALUES (3)"), [
          message(4),
          ...broken as SessionChange[],
        ]);
      assertThrows(fails, StoreError);
    });
    within(path, (storage) => {
      assertEquals(storage.waiting(0, 9, 999).map(({ id }) => id), [1]);
      const rows = storage.transact(
        (database) => database.prepare("SELECT value FROM own").all(),
        [],
      );
      assertEquals(rows.map(({ value }) => value), [1]);
    });
  },
);

fileTest("A transaction is one: neither another within it, nor its end", (path) => {
  using store = openStore(path);
  const storage = open(store, "a");
  store.transaction((database) => database.exec("CREATE TABLE own (value INTEGER)"));
  const insert = (value: number) => (database: StoreDatabase) =>
    database.exec(`INSERT INTO own VALUES (${value})`);
  const nested = () =>
    store.transaction((database) => {
      insert(1)(database);
      storage.transact(insert(2), []);
    });
  assertThrows(nested, TypeError, "A transaction is under way");
  const ended = () => store.transaction((database) => database.exec("ROLLBACK"));
  assertThrows(ended, TypeError, "cannot be ended");
  const later = () => store.transaction(() => ({ then() {} }));
  assertThrows(later, TypeError, "must not return a promise");
  const count = (database: StoreDatabase) => database.prepare("SELECT * FROM own").all().length;
  assertStrictEquals(store.transaction(count), 0);
  storage.close();
});

Deno.test("What changes while a transaction runs is committed after it, and apart from it", async () => {
  using store = openStore(":memory:");
  const storage = open(store, "a");
  let committed: void | Promise<void> = undefined;
  const failing = () =>
    store.transaction(() => {
      committed = storage.commit([message(1)]);
      throw new RangeError("of the application");
    });
  assertThrows(failing, RangeError, "of the application");
  await committed;
  assertEquals(storage.waiting(0, 9, 999).map(({ id }) => id), [1]);
  storage.close();
});

fileTest(
  "A store with a limit says beforehand when there is no room, and never grows beyond it",
  (path) => {
    const maximumBytes = 1_048_576;
    within(path, (storage) => {
      storage.commit([ACCEPTED]);
      const publish = new Uint8Array(50_000);
      let count = 0;
      const fill = () => {
        for (;;) {
          storage.checkRoom(publish.length);
          storage.commit([message(storage.nextId(), { publish })]);
          count++;
        }
      };
      const error = assertThrows(fill, StoreError, "maximumBytes");
      assertStrictEquals(error.kind, "full");
      assert(count > 15 && count < 20, `${count}`);
      // What has been promised can still be recorded.
      storage.commit([{ type: "flight", id: 1, packetId: 1, isReleased: false, place: 1 }]);
      const receipt = {
        id: 1,
        topic: "t",
        outcome: { kind: "accepted", reasonCode: 0 },
        at: 0,
      } as const;
      storage.commit([{ type: "settled", receipt, hasReceipt: true }]);
      storage.checkRoom(publish.length);
    }, { maximumBytes });
    assert(Deno.statSync(path).size <= maximumBytes);
    assertThrows(() => openStore(":memory:", { maximumBytes: 1 }), RangeError, "at least 1048576");
  },
);

fileTest(
  "A transaction publishes for a client that is yet to come, as long as there is room",
  (path) => {
    using store = openStore(path, { maximumBytes: 1_048_576 });
    const publish = (size: number) =>
      store.transaction((_database, publish) => {
        publish("t", new Uint8Array(100), { clientId: "later" });
        return publish("t", new Uint8Array(size));
      });
    const name = publish(100);
    assertEquals(store.clientIds, ["later"]);
    assertThrows(() => publish(2_000_000), StoreError, "maximumBytes");
    const storage = open(store, "later");
    assertStrictEquals(storage.session.waiting, 2);
    assertEquals(storage.pending(0, 9).map(({ id }) => `${storage.storeName}-${id}`).at(-1), name);
    storage.close();
  },
);

fileTest("Outcomes make way for messages where there is no room for both", (path) => {
  within(path, (storage) => {
    storage.commit([ACCEPTED]);
    const userProperties = [["why", "x".repeat(30_000)]] as const;
    const outcome = { kind: "accepted", reasonCode: 0, userProperties } as const;
    const publish = new Uint8Array(50_000);
    for (let id = 1; id <= 60; id++) {
      storage.checkRoom(publish.length);
      storage.commit([message(id, { publish, hasReceipt: true })]);
      const receipt = { id, topic: "t", outcome, at: id } as const;
      storage.commit([{ type: "settled", receipt, hasReceipt: true }]);
    }
    assert(storage.receipt(1) === undefined);
    assert(storage.receipt(60) !== undefined);
  }, { maximumBytes: 1_048_576 });
});

fileTest("What a commit has written that failed is written again in full", (path) => {
  within(path, (storage) => {
    storage.commit([ACCEPTED, message(1), message(2)]);
    assertStrictEquals(storage.waiting(0, 9, 999).length, 2);
    const flights: SessionChange[] = [1, 2].map((id) => (
      { type: "flight", id, packetId: id, isReleased: false, place: id }
    ));
    const delivery = { packetId: NaN, count: 1, isUnreleased: true };
    assertThrows(() => storage.commit([...flights, { type: "delivery", delivery }]), StoreError);
    storage.commit(flights);
    storage.commit([{ type: "flight", id: 2, packetId: 2, isReleased: true, place: 3 }]);
  });
  within(path, ({ session }) => {
    const found = session.inFlight.map((
      { id, packetId, isReleased },
    ) => [id, packetId, isReleased]);
    assertEquals(found, [[1, 1, false], [2, 2, true]]);
  });
});

fileTest(
  "Very many messages of one commit are all there, and those that are done with are gone",
  (path) => {
    within(path, (storage) => {
      const ids = Array.from({ length: 21 }, () => storage.nextId());
      const settled = (id: number): SessionChange => {
        const receipt = { id, topic: "t", outcome: { kind: "expired" }, at: 0 } as const;
        return { type: "settled", receipt, hasReceipt: false };
      };
      storage.commit([
        ACCEPTED,
        ...ids.map((id) => message(id, { packetId: id % 2, place: id })),
        { type: "flight", id: 20, packetId: 20, isReleased: true, place: 1 },
        ...[3, 1, 2, 7, 9, 10].map(settled),
      ]);
    });
    within(path, (storage) => {
      assertEquals(storage.session.inFlight.map(({ id }) => id), [20, 5, 11, 13, 15, 17, 19, 21]);
      const waiting = storage.waiting(0, 99, 9999).map(({ id }) => id);
      assertEquals(waiting, [4, 6, 8, 12, 14, 16, 18]);
    });
  },
);

fileTest(
  "A row that has changed since it was written is refused, and so is the broker's file",
  (path) => {
    within(path, (storage) => storage.commit([ACCEPTED, message(1, { packetId: 1 })]));
    const database = openSqlite(path);
    database.exec("UPDATE mqtt_message SET publish = x'02'");
    database.close();
    const error = assertThrows(() => within(path, () => {}), StoreError, "mqtt_message");
    assertStrictEquals(error.kind, "damaged");
  },
);

Deno.test("openStore() refuses options that there are none of", () => {
  const options = { maximumByte: 1 } as StoreOptions;
  assertThrows(() => openStore(":memory:", options), TypeError, 'Unknown option "maximumByte"');
  assertThrows(() => openStore(":memory:", { keepReceipts: -1 }), RangeError);
});
