// What each client is told when the disk is full, and what goes on as if nothing were.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Broker } from "../../src/broker/serve.ts";
import { Store, type StoreError } from "../../src/broker/durability/store.ts";
import { settle, VirtualClock } from "../io/virtual_clock.ts";
import { FaultPlan } from "./faulty_database.ts";
import { Peer } from "./peer.ts";
import { SessionClient } from "./session_client.ts";

/** A broker whose disk is full from some moment on, a client with a session that is kept, and one without. */
class FullWorld implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly plan = new FaultPlan("full");
  readonly broker: Broker;
  readonly kept: SessionClient = keptClient("kept");
  readonly other: SessionClient = new SessionClient({ clientId: "other" });
  readonly errors: string[] = [];

  constructor() {
    const clocks = { now: () => this.clock.now(), wall: () => this.clock.now() };
    this.broker = new Broker(
      {
        listeners: [],
        onError: (error, { what }) =>
          void this.errors.push(`${what}: ${(error as StoreError).kind}`),
      },
      { clock: this.clock },
      new Store(":memory:", clocks, this.plan.open),
    );
  }

  async do(...acts: (() => void)[]): Promise<void> {
    for (const act of acts) {
      act();
      for (let turn = 0; turn < 5; turn++) await settle();
    }
  }

  /** Both are connected, and subscribed to all at a QoS. */
  async connect(qos: 0 | 1 | 2): Promise<void> {
    for (const client of [this.kept, this.other]) {
      await this.do(() => client.connect(this.broker), () => client.subscribe("#", qos));
    }
  }

  /** There is room again, and the broker has found out. */
  async recover(): Promise<void> {
    this.plan.isOver = true;
    await this.clock.advance(6000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kept.cut();
    this.other.cut();
    await this.broker.shutDown();
  }
}

function keptClient(clientId: string): SessionClient {
  return new SessionClient({
    ...{ clientId, cleanStart: false },
    properties: { sessionExpiryInterval: 1000 },
  });
}

function fullTest(name: string, test: (world: FullWorld) => Promise<void>): void {
  Deno.test(name, async () => {
    await using world = new FullWorld();
    await test(world);
  });
}

function codes({ published }: SessionClient): (number | undefined)[] {
  return published.map(({ reasonCode }) => reasonCode);
}

for (const qos of [1, 2] as const) {
  fullTest(
    `A message of QoS ${qos} for a session that is kept is refused with 0x97, the first as the later ones`,
    async (world) => {
      const { kept, other, plan } = world;
      await world.connect(qos);
      await world.do(() => kept.disconnect());
      plan.begin();
      await world.do(() => other.publish("a", "1", qos), () => other.publish("a", "2", qos));
      assertEquals(codes(other), [0x97, 0x97]);
      await world.recover();
      await world.do(
        () => other.publish("a", "3", qos),
        () => kept.connect(world.broker),
      );
      assertEquals(codes(other), [0x97, 0x97, 0x00]);
      assertEquals(kept.received, ["3"]);
      assertEquals(world.errors, ["the store: full"]);
    },
  );

  fullTest(
    `A message of QoS ${qos} that nobody keeps is delivered, and acknowledged`,
    async (world) => {
      const { other, plan } = world;
      await world.do(() => other.connect(world.broker), () => other.subscribe("#", qos));
      await world.do(() => world.kept.connect(world.broker));
      plan.begin();
      await world.do(() => world.kept.subscribe("b", 1), () => other.publish("a", "1", qos));
      assertEquals(codes(other), [0x00]);
      assertEquals(other.received, ["1"]);
    },
  );
}

fullTest(
  "A QoS 2 message whose receipt cannot be recorded is refused before anyone receives it",
  async (world) => {
    const { kept, other, plan } = world;
    await world.do(() => other.connect(world.broker), () => other.subscribe("#", 0));
    await world.do(() => kept.connect(world.broker));
    plan.begin();
    // With the first the broker finds out that nothing can be stored.
    await world.do(() => kept.subscribe("b", 1), () => kept.publish("a", "1", 2));
    assertEquals(codes(kept), [0x97]);
    assertEquals(other.received, []);
  },
);

