// When a store commits: a broker with nothing to store does not wake up for it, and what several
// clients wait for goes to disk together.

import { assertEquals } from "@std/assert";
import { CommitBeforeWrite } from "../../src/broker/durability/commit_before_write.ts";
import { Store } from "../../src/broker/durability/store.ts";
import { Broker } from "../../src/broker/serve.ts";
import { ReasonCode } from "../../src/packets/mod.ts";
import { PLAIN_PUBLISH } from "../build.ts";
import { settle, VirtualClock } from "../io/virtual_clock.ts";
import { FaultPlan } from "./faulty_database.ts";
import { SessionClient } from "./session_client.ts";

Deno.test("A store needs a commit only after a change, and not after the commit", () => {
  const store = new Store(":memory:", { now: () => 1000, wall: () => 1000 });
  try {
    const waits = [store.needsCommit];
    assertEquals(store.commit(), true);
    store.saveRetained(PLAIN_PUBLISH, Infinity);
    waits.push(store.needsCommit);
    assertEquals(store.commit(), true);
    waits.push(store.needsCommit);
    store.deleteRetained("a");
    waits.push(store.needsCommit);
    assertEquals(store.commit(), true);
    waits.push(store.needsCommit);
    assertEquals(waits, [false, true, false, true, false]);
  } finally {
    store.close();
  }
});

Deno.test("A store that is closed ignores what comes, and nothing of it has failed", () => {
  const store = new Store(":memory:", { now: () => 1000, wall: () => 1000 });
  store.close();
  store.saveRetained(PLAIN_PUBLISH, Infinity);
  assertEquals(store.commit(), true);
  assertEquals(store.isFailing, false);
  store.close();
});

Deno.test("Answers that wait for the end of the turn ask for it once, and again in the next turn", async () => {
  const store = new Store(":memory:", { now: () => 1000, wall: () => 1000 });
  const endings: (() => void)[] = [];
  const commits = new CommitBeforeWrite({
    store,
    restoreRetained: () => {},
    refuse: () => {},
    wakeLater: () => {},
    acknowledge: () => {},
    atEndOfTurn: (callback) => void endings.push(callback),
  });
  const publish = () =>
    commits.publishLocal(true, () => {
      commits.retain(PLAIN_PUBLISH.topic, undefined);
      store.saveRetained(PLAIN_PUBLISH, Infinity);
      return { reasonCode: ReasonCode.success };
    });
  try {
    for (let turn = 0; turn < 2; turn++) {
      const published = await Promise.all([publish(), publish(), publish()]);
      assertEquals(endings.length, 1);
      endings.pop()!();
      for (const { answer } of published) {
        assertEquals(await answer, { reasonCode: ReasonCode.success });
      }
    }
  } finally {
    store.close();
  }
});

Deno.test("What several clients wait for in one turn is stored by one commit", async () => {
  const clock = new VirtualClock();
  const plan = new FaultPlan("full");
  const clocks = { now: () => clock.now(), wall: () => clock.now() };
  const broker = new Broker({ listeners: [] }, { clock }, new Store(":memory:", clocks, plan.open));
  const clients = ["a", "b", "c"].map((clientId) =>
    new SessionClient({
      ...{ clientId, cleanStart: false },
      properties: { sessionExpiryInterval: 1000 },
    })
  );
  const commitsOf = async (act: (client: SessionClient) => unknown) => {
    const before = plan.commits;
    for (const client of clients) act(client);
    for (let turn = 0; turn < 5; turn++) await settle();
    return plan.commits - before;
  };
  try {
    assertEquals(await commitsOf((client) => client.connect(broker)), 1);
    assertEquals(clients.map(({ isConnected }) => isConnected), [true, true, true]);
    const [away, ...publishers] = clients as [SessionClient, ...SessionClient[]];
    assertEquals(await commitsOf((client) => client === away && client.subscribe("a", 1)), 1);
    await commitsOf((client) => client === away && client.disconnect());
    const publish = (client: SessionClient) => {
      if (client !== away) { for (const text of ["1", "2"]) client.publish("a", text, 1); }
    };
    assertEquals(await commitsOf(publish), 1);
    for (const { published } of publishers) {
      assertEquals(published.map(({ reasonCode }) => reasonCode), [0x00, 0x00]);
    }
  } finally {
    for (const client of clients) client.cut();
    await broker.shutDown();
  }
});
