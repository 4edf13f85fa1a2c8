// A commit that reports a failure and was done all the same, or was not: what a client was refused
// is not there later, neither for this broker nor for the next one with its file.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Broker } from "../../src/broker/serve.ts";
import { Store } from "../../src/broker/durability/store.ts";
import { type OpenDatabase, openSqlite } from "../../src/store/sqlite.ts";
import { settle, VirtualClock } from "../io/virtual_clock.ts";
import { temporaryFolder } from "./broker_net.ts";
import { SessionClient } from "./session_client.ts";

const KEPT = { sessionExpiryInterval: 1000 } as const;

function keptClient(clientId: string): SessionClient {
  return new SessionClient({ clientId, cleanStart: false, properties: KEPT });
}

/** A broker with a file, which is started again with it. */
class DoubtfulWorld {
  readonly clock = new VirtualClock();
  /** What the disk says of each commit, and whether it is done. */
  disk: "works" | "fails" | "fails, but is done" = "works";
  readonly #path: string;
  broker: Broker;

  constructor(folder: string) {
    this.#path = `${folder}/broker.db`;
    this.broker = this.#start();
  }

  #start(): Broker {
    const clocks = { now: () => this.clock.now(), wall: () => this.clock.now() };
    const store = new Store(this.#path, clocks, this.#open);
    return new Broker({ listeners: [], onError: () => {} }, { clock: this.clock }, store);
  }

  readonly #open: OpenDatabase = (path, options) => {
    const database = openSqlite(path, options);
    const commit = (work: () => unknown) => {
      if (this.disk !== "fails") work();
      if (this.disk === "works") return;
      throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 10 });
    };
    return {
      get isTransaction() {
        return database.isTransaction;
      },
      exec: (sql) => database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        if (sql !== "COMMIT") return statement;
        return { all: statement.all, run: () => commit(() => statement.run()) };
      },
      close: () => database.close(),
    };
  };

  async restart(): Promise<void> {
    await this.broker.shutDown();
    this.broker = this.#start();
  }

  /** Ends the broker before its disk works again, so that it can take nothing back. */
  async crash(): Promise<void> {
    this.disk = "fails";
    await this.broker.shutDown();
    this.disk = "works";
    this.broker = this.#start();
  }

  /** The disk works again, and the broker has found out. */
  async recover(): Promise<void> {
    this.disk = "works";
    await this.clock.advance(6000);
  }

  async do(...acts: (() => void)[]): Promise<void> {
    for (const act of acts) {
      act();
      for (let turn = 0; turn < 5; turn++) await settle();
    }
  }
}

function doubtfulTest(name: string, test: (world: DoubtfulWorld) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    const world = new DoubtfulWorld(folder.path);
    try {
      await test(world);
    } finally {
      await world.broker.shutDown();
    }
  });
}

for (const isCrash of [false, true]) {
  const how = isCrash ? "that came before it could be taken back" : "";
  doubtfulTest(
    `A QoS 2 message that was refused, though it had been stored, does not stand for the next one with its Packet Identifier after a restart ${how}`
      .trimEnd(),
    async (world) => {
      const [subscriber, publisher] = [keptClient("s"), keptClient("p")];
      await world.do(
        () => subscriber.connect(world.broker),
        () => subscriber.subscribe("a", 2),
        () => publisher.connect(world.broker),
      );
      world.disk = "fails, but is done";
      await world.do(() => publisher.publish("a", "refused", 2));
      assertEquals(publisher.published.map(({ reasonCode }) => reasonCode), [0x97]);
      const { packet } = publisher.published[0]!;
      if (isCrash) await world.crash();
      else {
        await world.recover();
        await world.restart();
      }
      const payload = new TextEncoder().encode("new");
      await world.do(
        () => publisher.connect(world.broker),
        () => publisher.send({ ...packet, payload }),
        () => subscriber.connect(world.broker),
      );
      assertEquals(subscriber.received.at(-1), "new");
    },
  );
}

doubtfulTest(
  "A client that was refused because its session could not be stored has no session, and no Will",
  async (world) => {
    const watcher = new SessionClient({ clientId: "w" });
    const client = new SessionClient({
      ...{ clientId: "c", cleanStart: false, properties: KEPT },
      will: { topic: "will", payload: new TextEncoder().encode("gone") },
    });
    await world.do(
      () => watcher.connect(world.broker),
      () => watcher.subscribe("will", 0),
    );
    world.disk = "fails";
    await world.do(() => client.connect(world.broker));
    assertStrictEquals(client.refusal, 0x88);
    assertStrictEquals(world.broker.statistics.sessions, 1);
    await world.recover();
    await world.do(() => client.connect(world.broker));
    assertStrictEquals(client.connack!.sessionPresent, false);
    await world.do(() => client.disconnect(), () => watcher.cut());
    assertEquals(watcher.received, []);
  },
);