fullTest(
  "A refused message is withdrawn from every session it has not been sent to, though another has received it",
  async (world) => {
    const { kept, other, plan } = world;
    const away = keptClient("away");
    await world.connect(1);
    await world.do(() => away.connect(world.broker), () => away.subscribe("#", 1));
    await world.do(() => away.disconnect());
    plan.begin();
    await world.do(() => other.publish("a", "1", 1));
    assertEquals(codes(other), [0x97]);
    assertEquals(kept.received, ["1"]);
    await world.recover();
    await world.do(() => away.connect(world.broker));
    assertEquals(away.received, []);
    await world.do(() => away.disconnect());
  },
);

fullTest(
  "A Will is queued for a durable session although it cannot be stored now",
  async (world) => {
    const { kept, other, plan } = world;
    await world.connect(1);
    await world.do(() => kept.disconnect());
    const will = { topic: "will", payload: new TextEncoder().encode("gone"), qos: 1 as const };
    const willing = new SessionClient({ clientId: "willing", will });
    await world.do(() => willing.connect(world.broker));
    plan.begin();
    await world.do(() => other.publish("a", "1", 1), () => willing.cut());
    assertEquals(world.errors, ["the store: full"]);
    await world.recover();
    await world.do(() => kept.connect(world.broker));
    assertEquals(kept.received, ["gone"]);
  },
);

fullTest("Messages of QoS 0 go to all, to sessions that are kept, too", async (world) => {
  const { kept, other, plan } = world;
  await world.connect(2);
  plan.begin();
  await world.do(() => other.publish("a", "1", 0), () => kept.publish("a", "2", 0));
  assertEquals([kept.received, other.received], [["1", "2"], ["1", "2"]]);
});

fullTest("A retained message that is refused leaves the one before where it was", async (world) => {
  const { other, plan } = world;
  await world.do(() => other.connect(world.broker));
  const retain = (text: string) => () => other.publish("state", text, 1, { retain: true });
  await world.do(retain("on"));
  plan.begin();
  await world.do(retain("off"), retain(""), retain("dim"));
  assertEquals(codes(other), [0x10, 0x97, 0x97, 0x97]);
  await world.do(() => other.subscribe("state", 0));
  assertEquals(other.received, ["on"]);
});

fullTest(
  "A subscription that is refused with 0x97 is none, and an older one stays as it was",
  async (world) => {
    const { kept, other, plan } = world;
    await world.do(() => kept.connect(world.broker), () => kept.subscribe("a", 0));
    await world.do(() => other.connect(world.broker));
    plan.begin();
    await world.do(() => kept.subscribe("a", 1), () => kept.subscribe("b", 1));
    assertEquals(kept.answers, [0, 0x97, 0x97]);
    await world.do(() => other.publish("a", "1", 1), () => other.publish("b", "2", 1));
    assertEquals(kept.received, ["1"]);
    assertEquals(codes(other), [0x00, 0x10]);
    assertStrictEquals(world.broker.statistics.subscriptions, 1);
    await world.do(() => other.subscribe("b", 2));
    assertEquals(other.answers, [2]);
  },
);

fullTest("A subscription whose end is refused with 0x83 goes on", async (world) => {
  const { kept, other, plan } = world;
  await world.do(() => kept.connect(world.broker), () => kept.subscribe("a", 0));
  await world.do(() => other.connect(world.broker));
  plan.begin();
  await world.do(() => kept.unsubscribe("a"), () => other.publish("a", "1", 0));
  assertEquals(kept.answers, [0, 0x83]);
  assertEquals(kept.received, ["1"]);
  await world.recover();
  await world.do(() => kept.unsubscribe("a"), () => other.publish("a", "2", 0));
  assertEquals(kept.answers, [0, 0x83, 0]);
  assertEquals(kept.received, ["1"]);
});

fullTest(
  "A client whose session cannot be kept is told 0x88, the first as the later ones; others come in",
  async (world) => {
    const { kept, other, plan } = world;
    plan.begin();
    await world.do(() => kept.connect(world.broker));
    assertStrictEquals(kept.refusal, 0x88);
    assertStrictEquals(kept.isConnected, false);
    const second = keptClient("second");
    await world.do(() => second.connect(world.broker), () => other.connect(world.broker));
    assertStrictEquals(second.refusal, 0x88);
    assertStrictEquals(other.isConnected, true);
    await world.recover();
    await world.do(() => kept.connect(world.broker));
    assertStrictEquals(kept.isConnected, true);
  },
);

