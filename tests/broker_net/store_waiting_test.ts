// When a store commits: a broker with nothing to store does not wake up for it, and what several
// clients wait for goes to disk together.

import { assertEquals } from "@std/assert";
import { Store } from "../../src/broker/durability/store.ts";
import { Broker } from "../../src/broker/serve.ts";
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
  const commitsOf = async (act: (client: SessionClient) => void) => {
    const before = plan.commits;
    for (const client of clients) act(client);
    for (let turn = 0; turn < 5; turn++) await settle();
    return plan.commits - before;
  };
  try {
    assertEquals(await commitsOf((client) => client.connect(broker)), 1);
    assertEquals(clients.map(({ isConnected }) => isConnected), [true, true, true]);
  } finally {
    for (const client of clients) client.cut();
    await broker.shutDown();
  }
});