fullTest(
  "A broker that has nothing left to store finds out all the same that there is room again",
  async (world) => {
    const { kept, plan } = world;
    await world.do(() => kept.connect(world.broker));
    plan.begin();
    await world.do(() => kept.publish("a", "1", 2));
    await world.clock.advance(20_000);
    await world.do(() => kept.publish("a", "2", 2));
    await world.recover();
    await world.do(() => kept.publish("a", "3", 2));
    assertEquals(codes(kept), [0x97, 0x97, 0x10]);
  },
);

fullTest(
  "A client that releases a message, which cannot be recorded, is closed with 0x97 and releases it later",
  async (world) => {
    const { kept, plan } = world;
    await world.do(() => kept.connect(world.broker));
    const payload = new Uint8Array([1]);
    await world.do(
      () => kept.send({ type: "publish", topic: "a", payload, qos: 2, packetId: 900 }),
      () => plan.begin(),
      () => kept.send({ type: "pubrel", packetId: 900 }),
    );
    assertStrictEquals(kept.refusal, 0x97);
    await world.recover();
    await world.do(() => kept.connect(world.broker));
    assertStrictEquals(kept.connack?.sessionPresent, true);
  },
);

fullTest(
  "A client that is disconnected for its next packet is not told that its message is released, which cannot be recorded",
  async ({ broker, plan }) => {
    using peer = new Peer(broker.connect());
    const session = { clientId: "peer", properties: { sessionExpiryInterval: 1000 } };
    await peer.open(session);
    await peer.send({ type: "publish", topic: "a", qos: 2, packetId: 900 });
    await peer.expect("pubrec");
    plan.begin();
    await peer.send({ type: "pubrel", packetId: 900 }, { type: "connect", ...session });
    await peer.expectEnd();
  },
);

fullTest(
  "A QoS 2 message that is refused is not sent to a slow receiver either, although there is room again by then",
  async (world) => {
    const { broker, clock, other, plan } = world;
    using slow = new Peer(broker.connect());
    const session = { clientId: "slow", properties: { sessionExpiryInterval: 1000 } };
    await slow.open(session);
    const subscriptions = [{ topicFilter: "a", qos: 2 } as const];
    await slow.send({ type: "subscribe", packetId: 1, subscriptions });
    await slow.expect("suback");
    const first = "1".repeat(300_000);
    await world.do(
      () => other.connect(broker),
      // More than is sent to a client that reads nothing, so that what follows waits.
      () => other.publish("a", first, 2),
      () => plan.begin(),
      () => other.publish("a", "2", 2),
    );
    assertEquals(codes(other), [0x00, 0x97]);
    plan.isOver = true;
    await clock.advance(200);
    await world.do(() => other.publish("a", "3", 0));
    assertEquals(codes(other), [0x00, 0x97]);
    assertStrictEquals((await slow.expect("publish")).payload.length, first.length);
    await slow.expectDisconnect(0x97);

    using again = new Peer(broker.connect());
    assertStrictEquals((await again.open({ ...session, cleanStart: false })).sessionPresent, true);
    const repeated = await again.expect("publish");
    assertEquals([repeated.payload.length, repeated.dup], [first.length, true]);
    await again.send({ type: "pubrec", packetId: repeated.packetId });
    await again.expect("pubrel");
  },
);

fullTest(
  "An acknowledgement that cannot be recorded is not asked for again while the broker runs",
  async (world) => {
    const { kept, other, plan } = world;
    await world.connect(1);
    await world.do(() => other.publish("a", "1", 1));
    assertEquals(kept.received, ["1"]);
    plan.begin();
    await world.do(() => other.publish("a", "2", 1));
    await world.recover();
    await world.do(() => kept.disconnect(), () => kept.connect(world.broker));
    assertEquals(kept.received.filter((text) => text === "1"), ["1"]);
  },
);

fullTest(
  "What is in flight for a session that now ends with its connection is not stored when there is room again",
  async (world) => {
    const { kept, other, plan } = world;
    await world.connect(1);
    plan.begin();
    // That it has a Will could not be stored, so it is not known of it that it is kept no more.
    const will = { topic: "will", payload: new Uint8Array(0) };
    const brief = new SessionClient({ clientId: "kept", cleanStart: false, will });
    brief.acknowledges = false;
    await world.do(
      () => kept.publish("a", "1", 1),
      () => brief.connect(world.broker),
      () => other.publish("a", "2", 1),
    );
    await world.recover();
    await world.do(() => other.publish("a", "3", 1));
    assertEquals(brief.connack?.sessionPresent, true);
    assertEquals(codes(other), [0x00, 0x00]);
    assertEquals(brief.received.slice(-2), ["2", "3"]);
    assertEquals(world.errors, ["the store: full"]);
    await world.do(() => brief.cut(), () => kept.connect(world.broker));
    assertEquals(kept.connack?.sessionPresent, false);
  },
);

fullTest(
  "A broker whose disk is full ends, and says once what it could not keep",
  async (world) => {
    const { kept, other, plan } = world;
    await world.connect(2);
    plan.begin();
    await world.do(() => other.publish("a", "1", 2), () => kept.disconnect());
    await world.broker.shutDown();
    assertEquals(world.errors, ["the store: full"]);
  },
);

fullTest(
  "broker.publish() resolves when its message is stored, many in one commit, and rejects when the disk is full",
  async (world) => {
    await world.connect(1);
    const before = world.plan.commits;
    let stored = 0;
    const texts = Array.from({ length: 20 }, (_, number) => String(number));
    const published = texts.map((text) => world.broker.publish("a", text, { qos: 1 }));
    for (const promise of published) void promise.then(() => stored = world.plan.commits);
    await world.do(() => {});
    assertEquals(await Promise.all(published), texts.map(() => ({ reasonCode: 0x00 })));
    assert(stored > before && stored <= before + 2, `${stored - before} commits`);

    world.plan.begin();
    const refused = await Promise.allSettled([
      world.broker.publish("a", "4", { qos: 1 }),
      world.broker.publish("a", "5", { qos: 2, retain: true }),
    ]);
    assertEquals(refused.map(({ status }) => status), ["rejected", "rejected"]);
    const { reason } = refused[0] as PromiseRejectedResult;
    assertEquals([reason.name, reason.reasonCode], ["RefusedError", 0x97]);
    assertStrictEquals(world.broker.statistics.retained, 0);

    await world.recover();
    assertEquals(await world.broker.publish("a", "6", { qos: 1 }), { reasonCode: 0x00 });
  },
);

fullTest(
  "A QoS 2 message that is refused as it cannot be stored is refused when it comes again, too: who has it does not get it twice",
  async (world) => {
    const { broker, other, plan } = world;
    await world.do(() => other.connect(broker), () => other.subscribe("#", 2));
    const session = {
      ...{ clientId: "p", cleanStart: false },
      properties: { sessionExpiryInterval: 1000 },
    };
    const publish = (text: string, dup: boolean) => {
      const payload = new TextEncoder().encode(text);
      return { type: "publish", topic: "a", payload, qos: 2, packetId: 7, dup } as const;
    };
    {
      using peer = new Peer(broker.connect());
      await peer.open(session);
      plan.begin();
      // Nobody reads the answer.
      await peer.send(publish("1", false));
      await settle();
    }
    assertEquals(other.received, ["1"]);
    await world.recover();
    using peer = new Peer(broker.connect());
    assertStrictEquals((await peer.open(session)).sessionPresent, true);
    for (let time = 0; time < 2; time++) {
      await peer.send(publish("1", true));
      assertStrictEquals((await peer.expect("pubrec")).reasonCode, 0x97);
    }
    // What has the Packet Identifier now is another message.
    await peer.send(publish("2", false));
    assertStrictEquals((await peer.expect("pubrec")).reasonCode, 0x00);
    await peer.send({ type: "pubrel", packetId: 7 });
    await peer.expect("pubcomp");
    await peer.send(publish("3", true));
    assertStrictEquals((await peer.expect("pubrec")).reasonCode, 0x00);
    assertEquals(other.received, ["1", "2", "3"]);
  },
);
